// Rounds of looking: by a timer, one at a time, until they are closed.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRounds } from '../../../processor/tls/rounds.js'
import { waitFor } from '../../kit/wait.js'

test('a timer begins a round, never a second one beside it, and none once it is closed', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] })
  const ends: (() => void)[] = []
  const { close } = createRounds(() => new Promise((resolve) => ends.push(resolve)), 5000)
  const turn = () => new Promise((resolve) => setImmediate(resolve))
  t.mock.timers.tick(4999)
  await turn()
  assert.equal(ends.length, 0)
  t.mock.timers.tick(1)
  await waitFor(() => ends.length === 1)
  t.mock.timers.tick(20_000)
  await turn()
  assert.equal(ends.length, 1)
  ends[0]?.()
  await turn()
  assert.equal(ends.length, 1)
  t.mock.timers.tick(5000)
  await waitFor(() => ends.length === 2)
  ends[1]?.()
  await turn()
  close()
  t.mock.timers.tick(20_000)
  await turn()
  assert.equal(ends.length, 2)
})

test('a check waits for a round that began after it was asked for', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] })
  const ends: (() => void)[] = []
  const { check, close } = createRounds(() => new Promise((resolve) => ends.push(resolve)), 5000)
  t.after(close)
  let done = 0
  const first = check().then(() => done++)
  const second = check().then(() => done++)
  await waitFor(() => ends.length === 1)
  ends[0]?.()
  await first
  assert.equal(done, 1)
  await waitFor(() => ends.length === 2)
  ends[1]?.()
  await second
  assert.equal(done, 2)
})
