// Clients that try to get past pipes that guard, or to make them fail for everybody.
import assert from 'node:assert/strict'
import crypto, { generateKeyPairSync, randomBytes, scryptSync } from 'node:crypto'
import { syncBuiltinESMExports } from 'node:module'
import { connect } from 'node:net'
import { test } from 'node:test'
import { SignJWT } from 'jose'
import { networkOf } from '../../../processor/pipes/count-key.js'
import { startGateway } from '../../kit/gateway.js'
import { rawRequest, request } from '../../kit/http.js'
import { usedBytes } from '../../kit/memory.js'
import { startOrigin, type OriginRequest } from '../../kit/origin.js'
import { waitFor } from '../../kit/wait.js'
import { pipeOf, startPiped, takeSeen } from './rig.js'

const KEY = 'a-key-of-more-than-sixteen-characters'

/** What came to the instance last, whole. */
const told = async (req: OriginRequest) => {
  await req.body()
  req.answer(200, 'told')
}

test('trailers of a client never reach an instance past pipes that go by the fields, however they come', async (t) => {
  const pipes = [
    { use: 'auth-key', keys: { admin: KEY }, name_header: 'X-User' },
    { use: 'filter', headers: [], query: ['a'] },
  ]
  const { port, origin } = await startPiped(t, {}, pipes, { handler: told })
  const head = `POST /x HTTP/1.1\r\nHost: a\r\nX-Api-Key: ${KEY}\r\nTE: trailers\r\nTransfer-Encoding: chunked\r\n\r\n`
  const body = '5\r\nhello\r\n0\r\nX-User: root\r\nX-Secret: 1\r\n\r\n'
  const ways = [
    [head + body],
    [head, body],
    [head, ...body],
    [`${head}5\r\nhello\r\n0\r\n`, 'X-User: root\r\nX-S: 1\r\n', '\r\n'],
  ]
  for (const [i, bytes] of ways.entries()) {
    const raw = await rawRequest(port, [...bytes, `GET /next${i} HTTP/1.1\r\nHost: a\r\nX-Api-Key: ${KEY}\r\n\r\n`], {
      answers: 2,
    })
    assert.equal(raw.toString().split('HTTP/1.1 200').length - 1, 2, `way ${i}`)
  }
  const all = origin.connections.map((connection) => connection.received().toString('latin1')).join('')
  assert.equal(all.split('5\r\nhello\r\n0\r\n\r\n').length - 1, ways.length)
  assert.doesNotMatch(all, /x-user: root|x-s/i)
})

test('trailers pass where no pipe has looked at the fields', async (t) => {
  const { port, origin } = await startPiped(
    t,
    { idle: 'export default { create: () => ({ onRequest() {} }) }' },
    [{ use: 'idle' }],
    {
      handler: told,
    },
  )
  await rawRequest(
    port,
    'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX-Sum: 1\r\n\r\n',
  )
  assert.match(origin.connections[0]?.received().toString() ?? '', /0\r\nX-Sum: 1\r\n\r\n$/)
})

test('a target that begins with two slashes makes no pipe fail, so nobody can open its breaker for all', async (t) => {
  const pipes = [
    { use: 'auth-key', keys: [KEY], query: 'key', header: 'X-Api-Key', breaker: { failures: 2, open: 60 } },
    { use: 'filter', query: ['a'], breaker: { failures: 2, open: 60 } },
  ]
  const { port, origin } = await startPiped(t, {}, pipes, { handler: told })
  for (let i = 0; i < 4; i++) assert.equal((await request(port, 'GET', '//x?key=wrong&b=1')).status, 401)
  const passed = await request(port, 'GET', `//x?key=${encodeURIComponent(KEY)}&a=1&b=2`)
  assert.deepEqual([passed.status, origin.requests[0]?.target], [200, '//x?a=1'])
})

test('a pipe that guards takes part where its condition has no value, one that does not stays out', async (t) => {
  const when = "int(request.headers['x-version']) < 3"
  const mark = { use: 'headers', when, request: { set: { 'X-Mark': 'yes' } } }
  const { port, origin } = await startPiped(t, {}, [{ use: 'auth-key', keys: [KEY], when }, mark], { handler: told })
  const ask = async (version: string) => (await request(port, 'GET', '/', { fields: { 'X-Version': version } })).status
  assert.equal(await ask('2'), 401)
  assert.equal(await ask('9'), 200)
  assert.equal(await ask('none'), 401)
  const known = { 'X-Version': 'none', 'X-Api-Key': KEY }
  assert.equal((await request(port, 'GET', '/', { fields: known })).status, 200)
  assert.equal(origin.requests.at(-1)?.field('x-mark'), undefined)
})

