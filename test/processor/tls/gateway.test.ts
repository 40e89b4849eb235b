// The engine behind TLS and towards instances that speak it, beneath Node's sockets and above them.
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import https from 'node:https'
import net from 'node:net'
import { test, type TestContext } from 'node:test'
import tls from 'node:tls'
import { makeCertificate } from '../../kit/certificates.js'
import { startGateway } from '../../kit/gateway.js'
import { request as plainRequest } from '../../kit/http.js'
import { startOrigin } from '../../kit/origin.js'
import { waitFor } from '../../kit/wait.js'
import { folder } from './kit.js'

async function files(t: TestContext) {
  const { put } = await folder(t)
  return put('own', await makeCertificate({ names: ['DNS:gate.example', 'IP:127.0.0.1'] }))
}

async function secureGateway(t: TestContext, address: string, useSockets: boolean, more: object = {}) {
  const { certFile, keyFile } = await files(t)
  const service = { servers: [address], apis: ['/s'], upgrade: ['websocket'] }
  const processor = { tls: { cert: certFile, key: keyFile }, ...more }
  return startGateway(t, { processor, services: { s: service } }, undefined, { useSockets })
}

const hash = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')

function ask(port: number, agent: https.Agent, method: string, path: string, body?: Buffer): Promise<[number, Buffer]> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, method, path, agent, rejectUnauthorized: false }
    const asked = https.request(options, (answer) => {
      const chunks: Buffer[] = []
      answer.on('data', (chunk: Buffer) => chunks.push(chunk))
      answer.on('end', () => resolve([answer.statusCode ?? 0, Buffer.concat(chunks)]))
      answer.on('error', reject)
    })
    asked.on('error', reject)
    asked.end(body)
  })
}

