// One instance that has become slow: strategies that look must keep away from it, at a high load and at a low one, and come
// back when it is well again.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createEwma } from '../../../processor/balancing/strategies/ewma.js'
import { createLeastConnections } from '../../../processor/balancing/strategies/least-connections.js'
import { createP2c } from '../../../processor/balancing/strategies/p2c.js'
import { fake, request, seeded, times } from './candidates.js'
import { type Load, simulate } from './simulation.js'

const FAST_MS = 10
const LOADS: readonly Load[] = [
  ...[1, 2, 3, 8, 32, 128].map((clients): Load => ({ kind: 'closed', clients })),
  ...[5, 20, 40, 100, 300, 1000].map((perSecond): Load => ({ kind: 'open', perSecond })),
]

const text = (load: Load) => (load.kind === 'closed' ? `${load.clients} clients` : `${load.perSecond} requests/s`)

for (const [name, create] of [
  ['p2c', createP2c],
  ['ewma', createEwma],
] as const) {
  for (const size of [2, 3, 10]) {
    test(`${name}: of ${size}, the one that is twenty times slower gets less than 5 % at any load`, () => {
      for (const load of LOADS) {
        const serviceMs = times(size, (i) => (i === 0 ? 20 * FAST_MS : FAST_MS))
        const [slow = 0, ...others] = simulate((tier, random) => create(tier, { random }), {
          serviceMs,
          load,
          requests: 4000,
        })
        assert.ok(slow >= 1, `${text(load)}: it is tried`)
        assert.ok(slow < 200, `${text(load)}: ${slow} of 4000`)
        assert.ok(Math.min(...others) > 0, `${text(load)}: all others serve`)
      }
    })
  }

  test(`${name}: weights of 3:1 count while there is a load to share`, () => {
    const load: Load = { kind: 'closed', clients: 40 }
    const [heavy = 0] = simulate((tier, random) => create(tier, { random }), {
      serviceMs: [10, 10],
      weights: [3, 1],
      load,
      requests: 4000,
    })
    assert.ok(heavy > 2700 && heavy < 3300, `${heavy} of about 3000`)
  })

  test(`${name}: one that is as fast as the others again gets its share back`, () => {
    let late = 0
    const shares = simulate(
      (tier, random) => {
        const balancer = create(tier, { random })
        return {
          pick(asked, tried) {
            const picked = balancer.pick(asked, tried)
            if (tier[0]?.serviceMs === FAST_MS && picked === tier[0]) late++
            return picked
          },
        }
      },
      {
        serviceMs: [20 * FAST_MS, FAST_MS, FAST_MS],
        load: { kind: 'open', perSecond: 100 },
        requests: 12_000,
        // The first minute it is slow, the second it is not.
        before: (nowMs, [first]) => {
          if (first !== undefined && nowMs > 60_000) first.serviceMs = FAST_MS
        },
      },
    )
    assert.ok(late > 600, `${late} of at most 2000, after ${(shares[0] ?? 0) - late}`)
  })

  test(`${name}: one that has never answered gets a request, and no flood`, () => {
    const tier = ['a', 'b', 'new'].map((id) => ({ ...fake(id), latencyMs: id === 'new' ? 0 : 10 }))
    const balancer = create(tier, { random: seeded() })
    let flood = 0
    // What is new never answers; the others do at once.
    for (let i = 0; i < 1000; i++) {
      const picked = balancer.pick(request(), [])
      if (picked?.id !== 'new') continue
      flood++
      picked.inFlight++
    }
    assert.equal(flood, 1)
  })
}

test('p2c: what is in flight counts before small differences of latency', () => {
  const tier = [fake('quick'), fake('idle')]
  const balancer = createP2c(tier)
  const [quick, idle] = tier
  assert.ok(quick && idle)
  Object.assign(quick, { latencyMs: 10, inFlight: 1 })
  Object.assign(idle, { latencyMs: 30 })
  assert.equal(balancer.pick(request(), []), idle)
  idle.inFlight = 1
  assert.equal(balancer.pick(request(), []), quick)
})

test('ewma: a request more is worth a latency that is lower in proportion', () => {
  const tier = [fake('quick'), fake('idle')]
  const balancer = createEwma(tier)
  const [quick, idle] = tier
  assert.ok(quick && idle)
  Object.assign(quick, { latencyMs: 10, inFlight: 1 })
  Object.assign(idle, { latencyMs: 30 })
  assert.equal(balancer.pick(request(), []), quick)
  quick.inFlight = 3
  assert.equal(balancer.pick(request(), []), idle)
})

test('least-connections: the fewest in flight for the weight, whatever the latency', () => {
  const tier = [fake('a', { weight: 4 }), fake('b')]
  const [a, b] = tier
  assert.ok(a && b)
  Object.assign(a, { inFlight: 3, latencyMs: 1000 })
  Object.assign(b, { inFlight: 1, latencyMs: 1 })
  const balancer = createLeastConnections(tier)
  assert.equal(balancer.pick(request(), []), a)
  a.inFlight = 5
  assert.equal(balancer.pick(request(), []), b)
})
