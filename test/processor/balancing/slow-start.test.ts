// The share of an instance that has returned.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { rampedWeight } from '../../../processor/balancing/slow-start.js'
import { createRoundRobin } from '../../../processor/balancing/strategies/round-robin.js'
import { count, fake, request, times } from './candidates.js'

test('a weight grows in a straight line from a tenth to the whole', () => {
  const at = (nowMs: number) => rampedWeight(4, 1000, 10_000, nowMs)
  assert.equal(at(1000), 0.4)
  assert.equal(at(2000), 0.4)
  assert.equal(at(3500), 1)
  assert.equal(at(6000), 2)
  assert.equal(at(10_999) < 4, true)
  assert.equal(at(11_000), 4)
  assert.equal(at(1e9), 4)
})

test('without a slow start a weight is whole at once, and a clock that goes back leaves the least', () => {
  assert.equal(rampedWeight(3, 1000, 0, 1000), 3)
  assert.equal(rampedWeight(1, 1000, 10_000, 0), 0.1)
})

test('an instance that returns beside another gets more with each second, up to the half', () => {
  const old = fake('old')
  const back = fake('back')
  const balancer = createRoundRobin([old, back], {})
  const shares = times(12, (second) => {
    return count(
      times(100, (i) => {
        back.weight = rampedWeight(1, 0, 10_000, second * 1000 + i * 10)
        return balancer.pick(request(), [])
      }),
    )['back']
  }) as number[]
  assert.ok((shares[0] ?? 0) >= 8 && (shares[0] ?? 0) <= 11, `${shares[0]} of about 9`)
  for (let i = 1; i < 10; i++) assert.ok((shares[i] ?? 0) >= (shares[i - 1] ?? 0), shares.join(' '))
  assert.deepEqual(shares.slice(10), [50, 50])
})
