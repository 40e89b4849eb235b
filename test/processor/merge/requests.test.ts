// What services are asked: paths, query, header fields, bodies, and where redirects lead.
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import type { Origin, OriginRequest } from '../../kit/origin.js'
import { echo, serve, status } from './serving.js'

const users = { service: 'users', path: '/users/{id}' }
const one = (origin: Origin | undefined): OriginRequest => {
  assert.equal(origin?.requests.length, 1)
  return origin.requests[0] as OriginRequest
}
const names = (request: OriginRequest) => request.fields.map(([name]) => name.toLowerCase()).sort()

test('a parameter stays within its segment, and within its value in the query', async (t) => {
  const asked = async (target: string, path: string) => {
    const { ask, origins } = await serve(t, { users: echo() }, { merge: [{ service: 'users', path }] })
    await ask(target)
    return one(origins['users']).target
  }
  assert.equal(await asked('/m/a%20b', '/u/{id}?q={id}'), '/u/a%20b?q=a%20b')
  assert.equal(await asked('/m/a&x=1', '/u/{id}?q={id}&z=2'), '/u/a%26x%3D1?q=a%26x%3D1&z=2')
  assert.equal(await asked('/m/a%3Fb%23c', '/u/{id}'), '/u/a%3Fb%23c')
  assert.equal(await asked('/m/%C3%A9', '/{id}'), '/%C3%A9')
})

test('a parameter cannot lead out of the path of its part', async (t) => {
  const route = { match: { path: '/m/{a}/{b}' }, merge: [{ service: 'users', path: '/u/{a}{b}/x' }] }
  const { ask, origins } = await serve(t, { users: echo() }, route)
  const answer = await ask('/m/%2e/.')
  assert.notEqual(answer.status, 200)
  const dots = await serve(t, { users: echo() }, { ...route, match: { path: '/m/{a}/{b}', exact: true } })
  assert.notEqual((await dots.ask('/m/./.')).status, 200)
  assert.equal(origins['users']?.requests.length, 0)
  assert.equal(dots.origins['users']?.requests.length, 0)
})

async function writePipe(t: TestContext, hooks: string, more = ''): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'merge-'))
  t.after(() => rm(folder, { recursive: true }))
  const module = join(folder, 'pipe.mjs')
  await writeFile(module, `export default { ${more} create: () => ({ ${hooks} }) }`)
  return module
}

test('claims of a token that a pipe has verified fill the path', async (t) => {
  const claims = { sub: 'ann/1', 'https://x.example/c': 'whole', realm: { tenant: 7 } }
  const pipe = await writePipe(t, `onRequest(x) { x.state.set('jwt.claims', ${JSON.stringify(claims)}) }`)
  const path = '/{JWT.sub}/{JWT.https://x.example/c}/{JWT.realm.tenant}'
  const route = { merge: [{ service: 'users', path }], pipes: [{ use: pipe }] }
  const { ask, origins } = await serve(t, { users: echo() }, route)
  assert.equal((await ask()).status, 200)
  assert.equal(one(origins['users']).target, '/ann%2F1/whole/7')
})

test('what pipes make of a request and of an answer holds for parts too', async (t) => {
  const hooks = `
    onRequest(x) { x.setBody(x.body + '!'); x.headers.set('X-Tenant', 'acme'); x.target = '/m/1?seen=1' },
    onResponse(x, answer) { answer.headers.set('X-Seen', answer.headers.get('serverpy-completed')); answer.setBody(answer.body + '!') }`
  const pipe = await writePipe(t, hooks, 'buffer: { request: 1000, response: 1000 },')
  const saying = async (asked: OriginRequest) =>
    asked.answer(200, JSON.stringify({ b: String(await asked.body()), t: asked.target, h: asked.field('x-tenant') }))
  const { ask } = await serve(t, { users: saying }, { merge: [users], pipes: [{ use: pipe }] })
  const answer = await ask('/m/1', { method: 'POST', body: 'hello' })
  assert.equal(answer.text(), '{"b":"hello!","h":"acme","t":"/users/1?seen=1"}!')
  assert.equal(answer.field('x-seen'), 'true')
})

