// When a guard opens, for how long, and what closes it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { attempt, configOf, guarded, opened } from './guarded.js'

test('a refused connection opens a guard at once', () => {
  const it = guarded()
  attempt(it, 'refused')
  assert.equal(it.guard.kind, 'open')
  assert.equal(it.guard.reason, 'refused')
  assert.equal(it.guard.barred, true)
  assert.equal(it.guard.ejected, true)
  assert.equal(it.guard.ejections, 1)
})

test('as many failures in a row as configured open a guard, and an answer between them begins the row anew', () => {
  const it = guarded({ failures: 3 })
  for (const outcome of ['failure', 'failure', 200, 'failure', 'failure'] as const) attempt(it, outcome)
  assert.equal(it.guard.kind, 'closed')
  attempt(it, 'failure')
  assert.equal(it.guard.kind, 'open')
  assert.equal(it.guard.reason, 'failures')
})

test('answers that are cut off open a guard although each had a good head', () => {
  const it = guarded({ failures: 3 })
  for (const outcome of ['truncated', 'truncated', 200, 'truncated', 'truncated'] as const) attempt(it, outcome)
  assert.equal(it.guard.kind, 'closed')
  attempt(it, 'truncated')
  assert.equal(it.guard.reason, 'failures')
})

test('answers with a configured status open a guard when they are in a row, whatever fails between them', () => {
  const it = guarded({ answers: 3, failures: 9, statuses: [[503, 504]] })
  for (const outcome of [503, 504, 500, 503, 'failure', 503] as const) attempt(it, outcome)
  assert.equal(it.guard.kind, 'closed')
  attempt(it, 504)
  assert.equal(it.guard.kind, 'open')
  assert.equal(it.guard.reason, 'answers')
})

test('bad statuses never open a guard whose config counts none', () => {
  const it = guarded({ answers: 0 })
  for (let n = 0; n < 50; n++) attempt(it, 500)
  assert.equal(it.guard.kind, 'closed')
})

test('a guard whose outliers are not looked for stays closed whatever happens', () => {
  const it = guarded({ enabled: false })
  for (const outcome of ['refused', 'failure', 'failure', 'failure', 500, 500, 500, 500, 500, 500] as const)
    attempt(it, outcome)
  assert.equal(it.guard.kind, 'closed')
})

test('a guard that the cap keeps closed opens at the next failure once there is room', () => {
  const it = guarded({ failures: 3 })
  it.room = false
  for (let n = 0; n < 5; n++) attempt(it, 'failure')
  assert.equal(it.guard.kind, 'closed')
  it.room = true
  attempt(it, 'failure')
  assert.equal(it.guard.kind, 'open')
})

test('after its time a guard lets exactly one request of a hundred through', () => {
  const it = opened({ baseMs: 1000 })
  it.wheel.advance(999)
  assert.equal(it.guard.barred, true)
  assert.equal(it.guard.begin(), false)
  it.wheel.advance(1)
  assert.equal(it.guard.kind, 'half-open')
  assert.equal(it.guard.barred, false)
  const trials = Array.from({ length: 100 }, () => it.guard.begin()).filter(Boolean)
  assert.equal(trials.length, 1)
  assert.equal(it.guard.barred, true)
})

test('a trial that is answered closes the guard, and what was before it is forgotten', () => {
  const it = guarded({ failures: 3, answers: 5, baseMs: 1000 })
  for (const outcome of ['failure', 'failure', 'failure'] as const) attempt(it, outcome)
  it.wheel.advance(1000)
  attempt(it, 204)
  assert.deepEqual(it.kinds, ['open', 'half-open', 'closed'])
  assert.equal(it.guard.reason, undefined)
  assert.equal(it.guard.barred, false)
  attempt(it, 'failure')
  attempt(it, 'failure')
  assert.equal(it.guard.kind, 'closed')
})

