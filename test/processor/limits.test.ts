// What the config allows at most: exactly so much passes, the next bit is refused with its own status, and nobody else feels it.
import assert from 'node:assert/strict'
import net from 'node:net'
import { test, type TestContext } from 'node:test'
import { BodyGuard } from '../../processor/engine/body-guard.js'
import { BODY_TOO_LARGE, BODY_TOO_SLOW } from '../../processor/engine/fault.js'
import { startGateway, type TestGateway } from '../kit/gateway.js'
import { parseAnswer, rawRequest } from '../kit/http.js'
import { fieldValues, readMessages } from '../kit/message.js'
import { type Origin, startOrigin } from '../kit/origin.js'
import { waitFor } from '../kit/wait.js'
import { dial } from '../kit/wire.js'
import { assertCounted, assertProblem, service } from './asserting.js'
import { pass } from './time.js'

const GET = 'GET /s HTTP/1.1\r\nHost: h\r\n\r\n'

async function start(t: TestContext, processor: object): Promise<{ gateway: TestGateway; origin: Origin }> {
  const origin = await startOrigin(t, async (r) => {
    const body = await r.body()
    r.answer(200, `${r.target} ${body.length}`)
  })
  const gateway = await startGateway(t, { ...service(origin.address), processor: processor as Record<string, unknown> })
  return { gateway, origin }
}

/** An answered request on a connection that stays open. */
async function held(t: TestContext, port: number) {
  const client = await dial(t, port)
  client.send(GET)
  await client.until(/\/s 0$/)
  return client
}

/** A connection from another address of this machine. */
async function answerTo(t: TestContext, port: number, localAddress: string, text: string): Promise<Buffer> {
  const socket = net.connect({ port, host: '127.0.0.1', localAddress })
  t.after(() => socket.destroy())
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  socket.write(text)
  await waitFor(() => readMessages(Buffer.concat(chunks)).length === 1, { what: `an answer to ${localAddress}` })
  return Buffer.concat(chunks)
}

// ---- connections

for (const [limit, status, code] of [
  ['client_connections', 429, 'too-many-connections'],
  ['connections', 503, 'overload'],
] as const) {
  test(`one more than limits.${limit} is a ${status} at once, harms nobody, and has room when one leaves`, async (t) => {
    const { gateway } = await start(t, { limits: { [limit]: 2 } })
    const first = await held(t, gateway.port)
    const second = await held(t, gateway.port)
    gateway.report()
    const refused = parseAnswer(await rawRequest(gateway.port, '', { untilClose: true }))
    assertProblem(refused, status, code)
    assert.equal(refused.field('retry-after'), '1')
    assert.equal(refused.field('connection'), 'close')
    assertCounted(gateway, code)
    for (const client of [first, second]) {
      client.send(GET)
      await client.until(/\/s 0[^]*\/s 0$/)
    }
    first.destroy()
    await waitFor(() => gateway.core.connections.size === 1)
    await held(t, gateway.port)
  })
}

test('limits.client_connections counts each address by itself, and no trusted proxy', async (t) => {
  const processor = { limits: { client_connections: 1 }, trusted_proxies: ['127.0.0.3'] }
  const { gateway } = await start(t, processor)
  await held(t, gateway.port)
  assert.equal(parseAnswer(await answerTo(t, gateway.port, '127.0.0.2', GET)).status, 200)
  assert.equal(parseAnswer(await answerTo(t, gateway.port, '127.0.0.2', GET)).status, 429)
  for (let i = 0; i < 3; i++) {
    assert.equal(parseAnswer(await answerTo(t, gateway.port, '127.0.0.3', GET)).status, 200)
  }
})

test('a client that is refused may send as it likes, and still reads why', async (t) => {
  const { gateway } = await start(t, { limits: { connections: 1 } })
  await held(t, gateway.port)
  const body = 'x'.repeat(200_000)
  const raw = await rawRequest(gateway.port, `POST /s HTTP/1.1\r\nHost: h\r\nContent-Length: 200000\r\n\r\n${body}`, {
    untilClose: true,
  })
  assertProblem(parseAnswer(raw), 503, 'overload')
})

