// Switching protocols: only what a route allows, only when the instance agrees, and then byte for byte.
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import net from 'node:net'
import { test } from 'node:test'
import { startGateway } from '../kit/gateway.js'
import { rawRequest } from '../kit/http.js'
import { type OriginRequest, startOrigin } from '../kit/origin.js'
import type { Cleanup } from '../kit/process.js'
import { waitFor } from '../kit/wait.js'

const ASK =
  'GET /s HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n'
const AGREED = 'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\nX-Own: 1\r\n\r\n'

const service = (address: string, more: object = {}) => ({
  services: { s: { servers: [address], apis: ['/s'], upgrade: ['websocket'], ...more } },
})

/** An instance that agrees to switch, and then says back whatever it hears. */
async function echo(t: Cleanup): Promise<string> {
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => undefined)
    socket.once('data', () => {
      socket.write(AGREED)
      socket.pipe(socket)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  return `127.0.0.1:${(server.address() as net.AddressInfo).port}`
}

/** A client's connection and all that has come on it. */
function connected(t: Cleanup, port: number) {
  const socket = net.connect(port, '127.0.0.1')
  const chunks: Buffer[] = []
  const closed = new Promise<void>((resolve) => socket.on('close', () => resolve()))
  socket.on('error', () => undefined)
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  t.after(() => socket.destroy())
  return { socket, closed, received: () => Buffer.concat(chunks) }
}

test('a connection that both sides agree to switch carries bytes as they come, and is one record', async (t) => {
  const gateway = await startGateway(t, service(await echo(t)))
  const { socket, received } = connected(t, gateway.port)
  socket.write(ASK)
  await waitFor(() => received().includes('\r\n\r\n'), { what: 'the agreement' })
  const head = received().toString('latin1')
  assert.match(
    head,
    /^HTTP\/1\.1 101 Switching Protocols\r\nX-Own: 1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nVia: /,
  )
  assert.equal(gateway.core.tunnels, 1)
  const sent = randomBytes(3_000_000)
  socket.end(sent)
  await new Promise((resolve) => socket.on('end', resolve))
  const back = received().subarray(head.length)
  const hash = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')
  assert.equal(back.length, sent.length)
  assert.equal(hash(back), hash(sent))
  await waitFor(() => gateway.core.inFlight === 0, { what: 'the end of the exchange' })
  const [record] = gateway.report().records
  assert.equal(record?.status, 101)
  assert.equal(record.bytesIn, sent.length)
  assert.equal(record.bytesOut, sent.length)
  assert.equal(gateway.core.tunnels, 0)
  assert.equal(gateway.endpoints.values().next().value?.inFlight, 0)
})

test('what either side sends before it knows of the switch is not lost', async (t) => {
  const origin = await startOrigin(t, (r) => r.send(`${AGREED}early`))
  const gateway = await startGateway(t, service(origin.address))
  const { socket, received } = connected(t, gateway.port)
  socket.write(`${ASK}ahead`)
  await waitFor(() => received().includes('early'), { what: 'the early bytes' })
  await waitFor(() => origin.connections[0]?.received().toString('latin1').endsWith('ahead'), {
    what: 'the bytes ahead',
  })
})

test('an instance that does not agree answers as always, and the connection goes on', async (t) => {
  const origin = await startOrigin(t, (r) => r.answer(r.field('upgrade') === undefined ? 200 : 426, r.target))
  const gateway = await startGateway(t, service(origin.address))
  const plain = 'GET /s/2 HTTP/1.1\r\nHost: h\r\n\r\n'
  const raw = (await rawRequest(gateway.port, ASK + plain, { answers: 2 })).toString('latin1')
  assert.match(raw, /HTTP\/1\.1 426 .*\/s.*HTTP\/1\.1 200 .*\/s\/2$/s)
})

const asked = (r: OriginRequest) => r.fields.some(([name]) => /^(upgrade|connection)$/i.test(name))

test('what a route does not allow is not passed on, nor what is no GET of HTTP/1.1 with Connection: upgrade', async (t) => {
  const origin = await startOrigin(t, (r) => r.answer(asked(r) ? 500 : 200))
  const gateway = await startGateway(t, {
    ...service(origin.address),
    routes: [{ match: { path: '/s/plain' }, service: 's', upgrade: [] }],
  })
  for (const request of [
    ASK.replace('/s', '/s/plain'),
    ASK.replace('WebSocket', 'h2c'),
    ASK.replace(', Upgrade', ''),
    ASK.replace('HTTP/1.1', 'HTTP/1.0'),
    ASK.replace('GET', 'DELETE'),
  ]) {
    assert.match((await rawRequest(gateway.port, request)).toString('latin1'), /^HTTP\/1\.1 200 /, request)
  }
})

test('a switch that was not asked for, or to something else, or with a body, is a bad answer', async (t) => {
  let answer = ''
  const origin = await startOrigin(t, (r) => r.send(answer))
  const gateway = await startGateway(t, service(origin.address))
  const plain = 'GET /s HTTP/1.1\r\nHost: h\r\n\r\n'
  for (const [request, bad] of [
    [plain, AGREED],
    [ASK, AGREED.replace('websocket', 'h2c')],
    [ASK, AGREED.replace('Connection: upgrade\r\n', '')],
    [ASK, AGREED.replace('X-Own: 1', 'Content-Length: 3')],
    [ASK, AGREED.replace('X-Own: 1', 'Transfer-Encoding: chunked')],
  ] as const) {
    answer = bad
    assert.match((await rawRequest(gateway.port, request)).toString('latin1'), /^HTTP\/1\.1 502 /, bad)
  }
  assert.equal(gateway.core.tunnels, 0)
})

test('either side that goes away takes the other with it', async (t) => {
  const origin = await startOrigin(t, (r) => r.send(AGREED))
  const gateway = await startGateway(t, service(origin.address))
  for (const [i, leave] of [
    (client: net.Socket) => client.resetAndDestroy(),
    (_client: net.Socket, r: OriginRequest) => r.reset(),
  ].entries()) {
    const client = connected(t, gateway.port)
    client.socket.write(ASK)
    await waitFor(() => client.received().includes('101'), { what: 'the switch' })
    const request = origin.requests[i] as OriginRequest
    leave(client.socket, request)
    await Promise.all([client.closed, request.gone])
    await waitFor(() => gateway.core.inFlight === 0, { what: 'the end of the exchange' })
  }
})

test('a tunnel in which nothing moves ends after its time', async (t) => {
  const origin = await startOrigin(t, (r) => r.send(AGREED))
  const gateway = await startGateway(t, { ...service(origin.address), processor: { timeouts: { upgraded_ms: 150 } } })
  const client = connected(t, gateway.port)
  client.socket.write(ASK)
  await client.closed
  assert.equal(gateway.core.tunnels, 0)
})

test('a side that does not read holds the other one back', async (t) => {
  const origin = await startOrigin(t, (r) => r.send(AGREED))
  const gateway = await startGateway(t, service(origin.address))
  const client = connected(t, gateway.port)
  client.socket.write(ASK)
  await waitFor(() => client.received().includes('101'), { what: 'the switch' })
  client.socket.pause()
  const block = Buffer.alloc(1 << 20)
  for (let i = 0; i < 64; i++) origin.requests[0]?.send(block)
  const [connection] = gateway.core.connections
  await waitFor(() => (connection?.wire.backlog ?? 0) > 0, { what: 'a full connection' })
  for (let i = 0; i < 50; i++) {
    assert.ok((connection?.wire.backlog ?? 0) <= 256 * 1024, `${connection?.wire.backlog} bytes wait`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  client.socket.resume()
  await waitFor(() => client.received().length > 64 << 20, { what: 'the rest', timeoutMs: 10_000 })
})
