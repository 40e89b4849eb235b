// The pauses between retries.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { backoffMs } from '../../../processor/resilience/backoff.js'

const backoff = { baseMs: 25, mostMs: 1000 }

test('the first retry goes out at once', () => {
  assert.equal(
    backoffMs(1, backoff, () => 0.999),
    0,
  )
})

test('later retries wait for up to the base, doubled each time, and never longer than the most', () => {
  const longest = [2, 3, 4, 7, 8, 9, 5000].map((retry) => backoffMs(retry, backoff, () => 1))
  assert.deepEqual(longest, [25, 50, 100, 800, 1000, 1000, 1000])
})

test('the whole span is drawn from, zero included', () => {
  const drawn = [0, 0.25, 0.5, 0.75].map((random) => backoffMs(4, backoff, () => random))
  assert.deepEqual(drawn, [0, 25, 50, 75])
})
