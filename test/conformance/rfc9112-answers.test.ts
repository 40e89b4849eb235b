// RFC 9112 sections 6 to 8 for answers: where one ends, and that one that broke off never looks whole.
import assert from 'node:assert/strict'
import { after, type TestContext, test } from 'node:test'
import { readMessages } from '../kit/message.js'
import type { OriginHandler } from '../kit/origin.js'
import { waitFor } from '../kit/wait.js'
import { dial } from '../kit/wire.js'
import { get, OK, ok, startRig } from './rig.js'

const { ask, gateway, origin, script } = await startRig({ after })

const HEAD = 'HEAD /s HTTP/1.1\r\nHost: example.org\r\n\r\n'
const OLD = 'GET /s HTTP/1.0\r\nHost: example.org\r\n\r\n'
const chunked = (body: string, fields = '') => `HTTP/1.1 200 OK\r\n${fields}Transfer-Encoding: chunked\r\n\r\n${body}`

/** These bytes, and the end of the connection. */
const last =
  (bytes: string): OriginHandler =>
  (r) => {
    r.send(bytes)
    r.close()
  }

/** What a client has got of an answer whose origin ends `how` in the middle of it, when the client has seen the beginning. */
async function broken(t: TestContext, bytes: string, how: 'close' | 'reset'): Promise<string> {
  let end = (): void => undefined
  script((r) => {
    r.send(bytes)
    end = () => r[how]()
  })
  const wire = await dial(t, gateway.port)
  wire.send(get() + get())
  await wire.until(/hel/)
  end()
  await wire.ended()
  return wire.text()
}

/** Sends `first`, then a plain request on the same connection, each answered in its turn. */
async function thenAnother(first: string, reply: string, bodyless: boolean): Promise<void> {
  let count = 0
  const answer = await ask(first + get('', '/s/next'), {
    reply: (r) => r.send(count++ === 0 ? reply : ok('', 'next')),
    answers: 2,
    head: bodyless ? [0] : false,
  })
  assert.equal(answer.answers.length, 2)
  assert.equal(answer.answers[1]?.body.toString(), 'next')
}

