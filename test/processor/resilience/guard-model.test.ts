// Guards under whatever may happen in whatever order, against the rules written down a second time, as plainly as can be.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { attempt, guarded, type Guarded } from './guarded.js'

type Outcome = number | 'refused' | 'failure' | 'truncated'

const outcomes = fc.constantFrom<Outcome>(200, 200, 204, 500, 503, 'failure', 'truncated')

/** Whether a closed guard that has seen these tries, one after the other, is due to open. */
function due(seen: readonly { outcome: Outcome; bucket: number }[], it: typeof RULES): boolean {
  const isHead = ({ outcome }: { outcome: Outcome }): boolean => typeof outcome === 'number' || outcome === 'truncated'
  const isBad = ({ outcome }: { outcome: Outcome }): boolean => typeof outcome === 'number' && outcome >= 500
  const failures = seen.slice(seen.findLastIndex(isHead) + 1).length
  const cuts = seen
    .slice(seen.findLastIndex(({ outcome }) => typeof outcome === 'number') + 1)
    .filter(({ outcome }) => outcome === 'truncated').length
  const sinceGood = (of: typeof isHead): number =>
    seen.slice(seen.findLastIndex((one) => isHead(one) && !isBad(one)) + 1).filter(of).length
  const window = seen.filter(({ bucket }) => bucket > (seen.at(-1)?.bucket as number) - 10)
  const errors = window.filter(({ outcome }) => outcome !== 200 && outcome !== 204).length
  // Only what is wrong with the last try opens a guard.
  const last = seen.at(-1)
  if (last === undefined || last.outcome === 200 || last.outcome === 204) return false
  const outlier = isBad(last) ? sinceGood(isBad) >= it.answers : failures + cuts >= it.failures
  const broken = window.length >= it.volume && errors >= it.rate * window.length
  return outlier || sinceGood(() => true) + cuts >= it.consecutive || broken
}

const RULES = { failures: 3, answers: 4, consecutive: 6, volume: 12, rate: 0.6, windowMs: 1000 }

test('a closed guard opens exactly when the rules say so', () => {
  const { failures, answers, consecutive, volume, rate, windowMs } = RULES
  fc.assert(
    fc.property(fc.array(fc.tuple(outcomes, fc.integer({ min: 0, max: 300 })), { maxLength: 60 }), (tries) => {
      const it = guarded({ failures, answers }, { consecutive, volume, rate, windowMs })
      const seen: { outcome: Outcome; bucket: number }[] = []
      for (const [outcome, ms] of tries) {
        it.wheel.advance(ms)
        attempt(it, outcome)
        seen.push({ outcome, bucket: Math.floor(it.wheel.now() / (windowMs / 10)) })
        const expected = due(seen, RULES)
        assert.equal(it.guard.kind, expected ? 'open' : 'closed')
        if (expected) return
      }
    }),
    { numRuns: 1000 },
  )
})

type Step =
  | { readonly do: 'begin' }
  | { readonly do: 'end'; readonly which: number; readonly outcome: Outcome | 'abandoned' }
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'recovered' }
  | { readonly do: 'room'; readonly room: boolean }

const steps = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: fc.constant<Step>({ do: 'begin' }) },
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constant('end' as const),
        which: fc.nat(20),
        outcome: fc.oneof(outcomes, fc.constantFrom('refused' as const, 'abandoned' as const)),
      }),
    },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 3000 }) }) },
    { weight: 1, arbitrary: fc.constant<Step>({ do: 'recovered' }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('room' as const), room: fc.boolean() }) },
  ),
  { maxLength: 120 },
)

interface Try {
  readonly trial: boolean
  readonly startedAt: number
}

/** Tries in flight, and what has to hold whatever happens. */
class World {
  private readonly out: Try[] = []
  private closedAt = -Infinity

  constructor(private readonly it: Guarded) {}

  run(step: Step): void {
    const { guard, wheel } = this.it
    const { kind } = guard
    switch (step.do) {
      case 'begin':
        return this.begin()
      case 'end':
        this.end(step.which, step.outcome)
        break
      case 'wait':
        wheel.advance(step.ms)
        break
      case 'recovered':
        guard.recovered()
        break
      case 'room':
        this.it.room = step.room
    }
    if (kind !== 'closed' && guard.kind === 'closed') this.closedAt = wheel.now()
    this.check()
  }

