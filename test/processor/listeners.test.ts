// Ports beside the processor's own: which requests each takes, TLS on one of them, and what they share.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import net, { createServer, type AddressInfo } from 'node:net'
import { constants } from 'node:os'
import { test, type TestContext } from 'node:test'
import tls from 'node:tls'
import { probe } from '../../processor/supervisor/listen.js'
import { makeCertificate } from '../kit/certificates.js'
import { startGateway, testConfig } from '../kit/gateway.js'
import { parseAnswer, request } from '../kit/http.js'
import { startOrigin } from '../kit/origin.js'
import { freePort, isListening } from '../kit/ports.js'
import { waitFor, within } from '../kit/wait.js'
import { dial } from '../kit/wire.js'
import { keepingLog } from './pipes/rig.js'
import { startSupervised } from './supervised.js'
import { folder } from './tls/kit.js'

const named = (t: TestContext, name: string) =>
  startOrigin(t, (request) => request.answer(200, `${name} ${request.field('x-forwarded-proto') ?? ''}`))

test('each port takes its own routes and no others', async (t) => {
  const [a, b, c] = await Promise.all(['a', 'b', 'c'].map((name) => named(t, name)))
  const gateway = await startGateway(t, {
    processor: {
      listeners: [
        { name: 'admin', port: 0 },
        { name: 'github', port: 0, service: 'c' },
      ],
    },
    services: {
      a: { servers: [`http://${a?.address}`], apis: ['/shared', '/a'] },
      b: { servers: [`http://${b?.address}`] },
      c: { servers: [`http://${c?.address}`] },
    },
    routes: [{ match: { path: '/shared' }, listener: 'admin', service: 'b' }],
  })
  const ask = async (port: number | undefined, path: string) => {
    const answer = await request(port ?? 0, 'GET', path)
    return answer.status === 200 ? answer.text().split(' ')[0] : answer.status
  }
  const { port, ports } = gateway
  assert.equal(await ask(port, '/shared'), 'a')
  assert.equal(await ask(ports['admin'], '/shared'), 'b')
  assert.equal(await ask(ports['admin'], '/a'), 404)
  assert.equal(await ask(ports['github'], '/shared'), 'c')
  assert.equal(await ask(ports['github'], '/any/path?at=all'), 'c')
  assert.equal(await ask(port, '/any/path'), 404)
})

test('a listener speaks TLS while the processor does not, and instances hear of it', async (t) => {
  const origin = await named(t, 'a')
  const { certFile, keyFile } = await (
    await folder(t)
  ).put('own', await makeCertificate({ names: ['DNS:secure.test'] }))
  const certificate = { cert: certFile, key: keyFile }
  const gateway = await startGateway(t, {
    processor: { listeners: [{ name: 'secure', port: 0, service: 'a', tls: certificate }] },
    services: { a: { servers: [`http://${origin.address}`], apis: ['/a'] } },
  })
  assert.equal((await request(gateway.port, 'GET', '/a')).text(), 'a http')
  const socket = tls.connect({ port: gateway.ports['secure'] ?? 0, host: '127.0.0.1', rejectUnauthorized: false })
  t.after(() => socket.destroy())
  socket.write('GET /a HTTP/1.1\r\nHost: secure.test\r\nConnection: close\r\n\r\n')
  const chunks: Buffer[] = []
  for await (const chunk of socket) chunks.push(chunk as Buffer)
  assert.equal(parseAnswer(Buffer.concat(chunks)).text(), 'a https')
  // Plain text there is no request.
  const wire = await dial(t, gateway.ports['secure'] ?? 0)
  wire.send('GET /a HTTP/1.1\r\nHost: a\r\n\r\n')
  assert.notEqual(await wire.ended(), 'open')
  assert.equal(origin.requests.length, 2)
  await waitFor(() => gateway.report().refusals['tls-handshake'] === 1)
})

