// RFC 9110 section 6: versions, content, trailers and the time of a message.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { get, ok, startRig } from './rig.js'

const { ask } = await startRig({ after })

const CHUNKS = '3\r\nabc\r\n0\r\n'

test('RFC 9110 6.2: a forwarded request has the version of the gateway', async () => {
  const answer = await ask('GET /s HTTP/1.0\r\nHost: example.org\r\n\r\n', { toEnd: true })
  assert.equal(answer.requests[0]?.startLine, 'GET /s HTTP/1.1')
})

test('RFC 9110 6.2: a forwarded answer has the version of the gateway', async () => {
  const answer = await ask(get(), { reply: 'HTTP/1.0 200 Fine\r\nContent-Length: 2\r\n\r\nok' })
  assert.equal(answer.answers[0]?.startLine, 'HTTP/1.1 200 Fine')
})

test('RFC 9110 6.2 SHOULD: an HTTP/1.0 request is answered in the highest version of its major', async () => {
  const answer = await ask('GET /s HTTP/1.0\r\n\r\n', { toEnd: true })
  assert.match(answer.raw, /^HTTP\/1\.1 200 /)
})

for (const version of ['1.2', '1.9']) {
  test(`RFC 9110 6.2 SHOULD: a request of HTTP/${version} is taken as one of HTTP/1.1`, async () => {
    const answer = await ask(`GET /s HTTP/${version}\r\nHost: example.org\r\n\r\n`)
    assert.equal(answer.status, 200)
    assert.equal(answer.requests[0]?.startLine, 'GET /s HTTP/1.1')
  })
}

test('RFC 9110 6.2: a major version that is not spoken here is never forwarded', async () => {
  for (const version of ['HTTP/2.0', 'HTTP/3.0', 'HTTP/0.9']) {
    const answer = await ask(`GET /s ${version}\r\nHost: example.org\r\n\r\n`, { toEnd: true })
    assert.match(String(answer.status), /^(505|400)$/)
    assert.equal(answer.sent, '')
  }
})

test('RFC 9110 6.5.1: a trailer of an answer is never merged into its header section', async () => {
  const reply = `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n${CHUNKS}X-Sum: 7\r\n\r\n`
  for (const bytes of [get(), get('TE: trailers\r\nConnection: TE\r\n'), 'GET /s HTTP/1.0\r\nHost: h\r\n\r\n']) {
    const answer = await ask(bytes, { reply, toEnd: bytes.includes('1.0') })
    assert.deepEqual(answer.values('x-sum'), [])
    assert.equal(answer.body, 'abc')
  }
})

test('RFC 9110 6.5.1: a trailer of a request is never merged into its header section', async () => {
  const answer = await ask(`${get('Transfer-Encoding: chunked\r\nTrailer: X-Sum\r\n')}${CHUNKS}X-Sum: 7\r\n\r\n`, {
    reply: async (r) => r.answer(200, await r.body()),
  })
  assert.equal(answer.body, 'abc')
  assert.deepEqual(answer.sentValues('x-sum'), [])
})

test('RFC 9110 6.5.1: trailers stay behind where there are no chunks to carry them', async () => {
  const reply = `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${CHUNKS}X-Sum: 7\r\n\r\n`
  const answer = await ask('GET /s HTTP/1.0\r\nHost: h\r\n\r\n', { reply, toEnd: true })
  assert.match(answer.raw, /\r\n\r\nabc$/)
})

test('RFC 9110 6.6.1: an answer that comes without a Date gets one', async () => {
  for (const reply of [ok(), 'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\n\r\n', ok().replace('200 OK', '404 No')]) {
    const answer = await ask(get(), { reply })
    assert.equal(answer.values('date').length, 1, reply)
    assert.ok(Math.abs(Date.parse(answer.values('date')[0] ?? '') - Date.now()) < 5000)
  }
})

test('RFC 9110 6.6.1: the answers of the gateway itself have a Date', async () => {
  const own = [get('', '/nowhere'), get().replace('example.org', 'not a host'), 'OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n']
  for (const bytes of own) {
    const answer = await ask(bytes)
    assert.equal(answer.sent, '')
    assert.equal(answer.values('date').length, 1, bytes)
  }
})

test('RFC 9110 6.6.2: the Trailer field is passed on, both ways', async () => {
  const fields = 'TE: trailers\r\nConnection: TE\r\nTransfer-Encoding: chunked\r\n'
  const answer = await ask(`${get(`${fields}Trailer: X-Sum, X-More\r\n`)}${CHUNKS}X-Sum: 7\r\n\r\n`, {
    reply: `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Back\r\n\r\n${CHUNKS}X-Back: 8\r\n\r\n`,
  })
  assert.deepEqual(answer.sentValues('trailer'), ['X-Sum, X-More'])
  assert.deepEqual(answer.values('trailer'), ['X-Back'])
})
