// RFC 9112 section 9: how long connections last, in which order they are answered on, and how they end.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { dial } from '../kit/wire.js'
import { waitFor } from '../kit/wait.js'
import { get, members, OK, ok, startRig } from './rig.js'

const { ask, gateway, origin, script } = await startRig({ after }, () => ({ processor: { limits: { body: 100_000 } } }))
/** One that keeps no connection for long. */
const brief = await startRig({ after }, () => ({
  processor: { timeouts: { keep_alive_ms: 200, upstream_keep_alive_ms: 200 } },
}))

const old = (fields = '') => `GET /s HTTP/1.0\r\nHost: example.org\r\n${fields}\r\n`

test('RFC 9112 9.3: a connection of HTTP/1.1 persists', async () => {
  const answer = await ask(get().repeat(3), { answers: 3 })
  assert.equal(answer.answers.length, 3)
  assert.equal(answer.end, 'open')
  assert.ok(!members(answer.values('connection')).includes('close'))
})

test('RFC 9112 9.3: a connection of HTTP/1.0 ends with its answer', async () => {
  const answer = await ask(old(), { toEnd: true })
  assert.equal(answer.body, 'ok')
  assert.equal(answer.end, 'closed')
})

test('RFC 9112 9.3: one of HTTP/1.0 that asks for keep-alive is told whether it gets it', async () => {
  const answer = await ask(old('Connection: keep-alive\r\n'))
  const options = members(answer.values('connection'))
  assert.ok(options.includes('keep-alive') !== options.includes('close'))
  if (options.includes('keep-alive')) {
    const two = await ask(old('Connection: Keep-Alive\r\n').repeat(2), { answers: 2 })
    assert.equal(two.answers.length, 2)
  }
})

test('RFC 9112 9.3: an HTTP/1.0 connection ends with an answer that has no length, whatever was asked for', async () => {
  const answer = await ask(old('Connection: keep-alive\r\n'), {
    reply: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n',
    toEnd: true,
  })
  assert.equal(answer.body, 'hi')
  assert.deepEqual(answer.values('connection'), ['close'])
})

test('RFC 9112 9.3: the rest of a body that was answered early is never taken for a request', async () => {
  const body = get('', '/s/smuggled').repeat(3)
  const answer = await ask(`POST /s HTTP/1.1\r\nHost: h\r\nContent-Length: ${body.length + 10}\r\n\r\n${body}`, {
    reply: OK,
    toEnd: true,
  })
  assert.equal(answer.answers.length, 1)
  assert.deepEqual(answer.values('connection'), ['close'])
})

test('RFC 9112 9.3: nor is the body of a request that the gateway answers itself', async () => {
  const body = get('', '/s/smuggled')
  const answer = await ask(
    `POST /nowhere HTTP/1.1\r\nHost: h\r\nContent-Length: ${body.length}\r\n\r\n${body}${get()}`,
    {
      answers: 2,
    },
  )
  assert.equal(answer.status, 404)
  assert.doesNotMatch(answer.sent, /smuggled/)
})

test('RFC 9112 9.3: a connection to the origin whose request was not sent whole is not used again', async (t) => {
  script(OK)
  const wire = await dial(t, gateway.port)
  wire.send('POST /s HTTP/1.1\r\nHost: h\r\nContent-Length: 50\r\n\r\nhalf')
  await wire.until(/ok$/)
  await ask(get('', '/s/next'))
  for (const connection of origin.connections) assert.doesNotMatch(connection.received().toString(), /half.*\/s\/next/s)
})

test('RFC 9112 9.3.2: answers come in the order of the requests', async () => {
  const count = 12
  const requests = Array.from({ length: count }, (_, i) => get('', `/s/${i}`)).join('')
  const answer = await ask(requests, {
    answers: count,
    reply: async (r) => {
      // The earlier the request the longer its answer takes.
      await new Promise((resolve) => setTimeout(resolve, (count - Number(r.target.slice(3))) * 3))
      r.answer(200, r.target)
    },
  })
  assert.deepEqual(
    answer.answers.map(({ body }) => body.toString()),
    Array.from({ length: count }, (_, i) => `/s/${i}`),
  )
})

test('RFC 9112 9.3.2: own answers keep the order too', async () => {
  const requests = ['/nowhere', '/s/1', '/nowhere', '/s/3'].map((target) => get('', target)).join('')
  const answer = await ask(`${requests}OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n${get('', '/s/5')}`, { answers: 6 })
  assert.deepEqual(
    answer.answers.map(({ startLine }) => startLine.slice(9, 10)),
    ['4', '2', '4', '2', '2', '2'],
  )
})

test('RFC 9112 9.5 SHOULD: a connection that was idle too long ends gracefully', async (t) => {
  brief.script(OK)
  const wire = await dial(t, brief.gateway.port)
  wire.send(get())
  await wire.until(/ok$/)
  assert.equal(await wire.ended(), 'closed')
  assert.match(wire.text(), /ok$/)
})

