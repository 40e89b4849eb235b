// When second tries go out, and how many.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Hedging } from '../../../processor/resilience/hedge-delay.js'
import { logNormal, seeded } from './queueing.js'

const quantile = (q: number): Hedging => new Hedging({ after: { kind: 'quantile', q }, most: 0.05 })

test('a fixed wait is known from the first request on', () => {
  const hedging = new Hedging({ after: { kind: 'ms', ms: 40 }, most: 0.05 })
  assert.equal(hedging.delayMs(), 40)
  hedging.observe(500)
  assert.equal(hedging.delayMs(), 40)
})

test('a quantile is unknown until a hundred answers have come', () => {
  const hedging = quantile(0.95)
  for (let n = 0; n < 99; n++) hedging.observe(10)
  assert.equal(hedging.delayMs(), undefined)
  hedging.observe(10)
  const delayMs = hedging.delayMs() as number
  assert.ok(delayMs >= 10 && delayMs < 11, `${delayMs}`)
})

test('of the answers of late at most one in twenty is slower than the 95th percentile, and one in forty at the least', () => {
  for (const sigma of [0.1, 0.5, 1.5]) {
    const hedging = quantile(0.95)
    const drawMs = logNormal(20, sigma, seeded(7))
    for (let n = 0; n < 1900; n++) hedging.observe(drawMs())
    const delayMs = hedging.delayMs() as number
    const slower = Array.from({ length: 20_000 }, drawMs).filter((ms) => ms > delayMs).length / 20_000
    assert.ok(slower > 0.01 && slower < 0.06, `sigma ${sigma}: ${slower}`)
  }
})

test('a service that has become ten times slower is waited for ten times longer after a few thousand answers', () => {
  const hedging = quantile(0.9)
  for (let n = 0; n < 10_000; n++) hedging.observe(5)
  assert.ok((hedging.delayMs() as number) < 6)
  for (let n = 0; n < 4000; n++) hedging.observe(50)
  assert.ok((hedging.delayMs() as number) >= 50)
  for (let n = 0; n < 12_000; n++) hedging.observe(5)
  assert.ok((hedging.delayMs() as number) < 6)
})

test('any latency has its place, also none and one without end', () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1e9, noNaN: true }), (ms) => {
      const hedging = quantile(0.5)
      for (let n = 0; n < 100; n++) hedging.observe(ms)
      const delayMs = hedging.delayMs() as number
      assert.ok(Number.isFinite(delayMs) && delayMs > 0)
      if (ms > 0.1 && ms < 1e6) assert.ok(delayMs >= ms * 0.999 && delayMs < ms * 1.1, `${ms}: ${delayMs}`)
    }),
  )
})

test('second tries are never more than the configured share of the requests, nor many at once after a calm time', () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom('request', 'request', 'hedge'), { maxLength: 500 }),
      fc.constantFrom(0.01, 0.05, 0.25, 1),
      (all, most) => {
        const hedging = new Hedging({ after: { kind: 'ms', ms: 1 }, most })
        let requests = 0
        let hedges = 0
        for (const step of all) {
          if (step === 'request') {
            hedging.began()
            requests++
          } else if (hedging.take()) hedges++
          assert.ok(hedges <= requests * most + 1e-9)
        }
      },
    ),
  )
  const hedging = new Hedging({ after: { kind: 'ms', ms: 1 }, most: 0.5 })
  for (let n = 0; n < 1000; n++) hedging.began()
  let hedges = 0
  while (hedging.take()) hedges++
  assert.equal(hedges, 10)
})
