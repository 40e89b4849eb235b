// What an operator expects when something fails: one clear answer, a connection that lives where it can, no secret told.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { freePort } from '../kit/ports.js'
import { dial } from '../kit/wire.js'
import { get, OK, ok, startRig } from './rig.js'

const refused = await freePort()
const { ask, gateway } = await startRig({ after }, (address) => ({
  processor: { limits: { body: 1000 } },
  routes: [{ match: { path: '/read', methods: ['GET'] }, service: 's' }],
  services: {
    refused: { servers: [`127.0.0.1:${refused}`], apis: ['/refused'] },
    down: { servers: ['127.0.0.1:9'], apis: ['/down'] },
    pair: { servers: [{ url: `127.0.0.1:${refused}`, priority: 'high' }, address], apis: ['/pair'] },
    slow: { servers: [address], apis: ['/slow'], timeout: { first_byte_ms: 150 }, retry: { attempts: 1 } },
  },
}))
gateway.set({ '127.0.0.1:9': { health: 'down' } })
const impatient = await startRig({ after }, () => ({ processor: { timeouts: { idle_ms: 300 } } }))

const post = (fields: string, body = '', target = '/s') =>
  `POST ${target} HTTP/1.1\r\nHost: example.org\r\n${fields}\r\n${body}`

test('quality: a failure is a problem (RFC 9457) with the id of its request, not to be stored', async () => {
  for (const bytes of [get('', '/nowhere'), get('', '/refused'), get('', '/down'), get('bad\r\n'), get('', '/s?#')]) {
    const answer = await ask(bytes)
    assert.ok(answer.status >= 400)
    assert.deepEqual(answer.values('content-type'), ['application/problem+json'])
    assert.deepEqual(answer.values('cache-control'), ['no-store'])
    assert.deepEqual(answer.values('content-length'), [`${answer.body.length}`])
    const problem = JSON.parse(answer.body) as Record<string, unknown>
    assert.match(String(problem['type']), /^urn:/)
    assert.equal(problem['code'], answer.status)
    assert.deepEqual(answer.values('x-request-id'), [problem['request_id']])
  }
})

test('quality: every failure of the gateway has a Proxy-Status', async () => {
  for (const bytes of [
    get('', '/refused'),
    get('', '/down'),
    get('bad\r\n'),
    get('', '/nowhere'),
    post('', '', '/read'),
  ])
    assert.equal((await ask(bytes)).values('proxy-status').length, 1, bytes)
})

test('quality: Proxy-Status and Via call the gateway by one name', async () => {
  const answer = await ask(get('', '/refused'))
  const [via = ''] = answer.values('via')
  const [status = ''] = answer.values('proxy-status')
  assert.equal(status.split(';')[0]?.replaceAll('"', ''), via.split(' ')[1])
})

test('quality: a 503 says in Retry-After when to come back', async () => {
  assert.match((await ask(get('', '/down'))).values('retry-after')[0] ?? '', /^[1-9]\d*$/)
})

test('quality: what is wrong between gateway and origin does not cost the client its connection', async () => {
  const targets = ['/nowhere', '/refused', '/down', '/slow', '/s']
  const answer = await ask(targets.map((target) => get('', target)).join(''), {
    answers: targets.length,
    reply: (r) => r.target === '/s' && r.send(OK),
  })
  assert.deepEqual(
    answer.answers.map(({ startLine }) => startLine.slice(9, 12)),
    ['404', '502', '503', '504', '200'],
  )
  assert.equal(answer.end, 'open')
})

test('quality: bytes that were refused are answered once, with Connection: close', async () => {
  const answer = await ask(`${get('bad\r\n')}${get('worse\r\n')}${get()}`, { toEnd: true })
  assert.equal(answer.answers.length, 1)
  assert.deepEqual(answer.values('connection'), ['close'])
  assert.equal(answer.end, 'closed')
})

test('quality: requests before refused bytes are answered first', async () => {
  const answer = await ask(`${get()}${get()}${get('bad\r\n')}`, { toEnd: true })
  assert.deepEqual(
    answer.answers.map(({ startLine }) => startLine.slice(9, 12)),
    ['200', '200', '400'],
  )
})

