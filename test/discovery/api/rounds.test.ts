// Rounds that answer many: never two at once, and nobody gets an answer from before the question.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { oneAtATime } from '../../../discovery/api/metrics/rounds.js'

test('who asks while a round runs shares the next one with all who do', async () => {
  const ends: (() => void)[] = []
  let begun = 0
  const ask = oneAtATime(() => {
    const number = ++begun
    return new Promise<number>((resolve) => ends.push(() => resolve(number)))
  })
  const first = ask()
  await Promise.resolve()
  const late = [ask(), ask(), ask()]
  await Promise.resolve()
  assert.equal(begun, 1)
  ends.shift()?.()
  assert.equal(await first, 1)
  await new Promise((resolve) => setImmediate(resolve))
  ends.shift()?.()
  assert.deepEqual(await Promise.all(late), [2, 2, 2])
})

test('a round that fails fails for its own askers alone', async () => {
  let begun = 0
  const ask = oneAtATime(() => (++begun === 1 ? Promise.reject(new Error('no')) : Promise.resolve(begun)))
  await assert.rejects(ask(), /no/)
  assert.equal(await ask(), 2)
})
