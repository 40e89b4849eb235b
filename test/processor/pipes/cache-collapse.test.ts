// Requests for the same thing at the same time: how many of them the origin sees, and that nobody waits for nothing.
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { test } from 'node:test'
import type { Origin, OriginRequest } from '../../kit/origin.js'
import { waitFor } from '../../kit/wait.js'
import { startCached } from './cache-rig.js'

const HOUR = { 'Cache-Control': 'max-age=3600' }
const many = <T>(count: number, one: (i: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, (_, i) => one(i)))

/** Keeps requests until it is told to answer them. */
function gate() {
  const kept: OriginRequest[] = []
  return {
    kept,
    handler: (req: OriginRequest) => void kept.push(req),
    seen: (origin: Origin, count: number) =>
      waitFor(() => origin.requests.length >= count, { what: `${count} requests` }),
  }
}

test('fifty requests for what nobody has asked for yet are one at the origin', async (t) => {
  const { kept, handler, seen } = gate()
  const { origin, get, gateway } = await startCached(t, handler)
  const answers = many(50, () => get('/a'))
  await seen(origin, 1)
  await waitFor(() => gateway.core.inFlight === 50, { what: 'all of them under way' })
  kept[0]?.answer(200, 'once', HOUR)
  for (const answer of await answers) {
    assert.equal(answer.status, 200)
    assert.equal(answer.text(), 'once')
  }
  assert.equal(origin.requests.length, 1)
})

test('when the answer is for one client only, all others go on at once, and later ones do not wait at all', async (t) => {
  const { kept, handler, seen } = gate()
  const { origin, get, gateway } = await startCached(t, handler)
  const answers = many(20, () => get('/a'))
  await seen(origin, 1)
  await waitFor(() => gateway.core.inFlight === 20, { what: 'all of them under way' })
  kept[0]?.answer(200, 'mine', { 'Cache-Control': 'private' })
  await seen(origin, 20)
  for (const req of kept.slice(1)) req.answer(200, 'mine', { 'Cache-Control': 'private' })
  assert.equal((await answers).length, 20)
  const later = many(3, () => get('/a'))
  await seen(origin, 23)
  for (const req of kept.slice(20)) req.answer(200, 'mine')
  await later
})

test('answers that say nothing, or that are to be validated each time, do not queue those who want them', async (t) => {
  for (const fields of [{}, { ETag: '"v1"' }, { 'Cache-Control': 'no-cache', ETag: '"v1"' }]) {
    const { kept, handler, seen } = gate()
    const { origin, get, gateway } = await startCached(t, handler)
    const answers = many(10, () => get('/a'))
    await seen(origin, 1)
    await waitFor(() => gateway.core.inFlight === 10, { what: 'all of them under way' })
    kept[0]?.answer(200, 'body', fields)
    await seen(origin, 10)
    for (const req of kept.slice(1)) req.answer(200, 'body', fields)
    assert.equal((await answers).length, 10)
  }
})

test('a request waits for another one no longer than it is told to', async (t) => {
  const { kept, handler, seen } = gate()
  const { origin, get } = await startCached(t, handler, { collapse: { wait: '50ms' } })
  const first = get('/a')
  await seen(origin, 1)
  const second = get('/a')
  await seen(origin, 2)
  kept[1]?.answer(200, 'second', HOUR)
  assert.equal((await second).text(), 'second')
  kept[0]?.answer(200, 'first', HOUR)
  assert.equal((await first).text(), 'first')
})

test('when the client goes away whose request the others wait for, one of them takes its place', async (t) => {
  const { kept, handler, seen } = gate()
  const { origin, get, gateway } = await startCached(t, handler)
  const leaving = connect(gateway.port, '127.0.0.1')
  t.after(() => leaving.destroy())
  leaving.write(`GET /a HTTP/1.1\r\nHost: 127.0.0.1:${gateway.port}\r\n\r\n`)
  await seen(origin, 1)
  const others = many(10, () => get('/a'))
  await waitFor(() => gateway.core.inFlight === 11, { what: 'all of them under way' })
  leaving.resetAndDestroy()
  await seen(origin, 2)
  kept[1]?.answer(200, 'for the others', HOUR)
  for (const answer of await others) assert.equal(answer.text(), 'for the others')
  assert.equal(origin.requests.length, 2)
})

test('of requests that Vary tells apart one of each kind goes to the origin', async (t) => {
  const { kept, handler, seen } = gate()
  const { origin, get, gateway } = await startCached(t, handler)
  const answers = many(20, (i) => get('/a', { 'Accept-Language': i % 2 === 0 ? 'en' : 'de' }))
  await seen(origin, 1)
  await waitFor(() => gateway.core.inFlight === 20, { what: 'all of them under way' })
  const fields = { ...HOUR, Vary: 'Accept-Language' }
  const say = (req: OriginRequest | undefined) => req?.answer(200, req.field('accept-language'), fields)
  say(kept[0])
  await seen(origin, 2)
  say(kept[1])
  for (const [i, answer] of (await answers).entries()) assert.equal(answer.text(), i % 2 === 0 ? 'en' : 'de')
  assert.equal(origin.requests.length, 2)
})

test('requests with credentials, for parts, and those that must not wait are not held', async (t) => {
  const { kept, handler, seen } = gate()
  const { origin, get } = await startCached(t, handler)
  const first = get('/a')
  await seen(origin, 1)
  const others = [
    get('/a', { Authorization: 'Basic c2VjcmV0' }),
    get('/a', { Range: 'bytes=0-1' }),
    get('/a', { 'Cache-Control': 'no-cache' }),
    get('/a', { 'Sec-WebSocket-Key': 'x' }),
  ]
  await seen(origin, 5)
  for (const req of kept) req.answer(200, 'body', HOUR)
  await Promise.all([first, ...others])
})

test('while a stale answer is validated by one request, the others wait for that one', async (t) => {
  const { kept, handler, seen } = gate()
  const fields = { ...HOUR, ETag: '"v1"' }
  const { origin, get, ask, gateway } = await startCached(t, (req) => {
    if (req.method === 'HEAD') return req.send('HTTP/1.1 200 OK\r\nETag: "v2"\r\nContent-Length: 9\r\n\r\n')
    return req.field('if-none-match') === undefined ? req.answer(200, 'body', fields) : handler(req)
  })
  await get('/a')
  // It tells that what is stored is not what there is.
  await ask('HEAD', '/a', { 'Cache-Control': 'no-cache' })
  const answers = many(10, () => get('/a'))
  await seen(origin, 3)
  await waitFor(() => gateway.core.inFlight === 10, { what: 'all of them under way' })
  kept[0]?.send('HTTP/1.1 304 Not Modified\r\nETag: "v1"\r\nCache-Control: max-age=60\r\n\r\n')
  for (const answer of await answers) assert.equal(answer.text(), 'body')
  assert.equal(origin.requests.length, 3)
})

test('an answer that was asked for before a change is not stored after it', async (t) => {
  const { kept, handler, seen } = gate()
  const { origin, get, ask } = await startCached(t, (req) => (req.method === 'PUT' ? req.answer(204) : handler(req)))
  const old = get('/a')
  await seen(origin, 1)
  await ask('PUT', '/a')
  kept[0]?.answer(200, 'from before', HOUR)
  assert.equal((await old).text(), 'from before')
  const next = get('/a')
  await seen(origin, 3)
  kept[1]?.answer(200, 'from after', HOUR)
  assert.equal((await next).text(), 'from after')
})
