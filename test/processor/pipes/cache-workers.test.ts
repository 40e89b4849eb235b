// Caches of several workers: a purge reaches all of them, and so does a change that one of them has seen.
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { parseTestConfig } from '../../kit/config.js'
import { request } from '../../kit/http.js'
import { startOrigin } from '../../kit/origin.js'
import { freePort } from '../../kit/ports.js'
import { waitFor } from '../../kit/wait.js'
import { startSupervised } from '../supervised.js'

async function start(t: TestContext) {
  const origin = await startOrigin(t, (req) => req.answer(200, 'body', { 'Cache-Control': 'max-age=3600' }))
  const port = await freePort()
  const config = parseTestConfig({
    version: 1,
    processor: { port, workers: 2 },
    services: {
      api: { servers: [origin.address], apis: ['/'], polling: { method: 'tcp' }, pipes: [{ use: 'cache' }] },
    },
  })
  const { processor } = await startSupervised(t, config)
  const isHit = async (target: string) => {
    const answer = await request(port, 'GET', target)
    return /hit/.test(answer.field('cache-status') ?? '')
  }
  /** Each connection goes to the next worker or to any: so many hits in a row, and both have it. */
  const inBoth = (target: string) =>
    waitFor(
      async () => {
        for (let i = 0; i < 8; i++) if (!(await isHit(target))) return false
        return true
      },
      { what: 'both workers to have it', timeoutMs: 10_000 },
    )
  return { origin, port, processor, inBoth, isHit, host: `127.0.0.1:${port}` }
}

test('a purge reaches every worker, and says how much has gone', async (t) => {
  const { processor, inBoth, origin, host, port } = await start(t)
  for (const target of ['/a', '/b/1', '/b/2']) await inBoth(target)
  assert.deepEqual(await processor.purge({ kind: 'url', host, target: '/a' }), { answers: 2, workers: 2, silent: 0 })
  const asked = origin.requests.length
  await request(port, 'GET', '/a')
  assert.equal(origin.requests.length, asked + 1)
  assert.equal((await processor.purge({ kind: 'prefix', host, target: '/b/' })).answers, 4)
  await processor.purge({ kind: 'all' })
  assert.equal((await processor.purge({ kind: 'all' })).answers, 0)
})

test('what one worker sees changed, no worker serves from before', async (t) => {
  const { processor, inBoth, host, port } = await start(t)
  await inBoth('/a')
  await request(port, 'DELETE', '/a')
  // The word to the other worker is under way, and comes before this question.
  await waitFor(async () => (await processor.purge({ kind: 'url', host, target: '/a' })).answers === 0, {
    what: 'both workers to have heard of it',
  })
})
