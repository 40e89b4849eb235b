// RFC 9110 sections 10 to 14: fields about the exchange that an intermediary passes, or must not touch.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { get, members, ok, startRig } from './rig.js'

const { ask } = await startRig({ after })

/** Each line on its own to the origin, and the values that came there. */
async function passes(lines: readonly string[]): Promise<void> {
  const answer = await ask(get(lines.map((line) => `${line}\r\n`).join('')))
  assert.equal(answer.status, 200)
  for (const line of lines) {
    const [name = '', ...rest] = line.split(': ')
    assert.deepEqual(answer.sentValues(name), [rest.join(': ')])
  }
}

async function returns(status: string, lines: readonly string[]): Promise<void> {
  const answer = await ask(get(), {
    reply: ok(lines.map((line) => `${line}\r\n`).join('')).replace('200 OK', status),
  })
  assert.equal(answer.answers[0]?.startLine, `HTTP/1.1 ${status}`)
  for (const line of lines) {
    const [name = '', ...rest] = line.split(': ')
    assert.deepEqual(answer.values(name), [rest.join(': ')])
  }
}

test('RFC 9110 10.1.3 SHOULD NOT: Referer is neither modified nor deleted', async () => {
  await passes(['Referer: http://example.org/secret?x=1'])
})

test('RFC 9110 10.1.4: a TE that goes to the origin is named in Connection', async () => {
  for (const connection of ['TE', 'te, close', 'keep-alive'])
    for (const te of ['trailers', 'Trailers', 'gzip;q=0.5, trailers', ', trailers,']) {
      const answer = await ask(get(`TE: ${te}\r\nConnection: ${connection}\r\n`))
      assert.equal(answer.status, 200)
      if (answer.sentValues('te').length > 0) assert.ok(members(answer.sentValues('connection')).includes('te'), te)
    }
})

test('RFC 9110 10.1.4: a TE of the gateway never promises what the client did not', async () => {
  assert.deepEqual((await ask(get())).sentValues('te'), [])
  assert.deepEqual((await ask(get('TE: deflate;q=0.5\r\nConnection: TE\r\n'))).sentValues('te'), [])
  assert.deepEqual((await ask(get('TE:\r\nConnection: TE\r\n'))).sentValues('te'), [])
})

test('RFC 9110 6.5: trailers of an answer reach the client that takes them', async () => {
  const chunks = '2\r\nhi\r\n0\r\nX-Sum: 7\r\nX-Sum: 8\r\nServer-Timing: db;dur=1\r\n\r\n'
  const reply = `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n${chunks}`
  const answer = await ask(get('TE: trailers\r\nConnection: TE\r\n'), { reply })
  assert.equal(answer.body, 'hi')
  assert.match(answer.raw, /0\r\nX-Sum: 7\r\nX-Sum: 8\r\nServer-Timing: db;dur=1\r\n\r\n$/)
})

test('RFC 9110 6.5: trailers of a request reach the origin', async () => {
  const chunks = '2\r\nhi\r\n0\r\nX-Sum: 7\r\nDigest: sha-256=abc\r\n\r\n'
  const answer = await ask(`${get('Transfer-Encoding: chunked\r\nTrailer: X-Sum\r\n')}${chunks}`, {
    reply: async (r) => r.answer(200, await r.body()),
  })
  assert.equal(answer.body, 'hi')
  assert.match(answer.sent, /0\r\nX-Sum: 7\r\nDigest: sha-256=abc\r\n\r\n$/)
})