test('each trial that fails doubles the time, up to the longest', () => {
  const it = opened({ baseMs: 1000, mostMs: 5000 })
  for (const ms of [1000, 2000, 4000, 5000, 5000]) {
    it.wheel.advance(ms - 1)
    assert.equal(it.guard.kind, 'open')
    it.wheel.advance(1)
    assert.equal(it.guard.kind, 'half-open')
    attempt(it, 'failure')
  }
  assert.equal(it.guard.ejections, 6)
})

test('a trial that fails opens the guard again also where the cap has no room: it never gave its place back', () => {
  const it = opened({ baseMs: 1000 })
  it.room = false
  it.wheel.advance(1000)
  assert.equal(it.guard.ejected, true)
  attempt(it, 'refused')
  assert.equal(it.guard.kind, 'open')
})

test('a trial that is answered with a bad status opens the guard again, unless such answers do not count', () => {
  for (const [answers, kind] of [
    [5, 'open'],
    [0, 'closed'],
  ] as const) {
    const it = opened({ baseMs: 1000, answers })
    it.wheel.advance(1000)
    attempt(it, 503)
    assert.equal(it.guard.kind, kind)
  }
})

test('a trial whose answer is cut off after all opens the guard again, unless that is long after', () => {
  for (const [ms, kind] of [
    [999, 'open'],
    [1000, 'closed'],
  ] as const) {
    const it = opened({ baseMs: 1000 })
    it.wheel.advance(1000)
    const startedAt = it.wheel.now()
    const trial = it.guard.begin()
    it.wheel.advance(5)
    it.guard.succeeded(200, trial, startedAt)
    it.wheel.advance(ms)
    it.guard.failed('truncated', trial, startedAt)
    assert.equal(it.guard.kind, kind)
  }
})

test('an instance that fails again sooner than its last ejection lasted is ejected for twice as long', () => {
  for (const [peaceMs, secondMs] of [
    [999, 2000],
    [1000, 1000],
  ] as const) {
    const it = opened({ baseMs: 1000 })
    it.wheel.advance(1000)
    attempt(it, 200)
    it.wheel.advance(peaceMs)
    attempt(it, 'refused')
    it.wheel.advance(secondMs - 1)
    assert.equal(it.guard.kind, 'open', `${peaceMs} ms of peace`)
    it.wheel.advance(1)
    assert.equal(it.guard.kind, 'half-open', `${peaceMs} ms of peace`)
  }
})

test('a trial whose client leaves gives its place to the next', () => {
  const it = opened({ baseMs: 1000 })
  it.wheel.advance(1000)
  assert.equal(it.guard.begin(), true)
  it.guard.abandoned(true, it.wheel.now())
  assert.equal(it.guard.kind, 'half-open')
  assert.equal(it.guard.barred, false)
  assert.equal(it.guard.begin(), true)
})

test('a trial that nobody tells anything of gives its place up in the end, and may then bring good news only', () => {
  const it = opened({ baseMs: 1000 })
  it.wheel.advance(1000)
  const firstAt = it.wheel.now()
  assert.equal(it.guard.begin(), true)
  it.wheel.advance(60_000)
  assert.equal(it.guard.barred, false)
  assert.equal(it.guard.begin(), true)
  it.guard.failed('failure', true, firstAt)
  it.guard.succeeded(500, true, firstAt)
  it.guard.abandoned(true, firstAt)
  assert.equal(it.guard.kind, 'half-open')
  assert.equal(it.guard.barred, true)
  it.guard.succeeded(200, true, firstAt)
  assert.equal(it.guard.kind, 'closed')
})

test('three hundred requests in flight at an instance that dies make one ejection of the first length', () => {
  const it = guarded({ baseMs: 1000 })
  const startedAt = it.wheel.now()
  const trials = Array.from({ length: 300 }, () => it.guard.begin())
  it.wheel.advance(50)
  for (const trial of trials) it.guard.failed('failure', trial, startedAt)
  assert.equal(it.guard.ejections, 1)
  it.wheel.advance(1000)
  assert.equal(it.guard.kind, 'half-open')
})

