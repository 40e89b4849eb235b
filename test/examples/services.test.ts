// services.example.json, which `npm start` runs: each API reaches its service, and catalog falls back tier by tier.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startExample } from './example.js'

const FILE = 'services.example.json'

test('each path reaches its service, and all instances of it in turn', async (t) => {
  const { who } = await startExample(t, FILE)
  const whoAll = async (path: string, times: number) => {
    const found = new Set<number>()
    for (let i = 0; i < times; i++) found.add(await who(path))
    return [...found].sort()
  }
  assert.deepEqual(await whoAll('/orders/17', 6), [9101, 9102, 9103])
  assert.deepEqual(await whoAll('/users', 4), [9201, 9202])
  assert.deepEqual(await whoAll('/login', 4), [9201, 9202])
  assert.deepEqual(await whoAll('/catalog', 3), [9301])
  assert.deepEqual(await whoAll('/search?q=tea', 3), [9301])
})

test('an instance that is killed takes no request with it, and catalog goes to the next tier', async (t) => {
  const { who, origin } = await startExample(t, FILE)
  await origin(9301).stop()
  for (let i = 0; i < 3; i++) assert.equal(await who('/catalog'), 9302)
  await origin(9302).stop()
  for (let i = 0; i < 3; i++) assert.equal(await who('/search'), 9303)
})