for (const field of [
  'Content-Length: 9',
  'Transfer-Encoding: chunked',
  'Host: evil',
  'Connection: close',
  'Trailer: X',
]) {
  const [name = ''] = field.split(':')
  test(`RFC 9110 6.5.1: ${name} has no place in a trailer and is not forwarded in one`, async () => {
    const chunks = `2\r\nhi\r\n0\r\n${field}\r\n\r\n`
    const request = await ask(get('Transfer-Encoding: chunked\r\n') + chunks, { reply: () => undefined, toEnd: true })
    const trailer = new RegExp(`\\n0\\r\\n[^]*${field}`, 'i')
    assert.doesNotMatch(request.sent, trailer)
    const reply = `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}`
    assert.doesNotMatch((await ask(get('Connection: close\r\n'), { reply, toEnd: true })).raw, trailer)
  })
}

test('RFC 9110 10.2.1: Allow is not modified', async () => {
  await returns('405 No', ['Allow: GET, BREW , ,x'])
  await returns('200 OK', ['Allow: '])
})

test('RFC 9110 10.2.3: Retry-After is passed in either form', async () => {
  await returns('503 Later', ['Retry-After: 120'])
  await returns('503 Later', ['Retry-After: Fri, 31 Dec 1999 23:59:59 GMT'])
})

test('RFC 9110 11.6.1: WWW-Authenticate is not modified', async () => {
  const lines = 'WWW-Authenticate: Basic realm="a, b"\r\nWWW-Authenticate: Newauth realm="apps", type=1\r\n'
  const answer = await ask(get(), { reply: ok(lines).replace('200 OK', '401 No') })
  assert.deepEqual(answer.values('www-authenticate'), ['Basic realm="a, b"', 'Newauth realm="apps", type=1'])
})

test('RFC 9110 11.6.2: Authorization is not modified', async () => {
  await passes(['Authorization: Digest username="Mufasa",  realm="x", uri="/s", opaque=""'])
})

test('RFC 9110 11.6.3: Authentication-Info is not modified', async () => {
  await returns('200 OK', ['Authentication-Info: nextnonce="a,b", qop=auth'])
})

test('RFC 9110 12.5: the preferences of the client are passed', async () => {
  await passes([
    'Accept: text/*;q=0.3, text/html;level=1',
    'Accept-Charset: utf-8',
    'Accept-Encoding: gzip;q=1.0, identity; q=0.5, *;q=0',
    'Accept-Language: da, en-gb;q=0.8',
  ])
})

const conditions = [
  'If-Match: "xyzzy", W/"r2"',
  'If-None-Match: *',
  'If-Modified-Since: Sat, 29 Oct 1994 19:43:31 GMT',
  'If-Unmodified-Since: Sat, 29 Oct 2044 19:43:31 GMT',
  'If-Range: "xyzzy"',
]
for (const line of conditions) {
  test(`RFC 9110 13.2.1: ${line.split(':')[0]} is forwarded and not evaluated here`, async () => {
    const [name = '', ...value] = line.split(': ')
    const answer = await ask(get(`${line}\r\nRange: bytes=0-1\r\n`), {
      reply: ok('ETag: "other"\r\nLast-Modified: Sat, 29 Oct 1994 19:43:31 GMT\r\n'),
    })
    assert.deepEqual(answer.sentValues(name), [value.join(': ')])
    assert.equal(answer.status, 200)
    assert.equal(answer.body, 'ok')
  })
}

test('RFC 9110 14.2: Range is forwarded, and not applied here', async () => {
  for (const range of ['bytes=0-0', 'bytes=-1', 'bytes=0-0,1-1', 'lines=1-2']) {
    const answer = await ask(get(`Range: ${range}\r\n`))
    assert.deepEqual(answer.sentValues('range'), [range])
    assert.equal(answer.body, 'ok')
  }
})

test('RFC 9110 14.4 SHOULD: a part in a unit that nobody knows is forwarded', async () => {
  await returns('206 Part', ['Content-Range: lines 1-2/9'])
})

test('RFC 9110 14.4: 206 and 416 are passed as they are', async () => {
  await returns('206 Partial Content', ['Content-Range: bytes 0-1/9', 'ETag: "a"'])
  await returns('416 Range Not Satisfiable', ['Content-Range: bytes */9'])
})
