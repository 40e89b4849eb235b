// The pipe `cors` over real sockets: what browsers are told, and what they are not.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createOrigins } from '../../../processor/pipes/auth/origins.js'
import { startGateway } from '../../kit/gateway.js'
import { request, type Answer } from '../../kit/http.js'
import { saidOf } from './faults.js'
import { startPiped } from './rig.js'

const APP = 'https://app.example.org'
const OPTIONS = {
  use: 'cors',
  origins: [APP, 'https://*.example.net'],
  methods: ['GET', 'PUT'],
  headers: ['Content-Type', 'X-One'],
  expose: ['X-Mark'],
  credentials: true,
  max_age: '12h',
}

const preflight = (origin: string, method: string, headers?: string) => ({
  Origin: origin,
  'Access-Control-Request-Method': method,
  ...(headers !== undefined && { 'Access-Control-Request-Headers': headers }),
})

const said = (answer: Answer) =>
  Object.fromEntries(
    answer.fields
      .map(([name, value]) => [name.toLowerCase(), value] as const)
      .filter(([name]) => name.startsWith('access-control-')),
  )

test('an allowed preflight gets 204 and what is allowed, and no instance hears of it', async (t) => {
  const { port, origin } = await startPiped(t, {}, [OPTIONS])
  const answer = await request(port, 'OPTIONS', '/x', { fields: preflight(APP, 'PUT', 'content-type,x-one') })
  assert.equal(answer.status, 204)
  assert.deepEqual(said(answer), {
    'access-control-allow-origin': APP,
    'access-control-allow-methods': 'PUT',
    'access-control-allow-headers': 'content-type,x-one',
    'access-control-allow-credentials': 'true',
    'access-control-max-age': '43200',
  })
  assert.equal(answer.field('vary'), 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers')
  assert.equal(answer.field('content-type'), undefined)
  assert.equal(origin.requests.length, 0)
})

test('a preflight that is denied gets 204 and no word of what is allowed', async (t) => {
  const { port, origin } = await startPiped(t, {}, [OPTIONS])
  for (const fields of [
    preflight('https://evil.example', 'GET'),
    preflight(APP, 'DELETE'),
    preflight(APP, 'put'),
    preflight(APP, 'PUT', 'x-one, x-two'),
    preflight('null', 'GET'),
    preflight('http://app.example.org', 'GET'),
    preflight(`${APP}:8443`, 'GET'),
    preflight(`${APP}.evil.example`, 'GET'),
  ]) {
    const answer = await request(port, 'OPTIONS', '/x', { fields })
    assert.deepEqual([answer.status, said(answer)], [204, {}], JSON.stringify(fields))
    assert.match(answer.field('vary') ?? '', /Origin/)
  }
  assert.equal(origin.requests.length, 0)
})

test('a page of an allowed origin may read the answer, one of another origin may not, and both reach the instance', async (t) => {
  const { port, origin } = await startPiped(t, {}, [OPTIONS])
  const allowed = await request(port, 'GET', '/x', { fields: { Origin: 'https://a.b.example.net' } })
  assert.deepEqual(said(allowed), {
    'access-control-allow-origin': 'https://a.b.example.net',
    'access-control-allow-credentials': 'true',
    'access-control-expose-headers': 'X-Mark',
  })
  const denied = await request(port, 'GET', '/x', { fields: { Origin: 'https://evil.example' } })
  assert.deepEqual([denied.status, said(denied)], [200, {}])
  const plain = await request(port, 'GET', '/x')
  assert.deepEqual([plain.status, said(plain)], [200, {}])
  for (const answer of [allowed, denied, plain]) assert.equal(answer.field('vary'), 'Origin')
  assert.equal(origin.requests.length, 3)
})

test('OPTIONS that is no preflight goes to the instance', async (t) => {
  const { port, origin } = await startPiped(t, {}, [OPTIONS])
  await request(port, 'OPTIONS', '/x')
  await request(port, 'OPTIONS', '/x', { fields: { Origin: APP } })
  assert.equal(origin.requests.length, 2)
})

test('what an instance says itself gives way, and its Vary stays', async (t) => {
  const handler = (req: { answer(status: number, body: string, fields: Record<string, string>): void }) =>
    req.answer(200, '', {
      'Access-Control-Allow-Origin': '*',
      'access-control-allow-credentials': 'true',
      Vary: 'Accept',
    })
  const { port } = await startPiped(t, {}, [OPTIONS], { handler })
  const denied = await request(port, 'GET', '/', { fields: { Origin: 'https://evil.example' } })
  assert.deepEqual(said(denied), {})
  const vary = denied.fields.filter(([name]) => name.toLowerCase() === 'vary').map(([, value]) => value)
  assert.deepEqual(vary.join(', '), 'Accept, Origin')
})

test('with a star every page may read, and the star is what is said', async (t) => {
  const { port } = await startPiped(t, {}, [{ use: 'cors', origins: '*', headers: ['*'], methods: ['*'] }])
  const answer = await request(port, 'GET', '/', { fields: { Origin: 'https://any.example' } })
  assert.deepEqual(said(answer), { 'access-control-allow-origin': '*' })
  assert.equal(answer.field('vary'), 'Origin')
  const asked = await request(port, 'OPTIONS', '/', { fields: preflight('null', 'PATCH', 'x-any, y') })
  assert.deepEqual(said(asked), {
    'access-control-allow-origin': '*',
    'access-control-allow-methods': 'PATCH',
    'access-control-allow-headers': 'x-any, y',
  })
  const odd = await request(port, 'OPTIONS', '/', { fields: preflight('null', 'PATCH', 'x any') })
  assert.deepEqual([odd.status, said(odd)], [204, {}])
})

test('refusals of later pipes and the gateway’s own problems can be read by an allowed page, too', async (t) => {
  const { port } = await startGateway(t, {
    processor: {
      pipes: [
        { use: 'cors', origins: APP },
        { use: 'filter', headers: [] },
      ],
    },
    services: {
      api: { servers: ['127.0.0.1:9'], apis: ['/x'], pipes: [{ use: 'auth-key', keys: ['0123456789abcdef'] }] },
    },
  })
  const refused = await request(port, 'GET', '/x', { fields: { Origin: APP } })
  const lost = await request(port, 'GET', '/nowhere', { fields: { Origin: APP } })
  assert.deepEqual([refused.status, lost.status], [401, 404])
  for (const answer of [refused, lost]) assert.equal(answer.field('access-control-allow-origin'), APP)
})

test('a star goes for labels only, and for nothing that would end the host', () => {
  const allows = createOrigins(['https://*.example.org', 'http://*.local:3000'])
  for (const origin of ['https://a.example.org', 'https://a-1.b.example.org', 'http://x.local:3000'])
    assert.ok(allows(origin), origin)
  for (const origin of [
    'https://example.org',
    'https://.example.org',
    'https://evil.example/.example.org',
    'https://evil.example?.example.org',
    'https://a.example.org:8443',
    'https://a.example.org.evil.example',
    'http://a.example.org',
    `https://${'a.'.repeat(200)}example.org`,
  ])
    assert.ok(!allows(origin), origin)
})

test('a star with credentials, and what is no origin, are faults with their places', () => {
  const star = saidOf({ use: 'cors', origins: ['*'], credentials: true })
  assert.match(star.faults[0] ?? '', /^test\.json:6:11 .*origins {2}with credentials every page/)
  for (const origin of [
    'app.example.org',
    'https://a/',
    'https://a/b',
    'https://u@a',
    'https://a:0',
    'https://*',
    'https://a.*.b',
    '',
  ])
    assert.match(saidOf({ use: 'cors', origins: [origin] }).faults[0] ?? '', /origins\[0\]/, origin)
  const options = saidOf({ use: 'cors', origins: ['HTTPS://App.Example.org:443', 'http://[::1]:8080'] }).options
  assert.deepEqual((options as { origins: unknown }).origins, ['https://app.example.org', 'http://[::1]:8080'])
})
