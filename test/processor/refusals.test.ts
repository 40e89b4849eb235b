// What is refused is seen: each refusal is counted once by its reason, and told in the log without what the client sent.
import assert from 'node:assert/strict'
import net from 'node:net'
import { test, type TestContext } from 'node:test'
import { createWheel } from '../../processor/engine/wheel.js'
import { createRefusalLog } from '../../processor/refusal-log.js'
import type { Log } from '../../shared/log.js'
import { type Refusal, REFUSALS } from '../../shared/metrics/refusals.js'
import { makeCertificate } from '../kit/certificates.js'
import { startGateway, type TestGateway } from '../kit/gateway.js'
import { parseAnswer, rawRequest, request } from '../kit/http.js'
import { startOrigin } from '../kit/origin.js'
import { waitFor } from '../kit/wait.js'
import { assertProblem, service } from './asserting.js'
import { folder } from './tls/kit.js'

const HOST = 'Host: h\r\n'
const get = (fields: string) => `GET /s HTTP/1.1\r\n${fields}\r\n`
const post = (fields: string, body = '') => `POST /s HTTP/1.1\r\n${HOST}${fields}\r\n${body}`
const chunked = (body: string) => post('Transfer-Encoding: chunked\r\n', body)

/** Bytes for each reason that bytes alone can give. */
const SENT: Readonly<Partial<Record<Refusal, string>>> = {
  'bad-request-line': 'GET /s\r\n\r\n',
  'bad-method': `G(T /s HTTP/1.1\r\n${HOST}\r\n`,
  'unknown-method': `${'X'.repeat(200)} /s HTTP/1.1\r\n${HOST}\r\n`,
  'bad-target': `GET /\x01 HTTP/1.1\r\n${HOST}\r\n`,
  'bad-version': `GET /s http/1.1\r\n${HOST}\r\n`,
  'unsupported-version': `GET /s HTTP/2.0\r\n${HOST}\r\n`,
  'uri-too-long': `GET /${'x'.repeat(17_000)} HTTP/1.1\r\n${HOST}\r\n`,
  'bare-lf': get('Host: h\n'),
  'bare-cr': get(`${HOST}X: a\rb\r\n`),
  'folded-line': get(`${HOST} b\r\n`),
  'bad-field-name': get(`${HOST}X : a\r\n`),
  'bad-field-value': get(`${HOST}X: \0\r\n`),
  'too-many-fields': get(HOST + 'X: y\r\n'.repeat(101)),
  'head-too-large': get(`${HOST}X: ${'y'.repeat(40_000)}\r\n`),
  'head-cut-off': 'GET /s HTTP/1.1\r\nHos',
  'no-host': get(''),
  'several-hosts': get(HOST + HOST),
  'bad-host': get('Host: h/x\r\n'),
  'bad-authority': `GET http://u@h/s HTTP/1.1\r\n${HOST}\r\n`,
  'bad-content-length': post('Content-Length: +5\r\n'),
  'several-content-lengths': post('Content-Length: 5\r\nContent-Length: 5\r\n'),
  'bad-transfer-encoding': post('Transfer-Encoding: chunked, chunked\r\n'),
  'unknown-coding': post('Transfer-Encoding: gzip, chunked\r\n'),
  'length-and-encoding': post('Content-Length: 5\r\nTransfer-Encoding: chunked\r\n'),
  'encoding-in-1-0': `POST /s HTTP/1.0\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n`,
  'bad-connection': get(`${HOST}Connection: host\r\n`),
  'bad-expect': post('Expect: nothing\r\n'),
  'bad-max-forwards': `OPTIONS /s HTTP/1.1\r\n${HOST}Max-Forwards: x\r\n\r\n`,
  'body-in-trace': `TRACE /s HTTP/1.1\r\n${HOST}Content-Length: 1\r\n\r\n`,
  'no-tunnels': `CONNECT h:1 HTTP/1.1\r\n${HOST}\r\n`,
  'bad-asterisk': `GET * HTTP/1.1\r\n${HOST}\r\n`,
  'body-too-large': chunked(`3e9\r\n${'x'.repeat(1001)}`),
  'bad-chunk-size': chunked('x\r\n'),
  'chunk-too-large': chunked('ffffffffffffffff\r\n'),
  'bad-chunk-extension': chunked('1;"\r\n'),
  'bad-chunk-end': chunked('1\r\nab'),
  'bad-trailer': chunked('0\r\nHost: h\r\n\r\n'),
  'trailers-too-large': chunked(`0\r\n${'X: y\r\n'.repeat(2000)}`),
}

/** Those that take time or a connection; each has a test of its own below. */
const OTHERS = [
  ...['head-too-late', 'body-too-late', 'body-too-slow', 'overload', 'too-many-connections', 'tls-handshake'],
  // No bytes are known that do it.
  'internal',
]

const refusals = (gateway: TestGateway) => gateway.report().refusals