test('after limits.requests the answer says that the connection ends, and what was sent ahead is not served', async (t) => {
  const { gateway, origin } = await start(t, { limits: { requests: 3 } })
  const raw = await rawRequest(gateway.port, GET.repeat(5), { untilClose: true })
  const answers = readMessages(raw, { closed: true })
  assert.deepEqual(
    answers.map(({ startLine, fields }) => [startLine.slice(9, 12), fieldValues(fields, 'connection')]),
    [
      ['200', []],
      ['200', []],
      ['200', ['close']],
    ],
  )
  assert.equal(origin.requests.length, 3)
})

// ---- heads

const HEAD_LIMITS = { head: 400, fields: 5, uri: 256 }
const fields = (count: number) => Array.from({ length: count }, (_, i) => `X-${i}: 1\r\n`).join('')
const target = (bytes: number) => `/s?${'q'.repeat(bytes - 3)}`

/** A request whose head has exactly so many bytes. */
function headOf(bytes: number): string {
  const frame = 'GET /s HTTP/1.1\r\nHost: h\r\nX: \r\n\r\n'
  return frame.replace('X: ', `X: ${'x'.repeat(bytes - frame.length)}`)
}

for (const [what, passes, refused, status, code] of [
  ['head', headOf(400), headOf(401), 431, 'head-too-large'],
  [
    'fields',
    `GET /s HTTP/1.1\r\nHost: h\r\n${fields(4)}\r\n`,
    `GET /s HTTP/1.1\r\nHost: h\r\n${fields(5)}\r\n`,
    431,
    'head-too-large',
  ],
  [
    'uri',
    `GET ${target(256)} HTTP/1.1\r\nHost: h\r\n\r\n`,
    `GET ${target(257)} HTTP/1.1\r\nHost: h\r\n\r\n`,
    414,
    'uri-too-long',
  ],
] as const) {
  test(`limits.${what} is what passes, and one more is a ${status}, in one piece or byte by byte`, async (t) => {
    const { gateway, origin } = await start(t, { limits: HEAD_LIMITS })
    for (const cut of [(text: string) => [text], (text: string) => [...text]]) {
      assert.equal(parseAnswer(await rawRequest(gateway.port, cut(passes))).status, 200)
      const served = origin.requests.length
      gateway.report()
      const answer = parseAnswer(await rawRequest(gateway.port, cut(refused), { untilClose: true }))
      assertProblem(answer, status, code)
      assert.equal(answer.field('connection'), 'close')
      assertCounted(gateway, code)
      assert.equal(origin.requests.length, served)
    }
  })
}

for (const [what, text, status, code] of [
  ['a field', `GET /s HTTP/1.1\r\nHost: h\r\nX: ${'x'.repeat(1000)}`, 431, 'head-too-large'],
  ['a target', `GET /${'x'.repeat(1000)}`, 414, 'uri-too-long'],
  ['a method', 'M'.repeat(1000), 501, 'not-implemented'],
] as const) {
  test(`${what} without an end is refused by its size, not by the time`, async (t) => {
    const { gateway } = await start(t, { limits: HEAD_LIMITS })
    assertProblem(parseAnswer(await rawRequest(gateway.port, text, { untilClose: true })), status, code)
  })
}

// ---- bodies

const post = (framing: string, body: string) => `POST /s HTTP/1.1\r\nHost: h\r\n${framing}\r\n\r\n${body}`
const chunk = (bytes: number) => `${bytes.toString(16)};a=b\r\n${'x'.repeat(bytes)}\r\n`
const chunked = (...sizes: number[]) =>
  post('Transfer-Encoding: chunked', `${sizes.map(chunk).join('')}0\r\nT: 1\r\n\r\n`)

test('limits.body counts content: exactly so much passes, by length and in chunks of whatever size', async (t) => {
  const { gateway } = await start(t, { limits: { body: 1000 } })
  const small = Array<number>(1000).fill(1)
  for (const text of [post('Content-Length: 1000', 'x'.repeat(1000)), chunked(1000), chunked(...small)]) {
    assert.equal(parseAnswer(await rawRequest(gateway.port, text)).text(), '/s 1000')
  }
})

