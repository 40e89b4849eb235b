// Deadlines on the wheel: they fire once, at their time, wherever they were moved before.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createWheel, Deadline } from '../../../processor/engine/wheel.js'

/** A wheel whose timer is node:test's own mock. */
function setUp(t: { mock: { timers: { enable(o: object): void; tick(ms: number): void } } }) {
  t.mock.timers.enable({ apis: ['setInterval'] })
  let now = 5
  const wheel = createWheel({ now: () => now })
  const advance = (ms: number): void => {
    for (const end = now + ms; now < end;) {
      const step = Math.min(10, end - now)
      now += step
      t.mock.timers.tick(step)
    }
  }
  return { wheel, advance, now: () => now }
}

test('a deadline fires once, not before its time and at most two ticks after', (t) => {
  const { wheel, advance, now } = setUp(t as never)
  for (const ms of [1, 9, 10, 11, 250, 9_999, 10_240, 60_000]) {
    let fired = -1
    let times = 0
    const set = now()
    wheel.set(new Deadline(() => ((fired = now()), times++)), ms)
    advance(ms + 40)
    assert.equal(times, 1)
    assert.ok(fired >= set + ms && fired <= set + ms + 20, `${ms}: fired after ${fired - set}`)
  }
})

test('a deadline that is moved fires at its last time only, one that is cleared never', (t) => {
  const { wheel, advance, now } = setUp(t as never)
  const fired: number[] = []
  const later = new Deadline(() => fired.push(now()))
  wheel.set(later, 100)
  advance(50)
  wheel.set(later, 500)
  advance(400)
  assert.deepEqual(fired, [])
  wheel.set(later, 20)
  advance(40)
  assert.equal(fired.length, 1)
  wheel.set(later, 20)
  wheel.clear(later)
  advance(100)
  assert.equal(fired.length, 1)
})

test('what fires may set itself and others again', (t) => {
  const { wheel, advance } = setUp(t as never)
  let times = 0
  const again: Deadline = new Deadline(() => {
    times++
    if (times < 5) wheel.set(again, 10)
  })
  wheel.set(again, 10)
  advance(200)
  assert.equal(times, 5)
})

test('after a long stall all that was due fires', (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] })
  let now = 0
  const wheel = createWheel({ now: () => now })
  let fired = 0
  for (let ms = 10; ms <= 1000; ms += 10) wheel.set(new Deadline(() => fired++), ms)
  now = 3_600_000
  t.mock.timers.tick(10)
  assert.equal(fired, 100)
})

test('a deadline that is dropped leaves its slot at once, and may be set again', (t) => {
  let now = 0
  const wheel = createWheel({ now: () => now })
  t.after(() => wheel.close())
  let fired = 0
  const [first, second, third] = [0, 1, 2].map(() => new Deadline(() => fired++)) as [Deadline, Deadline, Deadline]
  for (const one of [first, second, third]) wheel.set(one, 1000)
  assert.ok(second.slot >= 0)
  wheel.drop(second)
  assert.equal(second.slot, -1)
  assert.equal(second.before ?? second.after, undefined)
  wheel.drop(second)
  // Its neighbours know each other again.
  assert.equal(third.after, first)
  assert.equal(first.before, third)
  now = 5
  wheel.tick()
  wheel.set(second, 10)
  assert.equal(second.due, 15)
  assert.equal(fired, 0)
})