/** A connection of a client that stays open. */
function held(t: TestContext, port: number, bytes = ''): net.Socket {
  const socket = net.connect(port, '127.0.0.1', () => socket.write(bytes))
  socket.on('error', () => undefined)
  t.after(() => socket.destroy())
  return socket.resume()
}

test('every reason that bytes can give is counted once, whether their exchange has begun or not', async (t) => {
  const origin = await startOrigin(t, () => undefined)
  const gateway = await startGateway(t, { ...service(origin.address), processor: { limits: { body: 1000 } } })
  for (const [reason, bytes] of Object.entries(SENT)) {
    const halfClose = reason === 'head-cut-off'
    const answer = parseAnswer(await rawRequest(gateway.port, bytes, { untilClose: true, halfClose }))
    assert.ok(answer.status >= 400, reason)
    assert.equal(answer.field('connection'), 'close', reason)
    const report = gateway.report()
    assert.deepEqual(report.refusals, { [reason]: 1 })
    assert.equal(report.served, 1, reason)
  }
  assert.deepEqual([...Object.keys(SENT), ...OTHERS].sort(), [...REFUSALS].sort())
})

test('an announced length beyond the limit is counted as the body that it announces', async (t) => {
  const gateway = await startGateway(t, { ...service('127.0.0.1:9'), processor: { limits: { body: 1000 } } })
  const answer = parseAnswer(await rawRequest(gateway.port, post('Content-Length: 1001\r\n'), { untilClose: true }))
  assertProblem(answer, 413, 'body-too-large')
  assert.deepEqual(refusals(gateway), { 'body-too-large': 1 })
})

test('a fault behind the head of an answer is counted, though nothing can be said of it', async (t) => {
  const origin = await startOrigin(t, (r) => r.send('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nearly'))
  const gateway = await startGateway(t, service(origin.address))
  const client = held(t, gateway.port, chunked('1\r\na\r\n'))
  await new Promise((resolve) => client.once('data', resolve))
  client.write('x\r\n')
  await new Promise((resolve) => client.once('close', resolve))
  const { refusals, codes } = gateway.report()
  assert.deepEqual([refusals, codes], [{ 'bad-chunk-size': 1 }, { 'malformed-request': 1 }])
})

test('heads and bodies that do not come are counted apart', async (t) => {
  const origin = await startOrigin(t, () => undefined)
  const timeouts = { request_head: '100ms', idle: '100ms' }
  const gateway = await startGateway(t, { ...service(origin.address), processor: { timeouts } })
  const late = async (bytes: string) => {
    assertProblem(parseAnswer(await rawRequest(gateway.port, bytes, { untilClose: true })), 408, 'request-timeout')
    return refusals(gateway)
  }
  assert.deepEqual(await late('GET /s HTTP/1.1\r\n'), { 'head-too-late': 1 })
  assert.deepEqual(await late(post('Content-Length: 5\r\n', 'a')), { 'body-too-late': 1 })
})

test('a body that drips is counted as too slow after its first ten seconds, and not before', async (t) => {
  let ahead = 0
  const wheel = createWheel({ now: () => performance.now() + ahead })
  const origin = await startOrigin(t, () => undefined)
  const processor = { timeouts: { idle: 60 }, limits: { body_rate: 10 } }
  const gateway = await startGateway(t, { ...service(origin.address), processor }, undefined, { wheel })
  const client = held(t, gateway.port, post('Content-Length: 1000\r\n', 'a'))
  const received: Buffer[] = []
  client.on('data', (chunk: Buffer) => received.push(chunk))
  const came = (bytes: number) =>
    waitFor(() => [...gateway.core.connections][0]?.exchange?.bytesIn === bytes, { what: `${bytes} bytes` })
  await came(1)
  // Or the jump would go over the time for connecting.
  await waitFor(() => origin.requests.length === 1, { what: 'the request at its instance' })
  ahead += 9000
  client.write('a')
  await came(2)
  assert.deepEqual(refusals(gateway), {})
  ahead += 3000
  client.write('a')
  await new Promise((resolve) => client.once('close', resolve))
  assertProblem(parseAnswer(Buffer.concat(received)), 408, 'request-timeout')
  assert.deepEqual(refusals(gateway), { 'body-too-slow': 1 })
})

test('connections that are turned away are counted by why', async (t) => {
  const origin = await startOrigin(t, (r) => r.answer(200, 'ok'))
  for (const [limit, reason, status] of [
    ['connections', 'overload', 503],
    ['client_connections', 'too-many-connections', 429],
  ] as const) {
    const gateway = await startGateway(t, { ...service(origin.address), processor: { limits: { [limit]: 1 } } })
    const first = held(t, gateway.port)
    await waitFor(() => gateway.core.connections.size === 1)
    for (const times of [1, 2]) {
      const answer = parseAnswer(await rawRequest(gateway.port, '', { untilClose: true }))
      assertProblem(answer, status, reason)
      assert.equal(answer.field('retry-after'), '1', `${limit}, ${times}`)
    }
    assert.deepEqual(refusals(gateway), { [reason]: 2 })
    first.destroy()
    await waitFor(() => gateway.core.connections.size === 0)
    assert.equal((await request(gateway.port, 'GET', '/s')).status, 200)
    assert.deepEqual(refusals(gateway), {})
  }
})