for (const useSockets of [false, true]) {
  const how = useSockets ? 'above sockets' : 'beneath sockets'

  test(`clients speak TLS, on connections that are kept, with bodies of any size: ${how}`, async (t) => {
    const origin = await startOrigin(t, async (r) => r.answer(200, await r.body(), { 'X-Proto': 'seen' }))
    const gateway = await secureGateway(t, origin.address, useSockets)
    const agent = new https.Agent({ keepAlive: true, maxSockets: 1 })
    t.after(() => agent.destroy())
    for (const size of [0, 1, 1000, 16_384, 16_385, 200_000, 3_000_000, 10]) {
      const body = randomBytes(size)
      const [status, back] = await ask(gateway.port, agent, 'PUT', '/s', body)
      assert.equal(status, 200)
      assert.equal(hash(back), hash(body), `${size} bytes`)
    }
    assert.equal(gateway.core.connections.size, 1)
    assert.equal(origin.requests[0]?.field('x-forwarded-proto'), 'https')
  })

  test(`many clients at once each get their own answer: ${how}`, async (t) => {
    const origin = await startOrigin(t, (r) => r.answer(200, r.target.repeat(3000)))
    const gateway = await secureGateway(t, origin.address, useSockets)
    const agent = new https.Agent({ keepAlive: false })
    await Promise.all(
      Array.from({ length: 40 }, async (_, i) => {
        const [status, body] = await ask(gateway.port, agent, 'GET', `/s/${i}`)
        assert.equal(status, 200)
        assert.equal(body.toString(), `/s/${i}`.repeat(3000))
      }),
    )
    await waitFor(() => gateway.core.connections.size === 0, { what: 'all connections to end' })
  })

  test(`an answer that is cut off looks cut off, and a client that leaves is noticed: ${how}`, async (t) => {
    const origin = await startOrigin(t, (r) => {
      r.send('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf')
      if (r.target === '/s/cut') r.reset()
    })
    const gateway = await secureGateway(t, origin.address, useSockets)
    const agent = new https.Agent({ keepAlive: false })
    await assert.rejects(ask(gateway.port, agent, 'GET', '/s/cut'))
    const client = tls.connect({ host: '127.0.0.1', port: gateway.port, rejectUnauthorized: false })
    client.on('error', () => undefined)
    client.write('GET /s/leave HTTP/1.1\r\nHost: h\r\n\r\n')
    await new Promise((resolve) => client.once('data', resolve))
    client.destroy()
    await origin.requests[1]?.gone
    await waitFor(() => gateway.core.inFlight === 0, { what: 'the end of the exchange' })
  })

  test(`what is no handshake, or never ends one, costs its time and nothing else: ${how}`, async (t) => {
    const origin = await startOrigin(t, (r) => r.answer(200))
    const gateway = await secureGateway(t, origin.address, useSockets, { timeouts: { request_head_ms: 200 } })
    const closed = (bytes: string) =>
      new Promise<void>((resolve) => {
        const socket = net.connect(gateway.port, '127.0.0.1', () => socket.write(bytes))
        socket.on('error', () => undefined)
        socket.on('close', () => resolve())
        socket.resume()
      })
    await Promise.all([closed('GET /s HTTP/1.1\r\nHost: h\r\n\r\n'), closed('\x16\x03\x01'), closed('')])
    const [status] = await ask(gateway.port, new https.Agent(), 'GET', '/s')
    assert.equal(status, 200)
    assert.equal(origin.requests.length, 1)
  })

  test(`a client that leaves before its handshake is done holds no place: ${how}`, async (t) => {
    const origin = await startOrigin(t, (r) => r.answer(200))
    const gateway = await secureGateway(t, origin.address, useSockets, { limits: { connections: 2 } })
    for (let i = 0; i < 6; i++) {
      const socket = net.connect(gateway.port, '127.0.0.1')
      await new Promise((resolve) => socket.once('connect', resolve))
      socket.end('\x16\x03\x01')
      await new Promise((resolve) => socket.once('close', resolve).resume())
    }
    const agent = new https.Agent()
    t.after(() => agent.destroy())
    assert.equal((await ask(gateway.port, agent, 'GET', '/s'))[0], 200)
  })

  test(`instances are spoken to in TLS, on connections that are kept: ${how}`, async (t) => {
    const pem = await makeCertificate({ names: ['IP:127.0.0.1'], maySign: true })
    const { put } = await folder(t)
    const { certFile } = await put('instance', pem)
    let connections = 0
    const server = https.createServer(pem, (request, answer) => request.pipe(answer))
    server.on('secureConnection', () => connections++)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    t.after(() => {
      server.closeAllConnections()
      server.close()
    })
    const { port } = server.address() as net.AddressInfo
    const service = { servers: [`https://127.0.0.1:${port}`], apis: ['/s'], tls: { ca_file: certFile } }
    const gateway = await startGateway(t, { services: { s: service } }, undefined, { useSockets })
    for (const size of [0, 5, 20_000, 2_000_000, 3]) {
      const body = randomBytes(size)
      const answer = await plainRequest(gateway.port, 'POST', '/s', { body })
      assert.equal(answer.status, 200)
      assert.equal(hash(answer.body), hash(body), `${size} bytes`)
    }
    assert.equal(connections, 1)
  })

  test(`an answer that ends with its TLS connection ends for the client: ${how}`, async (t) => {
    const pem = await makeCertificate({ names: ['IP:127.0.0.1'] })
    const text = 'x'.repeat(100_000)
    const server = tls.createServer(pem, (socket) => {
      socket.on('error', () => undefined)
      socket.once('data', () => socket.end(`HTTP/1.1 200 OK\r\n\r\n${text}`))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    t.after(() => server.close())
    const { port } = server.address() as net.AddressInfo
    const service = { servers: [`https://127.0.0.1:${port}`], apis: ['/s'], tls: { verify: false } }
    const gateway = await startGateway(t, { services: { s: service } }, undefined, { useSockets })
    for (let i = 0; i < 3; i++) assert.equal((await plainRequest(gateway.port, 'GET', '/s')).text(), text)
    assert.equal([...gateway.endpoints.values()][0]?.inFlight, 0)
  })
}