test('handshakes on all ports together are no more than the connections that the worker may have', async (t) => {
  const origin = await named(t, 'a')
  const files = await (await folder(t)).put('own', await makeCertificate({ names: ['DNS:secure.test'] }))
  const secured = { service: 'a', tls: { cert: files.certFile, key: files.keyFile } }
  const gateway = await startGateway(t, {
    processor: {
      limits: { connections: 2 },
      listeners: [
        { name: 'one', port: 0, ...secured },
        { name: 'two', port: 0, ...secured },
      ],
    },
    services: { a: { servers: [`http://${origin.address}`] } },
  })
  const silent = await Promise.all(['one', 'one', 'two'].map((name) => dial(t, gateway.ports[name] ?? 0)))
  assert.notEqual(await Promise.race(silent.map((wire) => wire.ended())), 'open')
  assert.equal(gateway.report().refusals.overload, 1)
})

test('a port that cannot accept a connection, for files are out, says so and accepts the next', async (t) => {
  const origin = await named(t, 'a')
  const { certFile, keyFile } = await (
    await folder(t)
  ).put('own', await makeCertificate({ names: ['DNS:secure.test'] }))
  const { log, lines } = keepingLog()
  const gateway = await startGateway(
    t,
    {
      processor: { listeners: [{ name: 'secure', port: 0, service: 'a', tls: { cert: certFile, key: keyFile } }] },
      services: { a: { servers: [`http://${origin.address}`], apis: ['/a'] } },
    },
    undefined,
    { log },
  )
  for (const server of [gateway.server, gateway.listeners.get('secure')]) {
    const { _handle: handle } = server as unknown as { _handle: { onconnection(error: number): void } }
    handle.onconnection(-constants.errno.EMFILE)
  }
  const said = lines.filter(({ message }) => message === 'a connection could not be accepted')
  assert.deepEqual(
    said.map(({ level, fields }) => [level, fields['code']]),
    [
      ['error', 'EMFILE'],
      ['error', 'EMFILE'],
    ],
  )
  assert.equal((await request(gateway.port, 'GET', '/a')).text(), 'a http')
  const socket = tls.connect({ port: gateway.ports['secure'] ?? 0, host: '127.0.0.1', rejectUnauthorized: false })
  t.after(() => socket.destroy())
  await once(socket, 'secureConnect')
})

test('all ports together have as many connections as the worker may have', async (t) => {
  const origin = await named(t, 'a')
  const gateway = await startGateway(t, {
    processor: { limits: { connections: 2 }, listeners: [{ name: 'other', port: 0, service: 'a' }] },
    services: { a: { servers: [`http://${origin.address}`], apis: ['/a'] } },
  })
  await dial(t, gateway.port)
  await dial(t, gateway.ports['other'] ?? 0)
  await waitFor(() => gateway.core.connections.size === 2)
  assert.equal((await request(gateway.ports['other'] ?? 0, 'GET', '/a')).status, 503)
})

test('an instance on the port of a listener is the gateway itself', async (t) => {
  const origin = await named(t, 'a')
  const listening = createServer()
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve))
  const { port } = listening.address() as AddressInfo
  await new Promise((resolve) => listening.close(resolve))
  const gateway = await startGateway(t, {
    processor: { listeners: [{ name: 'own', port, service: 'a' }] },
    services: { a: { servers: [`http://127.0.0.1:${port}`, `http://${origin.address}`], apis: ['/a'] } },
  })
  for (let i = 0; i < 4; i++) assert.equal((await request(gateway.port, 'GET', '/a')).text(), 'a http')
})

