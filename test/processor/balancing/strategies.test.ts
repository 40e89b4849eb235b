// What holds for every strategy: nobody who may not take a request gets one, and whoever may gets a share.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { BalanceConfig, Strategy } from '../../../shared/config/model.js'
import { createBalancer } from '../../../processor/balancing/strategies/index.js'
import { count, type Fake, fake, fakes, request, seeded, times } from './candidates.js'

const STRATEGIES: readonly Strategy[] = ['round-robin', 'random', 'p2c', 'least-connections', 'ewma', 'hash']

const SIZES = [2, 3, 10, 20]

type Named = Pick<BalanceConfig, 'strategy' | 'hash' | 'slowStartMs'>

const balance = (strategy: Strategy, slowStartMs: number): Named =>
  strategy === 'hash' ? { strategy, hash: { on: 'ip' }, slowStartMs } : { strategy, slowStartMs }

/** Each request from another client. */
const asked = (i: number) => request({ address: `192.0.2.${i}` })

/** Sends `many` requests, `together` in flight: the oldest is answered, in 10 ms, before the next is sent. */
function serve(tier: readonly Fake[], named: Named, many: number, together = 8): (Fake | undefined)[] {
  const balancer = createBalancer(tier, named, seeded())
  const open: Fake[] = []
  return times(many, (i) => {
    const picked = balancer.pick(asked(i), [])
    if (picked === undefined) return undefined
    picked.inFlight++
    open.push(picked)
    const oldest = open.length === together ? open.shift() : undefined
    if (oldest !== undefined) {
      oldest.inFlight--
      oldest.latencyMs = 10
    }
    return picked
  })
}

for (const strategy of STRATEGIES) {
  // A slow start changes weights while the tier lives, so nothing may be known beforehand.
  for (const slowStartMs of [0, 1000]) {
    const named = balance(strategy, slowStartMs)
    const called = slowStartMs === 0 ? strategy : `${strategy} with a slow start`

    test(`${called}: of nobody, nobody is picked`, () => {
      assert.equal(createBalancer<Fake>([], named).pick(asked(1), []), undefined)
    })

    test(`${called}: a lonely one gets all, unless it is barred or was tried`, () => {
      const only = fake('a')
      const balancer = createBalancer([only], named)
      assert.deepEqual(count(times(10, (i) => balancer.pick(asked(i), []))), { a: 10 })
      assert.equal(balancer.pick(asked(1), [only]), undefined)
      only.barred = true
      assert.equal(balancer.pick(asked(1), []), undefined)
    })

    test(`${called}: those that are barred get nothing, from the moment on`, () => {
      for (const size of SIZES) {
        const tier = fakes(size)
        const balancer = createBalancer(tier, named, seeded())
        for (const barred of tier) {
          barred.barred = true
          const picks = times(50, (i) => balancer.pick(asked(i), []))
          const all = tier.every((one) => one.barred)
          for (const pick of picks) assert.equal(all ? pick : pick?.barred, all ? undefined : false)
        }
        for (const one of tier) one.barred = false
        assert.notEqual(balancer.pick(asked(1), []), undefined)
      }
    })

    test(`${called}: each is tried once and then nobody is left`, () => {
      for (const size of SIZES) {
        const tier = fakes(size)
        const balancer = createBalancer(tier, named, seeded())
        const tried: Fake[] = []
        for (let next = balancer.pick(asked(1), tried); next !== undefined; next = balancer.pick(asked(1), tried)) {
          assert.equal(tried.includes(next), false)
          tried.push(next)
        }
        assert.equal(tried.length, size)
      }
    })

    test(`${called}: the last that is neither barred nor tried is found`, () => {
      for (const size of SIZES) {
        const tier = fakes(size)
        const [tried, last] = tier as [Fake, Fake]
        for (const one of tier) one.barred = one !== tried && one !== last
        const balancer = createBalancer(tier, named, seeded())
        assert.deepEqual(count(times(50, (i) => balancer.pick(asked(i), [tried]))), { [last.id]: 50 })
      }
    })

    test(`${called}: equal ones get equal shares`, () => {
      for (const size of SIZES) {
        const shares = Object.values(count(serve(fakes(size), named, size * 1000)))
        assert.equal(shares.length, size)
        for (const share of shares) assert.ok(share > 850 && share < 1150, `of ${size}: ${share} of about 1000`)
      }
    })

    if (strategy === 'p2c' || strategy === 'ewma') continue
    test(`${called}: 3:1 by weight gives three quarters`, () => {
      const tier = [fake('a', { weight: 3 }), fake('b', { weight: 1 })]
      const { a = 0 } = count(serve(tier, named, 10_000))
      assert.ok(a > 7300 && a < 7700, `${a} of about 7500`)
    })
  }

  test(`${strategy}: a weight that changes counts at once`, () => {
    const tier = fakes(3)
    const [first] = tier as [Fake]
    const named = balance(strategy, 1000)
    first.weight = 0.1
    const few = count(serve(tier, named, 3000, 30))[first.id] ?? 0
    assert.ok(few > 0 && few < 300, `${few} of about 143`)
    for (const one of tier) one.inFlight = 0
    first.weight = 1
    const share = count(serve(tier, named, 3000, 30))[first.id] ?? 0
    assert.ok(share > 850 && share < 1150, `${share} of about 1000`)
  })
}

test('where most of a tier is barred, chance is still even among those that are left', () => {
  const tier = fakes(40)
  tier.forEach((one, i) => (one.barred = i % 13 !== 0))
  const shares = Object.values(count(serve(tier, balance('random', 0), 4000)))
  assert.equal(shares.length, 4)
  for (const share of shares) assert.ok(share > 850 && share < 1150, `${share} of about 1000`)
})