for (const [how, text] of [
  ['announced', post('Content-Length: 1001', '')],
  ['announced, with leave to be asked for', post('Content-Length: 1001\r\nExpect: 100-continue', '')],
  ['in one chunk', chunked(1001)],
  ['in many chunks', chunked(...Array<number>(1001).fill(1))],
  ['in chunks, the last of which crosses it', chunked(999, 2)],
] as const) {
  test(`one byte more than limits.body is a 413, ${how}, and no instance sees a whole request`, async (t) => {
    let whole = 0
    const origin = await startOrigin(t, (r) => r.body().then(() => whole++))
    const gateway = await startGateway(t, { ...service(origin.address), processor: { limits: { body: 1000 } } })
    const raw = await rawRequest(gateway.port, text, { untilClose: true })
    assert.equal(readMessages(raw, { closed: true }).length, 1)
    const answer = parseAnswer(raw)
    assertProblem(answer, 413, 'body-too-large')
    assert.equal(answer.field('connection'), 'close')
    await waitFor(() => origin.connections.every(({ open }) => !open))
    assert.equal(whole, 0)
  })
}

// ---- the pace of a body

test('a body may be as slow as it likes for ten seconds, then it must have come at the rate of the time beyond them', () => {
  const guard = new BodyGuard()
  guard.begin(0, 1000)
  assert.equal(guard.check(0, 64, 11_000), 0)
  assert.equal(guard.check(63, 64, 12_000), BODY_TOO_SLOW)
  assert.equal(guard.check(64, 64, 12_000), 0)
  assert.equal(guard.check(639, 64, 21_000), BODY_TOO_SLOW)
  assert.equal(guard.check(640, 64, 21_000), 0)
  assert.equal(guard.check(0, 0, 1e9), 0)
})

test('time in which the gateway does not read counts for nobody', () => {
  const guard = new BodyGuard()
  guard.begin(0, 0)
  guard.paused(1000)
  guard.resumed(101_000)
  assert.equal(guard.check(0, 64, 110_000), 0)
  assert.equal(guard.check(0, 64, 111_001), BODY_TOO_SLOW)
  // Another request begins anew.
  guard.begin(0, 200_000)
  assert.equal(guard.check(0, 64, 210_000), 0)
})

test('the size of a body is bounded beside its pace', () => {
  const guard = new BodyGuard()
  guard.begin(10, 0)
  assert.equal(guard.check(10, 0, 0), 0)
  assert.equal(guard.check(11, 0, 0), BODY_TOO_LARGE)
  guard.begin(0, 0)
  assert.equal(guard.check(1e15, 0, 0), 0)
})

test('a body below limits.body_rate is a 408 once its grace is over, and a faster one is served', async (t) => {
  const { gateway, origin } = await start(t, { limits: { body_rate: 1000 } })
  const slow = await dial(t, gateway.port)
  const fast = await dial(t, gateway.port)
  slow.send(post('Content-Length: 5000', 'x'.repeat(100)))
  fast.send(post('Content-Length: 5000', 'x'.repeat(2000)))
  await waitFor(() => origin.requests.length === 2)
  await pass(t, gateway, 11_000)
  slow.send('x')
  fast.send('x'.repeat(3000))
  assertProblem(parseAnswer(Buffer.from(await slow.until(/\}$/), 'latin1')), 408, 'request-timeout')
  assert.equal(await slow.ended(), 'closed')
  await fast.until(/\/s 5000$/)
  await waitFor(() => origin.connections.some(({ open }) => !open))
})

// ---- connections that have switched protocols

test('timeouts.upgraded ends a connection without a byte, and any byte of either side puts that off', async (t) => {
  const origin = await startOrigin(t, (r) =>
    r.send('HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n'),
  )
  const gateway = await startGateway(t, {
    ...service(origin.address, { upgrade: ['websocket'] }),
    processor: { timeouts: { upgraded: '60s' } },
  })
  const client = await dial(t, gateway.port)
  client.send('GET /s HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
  await client.until(/\r\n\r\n$/)
  await pass(t, gateway, 50_000)
  client.send('up')
  await waitFor(() => origin.connections[0]?.received().toString().endsWith('up'))
  await pass(t, gateway, 50_000)
  origin.requests[0]?.send('down')
  await client.until(/down$/)
  await pass(t, gateway, 50_000)
  client.send('still')
  await waitFor(() => origin.connections[0]?.received().toString().endsWith('still'))
  assert.equal(client.end, 'open')
  await pass(t, gateway, 61_000)
  await client.ended()
  assert.equal(gateway.core.tunnels, 0)
})
