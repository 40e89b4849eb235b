// The pipe `filter` over real sockets: what is not listed does not pass.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startGateway } from '../../kit/gateway.js'
import { type Answer, rawRequest, request } from '../../kit/http.js'
import type { OriginRequest } from '../../kit/origin.js'
import { saidOf } from './faults.js'
import { startPiped } from './rig.js'

test('only listed fields and parameters reach an instance', async (t) => {
  const { port, origin } = await startPiped(t, {}, [
    { use: 'filter', headers: ['X-One', 'x-acme-*'], query: ['a', 'b c'] },
  ])
  const fields = { 'x-one': '1', 'X-Two': '2', 'X-Acme-Id': '7', Cookie: 'c=1', Authorization: 'Bearer t' }
  assert.equal((await request(port, 'GET', '/x?a=1&z=2&b+c=3&%61=4&a%5b%5d=5&', { fields })).status, 200)
  const [got] = origin.requests
  assert.equal(got?.target, '/x?a=1&b+c=3&%61=4')
  const names = got?.fields.map(([name]) => name.toLowerCase()).filter((name) => !OWN.has(name))
  assert.deepEqual(names, ['x-one', 'x-acme-id'])
})

/** What the gateway itself sends. */
const OWN = new Set([
  'host',
  'connection',
  'x-forwarded-for',
  'x-forwarded-proto',
  'x-forwarded-host',
  'x-request-id',
  'via',
  'traceparent',
])

test('a parameter that an instance would find behind a semicolon passes only where it is listed', async (t) => {
  const { port, origin } = await startPiped(t, {}, [{ use: 'filter', query: ['page', 'limit'] }])
  const cases = [
    ['/?page=1;admin=1&limit=2', '/?limit=2'],
    ['/?page=1;adm%69n', '/'],
    ['/?page=1;limit=2;', '/?page=1;limit=2;'],
    ['/?;page=1', '/?;page=1'],
  ] as const
  for (const [asked, passed] of cases) {
    await request(port, 'GET', asked)
    assert.equal(origin.requests.at(-1)?.target, passed)
  }
})

test('bodies of both kinds pass whole, whatever is listed', async (t) => {
  const { port } = await startPiped(t, {}, [{ use: 'filter', headers: [], query: [] }])
  const sized = await request(port, 'POST', '/x?q=1', { body: 'hello' })
  assert.equal(sized.text(), 'POST /x hello')
  const chunked = `POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`
  const twice = await rawRequest(port, chunked + chunked, { answers: 2 })
  assert.equal(twice.toString().split('POST /x hello').length - 1, 2)
})

test('a star lets everything pass', async (t) => {
  const { port, origin } = await startPiped(t, {}, [{ use: 'filter', headers: ['*'], query: ['x', '*'] }])
  await request(port, 'GET', '/?a=1&b=2', { fields: { 'X-Two': '2' } })
  assert.deepEqual([origin.requests[0]?.target, origin.requests[0]?.field('x-two')], ['/?a=1&b=2', '2'])
})

test('without a list for it, a part of the message is left as it is', async (t) => {
  const { port, origin } = await startPiped(t, {}, [{ use: 'filter', query: [] }])
  await request(port, 'GET', '/?a=1', { fields: { 'X-Two': '2' } })
  assert.deepEqual([origin.requests[0]?.target, origin.requests[0]?.field('x-two')], ['/', '2'])
})

test('of an answer only listed fields reach the client, and what its body is', async (t) => {
  const handler = (req: { answer(status: number, body: string, fields: Record<string, string>): void }) =>
    req.answer(200, '{}', {
      'Content-Type': 'application/json',
      Server: 'secret/1.0',
      ETag: '"1"',
      'X-Internal': 'yes',
    })
  const { port } = await startPiped(t, {}, [{ use: 'filter', answer_headers: ['ETag'] }], { handler })
  const answer = await request(port, 'GET', '/')
  assert.deepEqual(
    ['etag', 'content-type', 'server', 'x-internal'].map((name) => answer.field(name)),
    ['"1"', 'application/json', undefined, undefined],
  )
  assert.equal(answer.text(), '{}')
})

test('an answer that comes out of a store, or through a merge as it is, is filtered like the one of its instance', async (t) => {
  const handler = (req: OriginRequest) =>
    req.answer(200, 'body', { 'Cache-Control': 'max-age=60', ETag: '"1"', Server: 'secret/1.0', 'X-Internal': 'yes' })
  const filter = { use: 'filter', answer_headers: ['ETag'] }
  const passed = (answer: Answer) => ['etag', 'server', 'x-internal', 'cache-control'].map((name) => answer.field(name))
  const { port, origin } = await startPiped(t, {}, [filter, { use: 'cache' }], { handler })
  const ask = (fields: Record<string, string> = {}, method = 'GET') => request(port, method, '/', { fields })
  assert.equal((await ask()).field('cache-status'), 'serverpy; fwd=uri-miss; stored')
  for (const answer of [
    await ask(),
    await ask({}, 'HEAD'),
    await ask({ 'If-None-Match': '"1"' }),
    await ask({ Range: 'bytes=0-1' }),
  ]) {
    assert.match(answer.field('cache-status') ?? '', /^serverpy; hit/, String(answer.status))
    assert.deepEqual(passed(answer), ['"1"', undefined, undefined, undefined], String(answer.status))
    assert.ok(answer.field('x-request-id'))
  }
  const merge = [{ service: 's', path: '/' }]
  const route = { match: { path: '/' }, merge, output: 'no-op', pipes: [filter] }
  const gateway = await startGateway(t, { services: { s: { servers: [origin.address] } }, routes: [route] })
  const merged = await request(gateway.port, 'GET', '/')
  assert.deepEqual(passed(merged), ['"1"', undefined, undefined, undefined])
  assert.equal(merged.text(), 'body')
})

test('a filter without lists, or with a list of nonsense, is a fault', () => {
  assert.match(saidOf({ use: 'filter' }).faults[0] ?? '', /there is nothing to filter/)
  assert.match(
    saidOf({ use: 'filter', headers: ['a b'] }).faults[0] ?? '',
    /^test\.json:6:12 .*not a name of a header field/,
  )
  assert.match(saidOf({ use: 'filter', header: ['a'] }).faults.join(), /unknown key "header".*did you mean "headers"/)
})
