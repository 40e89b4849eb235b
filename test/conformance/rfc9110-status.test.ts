// RFC 9110 sections 8.6 and 15: what status codes promise, in forwarded answers and in those of the gateway itself.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { dial } from '../kit/wire.js'
import { get, members, OK, ok, startRig } from './rig.js'

const rig = await startRig({ after }, (address) => ({
  processor: { limits: { body: 1000 } },
  routes: [{ match: { path: '/read', methods: ['GET'] }, service: 's' }],
  services: {
    nobody: { servers: ['127.0.0.1:9'], apis: ['/nobody'] },
    slow: { servers: [address], apis: ['/slow'], timeout: { first_byte_ms: 150 }, retry: { attempts: 1 } },
  },
}))
const { ask } = rig
const impatient = await startRig({ after }, () => ({ processor: { timeouts: { request_head_ms: 300 } } }))

/** The answer to a first request, with proof that a second on the same connection is answered as well. */
async function followed(first: string, reply: string, head: readonly number[] = []) {
  let count = 0
  const answer = await ask(first + get('', '/s/next'), {
    reply: (r) => r.send(count++ === 0 ? reply : ok('', 'next')),
    answers: 2,
    head,
  })
  assert.equal(answer.answers.at(-1)?.body.toString(), 'next')
  return answer
}

for (const line of [
  '200 ',
  '207 Multi-Status',
  '299 Odd',
  '308 Permanent Redirect',
  '418 x',
  '477 y',
  '511 z',
  '599 w',
]) {
  test(`RFC 9110 15: an answer ${line.slice(0, 3)} is forwarded with its code`, async () => {
    const answer = await ask(get(), { reply: ok().replace('200 OK', line) })
    assert.equal(answer.answers[0]?.startLine, `HTTP/1.1 ${line}`)
    assert.equal(answer.body, 'ok')
  })
}

test('RFC 9110 8.6: a 204 is sent without Content-Length, whatever the origin said', async () => {
  const answer = await followed(get(), 'HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n')
  assert.equal(answer.status, 204)
  assert.deepEqual(answer.values('content-length'), [])
})

test('RFC 9110 15.3.5: a 204 ends with its head', async () => {
  assert.equal((await followed(get(), 'HTTP/1.1 204 No Content\r\nETag: "a"\r\n\r\n')).status, 204)
})

test('RFC 9110 15.3.6: a 205 without content is passed as that', async () => {
  for (const framing of ['Content-Length: 0', 'Transfer-Encoding: chunked']) {
    const end = framing.startsWith('T') ? '0\r\n\r\n' : ''
    const answer = await followed(get(), `HTTP/1.1 205 Reset Content\r\n${framing}\r\n\r\n${end}`)
    assert.equal(answer.status, 205)
    assert.equal(answer.body, '')
  }
})

test('RFC 9110 15.3.6: a 205 with content, which it may not have, breaks nothing', async () => {
  const answer = await followed(get(), 'HTTP/1.1 205 Reset Content\r\nContent-Length: 4\r\n\r\nbody')
  assert.equal(answer.status, 205)
})

test('RFC 9110 15.4.5: a 304 ends with its head, and its Content-Length is that of a 200', async () => {
  const answer = await followed(
    get('If-None-Match: "a"\r\n'),
    'HTTP/1.1 304 No\r\nETag: "a"\r\nContent-Length: 9\r\n\r\n',
    [0],
  )
  assert.equal(answer.status, 304)
  assert.deepEqual(answer.values('content-length'), ['9'])
})

test('RFC 9110 8.6: Content-Length of an answer to HEAD is that of the origin', async () => {
  const answer = await followed(
    'HEAD /s HTTP/1.1\r\nHost: h\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length: 12345\r\n\r\n',
    [0],
  )
  assert.deepEqual(answer.values('content-length'), ['12345'])
})

test('RFC 9110 8.6: no Content-Length is made up for an answer to HEAD that has none', async () => {
  const answer = await ask('HEAD /s HTTP/1.1\r\nHost: h\r\n\r\n', { reply: 'HTTP/1.1 200 OK\r\n\r\n', head: true })
  assert.equal(answer.status, 200)
  assert.deepEqual(answer.values('content-length'), [])
})

test('RFC 9110 15.5.6: a 405 of the gateway names the allowed methods', async () => {
  const answer = await ask('POST /read HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n')
  assert.equal(answer.status, 405)
  assert.deepEqual(members(answer.values('allow')).sort(), ['get', 'head'])
  assert.equal(answer.sent, '')
})

test('RFC 9110 15.5.6: so does a 405 to CONNECT, if that is the answer', async () => {
  const answer = await ask('CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n', { toEnd: true })
  if (answer.status === 405) assert.equal(answer.values('allow').length, 1)
  else assert.match(String(answer.status), /^(400|501)$/)
})

test('RFC 9110 15.5.9 SHOULD: a 408 says that the connection ends', async (t) => {
  const wire = await dial(t, impatient.gateway.port)
  wire.send('GET /s HTTP/1.1\r\nHost: exam')
  assert.equal(await wire.ended(), 'closed')
  assert.match(wire.text(), /^HTTP\/1\.1 408 /)
  assert.match(wire.text(), /^Connection: close\r\n/m)
})

test('RFC 9110 15.5.14: content over the limit is a 413, and its connection ends', async () => {
  const announced = await ask('POST /s HTTP/1.1\r\nHost: h\r\nContent-Length: 1001\r\n\r\n', { toEnd: true })
  assert.equal(announced.status, 413)
  assert.equal(announced.sent, '')
  const chunks = `3e8\r\n${'x'.repeat(1000)}\r\n`.repeat(200)
  const unannounced = await ask(`POST /s HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}0\r\n\r\n`, {
    reply: () => undefined,
    toEnd: true,
  })
  assert.equal(unannounced.status, 413)
  assert.equal(unannounced.requests.length, 0)
})

test('RFC 9110 15.6.3: an invalid answer is a 502', async () => {
  for (const reply of [
    'nonsense\r\n\r\n',
    'HTTP/1.1 2000 OK\r\n\r\n',
    'HTTP/1.1 20 OK\r\n\r\n',
    'ICY 200 OK\r\n\r\n',
    `x${OK}`,
  ])
    assert.equal((await ask(get(), { reply })).status, 502, reply)
})

test('RFC 9110 15.6.3: an origin that refuses the connection, or ends it instead of answering, is a 502', async () => {
  assert.equal((await ask(get('', '/nobody'))).status, 502)
  assert.equal(
    (await ask('POST /s HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n', { reply: (r) => r.close() })).status,
    502,
  )
})

test('RFC 9110 15.6.4: a service without an instance is a 503 that says when to come back', async () => {
  rig.gateway.set({ '127.0.0.1:9': { health: 'down' } })
  const answer = await ask(get('', '/nobody'))
  assert.equal(answer.status, 503)
  assert.match(answer.values('retry-after')[0] ?? '', /^\d+$/)
})

test('RFC 9110 15.6.5: an origin that does not answer in time is a 504', async () => {
  assert.equal((await ask(get('', '/slow'), { reply: () => undefined })).status, 504)
})

test('RFC 9110 15.5 and 15.6 SHOULD: an error of the gateway explains itself', async () => {
  for (const bytes of [get('', '/nowhere'), get('', '/nobody'), get('bad line\r\n'), get().replace('1.1', '3.0')]) {
    const answer = await ask(bytes)
    assert.ok(answer.status >= 400)
    const body = JSON.parse(answer.body) as { title: string; detail: string }
    assert.ok(body.title.length > 3 && body.detail.length > 3)
  }
})
