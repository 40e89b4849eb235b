// Health by consecutive evidence, held against a model that remembers every poll.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { observe } from '../../../discovery/registry/health.js'
import type { HealthState, Observation } from '../../../discovery/registry/status.js'
import type { Health } from '../../../shared/registry/instance.js'

type Verdict = Observation['verdict']

const verdicts: Record<string, Verdict> = { S: 'passed', F: 'failed', I: 'inconclusive' }

function healths(start: Health, polls: string, rise: number, fall: number): Health[] {
  let state: HealthState = { health: start, streak: 0, blind: 0, since: 0 }
  return [...polls].map((letter, i) => {
    state = observe(state, { verdict: verdicts[letter] as Verdict, endedAt: i + 1 }, { rise, fall })
    return state.health
  })
}

for (const start of ['up', 'unknown'] as const) {
  test(`with fall 3 and rise 2, F F S F F F takes an instance that was ${start} down only at the sixth poll`, () => {
    const seen = healths(start, 'FFSFFF', 2, 3)
    assert.deepEqual(seen, [start, start, 'up', 'up', 'up', 'down'])
  })
}

test('the first pass makes an unknown instance up, whatever rise is', () => {
  assert.deepEqual(healths('unknown', 'S', 5, 1), ['up'])
})

test('a down instance is up after rise passes in a row and not before', () => {
  assert.deepEqual(healths('down', 'SSFSSS', 3, 1), ['down', 'down', 'down', 'down', 'down', 'up'])
})

test('polls that say nothing make an up instance unknown after fall of them, and leave a down one down', () => {
  assert.deepEqual(healths('up', 'IIII', 2, 3), ['up', 'up', 'unknown', 'unknown'])
  assert.deepEqual(healths('down', 'IIII', 2, 3), ['down', 'down', 'down', 'down'])
  assert.deepEqual(healths('unknown', 'IIII', 2, 3), ['unknown', 'unknown', 'unknown', 'unknown'])
})

test('a poll that says nothing neither feeds nor breaks a row of failures', () => {
  assert.deepEqual(healths('up', 'FIFIF', 2, 3).at(-1), 'down')
  assert.deepEqual(healths('up', 'FIFI', 2, 3).at(-1), 'up')
})

test('since is the end of the poll that changed the health', () => {
  const up: HealthState = { health: 'up', streak: 0, blind: 0, since: 5 }
  const still = observe(up, { verdict: 'failed', endedAt: 9 }, { rise: 1, fall: 2 })
  assert.equal(still.since, 5)
  assert.equal(observe(still, { verdict: 'failed', endedAt: 12 }, { rise: 1, fall: 2 }).since, 12)
})

/** Looks back over the whole history since the last change instead of counting. */
function model(start: Health, polls: readonly Verdict[], rise: number, fall: number): Health {
  let health = start
  let history: Verdict[] = []
  for (const verdict of polls) {
    history.push(verdict)
    const spoken = history.filter((v) => v !== 'inconclusive')
    const lastAll = (list: readonly Verdict[], n: number, v: Verdict) =>
      list.length >= n && list.slice(-n).every((x) => x === v)
    let next = health
    if (health !== 'down' && lastAll(spoken, fall, 'failed')) next = 'down'
    else if (health === 'unknown' && verdict === 'passed') next = 'up'
    else if (health === 'down' && lastAll(spoken, rise, 'passed')) next = 'up'
    else if (health === 'up' && lastAll(history, fall, 'inconclusive')) next = 'unknown'
    if (next !== health) history = []
    health = next
  }
  return health
}

test('any run of polls leads where the model says', () => {
  fc.assert(
    fc.property(
      fc.constantFrom<Health>('up', 'down', 'unknown'),
      fc.array(fc.constantFrom('S', 'F', 'I'), { maxLength: 40 }),
      fc.integer({ min: 1, max: 4 }),
      fc.integer({ min: 1, max: 4 }),
      (start, letters, rise, fall) => {
        const expected = model(
          start,
          letters.map((l) => verdicts[l] as Verdict),
          rise,
          fall,
        )
        assert.equal(healths(start, letters.join(''), rise, fall).at(-1) ?? start, expected)
      },
    ),
    { numRuns: 2000 },
  )
})
