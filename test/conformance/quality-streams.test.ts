// What an operator expects of messages on their way: nothing held back, nothing mixed up, and news of an end at once.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { OriginRequest } from '../kit/origin.js'
import { waitFor } from '../kit/wait.js'
import { dial, type Wire } from '../kit/wire.js'
import { get, OK, ok, startRig } from './rig.js'

const { ask, gateway, origin, script } = await startRig({ after })

const post = (fields: string, body = '') => `POST /s HTTP/1.1\r\nHost: example.org\r\n${fields}\r\n${body}`

/** A request that has reached the origin, which leaves the rest to the test. */
async function underway(
  t: { after(run: () => unknown): void },
  bytes: string,
): Promise<{ wire: Wire; request: OriginRequest }> {
  const seen = origin.requests.length
  script(() => undefined)
  const wire = await dial(t, gateway.port)
  wire.send(bytes)
  await waitFor(() => origin.requests.length > seen)
  const request = origin.requests.at(-1)
  assert.ok(request)
  return { wire, request }
}

for (const [what, head, piece] of [
  ['with a length', 'HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n', (text: string) => text],
  ['in chunks', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n', (text: string) => `5\r\n${text}\r\n`],
  ['that ends with its connection', 'HTTP/1.1 200 OK\r\n\r\n', (text: string) => text],
] as const) {
  test(`quality: each piece of an answer ${what} reaches the client before the next exists`, async (t) => {
    const { wire, request } = await underway(t, get('Accept: text/event-stream\r\n'))
    request.send(head)
    assert.match(await wire.until(/\r\n\r\n/), /^HTTP\/1\.1 200 OK\r\n/)
    for (const text of ['one..', 'two..', 'three']) {
      request.send(piece(text))
      assert.ok((await wire.until((all) => all.includes(text))).includes(text))
    }
  })
}

test('quality: each piece of a request reaches the origin before the next exists', async (t) => {
  for (const [fields, piece] of [
    ['Content-Length: 20\r\n', (text: string) => text],
    ['Transfer-Encoding: chunked\r\n', (text: string) => `5\r\n${text}\r\n`],
  ] as const) {
    const { wire, request } = await underway(t, post(fields))
    for (const text of ['one..', 'two..', 'three']) {
      wire.send(piece(text))
      await waitFor(() => request.connection.received().toString().includes(text))
    }
  }
})

test('quality: a request is the same message however its bytes arrive', async () => {
  const bytes = post('Transfer-Encoding: chunked\r\n', '3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n')
  const answer = await ask([...bytes], { reply: async (r) => r.answer(200, await r.body()) })
  assert.equal(answer.body, 'abcde')
})

test('quality: an answer is the same message however its bytes arrive', async () => {
  const bytes =
    'HTTP/1.1 103 Hints\r\nLink: <a>\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n'
  const answer = await ask(get(), { reply: (r) => r.drip(bytes, { pieceBytes: 1, everyMs: 0 }) })
  assert.equal(answer.answers.length, 2)
  assert.equal(answer.body, 'abc')
})

test('quality: an answer that comes before the request is whole reaches the client at once', async (t) => {
  const { wire, request } = await underway(t, post('Content-Length: 1000\r\n', 'some'))
  request.answer(403, 'no')
  assert.match(await wire.until(/no$/), /^HTTP\/1\.1 403 [^]*Connection: close\r\n[^]*no$/)
})

test('quality: a reset by the client reaches the origin at once', async (t) => {
  const { wire, request } = await underway(t, get())
  wire.reset()
  await waitFor(() => !request.connection.open)
})

test('quality: a client that closes while it waits is gone for the origin soon after', async (t) => {
  const { wire, request } = await underway(t, get())
  wire.destroy()
  await waitFor(() => !request.connection.open)
})

test('quality: a client that leaves in the middle of its answer is gone for the origin', async (t) => {
  const { wire, request } = await underway(t, get())
  request.send('HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\nhello')
  await wire.until(/hello/)
  wire.destroy()
  const feeding = request.drip('x'.repeat(100_000), { pieceBytes: 1000, everyMs: 5 })
  await waitFor(() => !request.connection.open)
  await feeding
})

test('quality: a client that leaves in the middle of its request is gone for the origin at once', async (t) => {
  for (const how of ['finish', 'reset', 'destroy'] as const) {
    const { wire, request } = await underway(t, post('Content-Length: 1000\r\n', 'some'))
    wire[how]()
    await waitFor(() => !request.connection.open)
    assert.match(request.connection.received().toString(), /some$/)
  }
})

test('quality: an origin that breaks off before its answer is told to the client as a 502', async (t) => {
  const { wire, request } = await underway(t, post('Content-Length: 2\r\n', 'hi'))
  request.reset()
  assert.match(await wire.until(/\}$/), /^HTTP\/1\.1 502 /)
})

test('quality: an origin that breaks off in its answer breaks off the client', async (t) => {
  const { wire, request } = await underway(t, get())
  request.send('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello')
  await wire.until(/hello/)
  request.reset()
  assert.notEqual(await wire.ended(), 'open')
  assert.match(wire.text(), /hello$/)
})

test('quality: a hundred requests in one write are answered in their order', async () => {
  const count = 100
  const answer = await ask(Array.from({ length: count }, (_, i) => get('', `/s/${i}`)).join(''), {
    reply: (r) => r.answer(200, r.target),
    answers: count,
  })
  assert.deepEqual(
    answer.answers.map(({ body }) => body.toString()),
    Array.from({ length: count }, (_, i) => `/s/${i}`),
  )
})

test('quality: answers that differ in kind follow each other on one connection', async () => {
  const replies = [
    OK,
    'HTTP/1.1 204 No Content\r\n\r\n',
    `HTTP/1.1 103 Hints\r\n\r\n${ok('', 'b')}`,
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nc\r\n0\r\n\r\n',
    'HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n',
    ok('', 'd'),
  ]
  let at = 0
  const answer = await ask(get().repeat(replies.length), {
    reply: (r) => r.send(replies[at++] ?? ''),
    answers: replies.length,
  })
  assert.deepEqual(
    answer.answers.map(({ startLine, body }) => `${startLine.slice(9, 12)}${body.toString()}`),
    ['200ok', '204', '103', '200b', '200c', '304', '200d'],
  )
})

test('quality: a megabyte arrives as it was sent, both ways', async () => {
  const body = Buffer.from(Array.from({ length: 1 << 20 }, (_, i) => (i * 7919) & 255)).toString('latin1')
  const answer = await ask(post(`Content-Length: ${body.length}\r\n`, body), {
    reply: async (r) => r.answer(200, await r.body()),
  })
  assert.ok(answer.body === body)
})
