// Shares of the default strategy: exact, smooth, and not in step with other workers.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLeastConnections } from '../../../processor/balancing/strategies/least-connections.js'
import { createRoundRobin } from '../../../processor/balancing/strategies/round-robin.js'
import { count, fake, fakes, request, times } from './candidates.js'

const steady = { steady: true }

test('equal weights share exactly', () => {
  const balancer = createRoundRobin([fake('a'), fake('b'), fake('c')], steady)
  assert.deepEqual(count(times(300, () => balancer.pick(request(), []))), { a: 100, b: 100, c: 100 })
})

test('weights of 3:1 share a thousand requests as 750 and 250, never four of the same in a row', () => {
  const balancer = createRoundRobin([fake('a', { weight: 3 }), fake('b', { weight: 1 })], steady)
  const picks = times(1000, () => balancer.pick(request(), []))
  assert.deepEqual(count(picks), { a: 750, b: 250 })
  assert.ok(
    !picks
      .map((pick) => pick?.id)
      .join('')
      .includes('aaaa'),
  )
})

test('weights hold among those that are left while one is barred', () => {
  const tier = [fake('a', { weight: 3 }), fake('b', { weight: 1 }), fake('c', { weight: 6 })]
  const balancer = createRoundRobin(tier, steady)
  times(7, () => balancer.pick(request(), []))
  for (const one of tier) one.barred = one.id === 'c'
  const { a = 0, b = 0 } = count(times(1000, () => balancer.pick(request(), [])))
  assert.equal(a + b, 1000)
  assert.ok(Math.abs(a - 750) <= 5, `${a} of about 750`)
})

test('shares change with the weights of a slow start, without a new balancer', () => {
  const tier = [fake('a'), fake('b')]
  const [a] = tier
  const balancer = createRoundRobin(tier, {})
  if (a !== undefined) a.weight = 0.25
  assert.deepEqual(count(times(1000, () => balancer.pick(request(), []))), { a: 200, b: 800 })
  if (a !== undefined) a.weight = 1
  assert.deepEqual(count(times(1000, () => balancer.pick(request(), []))), { a: 500, b: 500 })
})

test('where a row begins is up to chance, with equal weights and with others', () => {
  for (const create of [createRoundRobin, createLeastConnections]) {
    for (const deps of [steady, {}]) {
      const starts = [0, 0.4, 0.7].map((at) => create(fakes(3), { ...deps, random: () => at }).pick(request(), [])?.id)
      assert.deepEqual(starts, ['s/10.0.0.1:80', 's/10.0.0.2:80', 's/10.0.0.3:80'])
    }
  }
})