test('a part whose claim is missing fails, and nothing is sent', async (t) => {
  const { ask, origins } = await serve(t, { users: echo() }, { merge: [{ service: 'users', path: '/{JWT.sub}' }] })
  assert.equal((await ask()).status, 500)
  assert.equal(origins['users']?.requests.length, 0)
})

test('of the query only what is listed passes, in the route and then in the part', async (t) => {
  const target = '/m/1?a=1&b=2&b=3&c%5B%5D=4&d'
  const asked = async (route: string[] | undefined, part: string[] | undefined, path = '/u') => {
    const given = {
      merge: [{ service: 'users', path, ...(part && { input_query_strings: part }) }],
      ...(route && { input_query_strings: route }),
    }
    const { ask, origins } = await serve(t, { users: echo() }, given)
    await ask(target)
    return one(origins['users']).target
  }
  assert.equal(await asked(undefined, undefined), '/u?a=1&b=2&b=3&c%5B%5D=4&d')
  assert.equal(await asked(['*'], undefined, '/u?x=0'), '/u?x=0&a=1&b=2&b=3&c%5B%5D=4&d')
  assert.equal(await asked(['b', 'c[]'], undefined), '/u?b=2&b=3&c%5B%5D=4')
  assert.equal(await asked([], undefined), '/u')
  assert.equal(await asked(['b', 'a'], ['a', 'd']), '/u?a=1')
})

test('what the config says in a query no client can say again, in whatever spelling', async (t) => {
  const asked = async (more: object = {}) => {
    const part = { service: 'users', path: '/u?role=guest&tenant={id}' }
    const { ask, origins } = await serve(t, { users: echo() }, { merge: [part], ...more })
    await ask('/m/1?role=admin&a=1&r%6fle=admin&tenant=2&role[]=admin&role%5B0%5D=admin&role=&roles=x')
    return one(origins['users']).target
  }
  assert.equal(await asked(), '/u?role=guest&tenant=1&a=1&roles=x')
  assert.equal(await asked({ input_query_strings: ['role', 'a'] }), '/u?role=guest&tenant=1&a=1')
  assert.match(await asked({ forwarding: 'strict', input_query_strings: ['*'] }), /role=guest&tenant=1&role=admin&/)
})