test('handshakes that fail are counted, and connections for whose handshake there is no room', async (t) => {
  const { put } = await folder(t)
  const { certFile, keyFile } = await put('own', await makeCertificate({ names: ['IP:127.0.0.1'] }))
  const processor = { tls: { cert: certFile, key: keyFile }, limits: { connections: 1 } }
  const { log, lines } = collected()
  const gateway = await startGateway(t, { ...service('127.0.0.1:9'), processor }, undefined, { log })
  const closed = (socket: net.Socket) => new Promise((resolve) => socket.once('close', resolve))
  await closed(held(t, gateway.port, get(HOST)))
  const report = gateway.report()
  assert.deepEqual(report.refusals, { 'tls-handshake': 1 })
  // Nothing was asked, so nothing was served.
  assert.equal(report.served, 0)
  const first = held(t, gateway.port)
  await new Promise((resolve) => first.once('connect', resolve))
  await closed(held(t, gateway.port))
  assert.deepEqual(refusals(gateway), { overload: 1 })
  first.resetAndDestroy()
  let left = 0
  await waitFor(() => (left += refusals(gateway)['tls-handshake'] ?? 0) === 1)
  // Mostly gone before they can be looked at: not one may pass for a trouble of this machine's.
  const vanished = Array.from({ length: 20 }, () => net.connect(gateway.port, '127.0.0.1'))
  for (const socket of vanished) socket.once('connect', () => socket.resetAndDestroy())
  let seen = 0
  await waitFor(() => (seen += Object.values(refusals(gateway)).reduce((sum, n) => sum + n, 0)) === 20)
  assert.deepEqual(
    lines.filter(([level]) => level === 'error'),
    [],
  )
})

test('what is not refused is not counted as such', async (t) => {
  const origin = await startOrigin(t, (r) => (r.method === 'GET' ? r.answer(500) : undefined))
  const gateway = await startGateway(t, service(origin.address))
  await request(gateway.port, 'GET', '/s')
  await request(gateway.port, 'GET', '/none')
  const leaving = held(t, gateway.port, post('Content-Length: 9\r\n', 'half'))
  await waitFor(() => gateway.core.inFlight === 1)
  leaving.destroy()
  await waitFor(() => gateway.core.inFlight === 0)
  assert.deepEqual(refusals(gateway), {})
})

function collected(): { readonly log: Log; readonly lines: [string, Record<string, unknown>, string][] } {
  const lines: [string, Record<string, unknown>, string][] = []
  const at = (level: string) => (fields: Record<string, unknown>, message: string) =>
    void lines.push([level, fields, message])
  const log: Log = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error'), child: () => log }
  return { log, lines }
}

test('the log tells of a refusal by its reason and the address of the client, and of nothing that it sent', async (t) => {
  const { log, lines } = collected()
  const origin = await startOrigin(t, () => undefined)
  // In one second, however long it takes.
  const wheel = createWheel({ now: () => 0 })
  const gateway = await startGateway(t, service(origin.address), undefined, { log, wheel })
  const secrets = `POST /s?key=SECRET HTTP/1.1\r\nHost: h\r\nX-SECRET: 1\r\nCookie: SECRET\r\n`
  for (const end of ['Authorization : SECRET\r\n\r\n', 'Transfer-Encoding: chunked\r\n\r\nSECRET\r\n']) {
    await rawRequest(gateway.port, secrets + end, { untilClose: true })
  }
  assert.deepEqual(
    lines.filter(([level]) => level !== 'debug'),
    [['info', { reason: 'bad-field-name', client: '127.0.0.1', suppressed: 0 }, 'a request was refused']],
  )
  assert.ok(lines.length > 1, 'the second refusal is seen by whoever wants to see all')
  assert.doesNotMatch(JSON.stringify(lines), /SECRET/)
})

test('however many are refused, the log has one line a second, which says how many it left out', () => {
  const { log, lines } = collected()
  let now = 5
  const tell = createRefusalLog({ log, wheel: { now: () => now } })
  for (let i = 0; i < 1000; i++, now += 2.5) tell('bare-lf', `10.0.0.${i % 4}`)
  now += 1_000_000
  tell('no-host', '10.0.0.9')
  tell('no-host', '10.0.0.9')
  assert.deepEqual(
    lines.map(([, fields]) => [fields['reason'], fields['client'], fields['suppressed']]),
    [
      ['bare-lf', '10.0.0.0', 0],
      ['bare-lf', '10.0.0.0', 399],
      ['bare-lf', '10.0.0.0', 399],
      ['no-host', '10.0.0.9', 199],
    ],
  )
})
