// What workers share, as each of them asks for it: exact over all of them, and bounded where nobody answers.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Ask, Verdict } from '../../../processor/pipes/machine-state.js'
import { createMachineState, type WorkerState } from '../../../processor/pipes/worker-state.js'
import { createSharedState } from '../../../processor/supervisor/machine-state.js'
import { silentLog } from '../../../shared/log.js'
import { fakeClock } from '../../kit/clock.js'

const TEN = { rate: 10, periodMs: 1000, burst: 10 }

/** Workers of one supervisor; while it is `deaf` their questions are lost. */
function machine(count: number) {
  const clock = fakeClock()
  const shared = createSharedState({ clock })
  const asked: Ask[] = []
  const warnings: string[] = []
  const supervisor = { deaf: false }
  const log = { ...silentLog, warn: (_fields: unknown, message: string) => void warnings.push(message) }
  const workers: WorkerState[] = Array.from({ length: count }, () => {
    const worker: WorkerState = createMachineState({
      workers: () => count,
      clock,
      log,
      send(ask) {
        asked.push(ask)
        if (!supervisor.deaf) setImmediate(() => worker.received(shared.decide(ask)))
      },
    })
    return worker
  })
  const take = (worker: number, key: string, name = 'limit') =>
    workers[worker % count]?.state.take(name, key, TEN) as Verdict | Promise<Verdict>
  return { clock, asked, warnings, supervisor, take }
}

/** All of them at once. */
const settled = (verdicts: readonly (Verdict | Promise<Verdict>)[]) =>
  Promise.all(verdicts.map((verdict) => Promise.resolve(verdict)))

const allowedOf = (verdicts: readonly Verdict[]) => verdicts.filter(({ allowed }) => allowed).length

test('over four workers exactly as many requests pass as the limit has, whoever asks', async () => {
  const { take, clock } = machine(4)
  const first = await settled(Array.from({ length: 40 }, (_, i) => take(i, 'a')))
  assert.equal(allowedOf(first), 10)
  await clock.advance(500)
  const second = await settled(Array.from({ length: 40 }, (_, i) => take(i, 'a')))
  assert.equal(allowedOf(second), 5)
})

test('what one turn of the loop asks travels in one message', async () => {
  const { take, asked } = machine(2)
  await settled(Array.from({ length: 20 }, (_, i) => take(0, `client ${i}`, i % 2 === 0 ? 'even' : 'odd')))
  assert.equal(asked.length, 1)
  assert.deepEqual(
    asked[0]?.limits.map(({ name, keys }) => [name, keys.length]),
    [
      ['even', 10],
      ['odd', 10],
    ],
  )
})

test('a refused client is refused without a question until its time has come', async () => {
  const { take, asked, clock } = machine(2)
  await settled(Array.from({ length: 11 }, () => take(0, 'a')))
  const questions = asked.length
  for (let i = 0; i < 50; i++) {
    const verdict = take(0, 'a')
    assert.ok(!(verdict instanceof Promise) && !verdict.allowed)
  }
  assert.equal(asked.length, questions)
  await clock.advance(101)
  assert.equal((await take(0, 'a')).allowed, true)
  assert.equal(asked.length, questions + 1)
})

test('a worker alone decides at once, and asks nobody', () => {
  const { take, asked } = machine(1)
  const verdicts = Array.from({ length: 11 }, () => take(0, 'a'))
  assert.ok(verdicts.every((verdict) => !(verdict instanceof Promise)))
  assert.equal(allowedOf(verdicts as Verdict[]), 10)
  assert.equal(asked.length, 0)
})

test('while the supervisor is silent each worker keeps to its share, says so once, and asks on now and then', async () => {
  const { take, asked, warnings, supervisor, clock } = machine(2)
  supervisor.deaf = true
  const first = Array.from({ length: 20 }, () => take(0, 'a'))
  await clock.advance(60)
  assert.equal(allowedOf(await settled(first)), 5)
  assert.deepEqual(warnings, [
    'the supervisor does not answer: each worker keeps to its share of a limit until it does',
  ])
  const questions = asked.length
  // Ten seconds of a hundred requests a second, not one of which waits.
  for (let i = 0; i < 1000; i++) {
    assert.ok(!(take(0, `client ${i}`) instanceof Promise))
    await clock.advance(10)
  }
  assert.ok(asked.length - questions <= 41, `${asked.length - questions} questions`)
  assert.ok(warnings.length <= 2)
  supervisor.deaf = false
  await clock.advance(300)
  take(0, 'b')
  await clock.advance(1)
  const later = await settled(Array.from({ length: 20 }, (_, i) => take(i, 'c')))
  assert.equal(allowedOf(later), 10)
})

test('an answer that comes when nobody waits any more changes nothing', async () => {
  const { take, asked, supervisor, clock } = machine(2)
  supervisor.deaf = true
  const waiting = take(0, 'a')
  await clock.advance(60)
  assert.equal((await waiting).allowed, true)
  const worker = createMachineState({ workers: () => 2, send: () => undefined, clock, log: silentLog })
  worker.received({ turn: asked[0]?.turn ?? 0, verdicts: [] })
  worker.received({ turn: 99, verdicts: [] })
})

test('of refused clients a bounded number is remembered: whoever was longest refused is asked about again', async () => {
  const clock = fakeClock()
  const shared = createSharedState({ clock })
  let questions = 0
  const worker: WorkerState = createMachineState({
    workers: () => 2,
    clock,
    log: silentLog,
    send(ask) {
      questions += ask.limits.reduce((sum, { keys }) => sum + keys.length, 0)
      setImmediate(() => worker.received(shared.decide(ask)))
    },
  })
  const rule = { rate: 1, periodMs: 3_600_000, burst: 1 }
  const askAll = async (from: number, to: number) => {
    const before = questions
    const keys = Array.from({ length: to - from }, (_, i) => `client ${from + i}`)
    await settled(keys.map((key) => worker.state.take('limit', key, rule)))
    return questions - before
  }
  assert.equal(await askAll(0, 10_100), 10_100)
  // All of these are refused, and the last ten thousand of them are remembered.
  assert.equal(await askAll(0, 10_100), 10_100)
  assert.equal(await askAll(5000, 10_100), 0)
  assert.equal(await askAll(0, 50), 50)
})
