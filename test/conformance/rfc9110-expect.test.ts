// RFC 9110 sections 10.1.1 and 15.2: expectations and the interim answers that they are met with.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { dial } from '../kit/wire.js'
import { waitFor } from '../kit/wait.js'
import { get, OK, ok, startRig } from './rig.js'

const { ask, gateway, origin, script } = await startRig({ after })

const put = (fields = '') =>
  `PUT /s HTTP/1.1\r\nHost: example.org\r\nContent-Length: 5\r\nExpect: 100-continue\r\n${fields}\r\n`
const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n'

test('RFC 9110 10.1.1: a request that expects 100 is forwarded before its content has come', async (t) => {
  script(async (r) => {
    r.send(CONTINUE)
    r.answer(200, await r.body())
  })
  const wire = await dial(t, gateway.port)
  wire.send(put())
  assert.match(await wire.until(/\r\n\r\n/), /^HTTP\/1\.1 100 Continue\r\n(.+\r\n)*\r\n$/)
  wire.send('hello')
  assert.match(await wire.until(/hello$/), /\r\n\r\nHTTP\/1\.1 200 [^]*hello$/)
  assert.equal(origin.requests.at(-1)?.field('expect')?.toLowerCase(), '100-continue')
})

test('RFC 9110 10.1.1: the expectation means the same in any case', async (t) => {
  script(async (r) => {
    r.send(CONTINUE)
    r.answer(200, await r.body())
  })
  const wire = await dial(t, gateway.port)
  wire.send(put().replace('Expect: 100-continue', 'EXPECT: 100-Continue'))
  assert.match(await wire.until(/\r\n\r\n/), /^HTTP\/1\.1 100 /)
  wire.send('hello')
  await wire.until(/hello$/)
  assert.match(wire.text(), /hello$/)
})

test('RFC 9110 10.1.1: a final answer instead of 100 reaches the client that still waits', async () => {
  const answer = await ask(put(), { reply: ok().replace('200 OK', '401 No'), toEnd: true })
  assert.equal(answer.answers.length, 1)
  assert.equal(answer.status, 401)
})

test('RFC 9110 10.1.1 SHOULD: a final answer before the content says whether the connection goes on', async () => {
  const answer = await ask(put(), { reply: ok().replace('200 OK', '413 No'), toEnd: true })
  assert.deepEqual(answer.values('connection'), ['close'])
})

test('RFC 9110 10.1.1: the gateway refuses at once what it can refuse without the content', async () => {
  const answer = await ask(put().replace('/s', '/nowhere'), { toEnd: true })
  assert.equal(answer.answers.length, 1)
  assert.equal(answer.status, 404)
})

test('RFC 9110 10.1.1: content that comes without waiting for 100 is forwarded', async () => {
  const answer = await ask(`${put()}hello`, { reply: async (r) => r.answer(200, await r.body()) })
  assert.equal(answer.body, 'hello')
})

test('RFC 9110 10.1.1: an origin that answers no 100 gets the content of a client that has stopped waiting', async (t) => {
  script(async (r) => r.answer(200, await r.body()))
  const wire = await dial(t, gateway.port)
  const seen = origin.requests.length
  wire.send(put())
  await waitFor(() => origin.requests.length > seen)
  wire.send('hello')
  assert.match(await wire.until(/hello$/), /^HTTP\/1\.1 200 [^]*hello$/)
})

test('RFC 9110 10.1.1: an expectation in HTTP/1.0 is ignored', async () => {
  const answer = await ask(`${put().replace('HTTP/1.1', 'HTTP/1.0')}hello`, {
    reply: async (r) => {
      if (r.field('expect') !== undefined) r.send(CONTINUE)
      r.answer(200, await r.body())
    },
    toEnd: true,
  })
  assert.equal(answer.answers.length, 1)
  assert.equal(answer.body, 'hello')
})

test('RFC 9110 15.2: interim answers reach the client, each in its turn', async () => {
  const interim = ['102 Processing', '103 Early Hints', '103 Early Hints', '199 Unheard']
  const reply = interim.map((line, i) => `HTTP/1.1 ${line}\r\nLink: <${i}>\r\n\r\n`).join('') + OK
  const answer = await ask(get(), { reply })
  assert.deepEqual(
    answer.answers.map(({ startLine }) => startLine),
    [...interim.map((line) => `HTTP/1.1 ${line}`), 'HTTP/1.1 200 OK'],
  )
  assert.deepEqual(answer.raw.match(/<\d>/g), ['<0>', '<1>', '<2>', '<3>'])
})

test('RFC 9110 15.2: interim answers are not counted out: fifty of them come before the final one', async () => {
  const answer = await ask(get(), { reply: 'HTTP/1.1 102 Processing\r\n\r\n'.repeat(50) + OK })
  assert.equal(answer.answers.length, 51)
  assert.equal(answer.status, 200)
})

test('RFC 9110 15.2: an interim answer reaches the client before the final one exists', async (t) => {
  let finish = (): void => undefined
  script((r) => {
    r.send('HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n')
    finish = () => r.send(OK)
  })
  const wire = await dial(t, gateway.port)
  wire.send(get())
  assert.match(await wire.until(/\r\n\r\n/), /^HTTP\/1\.1 103 Early Hints\r\n[^]*Link: <\/a\.css>; rel=preload\r\n/)
  finish()
  assert.match(await wire.until(/ok$/), /HTTP\/1\.1 200 OK[^]*ok$/)
})

test('RFC 9110 15.2: a 100 that nobody asked for is forwarded like any interim answer', async () => {
  const answer = await ask(get(), { reply: CONTINUE + OK })
  assert.deepEqual(
    answer.answers.map(({ startLine }) => startLine.slice(9, 12)),
    ['100', '200'],
  )
})

test('RFC 9110 15.2: no interim answer is sent to an HTTP/1.0 client', async () => {
  const reply = `HTTP/1.1 102 Wait\r\n\r\nHTTP/1.1 103 Hints\r\nLink: <a>\r\n\r\n${OK}`
  const answer = await ask('GET /s HTTP/1.0\r\nHost: h\r\n\r\n', { reply, toEnd: true })
  assert.match(answer.raw, /^HTTP\/1\.1 200 OK\r\n/)
})

test('RFC 9110 8.6 and 9112 6.1: an interim answer is sent without Content-Length and Transfer-Encoding', async () => {
  for (const field of ['Content-Length: 5', 'Transfer-Encoding: chunked']) {
    const answer = await ask(get(), { reply: `HTTP/1.1 103 Hints\r\n${field}\r\nLink: <a>\r\n\r\n${OK}` })
    const before = answer.raw.split('HTTP/1.1 200')[0] ?? ''
    assert.doesNotMatch(before, /content-length|transfer-encoding/i)
    assert.equal(answer.status, 200)
  }
})