test('quality: a problem repeats neither secrets nor markup of the request', async () => {
  const secrets = 'Authorization: Bearer hush-1\r\nCookie: id=hush-2\r\n'
  for (const bytes of [
    get(`${secrets}bad hush-3\r\n`),
    get(secrets, '/nowhere/<script>alert(1)</script>?token=hush-4'),
    get(secrets, '/refused?token=hush-5'),
    `GET /s HTTP/1.1\r\nHost: <hush-6>\r\n${secrets}\r\n`,
  ]) {
    const answer = await ask(bytes)
    assert.ok(answer.status >= 400)
    assert.doesNotMatch(answer.raw, /hush-\d/)
    assert.deepEqual(answer.values('content-type'), ['application/problem+json'])
  }
})

test('quality: a failure is told to HEAD by the same head, without a body', async () => {
  const answer = await ask(`HEAD /nowhere HTTP/1.1\r\nHost: h\r\n\r\n${get()}`, { answers: 2, head: [0] })
  assert.deepEqual(answer.values('content-type'), ['application/problem+json'])
  assert.equal(answer.answers[1]?.body.toString(), 'ok')
})

test('quality: an HTTP/1.0 client gets its problem with a length, and then the end', async () => {
  const answer = await ask('GET /nowhere HTTP/1.0\r\n\r\n', { toEnd: true })
  assert.equal(answer.status, 404)
  assert.deepEqual(answer.values('content-length'), [`${answer.body.length}`])
})

test('quality: an expectation that cannot be met is a 417', async () => {
  for (const value of ['the-unexpected', '100-continue, x', '100-continue;x=1'])
    assert.equal((await ask(get(`Expect: ${value}\r\n`))).status, 417, value)
})

test('quality: the limit of a body counts its content, in chunks too', async () => {
  const chunked = (bytes: number) =>
    post('Transfer-Encoding: chunked\r\n', `${bytes.toString(16)}\r\n${'x'.repeat(bytes)}\r\n0\r\n\r\n`)
  const echo = async (r: { body(): Promise<Buffer>; answer(status: number, body: string): void }): Promise<void> =>
    r.answer(200, `${(await r.body()).length}`)
  assert.equal((await ask(chunked(1000), { reply: echo })).body, '1000')
  assert.equal((await ask(chunked(1001), { reply: echo })).status, 413)
})

test('quality: a body that stops coming is a 408, and the connection ends', async (t) => {
  impatient.script(() => undefined)
  const wire = await dial(t, impatient.gateway.port)
  wire.send(post('Content-Length: 10\r\n', 'half'))
  assert.equal(await wire.ended(), 'closed')
  assert.match(wire.text(), /^HTTP\/1\.1 408 /)
  assert.match(wire.text(), /^Connection: close\r\n/m)
})

test('quality: an idempotent request survives an idle connection that the origin had closed', async () => {
  for (const method of ['GET', 'PUT', 'DELETE']) {
    await ask(get())
    let first = true
    const answer = await ask(`${method} /s HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi`, {
      reply: async (r) => {
        if (first) {
          first = false
          return r.close()
        }
        r.answer(200, await r.body())
      },
    })
    assert.equal(answer.status, 200, method)
    assert.equal(answer.body, 'hi')
  }
})

test('quality: an instance that refuses is passed over for another', async () => {
  for (const bytes of [get('', '/pair'), post('Content-Length: 2\r\n', 'hi', '/pair')])
    assert.equal((await ask(bytes)).status, 200)
})

test('quality: an answer of the origin is never retold as a problem', async () => {
  for (const status of ['400 a', '404 b', '500 c', '502 d', '503 e', '504 f']) {
    const answer = await ask(get(), {
      reply: ok('Content-Type: text/html\r\n', '<b>mine</b>').replace('200 OK', status),
    })
    assert.equal(answer.answers[0]?.startLine, `HTTP/1.1 ${status}`)
    assert.equal(answer.body, '<b>mine</b>')
  }
})
