// Retries stay within their share of the requests, whatever happens to the service.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { RetryBudget } from '../../../processor/resilience/budget.js'

function setUp(share: number, floor: number) {
  const clock = { now: 5000 }
  const budget = new RetryBudget({ share, floor }, { now: () => clock.now })
  return { budget, clock }
}

test('a hundred requests at once to a service that is all down make 120 attempts and the floor', () => {
  for (const floor of [0, 10]) {
    const { budget } = setUp(0.2, floor)
    const triesLeft = Array.from({ length: 100 }, () => 3)
    for (let n = 0; n < 100; n++) budget.began()
    let attempts = 0
    // All of them fail, and fail again, side by side.
    for (let tries = 0; tries < 3; tries++)
      triesLeft.forEach((left, n) => {
        if (left === 0) return
        const goes = left === 3 || budget.take()
        if (goes) attempts++
        triesLeft[n] = goes ? left - 1 : 0
      })
    assert.equal(attempts, 120 + floor)
  }
})

test('a service with hardly a request may still retry as often as the floor says', () => {
  const { budget } = setUp(0.2, 3)
  budget.began()
  assert.deepEqual(
    [budget.take(), budget.take(), budget.take(), budget.take(), budget.take()],
    [true, true, true, true, false],
  )
})

test('retries that are ten seconds old are forgiven', () => {
  const { budget, clock } = setUp(0, 2)
  assert.deepEqual([budget.take(), budget.take(), budget.take()], [true, true, false])
  clock.now += 8999
  assert.equal(budget.take(), false)
  clock.now += 1001
  assert.equal(budget.take(), true)
})

test('requests that are slow count for as long as they are in flight', () => {
  const { budget, clock } = setUp(0.5, 0)
  for (let n = 0; n < 10; n++) budget.began()
  clock.now += 60_000
  for (let n = 0; n < 6; n++) budget.ended()
  assert.deepEqual([budget.take(), budget.take(), budget.take()], [true, true, false])
})

test('a budget that hears of ends without beginnings allows no less for that', () => {
  const { budget, clock } = setUp(1, 0)
  for (let n = 0; n < 5; n++) budget.ended()
  budget.began()
  clock.now += 60_000
  assert.equal(budget.take(), true)
})

test('in no ten seconds are there more retries than the share of the requests of twenty, and the floor', () => {
  const steps = fc.array(fc.tuple(fc.constantFrom('request', 'retry', 'retry', 'retry'), fc.nat(700)), {
    maxLength: 200,
  })
  fc.assert(
    fc.property(steps, fc.constantFrom(0, 0.2, 1), fc.nat(5), (all, share, floor) => {
      const { budget, clock } = setUp(share, floor)
      const requests: number[] = []
      const retries: number[] = []
      for (const [step, ms] of all) {
        clock.now += ms
        if (step === 'request') {
          budget.began()
          budget.ended()
          requests.push(clock.now)
        } else if (budget.take()) retries.push(clock.now)
        // A window forgets a tenth of itself at a time.
        const of = (times: readonly number[], withinMs: number): number =>
          times.filter((at) => at > clock.now - withinMs).length
        assert.ok(of(retries, 9000) <= floor + share * of(requests, 20_000) + 1)
      }
    }),
  )
})
