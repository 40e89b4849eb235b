// When turns fall due: at once but apart, exact on average, and never in a storm.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createWheel } from '../../../discovery/polling/wheel.js'
import type { Clock } from '../../../shared/clock.js'
import { fakeClock } from '../../kit/clock.js'

/** A repeatable stand-in for Math.random. */
function pseudoRandom(): () => number {
  let state = 12345
  return () => (state = (state * 16807) % 2147483647) / 2147483647
}

function setUp(jitter = 0) {
  const clock = fakeClock()
  const fired: { id: string; at: number; dueAt: number }[] = []
  const wheel = createWheel(
    { jitter, onDue: (id, dueAt) => fired.push({ id, at: clock.now(), dueAt }) },
    { clock, random: pseudoRandom() },
  )
  const times = (id: string) => fired.filter((f) => f.id === id).map((f) => f.at)
  return { clock, wheel, fired, times }
}

const many = (n: number, everyMs: number) => Array.from({ length: n }, (_, i) => [`i${i}`, everyMs] as const)

test('a turn comes at once and then every period', async () => {
  const { clock, wheel, times } = setUp()
  wheel.add([['a', 1000]])
  await clock.advance(3500)
  const [first = -1, ...rest] = times('a')
  assert.ok(first >= 0 && first <= 10)
  assert.deepEqual(
    rest.map((at) => Math.round(at / 1000)),
    [1, 2, 3],
  )
})

test('first turns are spread: at most about a thousand a second, and none later than its own period', async () => {
  const { clock, wheel, fired } = setUp()
  wheel.add(many(2000, 10_000))
  await clock.advance(2000)
  assert.equal(fired.length, 2000)
  for (let from = 0; from < 2000; from += 100) {
    const count = fired.filter((f) => f.at >= from && f.at < from + 100).length
    assert.ok(count <= 111, `${count} in 100 ms`)
  }
  const hasty = setUp()
  hasty.wheel.add(many(2000, 500))
  await hasty.clock.advance(510)
  assert.equal(new Set(hasty.fired.map((f) => f.id)).size, 2000)
})

test('jitter moves each turn within its bounds, and none of it adds up', async () => {
  const { clock, wheel, fired } = setUp(0.2)
  wheel.add([['a', 1000]])
  await clock.advance(200_500)
  assert.ok(Math.abs(fired.length - 201) <= 1, `${fired.length} turns`)
  const offsets = fired.slice(1).map((f, i) => f.dueAt - 1000 * (i + 1))
  assert.ok(offsets.every((offset) => Math.abs(offset) <= 200))
  assert.ok(Math.max(...offsets) > 100 && Math.min(...offsets) < -100)
})

test('with the largest jitter no turn is lost or doubled', async () => {
  const { clock, wheel, fired } = setUp(0.5)
  wheel.add([['a', 1000]])
  await clock.advance(100_000)
  assert.ok(Math.abs(fired.length - 100) <= 1, `${fired.length} turns`)
})

test('a period longer than a revolution of the wheel is kept', async () => {
  const { clock, wheel, times } = setUp()
  wheel.add([['a', 60_000]])
  await clock.advance(180_100)
  assert.deepEqual(
    times('a').map((at) => Math.round(at / 60_000)),
    [0, 1, 2, 3],
  )
})

test('what comes and goes leaves the others on their schedule', async () => {
  const { clock, wheel, times } = setUp()
  wheel.add([['a', 1000]])
  await clock.advance(1500)
  wheel.add([['b', 1000]])
  await clock.advance(1000)
  wheel.remove('b')
  await clock.advance(2000)
  assert.deepEqual(
    times('a').map((at) => Math.round(at / 100)),
    [0, 10, 20, 30, 40],
  )
  assert.deepEqual(
    times('b').map((at) => Math.round(at / 100)),
    [15, 25],
  )
})

test('a newcomer after a long idle time is served at once', async () => {
  const { clock, wheel, times } = setUp()
  await clock.advance(3_600_000)
  wheel.add([['a', null]])
  await clock.advance(20)
  assert.equal(times('a').length, 1)
  assert.equal(clock.pending, 0)
})

test('the turns of a busy wheel cost one timer', async () => {
  const { clock, wheel } = setUp()
  wheel.add(many(5000, 10_000))
  assert.equal(clock.pending, 1)
  await clock.advance(100)
  assert.equal(clock.pending, 1)
  wheel.close()
  assert.equal(clock.pending, 0)
})

/** A clock that can stand still for its timers while time passes, as a suspended machine does. */
function sleepyClock() {
  let now = 0
  let timer: (() => void) | undefined
  const clock: Clock = {
    now: () => now,
    wall: () => now,
    after(ms, run) {
      const own = { at: now + ms, run }
      timer = () => {
        now = Math.max(now, own.at)
        own.run()
      }
      return () => undefined
    },
  }
  return { clock, sleep: (ms: number) => (now += ms), tick: () => timer?.() }
}

test('after the machine has slept nothing is fired in a storm or made up for more than once', () => {
  const { clock, sleep, tick } = sleepyClock()
  const fired: number[] = []
  const counts = new Map<string, number>()
  const wheel = createWheel(
    {
      jitter: 0,
      onDue(id) {
        fired.push(clock.now())
        counts.set(id, (counts.get(id) ?? 0) + 1)
      },
    },
    { clock, random: () => 0.5 },
  )
  wheel.add(many(1000, 60_000))
  while (clock.now() < 2000) tick()
  assert.equal(fired.length, 1000)
  sleep(600_000)
  const wokeAt = clock.now()
  fired.length = 0
  counts.clear()
  tick()
  assert.ok(fired.length <= 20, `${fired.length} at once`)
  while (clock.now() < wokeAt + 2000) tick()
  assert.equal(counts.size, 1000)
  assert.ok([...counts.values()].every((n) => n === 1))
})
