// The breaker's part in a guard: when it opens, for how long, and that no cap bounds it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { attempt, guarded } from './guarded.js'

test('the breaker opens at its number of errors in a row, of whatever kind, and asks for no room', () => {
  const it = guarded({ failures: 0, answers: 0 }, { consecutive: 4, rate: 0, openMs: 300 })
  it.room = false
  for (const outcome of ['failure', 500, 'truncated', 200, 500, 'failure', 500] as const) attempt(it, outcome)
  assert.equal(it.guard.kind, 'closed')
  attempt(it, 'failure')
  assert.equal(it.guard.kind, 'open')
  assert.equal(it.guard.reason, 'breaker')
  assert.equal(it.guard.ejected, false)
  it.guard.recovered()
  assert.equal(it.guard.kind, 'open')
  it.wheel.advance(300)
  assert.equal(it.guard.kind, 'half-open')
  attempt(it, 'refused')
  assert.equal(it.guard.reason, 'breaker')
  it.wheel.advance(599)
  assert.equal(it.guard.kind, 'open')
  it.wheel.advance(1)
  attempt(it, 200)
  assert.equal(it.guard.kind, 'closed')
})

test('answers that are cut off are errors in a row to the breaker, although each had a good head', () => {
  const it = guarded({ enabled: false }, { consecutive: 3, rate: 0 })
  for (const outcome of ['truncated', 'truncated', 200, 'truncated', 'truncated'] as const) attempt(it, outcome)
  assert.equal(it.guard.kind, 'closed')
  attempt(it, 'truncated')
  assert.equal(it.guard.kind, 'open')
})

test('the breaker stays open for its own time where that is longer than any ejection', () => {
  const it = guarded({ mostMs: 1000 }, { consecutive: 1, rate: 0, openMs: 5000 })
  attempt(it, 'failure')
  for (let round = 0; round < 2; round++) {
    it.wheel.advance(4999)
    assert.equal(it.guard.kind, 'open')
    it.wheel.advance(1)
    attempt(it, 'failure')
  }
})

test('a breaker that has closed begins to count anew', () => {
  const it = guarded({ enabled: false }, { rate: 0.5, volume: 10, windowMs: 60_000, openMs: 1000 })
  for (let n = 0; n < 10; n++) attempt(it, 'failure')
  it.wheel.advance(1000)
  attempt(it, 200)
  for (let n = 0; n < 9; n++) attempt(it, 'failure')
  assert.equal(it.guard.kind, 'closed')
  attempt(it, 'failure')
  assert.equal(it.guard.kind, 'open')
})

test('the breaker opens at its share of errors, once there are enough tries to say so', () => {
  const it = guarded({ enabled: false }, { rate: 0.5, volume: 10, windowMs: 10_000 })
  for (let n = 0; n < 4; n++) attempt(it, 'failure')
  for (let n = 0; n < 5; n++) attempt(it, 200)
  assert.equal(it.guard.kind, 'closed')
  attempt(it, 503)
  assert.equal(it.guard.reason, 'breaker')
})

test('an answer that is cut off is one try with an error to the breaker, not two tries', () => {
  const it = guarded({ enabled: false }, { rate: 0.5, volume: 10, windowMs: 10_000 })
  for (let n = 0; n < 5; n++) attempt(it, 200)
  for (let n = 0; n < 4; n++) attempt(it, 'truncated')
  assert.equal(it.guard.kind, 'closed')
  attempt(it, 'truncated')
  assert.equal(it.guard.kind, 'open')
})

test('errors older than the window of the breaker do not count', () => {
  const it = guarded({ enabled: false }, { rate: 0.5, volume: 10, windowMs: 10_000 })
  for (let n = 0; n < 9; n++) attempt(it, 'failure')
  it.wheel.advance(10_000)
  for (let n = 0; n < 10; n++) attempt(it, 200)
  for (let n = 0; n < 9; n++) attempt(it, 'failure')
  assert.equal(it.guard.kind, 'closed')
  attempt(it, 'failure')
  assert.equal(it.guard.kind, 'open')
})