for (const [what, first, reply] of [
  ['HEAD with a length', HEAD, 'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n'],
  ['HEAD with chunks', HEAD, 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'],
  ['HEAD with neither', HEAD, 'HTTP/1.1 200 OK\r\n\r\n'],
  ['HEAD, 404', HEAD, 'HTTP/1.1 404 No\r\nContent-Length: 500\r\n\r\n'],
  ['a 204', get(), 'HTTP/1.1 204 No Content\r\n\r\n'],
  ['a 204 with a length', get(), 'HTTP/1.1 204 No Content\r\nContent-Length: 500\r\n\r\n'],
  ['a 204 with chunks', get(), 'HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n'],
  ['a 304 with a length', get(), 'HTTP/1.1 304 Not Modified\r\nContent-Length: 500\r\n\r\n'],
  ['a 304 with chunks', get(), 'HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n'],
] as const) {
  test(`RFC 9112 6.3: the answer to ${what} ends with its head`, async () => {
    await thenAnother(first, reply, true)
  })
}

test('RFC 9112 6.1: a 204 is sent without Transfer-Encoding', async () => {
  const answer = await ask(get(), { reply: 'HTTP/1.1 204 No\r\nTransfer-Encoding: chunked\r\n\r\n' })
  assert.equal(answer.status, 204)
  assert.deepEqual(answer.values('transfer-encoding'), [])
})

test('RFC 9112 6.1: chunked content is understood, and chunked once', async () => {
  const answer = await ask(get(), { reply: chunked('5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n') })
  assert.equal(answer.body, 'hello world')
  assert.deepEqual(answer.values('transfer-encoding'), ['chunked'])
  assert.deepEqual(answer.values('content-length'), [])
})

test('RFC 9112 6.1: an HTTP/1.0 client never gets Transfer-Encoding', async () => {
  for (const reply of [chunked('2\r\nhi\r\n0\r\n\r\n'), last('HTTP/1.1 200 OK\r\n\r\nhi')]) {
    const answer = await ask(OLD, { reply, toEnd: true })
    assert.deepEqual(answer.values('transfer-encoding'), [])
    assert.equal(answer.body, 'hi')
  }
})

test('RFC 9112 6.1: Transfer-Encoding in an HTTP/1.0 answer is faulty framing, and its connection ends', async () => {
  for (const fields of ['Connection: keep-alive\r\n', 'Content-Length: 12\r\nConnection: keep-alive\r\n']) {
    const answer = await ask(get(), {
      reply: last(chunked('2\r\nhi\r\n0\r\n\r\n', fields).replace('HTTP/1.1', 'HTTP/1.0')),
    })
    assert.equal(answer.status, 502)
    await waitFor(() => origin.connections.at(-1)?.open === false)
  }
})

test('RFC 9112 6.3: an answer with Transfer-Encoding and Content-Length is an error, or loses its length', async () => {
  for (const fields of ['Content-Length: 5\r\n', 'Content-Length: 12\r\n']) {
    const answer = await ask(get(), { reply: chunked('2\r\nhi\r\n0\r\n\r\n', fields) })
    if (answer.status !== 502) assert.deepEqual(answer.values('content-length'), [])
    await waitFor(() => origin.connections.at(-1)?.open === false)
  }
})

for (const coding of ['gzip', 'chunked, gzip', 'gzip, chunked', 'foo', 'xchunked', '']) {
  test(`RFC 9112 6.3: an answer with Transfer-Encoding "${coding}" is not passed as if it were framed`, async () => {
    const reply = last(`HTTP/1.1 200 OK\r\nTransfer-Encoding: ${coding}\r\n\r\n2\r\nhi\r\n0\r\n\r\n`)
    const answer = await ask(get(), { reply })
    if (answer.status !== 502) assert.equal(answer.body, '2\r\nhi\r\n0\r\n\r\n')
  })
}

for (const length of ['abc', '-1', '+2', '2 2', '0x2', '2,3', '2.0', '', '9'.repeat(40)]) {
  test(`RFC 9112 6.3: an answer with the Content-Length ${JSON.stringify(length)} is discarded for a 502`, async () => {
    const answer = await ask(get(), {
      reply: `HTTP/1.1 200 OK\r\nX-From: origin\r\nContent-Length: ${length}\r\n\r\nok`,
    })
    assert.equal(answer.status, 502)
    assert.doesNotMatch(answer.raw, /x-from/i)
    await waitFor(() => origin.connections.at(-1)?.open === false)
  })
}

test('RFC 9112 6.3: an answer with two Content-Lengths that differ is discarded for a 502', async () => {
  const answer = await ask(get(), { reply: ok('Content-Length: 3\r\n') })
  assert.equal(answer.status, 502)
  await waitFor(() => origin.connections.at(-1)?.open === false)
})

test('RFC 9110 8.6: a repeated Content-Length in an answer is rejected, or becomes one', async () => {
  for (const reply of [ok('Content-Length: 2\r\n'), OK.replace(': 2', ': 2, 2')]) {
    const answer = await ask(get(), { reply })
    if (answer.status !== 502) assert.deepEqual(answer.values('content-length'), ['2'])
  }
})

test('RFC 9112 6.3: content goes on to the end of the connection where nothing says how long it is', async () => {
  const answer = await ask(get(), { reply: last('HTTP/1.1 200 OK\r\n\r\nall of it') })
  assert.equal(answer.body, 'all of it')
})

test('RFC 9112 6.3 SHOULD: such an answer gets framing of its own for a client that knows chunks', async () => {
  const answer = await ask(get() + get(), { reply: last('HTTP/1.1 200 OK\r\n\r\nall of it'), answers: 2 })
  assert.deepEqual(answer.values('transfer-encoding'), ['chunked'])
  assert.equal(answer.answers.length, 2)
})

for (const [what, bytes] of [
  ['with a length', 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello'],
  ['in chunks', chunked('5\r\nhello\r\n')],
  ['in chunks, within one', chunked('5\r\nhel')],
  ['in chunks, before its empty line', chunked('5\r\nhello\r\n0\r\n')],
] as const) {
  for (const how of ['close', 'reset'] as const) {
    test(`RFC 9112 6.3 and 8: an answer ${what} that ends in a ${how} reaches the client as incomplete`, async (t) => {
      assert.deepEqual(readMessages(Buffer.from(await broken(t, bytes, how))), [])
    })
  }
}

test('RFC 9112 8: an answer that ends with its connection is incomplete when that breaks', async (t) => {
  assert.deepEqual(readMessages(Buffer.from(await broken(t, 'HTTP/1.1 200 OK\r\n\r\nhello', 'reset'))), [])
})

test('RFC 9112 8: bad chunks in an answer reach the client as incomplete', async () => {
  for (const body of [
    'zz\r\nhi\r\n0\r\n\r\n',
    '2\r\nhi!\r\n0\r\n\r\n',
    '2\r\nhi\r\n0\r\nnonsense\r\n\r\n',
    'fffffffffffffffff\r\nhi',
  ]) {
    const answer = await ask(get(), { reply: chunked(body), toEnd: true })
    assert.ok(answer.answers.length === 0 || answer.status === 502, JSON.stringify(answer.raw))
  }
})

test('RFC 9112 7.1: chunk extensions of an answer are ignored', async () => {
  const answer = await ask(get(), { reply: chunked('2;a=b\r\nhi\r\n1;c\r\n!\r\n000;x="y"\r\n\r\n') })
  assert.equal(answer.body, 'hi!')
})

test('RFC 9112 9.2: bytes behind an answer are no answer to anybody', async () => {
  for (const first of [
    ok('', 'one'),
    chunked('3\r\none\r\n0\r\n\r\n'),
    'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
  ]) {
    const answer = await ask(get() + get('', '/s/next'), {
      reply: (r) => r.send(r.target === '/s' ? first + ok('', 'FORGED') : ok('', 'next')),
      answers: 2,
    })
    assert.equal(answer.answers[1]?.body.toString(), 'next')
  }
})

test('RFC 9112 9.2 SHOULD: a connection on which the origin says something unasked is closed', async () => {
  const connections = origin.connections.length
  let forge = (): void => undefined
  await ask(get(), {
    reply: (r) => {
      r.send(OK)
      forge = () => r.send(ok('', 'FORGED'))
    },
  })
  forge()
  await waitFor(() => origin.connections.at(-1)?.open === false)
  assert.equal((await ask(get(), { reply: ok('', 'next') })).body, 'next')
  assert.ok(origin.connections.length > connections)
})