test('an instance whose address becomes a listener with a reload is the gateway itself from then on', async (t) => {
  const origin = await named(t, 'a')
  const at = await freePort()
  const services = {
    a: { servers: [`http://127.0.0.1:${at}`, `http://${origin.address}`], apis: ['/a'], outlier: false },
  }
  const gateway = await startGateway(t, { services })
  const failures = async () => {
    for (let i = 0; i < 6; i++) await request(gateway.port, 'GET', '/a')
    return gateway.report().attempts.failure
  }
  assert.ok((await failures()) > 0, 'nobody is there yet')
  const { term, seq } = gateway.core.table.snapshot
  const change = { kind: 'delta', term, seq: seq + 1, base: seq, put: [], gone: [] } as const
  const listeners = [{ name: 'own', host: '127.0.0.1', port: at, service: 'a' }]
  assert.ok(gateway.reconfigure(testConfig({ processor: { listeners }, services }, gateway.port), change))
  assert.equal(await failures(), 0)
})

test('workers serve all ports, those that replace others too, and a drain closes every one', async (t) => {
  const origin = await named(t, 'a')
  const config = testConfig({
    processor: {
      host: '127.0.0.1',
      workers: 2,
      listeners: [
        { name: 'one', host: '127.0.0.1', port: 0, service: 'a' },
        { name: 'two', host: '127.0.0.1', port: 0, tcp: 'a' },
      ],
    },
    services: { a: { servers: [`http://${origin.address}`], apis: ['/a'] } },
  })
  const { processor, lines } = await startSupervised(t, config)
  const ports = [processor.port, processor.listeners['one'] ?? 0, processor.listeners['two'] ?? 0]
  assert.equal(new Set(ports).size, 3)
  const askAll = async () => {
    for (const port of ports)
      for (let i = 0; i < 4; i++) {
        const answer = await request(port, 'GET', '/a', { fields: { Connection: 'close' } })
        assert.equal(answer.status, 200, `port ${port}`)
      }
  }
  await askAll()
  assert.deepEqual(
    lines.filter(({ message }) => message === 'a listener is open').map(({ listener, port }) => [listener, port]),
    [
      ['one', ports[1]],
      ['two', ports[2]],
    ],
  )
  await processor.replaceWorkers()
  await askAll()
  const [victim] = processor.status().workers
  process.kill(victim?.pid ?? 0, 'SIGKILL')
  await waitFor(() => processor.status().workers.filter(({ state }) => state === 'serving').length === 2)
  await askAll()
  await processor.drain()
  for (const port of ports) assert.equal(await isListening(port), false, `port ${port}`)
})

test('a port that cannot be had is one line that names its listener', async (t) => {
  const taken = createServer()
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
  t.after(() => taken.close())
  const { port } = taken.address() as AddressInfo
  const services = { a: { servers: ['http://127.0.0.1:9'] } }
  const withListeners = (...listeners: unknown[]) =>
    testConfig({ processor: { host: '127.0.0.1', listeners }, services })
  const of = (name: string, at: number, host = '127.0.0.1') => ({ name, port: at, host, service: 'a' })
  const failure = async (...listeners: unknown[]) => {
    const error: unknown = await startSupervised(t, withListeners(...listeners)).catch((reason: unknown) => reason)
    assert.ok(error instanceof Error)
    return error.message
  }
  const inUse = `port ${port} is in use (listener "github"): set port of the listener "github" to a free one, or stop what listens there`
  assert.equal(await failure(of('github', port)), inUse)
  await assert.rejects(probe(withListeners(of('github', port))), new Error(inUse))
  assert.match(
    await failure(of('far', 0, '192.0.2.1')),
    /192\.0\.2\.1 is no address of this machine \(listener "far"\)/,
  )
})

test('a client that connects while a port is tried does not hold the trial up', async (t) => {
  const processor = { host: '127.0.0.1', port: await freePort() }
  const config = testConfig({ processor, services: { a: { servers: ['127.0.0.1:9'], apis: ['/a'] } } })
  const close = net.Server.prototype.close
  // In the moment between the opening of the port and its end.
  t.mock.method(net.Server.prototype, 'close', function (this: net.Server, done?: () => void) {
    this.once('connection', () => close.call(this, done))
    void dial(t, (this.address() as AddressInfo).port).then((wire) => wire.send('hello'))
    return this
  })
  await within(probe(config), 10_000, 'the trial')
})
