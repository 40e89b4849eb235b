// The pipe `redirect` over real sockets: where clients are sent, and where they never are.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { rawRequest, request } from '../../kit/http.js'
import type { Cleanup } from '../../kit/process.js'
import { saidOf } from './faults.js'
import { startPiped } from './rig.js'

async function redirected(t: Cleanup, options: Record<string, unknown>) {
  const { port, origin } = await startPiped(t, {}, [{ use: 'redirect', ...options }])
  const location = async (target: string, host = 'shop.example') => {
    const answer = await request(port, 'GET', target, { fields: { Host: host } })
    return { status: answer.status, to: answer.field('location') }
  }
  return { location, origin, port }
}

test('to https: host, path and query stay, and no instance is asked', async (t) => {
  const { location, origin } = await redirected(t, { https: true, status: 308 })
  assert.deepEqual(await location('/a/b?c=%20d'), { status: 308, to: 'https://shop.example/a/b?c=%20d' })
  assert.deepEqual(await location('/', 'shop.example:8001'), { status: 308, to: 'https://shop.example/' })
  assert.equal(origin.requests.length, 0)
})

test('a client that came over https by a trusted proxy passes', async (t) => {
  const { startGateway } = await import('../../kit/gateway.js')
  const { startOrigin } = await import('../../kit/origin.js')
  const origin = await startOrigin(t, (req) => req.answer(200, ''))
  const { port } = await startGateway(t, {
    processor: { trusted_proxies: ['127.0.0.1'], pipes: [{ use: 'redirect', https: true }] },
    services: { api: { servers: [origin.address], apis: ['/'] } },
  })
  const over = async (scheme: string) =>
    (await request(port, 'GET', '/', { fields: { 'X-Forwarded-Proto': scheme, 'X-Forwarded-For': '10.0.0.1' } })).status
  assert.deepEqual([await over('https'), await over('http')], [200, 302])
})

test('to another host: requests for it pass, others keep path and query', async (t) => {
  const { location } = await redirected(t, { host: 'www.shop.example', status: 301 })
  assert.deepEqual(await location('/x?y'), { status: 301, to: 'http://www.shop.example/x?y' })
  assert.equal((await location('/x', 'www.shop.example')).status, 200)
})

test('to a path made of what the request brings', async (t) => {
  const { location } = await redirected(t, { to: '/new{path}?from={query.a}' })
  assert.deepEqual(await location('/x/y?a=1%262'), { status: 302, to: '/new/x/y?from=1%262' })
})

test('a query goes along as it came', async (t) => {
  const { location } = await redirected(t, { to: '/new{path}?{query}' })
  assert.equal((await location('/x?a=1&b=%20c%26&d=//e?f"')).to, '/new/x?a=1&b=%20c%26&d=//e?f%22')
  assert.equal((await location('/x')).to, '/new/x')
  const path = await redirected(t, { to: '/new/{query}' })
  assert.equal((await path.location('/?/../a=b')).to, '/new/%2F..%2Fa%3Db')
})

test('no target of a client leads to a host of its choice', async (t) => {
  const plain = await redirected(t, { to: '{{' }).catch(() => undefined)
  assert.equal(plain, undefined, 'a place to go is checked in the config')
  const { location } = await redirected(t, { https: true })
  for (const target of ['//evil.example', '///evil.example/%2f', '/%5Cevil.example', '/\\evil.example']) {
    const { status, to } = await location(target)
    if (status === 302) assert.match(to ?? '', /^https:\/\/shop\.example\/[^/\\]/, target)
    else assert.equal(status, 400, target)
  }
})

test('a value cannot break out of the path, and never out of the field', async (t) => {
  const { location } = await redirected(t, { to: '/go/{query.to}' })
  assert.equal((await location('/?to=//evil.example')).to, '/go/%2F%2Fevil.example')
  assert.equal((await location('/?to=a%0d%0aSet-Cookie:%20x')).to, '/go/a%0D%0ASet-Cookie%3A%20x')
  assert.equal((await location('/?to=..')).to, '/go/%2E%2E')
})

test('a client that names no host is not sent to what stands behind it', async (t) => {
  for (const options of [{ to: 'https://{host}{path}' }, { https: true }]) {
    const { port } = await redirected(t, options)
    const answer = await rawRequest(port, 'GET /evil.example/x HTTP/1.0\r\n\r\n')
    assert.match(answer.toString('latin1'), /^HTTP\/1\.1 400 /)
  }
})

test('HEAD gets the head alone', async (t) => {
  const { port } = await redirected(t, { to: '/x' })
  const answer = await request(port, 'HEAD', '/')
  assert.deepEqual([answer.status, answer.body.length], [302, 0])
})

test('a redirect that the client could steer is a fault of the config', () => {
  const faults = (options: object) => saidOf({ use: 'redirect', ...options }).faults.join()
  assert.match(faults({ to: '{header.x}/a' }), /must be a path|must begin with text/)
  assert.match(faults({ to: '//evil' }), /must be a path/)
  assert.match(faults({ to: 'https://{header.host}/' }), /only \{host\}/)
  assert.match(faults({ to: 'https://x.example{path}' }), /only \{host\}/)
  assert.match(faults({}), /needs "to", "host" or "https: true"/)
  assert.match(faults({ to: '/x', status: 200 }), /must be one of 301/)
  assert.equal(faults({ to: 'https://{host}{path}' }), '')
})