test('of the header fields only what is listed passes, and Content-Type where nothing is listed', async (t) => {
  const fields = { Authorization: 'Bearer x', 'X-A': '1', 'X-B': '2', 'Content-Type': 'text/x', 'User-Agent': 'test/1' }
  const asked = async (route: object, part: object = {}) => {
    const { ask, origins } = await serve(
      t,
      { users: echo() },
      { merge: [{ ...users, ...part }], forwarding: 'strict', ...route },
    )
    await ask('/m/1', { fields: { Host: 'api.example:81', ...fields } })
    return one(origins['users'])
  }
  const none = await asked({ input_headers: [] })
  assert.deepEqual(names(none), [
    'accept-encoding',
    'content-type',
    'host',
    'user-agent',
    'x-forwarded-for',
    'x-forwarded-host',
  ])
  assert.equal(none.field('x-forwarded-for'), '127.0.0.1')
  assert.equal(none.field('x-forwarded-host'), 'api.example:81')
  assert.match(none.field('user-agent') ?? '', /^serverpy\//)
  const some = await asked({ input_headers: ['x-a', 'user-agent', 'X-Nobody'] })
  assert.deepEqual(names(some), [
    'accept-encoding',
    'host',
    'user-agent',
    'x-a',
    'x-forwarded-for',
    'x-forwarded-host',
    'x-forwarded-via',
  ])
  assert.equal(some.field('user-agent'), 'test/1')
  assert.match(some.field('x-forwarded-via') ?? '', /^serverpy\//)
  const all = await asked({ input_headers: ['*'] })
  assert.equal(all.field('authorization'), 'Bearer x')
  const fewer = await asked({ input_headers: ['*'] }, { input_headers: ['X-B'] })
  assert.deepEqual(names(fewer), [
    'accept-encoding',
    'host',
    'user-agent',
    'x-b',
    'x-forwarded-for',
    'x-forwarded-host',
  ])
})

test('natively everything passes but what would shape the answer, with what the gateway tells about the client', async (t) => {
  const { ask, origins } = await serve(t, { users: echo() }, { merge: [users] })
  const shaping = { Accept: 'text/plain', 'Accept-Encoding': 'br', 'If-None-Match': '"x"', Range: 'bytes=0-1' }
  const answer = await ask('/m/1', {
    fields: { Authorization: 'Bearer x', Cookie: 'a=1', 'User-Agent': 'test/1', ...shaping },
  })
  assert.equal(answer.status, 200)
  const request = one(origins['users'])
  assert.deepEqual(names(request), [
    'accept-encoding',
    'authorization',
    'cookie',
    'host',
    'traceparent',
    'user-agent',
    'via',
    'x-forwarded-for',
    'x-forwarded-host',
    'x-forwarded-proto',
    'x-request-id',
  ])
  assert.equal(request.field('accept-encoding'), 'gzip')
  assert.equal(request.field('x-request-id'), answer.field('x-request-id'))
  const named = await serve(t, { users: echo() }, { merge: [users], input_headers: ['Accept'] })
  await named.ask('/m/1', { fields: shaping })
  assert.equal(one(named.origins['users']).field('accept'), 'text/plain')
})

test('an answer in gzip, deflate or br is unpacked', async (t) => {
  const packed = (bytes: Buffer, coding: string) => status(200, bytes, { 'Content-Encoding': coding })
  const services = {
    users: packed(gzipSync('{"a":1}'), 'gzip'),
    orders: packed(deflateSync('{"b":2}'), 'deflate'),
    stock: packed(brotliCompressSync('{"c":3}'), 'br'),
  }
  const merge = [users, { service: 'orders', path: '/' }, { service: 'stock', path: '/' }]
  const { ask } = await serve(t, services, { merge })
  assert.equal((await ask()).text(), '{"a":1,"b":2,"c":3}')
})

test('what unpacks to more than an answer may be is a failure', async (t) => {
  const bomb = gzipSync(Buffer.alloc(2 ** 22, '['))
  const { ask } = await serve(
    t,
    { users: status(200, bomb, { 'Content-Encoding': 'gzip' }) },
    { merge: [{ ...users, answer_size: '1MiB' }] },
  )
  assert.equal((await ask()).status, 500)
})

test('the body of a request goes to each part whose method takes one', async (t) => {
  const bodies: Record<string, string> = {}
  const taking = (name: string) => async (asked: OriginRequest) => {
    bodies[name] = `${asked.method} ${asked.field('content-type')} ${String(await asked.body())}`
    asked.answer(200, '{}')
  }
  const merge = [
    { service: 'a', path: '/' },
    { service: 'b', path: '/', method: 'PUT' },
    { service: 'c', path: '/', method: 'GET' },
  ]
  const { ask } = await serve(
    t,
    { a: taking('a'), b: taking('b'), c: taking('c') },
    { merge, static: { data: { ok: 1 } } },
  )
  const answer = await ask('/m/1', { method: 'POST', body: '{"x":1}', fields: { 'Content-Type': 'application/json' } })
  assert.equal(answer.text(), '{"ok":1}')
  assert.deepEqual(bodies, {
    a: 'POST application/json {"x":1}',
    b: 'PUT application/json {"x":1}',
    c: 'GET undefined ',
  })
})

test('a body in chunks arrives whole, and a client that waits is told to go on', async (t) => {
  const { gateway } = await serve(
    t,
    { users: async (asked: OriginRequest) => asked.answer(200, JSON.stringify({ got: String(await asked.body()) })) },
    { merge: [users] },
  )
  const { rawRequest } = await import('../../kit/http.js')
  const head = 'POST /m/1 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n'
  const raw = await rawRequest(gateway.port, [head, '3\r\nabc\r\n', '2\r\nde\r\n0\r\n\r\n'])
  assert.match(raw.toString(), /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK[^]*\{"got":"abcde"\}$/)
})

test('a body that is longer than the route takes is refused, and no service is asked', async (t) => {
  const { ask, origins } = await serve(t, { users: echo() }, { merge: [users], request_size: 10 })
  assert.equal((await ask('/m/1', { method: 'POST', body: '0123456789' })).status, 200)
  assert.equal((await ask('/m/1', { method: 'POST', body: '0123456789a' })).status, 413)
  assert.equal(origins['users']?.requests.length, 1)
})

test('redirects within the service are followed, with a Referer and by the rules of their status', async (t) => {
  const redirecting = (asked: OriginRequest) => {
    const code = /^\/r\/(\d+)/.exec(asked.target)?.[1]
    if (code !== undefined) return asked.answer(Number(code), 'gone', { Location: '/there?x=1' })
    return asked.answer(
      200,
      JSON.stringify({
        m: asked.method,
        t: asked.target,
        r: asked.field('referer'),
        l: asked.field('content-length') ?? null,
      }),
    )
  }
  const { ask, origins } = await serve(t, { users: redirecting }, { merge: [{ service: 'users', path: '/r/{id}' }] })
  const base = `http://${origins['users']?.address}/r`
  for (const code of [301, 302, 303, 307, 308]) {
    const got = (await ask(`/m/${code}`)).json()
    assert.deepEqual(got, { m: 'GET', t: '/there?x=1', r: `${base}/${code}`, l: null }, String(code))
  }
  const posted = async (code: number) => (await ask(`/m/${code}`, { method: 'POST', body: 'abc' })).json()
  assert.deepEqual(await posted(303), { m: 'GET', t: '/there?x=1', r: `${base}/303`, l: null })
  assert.deepEqual(await posted(307), { m: 'POST', t: '/there?x=1', r: `${base}/307`, l: '3' })
})

test('a redirect to the own address of the service is followed, one to another host is a failure', async (t) => {
  let location = ''
  const redirecting = (asked: OriginRequest) =>
    asked.target === '/end' ? asked.answer(200, '{"end":1}') : asked.answer(302, '', { Location: location })
  const { ask, origins } = await serve(
    t,
    { users: redirecting, other: { stolen: 1 } },
    { merge: [users], return_error_msg: true },
  )
  location = `http://${origins['users']?.address}/end`
  assert.equal((await ask()).text(), '{"end":1}')
  location = `http://${origins['other']?.address}/end`
  const foreign = await ask()
  assert.equal(foreign.status, 500)
  // Where it leads is no client's affair.
  assert.equal(foreign.text(), 'its redirect cannot be followed')
  for (location of ['//169.254.169.254/', 'file:///etc/passwd', 'http://[', `http://x@${origins['other']?.address}/`])
    assert.equal((await ask()).status, 500, location)
  assert.equal(origins['other']?.requests.length, 0)
})

test('redirects without end are given up', async (t) => {
  const { ask, origins } = await serve(
    t,
    { users: status(302, '', { Location: '/again' }) },
    { merge: [{ ...users, redirects: 3 }] },
  )
  assert.equal((await ask()).status, 500)
  assert.equal(origins['users']?.requests.length, 4)
  const off = await serve(
    t,
    { users: status(302, '', { Location: '/again' }) },
    { merge: [{ ...users, redirects: 0 }] },
  )
  assert.equal((await off.ask()).status, 500)
  assert.equal(off.origins['users']?.requests.length, 1)
})
