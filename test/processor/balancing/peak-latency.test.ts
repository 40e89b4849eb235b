// A slow answer counts at once and is forgotten with time.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fallenLatency, peakLatency } from '../../../processor/balancing/peak-latency.js'

test('the first answer and every slower one count whole', () => {
  assert.equal(peakLatency(0, 12, 0), 12)
  assert.equal(peakLatency(12, 300, 1), 300)
})

test('quicker answers lower it the more, the longer ago the peak is', () => {
  const soon = peakLatency(300, 10, 100)
  const later = peakLatency(300, 10, 10_000)
  assert.ok(soon > 290 && soon < 300)
  assert.ok(later > 40 && later < 60)
  assert.ok(Math.abs(peakLatency(300, 10, 1e6) - 10) < 0.01)
})

test('many quick answers bring it to theirs', () => {
  let latencyMs = 300
  for (let i = 0; i < 10_000; i++) latencyMs = peakLatency(latencyMs, 10, 10)
  assert.ok(Math.abs(latencyMs - 10) < 0.1)
})

test('without any answer it falls too', () => {
  assert.equal(fallenLatency(300, 0), 300)
  assert.ok(fallenLatency(300, 10_000) < 120)
  assert.ok(fallenLatency(200, 30_000) < 10)
})

test('an answer within no measurable time is still one', () => {
  assert.ok(peakLatency(0, 0, 0) > 0)
})