  private begin(): void {
    const { guard, wheel } = this.it
    const free = guard.kind === 'half-open' && !guard.barred
    const trial = guard.begin()
    assert.equal(trial, free, 'a trial begins where there is none, and only there')
    this.out.push({ trial, startedAt: wheel.now() })
    this.check()
  }

  private end(which: number, outcome: Outcome | 'abandoned'): void {
    const [ended] = this.out.splice(which % Math.max(1, this.out.length), 1)
    if (ended === undefined) return
    const { guard, kinds } = this.it
    const { trial, startedAt } = ended
    const before = { kind: guard.kind, barred: guard.barred, ejections: guard.ejections, changes: kinds.length }
    const old = !trial && (guard.kind !== 'closed' || startedAt < this.closedAt)
    if (outcome === 'abandoned') guard.abandoned(trial, startedAt)
    else if (outcome === 'truncated') {
      guard.succeeded(200, trial, startedAt)
      guard.failed('truncated', trial, startedAt)
    } else if (typeof outcome === 'number') {
      guard.succeeded(outcome, trial, startedAt)
      guard.whole()
    } else guard.failed(outcome, trial, startedAt)
    const after = { kind: guard.kind, barred: guard.barred, ejections: guard.ejections, changes: kinds.length }
    if (old) assert.deepEqual(after, before, 'what began before the guard closed for the last time changes nothing')
    if (trial && before.kind === 'half-open')
      assert.ok(!guard.barred || guard.kind === 'open', 'a trial leaves its place')
  }

  private check(): void {
    const { guard } = this.it
    assert.ok(this.out.filter(({ trial }) => trial).length <= 1 || !guard.barred || guard.kind === 'open')
    assert.equal(guard.reason === undefined, guard.kind === 'closed')
    if (guard.kind === 'closed') assert.equal(guard.barred, false)
    if (guard.kind === 'open') assert.equal(guard.barred, true)
    if (guard.kind === 'half-open' && guard.barred)
      assert.equal(this.out.filter(({ trial }) => trial).length, 1, 'it is barred for the one trial that is out')
  }
}

test('whatever happens a guard has one trial at most, and forgets what is old news', () => {
  fc.assert(
    fc.property(steps, (all) => {
      const world = new World(guarded({ baseMs: 500, mostMs: 4000 }, { consecutive: 7, rate: 0 }))
      for (const step of all) world.run(step)
    }),
    { numRuns: 1000 },
  )
})

test('no guard is barred for ever, also when nobody ever tells of its trial', () => {
  fc.assert(
    fc.property(steps, (all) => {
      const it = guarded({ baseMs: 500, mostMs: 4000 }, { openMs: 2000 })
      const world = new World(it)
      for (const step of all) world.run(step)
      it.wheel.advance(60_000)
      assert.equal(it.guard.barred, false)
      if (it.guard.kind === 'half-open') attempt(it, 200)
      assert.equal(it.guard.kind, 'closed')
    }),
    { numRuns: 500 },
  )
})

test('each opening lasts the first length, doubled as often as openings have followed on each other', () => {
  const rounds = fc.array(fc.record({ passes: fc.boolean(), peaceMs: fc.integer({ min: 0, max: 10_000 }) }), {
    maxLength: 30,
  })
  fc.assert(
    fc.property(rounds, (all) => {
      const it = guarded({ baseMs: 500, mostMs: 9000 })
      attempt(it, 'refused')
      let lastMs = 500
      for (const { passes, peaceMs } of all) {
        it.wheel.advance(lastMs - 1)
        assert.equal(it.guard.kind, 'open')
        it.wheel.advance(1)
        assert.equal(it.guard.kind, 'half-open')
        attempt(it, passes ? 200 : 'refused')
        if (passes) {
          it.wheel.advance(peaceMs)
          attempt(it, 'refused')
        }
        lastMs = passes && peaceMs >= lastMs ? 500 : Math.min(9000, lastMs * 2)
      }
    }),
  )
})
