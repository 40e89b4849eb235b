// The limit that is found out, against simulated servers.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { AdaptiveLimit } from '../../../processor/resilience/adaptive-limit.js'
import { type Load, logNormal, type Outcome, seeded, simulate } from './queueing.js'

const MEDIAN_MS = 10

/** `load`: of what the server can do. */
function run(slots: number, sigma: number, load: number, more: Partial<Load> & { limit?: AdaptiveLimit } = {}) {
  const random = seeded(slots + 1)
  const meanMs = MEDIAN_MS * Math.exp((sigma * sigma) / 2)
  const most = (slots * 1000) / meanMs
  const seconds = more.seconds ?? (30 * 20) / slots
  const outcome: Outcome = simulate(more.limit ?? new AdaptiveLimit(), {
    slots,
    requestsPerSecond: most * load,
    seconds,
    serviceMs: logNormal(MEDIAN_MS, sigma, random),
    random,
    ...more,
  })
  return { ...outcome, used: outcome.served / ((most * seconds) / 2) }
}

test('at three times the load that a server can do the limit is about its places, and all of them are used', () => {
  for (const slots of [10, 20, 80])
    for (const sigma of [0.05, 0.5]) {
      const { meanLimit, used } = run(slots, sigma, 3)
      const name = `${slots} places, sigma ${sigma}: ${meanLimit.toFixed(1)}, ${used.toFixed(3)} used`
      assert.ok(meanLimit > slots && meanLimit < slots * 2.2, name)
      assert.ok(used > 0.95, name)
    }
})

test('the answers under such a load are less than twice as slow as those without it', () => {
  const median = (all: readonly number[]): number => all.toSorted((a, b) => a - b)[Math.floor(all.length / 2)] as number
  const calm = median(run(20, 0.5, 0.3).latenciesMs)
  const loaded = median(run(20, 0.5, 3).latenciesMs)
  assert.ok(loaded < 2 * calm, `${loaded} against ${calm}`)
})

test('latency that is noise, and not load, neither brings the limit down nor costs an answer', () => {
  const { lowestLimit, refused } = run(50, 1.2, 0.3, { seconds: 60 })
  assert.ok(lowestLimit >= 20, `${lowestLimit}`)
  assert.equal(refused, 0)
})

test('errors among the answers do not bring the limit down', () => {
  const { meanLimit, used } = run(20, 0.5, 3, { errors: 0.2 })
  assert.ok(meanLimit > 20, `${meanLimit}`)
  assert.ok(used > 0.95, `${used}`)
})

test('a server that does little but fail is given less', () => {
  const limit = new AdaptiveLimit()
  for (let n = 0; n < 5000; n++) limit.observe(1, limit.limit, n % 10 === 0)
  assert.equal(limit.limit, 4)
})

test('a server that has become ten times slower for good has all its places in use again within seconds', () => {
  const limit = new AdaptiveLimit()
  run(20, 0.3, 2, { limit, seconds: 20 })
  const random = seeded(9)
  const slower = { slots: 20, requestsPerSecond: 400, seconds: 20, serviceMs: logNormal(100, 0.3, random), random }
  const { meanLimit } = simulate(limit, slower)
  assert.ok(meanLimit > 20 && meanLimit < 50, `${meanLimit}`)
})

test('a limit that nobody comes near does not grow', () => {
  const limit = new AdaptiveLimit()
  for (let n = 0; n < 10_000; n++) limit.observe(5, 9, true)
  assert.equal(limit.limit, 20)
})

test('a limit that was learnt under load is found out to be too high', () => {
  const limit = new AdaptiveLimit()
  // Its first answers are slow: a server that warms up.
  for (let n = 0; n < 500; n++) limit.observe(80, limit.limit, true)
  assert.ok(limit.limit > 40)
  const { meanLimit } = run(10, 0.3, 3, { limit, seconds: 60 })
  assert.ok(meanLimit > 10 && meanLimit < 25, `${meanLimit}`)
})

test('the limit is a whole number from 4 to 1000, whatever it observes', () => {
  const sample = fc.record({
    ms: fc.double({ min: 0, max: 1e7, noNaN: true }),
    inFlight: fc.integer({ min: 1, max: 2000 }),
    ok: fc.boolean(),
    times: fc.integer({ min: 1, max: 300 }),
  })
  fc.assert(
    fc.property(fc.array(sample, { maxLength: 60 }), (all) => {
      const limit = new AdaptiveLimit()
      for (const { ms, inFlight, ok, times } of all)
        for (let n = 0; n < times; n++) {
          limit.observe(ms, inFlight, ok)
          assert.ok(Number.isInteger(limit.limit) && limit.limit >= 4 && limit.limit <= 1000, `${limit.limit}`)
        }
    }),
    { numRuns: 200 },
  )
})

test('a limit with nothing against it grows to the most', () => {
  const limit = new AdaptiveLimit()
  for (let n = 0; n < 200_000; n++) limit.observe(5, limit.limit, true)
  assert.ok(limit.limit >= 500, `${limit.limit}`)
})