test('tokens of an unknown key keep nobody else out while the issuer hangs', async (t) => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'a', alg: 'ES256', use: 'sig' }
  const tokenOf = (kid: string, sub: string) =>
    new SignJWT({ sub }).setProtectedHeader({ alg: 'ES256', kid }).sign(privateKey)
  let asked = 0
  const issuer = await startOrigin(t, (req) => {
    if (++asked === 1) req.answer(200, JSON.stringify({ keys: [jwk] }))
  })
  const jwks = `http://${issuer.address}/keys`
  const pipe = { use: 'auth-jwt', jwks, jwks_timeout: '4s', jwks_cooldown: '1ms' }
  const { port } = await startPiped(t, {}, [pipe], { handler: told })
  const ask = async (kid: string, sub: string) =>
    (await request(port, 'GET', '/', { fields: { Authorization: `Bearer ${await tokenOf(kid, sub)}` } })).status
  assert.equal(await ask('a', 'first'), 200)
  const unknown = Array.from({ length: 20 }, (_, i) => ask(`unknown${i}`, 'x'))
  await waitFor(() => asked === 2)
  // All of them wait for the issuer, which says nothing until its time is up.
  let waiting = true
  void Promise.all(unknown).then(() => (waiting = false))
  for (let i = 0; i < 3; i++) assert.equal(await ask('a', `other${i}`), 200)
  assert.equal(waiting, true)
  await issuer.stop()
  assert.deepEqual(new Set(await Promise.all(unknown)), new Set([401]))
})

test('a parameter is counted as one however it is encoded', async (t) => {
  const origin = await startOrigin(t, told)
  const limit = { use: 'rate-limit', rate: 2, period: '1h', by: 'param:user' }
  const route = { match: { path: '/login/{user}' }, service: 'api', pipes: [limit] }
  const gateway = await startGateway(t, { services: { api: { servers: [origin.address] } }, routes: [route] })
  const ask = async (user: string) => (await request(gateway.port, 'POST', `/login/${user}`)).status
  const spelled = ['ada', '%61da', 'a%64a', '%61%64%61']
  assert.deepEqual(await Promise.all(spelled.map(ask)), [200, 200, 429, 429])
  assert.equal(await ask('bob'), 200)
})

test('a pipe that asks a service when the client has long gone asks nobody', async (t) => {
  const late = pipeOf(`async onRequest(x) {
    await new Promise((resolve) => x.signal.addEventListener('abort', resolve))
    await new Promise((resolve) => setImmediate(resolve))
    const call = { service: 'api', method: 'GET', target: '/late', fields: '', timeoutMs: 500, mostBytes: 100 }
    await x.call(call).answer.then(() => seen.push('answered'), (error) => seen.push(error.code)) }`)
  const { port, origin } = await startPiped(t, { late }, [{ use: 'late' }], { handler: told })
  takeSeen()
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => undefined)
  socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n', () => socket.resetAndDestroy())
  const [code] = await waitFor(() => {
    const seen = takeSeen()
    return seen.length > 0 ? seen : undefined
  })
  assert.deepEqual([code, origin.requests.length], ['client-gone', 0])
})

test('a client is counted as one whatever port its proxy tells beside the address', () => {
  assert.equal(networkOf('192.0.2.1:5001'), '192.0.2.1')
  assert.equal(networkOf('[2001:db8::1]:5001'), networkOf('2001:db8::1'))
  assert.equal(networkOf('[2001:db8::1]'), networkOf('2001:db8::2'))
  assert.equal(networkOf('unknown:stuff'), 'unknown:stuff')
})

test('guesses of clients that have gone are not checked any more', async (t) => {
  const real = crypto.scrypt
  let checked = 0
  crypto.scrypt = ((...all: Parameters<typeof real>) => {
    checked++
    real(...all)
  }) as typeof real
  syncBuiltinESMExports()
  t.after(() => {
    crypto.scrypt = real
    syncBuiltinESMExports()
  })
  const cost = 2 ** 15
  const salt = randomBytes(16)
  const key = scryptSync('open sesame', salt, 32, { N: cost, r: 8, p: 1, maxmem: 2 ** 26 })
  const password = `scrypt:${cost}:8:1:${salt.toString('base64')}:${key.toString('base64')}`
  const pipes = [{ use: 'auth-basic', users: { ann: password } }]
  const { port, gateway } = await startPiped(t, {}, pipes, { handler: told })
  const basic = (text: string) => `Basic ${Buffer.from(`ann:${text}`).toString('base64')}`
  const guesses = Array.from({ length: 80 }, (_, i) => {
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => undefined)
    socket.write(`GET / HTTP/1.1\r\nHost: a\r\nAuthorization: ${basic(String(i))}\r\n\r\n`)
    return socket
  })
  await waitFor(() => checked > 0)
  for (const socket of guesses) socket.resetAndDestroy()
  await waitFor(() => gateway.core.inFlight === 0)
  const before = checked
  assert.equal((await request(port, 'GET', '/', { fields: { Authorization: basic('open sesame') } })).status, 200)
  assert.equal(checked, before + 1)
})

test('names of programs that are remembered do not hold the heads they came in', async (t) => {
  const { port } = await startPiped(t, {}, [{ use: 'bot', patterns: ['crawler'] }], {
    handler: (req) => req.answer(200),
  })
  const asked = async (from: number, to: number) => {
    let all = ''
    const padding = `X-Padding: ${'x'.repeat(20_000)}`
    for (let i = from; i < to; i++)
      all += `GET / HTTP/1.1\r\nHost: a\r\nUser-Agent: a crawler of its own, ${i}\r\n${padding}\r\n\r\n`
    await rawRequest(port, all, { answers: to - from, timeoutMs: 20_000 })
    return usedBytes().heap
  }
  const before = await asked(0, 20)
  let after = 0
  for (let i = 20; i < 520; i += 50) after = await asked(i, i + 50)
  assert.ok(after - before < 5 * 2 ** 20, `${after - before} bytes more`)
})