test('RFC 9112 9.5 SHOULD: so does one to the origin', async () => {
  assert.equal((await brief.ask(get())).body, 'ok')
  await waitFor(() => brief.origin.connections.at(-1)?.open === false)
})

test('RFC 9112 9.5 SHOULD: a connection that the origin closes while it is idle is noticed', async () => {
  let closeIdle = (): void => undefined
  await ask(get(), {
    reply: (r) => {
      r.send(OK)
      closeIdle = () => r.close()
    },
  })
  closeIdle()
  const answer = await ask('POST /s HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n')
  assert.equal(answer.status, 200)
})

test('RFC 9112 9.5 SHOULD: a client that leaves while it is idle is noticed', async (t) => {
  script(OK)
  const wire = await dial(t, gateway.port)
  wire.send(get())
  await wire.until(/ok$/)
  const before = gateway.core.connections.size
  wire.destroy()
  await waitFor(() => gateway.core.connections.size < before)
})

test('RFC 9112 9.6: close in a request ends the connection behind its answer', async () => {
  for (const fields of ['Connection: close\r\n', 'connection: Keep-Alive, CLOSE\r\n']) {
    const answer = await ask(get(fields), { toEnd: true })
    assert.equal(answer.body, 'ok')
    assert.equal(answer.end, 'closed')
  }
})

test('RFC 9112 9.6 SHOULD: the last answer on a connection says close', async () => {
  assert.deepEqual((await ask(get('Connection: close\r\n'))).values('connection'), ['close'])
  assert.deepEqual((await ask(old())).values('connection'), ['close'])
  assert.deepEqual((await ask(get('Connection: close\r\n', '/nowhere'))).values('connection'), ['close'])
})

test('RFC 9112 9.6: no request behind one with close is processed', async () => {
  const answer = await ask(get('Connection: close\r\n') + get('', '/s/more'), { toEnd: true })
  assert.equal(answer.answers.length, 1)
  assert.doesNotMatch(answer.sent, /more/)
})

test('RFC 9112 9.6: no request behind an answer with close is processed', async () => {
  const answer = await ask(`GET /s HTTP/1.1\r\nHost: a b\r\n\r\n${get('', '/s/more')}`, { toEnd: true })
  assert.equal(answer.answers.length, 1)
  assert.deepEqual(answer.values('connection'), ['close'])
  assert.equal(answer.sent, '')
})

test('RFC 9112 9.6: no request follows an answer of the origin with close', async () => {
  const before = origin.connections.length
  for (let i = 0; i < 3; i++) await ask(get(), { reply: ok('Connection: close\r\n') })
  assert.ok(origin.connections.length - before >= 2)
  const used = origin.connections
    .slice(before)
    .map((connection) => connection.received().toString().split('GET /s').length)
  assert.ok(used.every((parts) => parts === 2))
})

test('RFC 9112 9.3: a connection to an HTTP/1.0 origin is used again only where it said keep-alive', async () => {
  for (const [fields, most] of [
    ['', 2],
    ['Connection: keep-alive\r\n', 1],
  ] as const) {
    const before = origin.connections.length
    const reply = OK.replace('HTTP/1.1', 'HTTP/1.0').replace('Content', `${fields}Content`)
    for (let i = 0; i < 2; i++) assert.equal((await ask(get(), { reply })).body, 'ok')
    assert.ok(origin.connections.length - before <= most)
    if (fields === '') assert.ok(origin.connections.length - before >= 1)
  }
})

test('RFC 9112 9.6: an answer survives the bytes that its client still sends', async (t) => {
  const wire = await dial(t, gateway.port)
  wire.send(`POST /s HTTP/1.1\r\nHost: h\r\nContent-Length: 900000\r\n\r\n${'x'.repeat(300_000)}`)
  wire.send('x'.repeat(300_000))
  assert.match(await wire.until(/\}$/), /^HTTP\/1\.1 413 [^]*\}$/)
  wire.send('x'.repeat(100_000))
  assert.equal(await wire.ended(), 'closed')
})

test('RFC 9112 9.6: a client that has ended its side is still answered', async (t) => {
  script(async (r) => {
    await new Promise((resolve) => setTimeout(resolve, 300))
    r.answer(200, 'late')
  })
  const wire = await dial(t, gateway.port)
  wire.send(get())
  wire.finish()
  assert.equal(await wire.ended(), 'closed')
  assert.match(wire.text(), /^HTTP\/1\.1 200 [^]*late$/)
})

test('RFC 9112 9.6: a client that has ended its side behind several requests gets every answer', async (t) => {
  script((r) => r.answer(200, `${r.target}.`))
  const wire = await dial(t, gateway.port)
  wire.send(get('', '/s/1') + get('', '/s/2') + get('', '/s/3'))
  wire.finish()
  await wire.ended()
  assert.deepEqual(wire.text().match(/\/s\/\d\./g), ['/s/1.', '/s/2.', '/s/3.'])
})
