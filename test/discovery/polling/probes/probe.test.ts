// When a try has timed out: never because this process had no time to look at the answer.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { attempt, passed, type Finding } from '../../../../discovery/polling/probes/probe.js'
import type { Clock } from '../../../../shared/clock.js'

/** A clock whose timers run when the test says so, however late that is. */
function begin(timeoutMs: number) {
  let now = 0
  const timers: { readonly ms: number; readonly run: () => void }[] = []
  const clock: Clock = {
    now: () => now,
    wall: () => now,
    after(ms, run) {
      timers.push({ ms, run })
      return () => undefined
    },
  }
  let finish: (finding: Finding) => void = () => undefined
  const result = attempt(timeoutMs, new AbortController().signal, { clock }, (given) => {
    finish = given
    return { stop: () => undefined }
  })
  const fire = (at: number): void => {
    now = at
    timers.shift()?.run()
  }
  return { result, timers, fire, answer: () => finish(passed('200')) }
}

test('an answer that waits to be read while this process stalls is no timeout', async () => {
  const { result, fire, answer } = begin(500)
  // Timers run before sockets are read.
  fire(2500)
  answer()
  assert.equal((await result).verdict, 'passed')
})

test('after a stall an instance has as long again, and at most its timeout', async () => {
  const { result, timers, fire } = begin(500)
  fire(2500)
  assert.deepEqual(
    timers.map(({ ms }) => ms),
    [500],
  )
  fire(9000)
  const { verdict, response } = await result
  assert.deepEqual([verdict, response], ['failed', 'timeout after 500 ms'])
})

test('a timeout that comes in time is one', async () => {
  const { result, timers, fire } = begin(500)
  fire(501)
  assert.equal((await result).response, 'timeout after 500 ms')
  assert.equal(timers.length, 0)
})