test('late successes close neither an open guard nor a half-open one', () => {
  const it = guarded({ baseMs: 1000 })
  const startedAt = it.wheel.now()
  const late = it.guard.begin()
  attempt(it, 'refused')
  it.guard.succeeded(200, late, startedAt)
  assert.equal(it.guard.kind, 'open')
  it.wheel.advance(1000)
  it.guard.succeeded(200, late, startedAt)
  assert.equal(it.guard.kind, 'half-open')
  assert.equal(it.guard.barred, false)
})

test('failures of requests from before an ejection say nothing once the guard has closed again', () => {
  const it = guarded({ failures: 3, baseMs: 1000 })
  const startedAt = it.wheel.now()
  it.wheel.advance(1)
  attempt(it, 'refused')
  it.wheel.advance(1000)
  attempt(it, 200)
  for (let n = 0; n < 297; n++) it.guard.failed('failure', false, startedAt)
  it.guard.failed('refused', false, startedAt)
  assert.equal(it.guard.kind, 'closed')
  for (let n = 0; n < 3; n++) attempt(it, 'failure')
  assert.equal(it.guard.kind, 'open')
})

test('answers to requests from before an ejection neither add to a row nor end one', () => {
  const it = guarded({ failures: 3, answers: 3, baseMs: 1000 })
  const startedAt = it.wheel.now()
  it.wheel.advance(1)
  attempt(it, 'refused')
  it.wheel.advance(1000)
  attempt(it, 200)
  for (let n = 0; n < 5; n++) it.guard.succeeded(500, false, startedAt)
  assert.equal(it.guard.kind, 'closed')
  attempt(it, 'failure')
  attempt(it, 'failure')
  it.guard.succeeded(200, false, startedAt)
  attempt(it, 'failure')
  assert.equal(it.guard.kind, 'open')
})

test('a trial from before the last opening does not close the guard, however good its news', () => {
  const it = opened({ baseMs: 1000 })
  it.wheel.advance(1000)
  const firstAt = it.wheel.now()
  it.guard.begin()
  it.wheel.advance(60_000)
  attempt(it, 'failure')
  it.wheel.advance(2000)
  it.guard.succeeded(200, true, firstAt)
  assert.equal(it.guard.kind, 'half-open')
})

test('polls that find the instance up again let a trial through at once, and the first length holds again', () => {
  const it = opened({ baseMs: 1000 })
  it.wheel.advance(1000)
  attempt(it, 'failure')
  it.wheel.advance(2000)
  attempt(it, 'failure')
  it.guard.recovered()
  assert.equal(it.guard.kind, 'half-open')
  assert.equal(it.guard.barred, false)
  attempt(it, 200)
  attempt(it, 'refused')
  it.wheel.advance(1000)
  assert.equal(it.guard.kind, 'half-open')
})

test('a new config closes what only the old one had opened, and holds for what comes', () => {
  const it = opened()
  it.guard.configure(configOf({ failures: 1 }))
  assert.equal(it.guard.kind, 'open')
  it.guard.configure(configOf({ enabled: false }, { consecutive: 2 }))
  assert.equal(it.guard.kind, 'closed')
  attempt(it, 'failure')
  attempt(it, 'failure')
  assert.equal(it.guard.reason, 'breaker')
  it.guard.configure(configOf({ failures: 1 }))
  assert.equal(it.guard.kind, 'closed')
  attempt(it, 'failure')
  assert.equal(it.guard.reason, 'failures')
})

test('a closed-down guard changes no more', () => {
  const it = opened({ baseMs: 1000 })
  it.guard.close()
  const before = it.kinds.length
  it.wheel.advance(100_000)
  it.guard.recovered()
  assert.equal(it.kinds.length, before)
  const other = guarded()
  other.guard.close()
  attempt(other, 'refused')
  assert.deepEqual(other.kinds, [])
})

test('whoever is told of changes hears of a trial that begins and of one that ends without news', () => {
  const it = opened({ baseMs: 1000 })
  it.wheel.advance(1000)
  const startedAt = it.wheel.now()
  it.guard.begin()
  it.guard.abandoned(true, startedAt)
  assert.deepEqual(it.barred, [true, false, true, false])
})
