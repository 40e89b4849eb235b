// What a request has changed: who is told so is not shown what was there before, by whichever worker.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { announce, announceNow, announceTo, heard } from '../../../processor/pipes/cache/changes.js'
import { createChangeNews, type NewsMessage } from '../../../processor/supervisor/change-news.js'
import { parseTestConfig } from '../../kit/config.js'
import { request } from '../../kit/http.js'
import { startOrigin } from '../../kit/origin.js'
import { freePort } from '../../kit/ports.js'
import { waitFor } from '../../kit/wait.js'
import { startSupervised } from '../supervised.js'
import { HOUR } from './cache-rig.js'

test('who has changed something sees no answer from before, whichever worker is asked', async (t) => {
  let version = 0
  const origin = await startOrigin(t, (req) => {
    if (req.method === 'PUT') version++
    req.answer(200, `${version}`, HOUR)
  })
  const port = await freePort()
  const config = parseTestConfig({
    version: 1,
    processor: { port, workers: 2 },
    services: {
      api: { servers: [origin.address], apis: ['/'], polling: { method: 'tcp' }, pipes: [{ use: 'cache' }] },
    },
  })
  await startSupervised(t, config)
  const atOnce = () => Promise.all(Array.from({ length: 8 }, () => request(port, 'GET', '/a')))
  for (let i = 1; i <= 60; i++) {
    // Both workers have it, mostly.
    await atOnce()
    const began = performance.now()
    await request(port, 'PUT', '/a')
    // So late nobody waits for a worker: this machine has other things to do.
    if (performance.now() - began > 90) return
    for (const answer of await atOnce()) assert.equal(answer.text(), `${i}`)
  }
})

test('what is told in one turn is one message, and whoever told it waits until it has been heard', async () => {
  const messages: [number, readonly string[]][] = []
  announceTo((id, keys) => void messages.push([id, keys]))
  const known: string[] = []
  for (const key of ['/a', '/b']) void announce([key])?.then(() => known.push(key))
  announceNow()
  void announce(['/c'])?.then(() => known.push('/c'))
  announceNow()
  announceNow()
  assert.deepEqual(
    messages.map(([, keys]) => keys),
    [['/a', '/b'], ['/c']],
  )
  await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual(known, [])
  heard(messages[0]?.[0] ?? 0)
  await waitFor(() => known.length >= 2)
  assert.deepEqual(known.slice(0, 2), ['/a', '/b'])
  // Nobody says anything: it is given up, and others after it do not wait.
  await waitFor(() => known.length === 3)
  await waitFor(() => announce(['/d']) === undefined)
  announceNow()
  assert.deepEqual(messages.at(-1)?.[1], ['/d'])
  heard(messages.at(-1)?.[0] ?? 0)
  assert.notEqual(announce(['/e']), undefined)
})

test('a worker hears when all that serve have heard of it, or have ended', () => {
  const said: [string, NewsMessage][] = []
  const workers = ['w1', 'w2', 'w3', 'w4']
  const serves = (worker: string) => worker !== 'w4'
  const news = createChangeNews({ workers, serves, tell: (worker, message) => void said.push([worker, message]) })
  const told = (worker: string) => said.filter(([to]) => to === worker).map(([, message]) => message)
  news.changed('w1', 7, ['/a'])
  assert.deepEqual(told('w4'), [{ kind: 'changed', id: 1, keys: ['/a'] }])
  news.heard('w2', 1)
  news.heard('w2', 1)
  news.heard('w4', 1)
  assert.deepEqual(told('w1'), [])
  news.left('w3')
  assert.deepEqual(told('w1'), [{ kind: 'heard', id: 7 }])
  news.heard('w3', 1)
  news.changed('w2', 8, ['/b'])
  news.left('w2')
  news.heard('w1', 2)
  assert.equal(told('w2').filter(({ kind }) => kind === 'heard').length, 0)
})

test('a worker that has nobody beside it hears at once, and what nobody hears is forgotten in the end', () => {
  const said: NewsMessage[] = []
  const workers = ['w1']
  const news = createChangeNews({ workers, serves: () => true, tell: (_, message) => void said.push(message) })
  news.changed('w1', 1, ['/a'])
  assert.deepEqual(said, [{ kind: 'heard', id: 1 }])
  workers.push('w2')
  for (let id = 2; id <= 1002; id++) news.changed('w1', id, ['/a'])
  said.length = 0
  for (let number = 2; number <= 1002; number++) news.heard('w2', number)
  assert.equal(said.length, 1000)
})
