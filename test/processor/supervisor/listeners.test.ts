// Listeners that come, change and go with the config, over real workers: nothing of the others is lost, and a port that
// cannot be had leaves everything as it was.
import assert from 'node:assert/strict'
import http from 'node:http'
import { test, type TestContext } from 'node:test'
import tls from 'node:tls'
import { PortRefused } from '../../../processor/supervisor/listen.js'
import { makeCertificate } from '../../kit/certificates.js'
import { testConfig } from '../../kit/gateway.js'
import { request } from '../../kit/http.js'
import { startOrigin } from '../../kit/origin.js'
import { freePort, isListening } from '../../kit/ports.js'
import { waitFor } from '../../kit/wait.js'
import { dial, listen } from '../../kit/wire.js'
import { startSupervised } from '../supervised.js'
import { folder } from '../tls/kit.js'

type Given = Record<string, unknown>

const host = '127.0.0.1'
const fresh = { fields: { Connection: 'close' } }

async function setUp(t: TestContext, listeners: readonly Given[], processor: Given = {}, routes: unknown[] = []) {
  const [a, b] = [await named(t, 'a'), await named(t, 'b')]
  const raw = await listen(t, (wire) => wire.send('raw\n'))
  const services = {
    a: { servers: [a], apis: ['/a'] },
    b: { servers: [b], apis: ['/b'] },
    raw: { servers: [raw.address], apis: ['/raw'] },
  }
  const configOf = (wanted: readonly Given[], more: Given = {}) =>
    testConfig({
      processor: {
        host,
        workers: 2,
        ...processor,
        ...more,
        listeners: wanted.map((one) => ({ host, ...one })),
      },
      services,
      // Those of a listener go with it.
      routes: wanted.some(({ name }) => name === 'one') ? routes : [],
    })
  const started = await startSupervised(t, configOf(listeners))
  const { processor: running } = started
  return {
    ...started,
    raw,
    own: running.port,
    port: (name: string) => running.listeners[name] ?? 0,
    reload: (wanted: readonly Given[], more?: Given) => running.reconfigure(configOf(wanted, more)),
    tryPorts: (wanted: readonly Given[]) => running.tryPorts(configOf(wanted)),
  }
}

async function named(t: TestContext, name: string): Promise<string> {
  const { address } = await startOrigin(t, (r) => r.answer(200, name))
  return `http://${address}`
}

/** Often enough that every worker is met. */
async function askAll(port: number, path = '/a'): Promise<string> {
  const seen = new Set<string>()
  for (let i = 0; i < 8; i++) {
    const answer = await request(port, 'GET', path, fresh)
    seen.add(answer.status === 200 ? answer.text() : String(answer.status))
  }
  return [...seen].join()
}

test('a listener comes, moves to another service, and goes, in all workers', async (t) => {
  const { processor, lines, own, port, reload } = await setUp(t, [])
  await reload([{ name: 'one', port: 0, service: 'a' }])
  const one = port('one')
  assert.ok(one > 0)
  assert.equal(await askAll(one), 'a')
  assert.equal(processor.status().listeners[0]?.port, one)
  await reload([{ name: 'one', port: 0, service: 'b' }])
  assert.equal(port('one'), one, 'the port that was picked stays')
  assert.equal(await askAll(one), 'b')
  await reload([{ name: 'one', port: 0, tcp: 'raw' }])
  assert.equal(port('one'), one)
  assert.equal(await (await dial(t, one)).until(/\n/), 'raw\n')
  await reload([])
  assert.equal(await isListening(one), false)
  assert.equal(await askAll(own), 'a')
  assert.deepEqual(
    lines.filter(({ message }) => /^a listener is/.test(message)).map(({ listener, message }) => [listener, message]),
    [
      ['one', 'a listener is open'],
      ['one', 'a listener is open'],
      ['one', 'a listener is closed'],
    ],
  )
})

test('listeners change their names and their ports among themselves, and a worker that comes later has them too', async (t) => {
  const [first, second] = [await freePort(), await freePort()]
  const { processor, port, reload } = await setUp(t, [
    { name: 'one', port: first, service: 'a' },
    { name: 'two', port: second, service: 'b' },
  ])
  assert.deepEqual([await askAll(first), await askAll(second)], ['a', 'b'])
  await reload([
    { name: 'two', port: first, service: 'b' },
    { name: 'three', port: second, service: 'a' },
  ])
  assert.deepEqual([port('one'), port('two'), port('three')], [0, first, second])
  assert.deepEqual([await askAll(first), await askAll(second)], ['b', 'a'])
  const [victim] = processor.status().workers
  process.kill(victim?.pid ?? 0, 'SIGKILL')
  await waitFor(() => processor.status().replaced === 1)
  await waitFor(() => processor.status().workers.filter(({ state }) => state === 'serving').length === 2)
  assert.deepEqual([await askAll(first), await askAll(second)], ['b', 'a'])
  // The same port again, a moment after it was given up.
  await reload([{ name: 'two', port: first, service: 'b' }])
  assert.equal(await isListening(second), false)
  await reload([{ name: 'again', port: second, service: 'a' }])
  assert.deepEqual([await isListening(first), await askAll(second)], [false, 'a'])
})

test('a port that is in use refuses the config in one line that names the listener, and all stays as it was', async (t) => {
  const taken = await listen(t, () => undefined)
  const { processor, own, port, reload, tryPorts } = await setUp(t, [{ name: 'one', port: 0, service: 'a' }])
  const [one, free] = [port('one'), await freePort()]
  const wanted = [
    { name: 'one', port: free, service: 'b' },
    { name: 'db', port: taken.port, tcp: 'raw' },
  ]
  for (const refused of [tryPorts, reload])
    await assert.rejects(
      refused(wanted),
      (error) =>
        error instanceof PortRefused &&
        error.path === 'processor.listeners[1].port' &&
        error.message ===
          `port ${taken.port} is in use (listener "db"): set port of the listener "db" to a free one, or stop what listens there`,
    )
  assert.deepEqual(processor.listeners, { one })
  assert.deepEqual([await askAll(one), await askAll(own), await isListening(free)], ['a', 'a', false])
})

test('ports are tried without a change to any, and those that the gateway has itself are none that are in use', async (t) => {
  const at = await freePort()
  const { processor, own, tryPorts } = await setUp(t, [{ name: 'one', port: at, service: 'a' }])
  const kept = await dial(t, at)
  const free = await freePort()
  await tryPorts([{ name: 'two', port: at, tcp: 'raw' }])
  await tryPorts([{ name: 'one', port: at, service: 'a', host: '0.0.0.0' }])
  await tryPorts([{ name: 'one', port: free, service: 'a' }])
  await tryPorts([])
  await assert.rejects(tryPorts([{ name: 'one', port: own, service: 'a' }]), /is given twice|is in use/)
  assert.deepEqual([processor.listeners, await isListening(free), kept.end], [{ one: at }, false, 'open'])
  assert.equal(await askAll(at), 'a')
})

test('a listener goes from one address to all of them on its port, and back; where that fails it has the old one', async (t) => {
  const at = await freePort()
  const taken = await listen(t, () => undefined)
  const here = { name: 'one', port: at, service: 'a' }
  const { processor, port, reload } = await setUp(t, [here, { name: 'db', port: 0, tcp: 'raw' }])
  const kept = await dial(t, at)
  kept.send('GET /a HTTP/1.1\r\nHost: x\r\n\r\n')
  await kept.until(/\r\n\r\na/)
  const refused = reload([
    { ...here, host: '0.0.0.0' },
    { name: 'db', port: taken.port, tcp: 'raw' },
  ])
  await assert.rejects(refused, /is in use \(listener "db"\)/)
  assert.equal(await askAll(at), 'a')
  assert.equal(kept.end, 'open')
  await reload([{ ...here, host: '0.0.0.0', service: 'b' }])
  assert.deepEqual([await askAll(at), port('one')], ['b', at])
  await reload([{ ...here, name: 'two' }])
  assert.equal(await askAll(at), 'a')
  const [victim] = processor.status().workers
  process.kill(victim?.pid ?? 0, 'SIGKILL')
  await waitFor(() => processor.status().replaced === 1)
  await waitFor(() => processor.status().workers.filter(({ state }) => state === 'serving').length === 2)
  assert.equal(await askAll(at), 'a')
})

const only = {
  match: { path: '/only' },
  listener: 'one',
  service: 'a',
  pipes: [{ use: 'headers', response: { set: { 'x-pipe': 'yes' } } }],
}

test('what comes on a connection whose listener has gone is answered as before, and told to leave', async (t) => {
  const { own, port, raw, reload } = await setUp(
    t,
    [
      { name: 'one', port: 0 },
      { name: 'db', port: 0, tcp: 'raw' },
    ],
    {},
    [only],
  )
  const last = port('one')
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
  t.after(() => agent.destroy())
  const ask = () =>
    new Promise<http.IncomingMessage>((resolve, reject) => {
      http.get({ port: last, host, path: '/only', agent }, (res) => resolve(res.resume())).on('error', reject)
    })
  const bare = await dial(t, port('db'))
  assert.equal(await bare.until(/\n/), 'raw\n')
  assert.equal((await ask()).headers['x-pipe'], 'yes')
  await reload([])
  assert.equal(await isListening(last), false)
  // The routes of then, with their pipes, on the connection of then.
  const answer = await ask()
  assert.deepEqual([answer.statusCode, answer.headers['x-pipe'], answer.headers.connection], [200, 'yes', 'close'])
  await assert.rejects(ask(), /ECONNREFUSED/)
  bare.send('still here')
  await waitFor(() => raw.wires[0]?.text() === 'still here')
  assert.equal(bare.end, 'open')
  assert.equal(await askAll(own), 'a')
})

test('connections whose listener has gone end with the drain: idle ones are closed, bare ones cut', async (t) => {
  const listeners = [
    { name: 'one', port: 0 },
    { name: 'db', port: 0, tcp: 'raw' },
  ]
  const { own, port, reload } = await setUp(t, listeners, { timeouts: { drain: '300ms' } }, [only])
  const [idle, bare] = [await dial(t, port('one')), await dial(t, port('db'))]
  idle.send('GET /only HTTP/1.1\r\nHost: x\r\n\r\n')
  await Promise.all([idle.until(/\r\n\r\na/), bare.until(/\n/)])
  await reload([])
  assert.equal(await idle.ended(), 'closed')
  assert.notEqual(await bare.ended(), 'open')
  assert.equal(await askAll(own), 'a')
})

test('load on the other ports sees nothing of listeners that come and go', { timeout: 120_000 }, async (t) => {
  const { own, port, reload } = await setUp(t, [{ name: 'kept', port: 0, service: 'b' }])
  const kept = port('kept')
  const bad: string[] = []
  let asked = 0
  let over = false
  const agent = new http.Agent({ keepAlive: true, maxSockets: 4 })
  t.after(() => agent.destroy())
  const client = async (to: number, name: string, keep: boolean) => {
    while (!over) {
      const text = await new Promise<string>((resolve) => {
        http
          .get({ port: to, host, path: '/a', agent: keep ? agent : undefined }, (res) => {
            let body = ''
            res.on('data', (chunk) => (body += String(chunk)))
            res.on('end', () => resolve(body))
          })
          .on('error', (error) => resolve(error.message))
      })
      asked++
      if (text !== name) bad.push(text)
    }
  }
  const clients = [client(own, 'a', true), client(own, 'a', false), client(kept, 'b', true), client(kept, 'b', false)]
  for (let round = 0; round < 6; round++) {
    const name = `extra-${round}`
    await reload([
      { name, port: 0, service: 'a' },
      { name: 'kept', port: 0, service: 'b' },
    ])
    assert.equal(port('kept'), kept)
    assert.equal(await askAll(port(name)), 'a')
  }
  over = true
  await Promise.all(clients)
  assert.deepEqual(bad, [])
  assert.ok(asked > 20, `${asked}`)
})

test('a listener begins to speak TLS, gets another certificate, and ends it, on the same port', async (t) => {
  const files = await folder(t)
  const cert = async (name: string) => {
    const { certFile, keyFile } = await files.put(name, await makeCertificate({ names: [`DNS:${name}.test`] }))
    return { cert: certFile, key: keyFile }
  }
  const [one, two] = [await cert('one'), await cert('two')]
  const at = await freePort()
  const { reload } = await setUp(t, [{ name: 'x', port: at, service: 'a' }])
  const namesSeen = () =>
    new Promise<string>((resolve, reject) => {
      const socket = tls.connect({ port: at, host, rejectUnauthorized: false }, () => {
        resolve(socket.getPeerCertificate().subjectaltname ?? '')
        socket.destroy()
      })
      socket.on('error', reject)
    })
  assert.equal(await askAll(at), 'a')
  await reload([{ name: 'x', port: at, service: 'a', tls: one }])
  for (let i = 0; i < 6; i++) assert.equal(await namesSeen(), 'DNS:one.test')
  await reload([{ name: 'x', port: at, service: 'a', tls: two }])
  for (let i = 0; i < 6; i++) assert.equal(await namesSeen(), 'DNS:two.test')
  await reload([{ name: 'x', port: at, service: 'a' }])
  assert.equal(await askAll(at), 'a')
})

test('limits of a listener hold for connections that come after they changed, and all is counted by its name', async (t) => {
  const { reload, port, reports, raw, processor } = await setUp(t, [{ name: 'db', port: 0, tcp: 'raw' }], {
    workers: 1,
  })
  const first = await dial(t, port('db'))
  await first.until(/\n/)
  await reload([{ name: 'db', port: 0, tcp: 'raw', connections: 1, idle: '200ms' }])
  const second = await dial(t, port('db'))
  assert.notEqual(await second.ended(), 'open')
  assert.equal(first.end, 'open')
  first.send('12345')
  await waitFor(() => raw.wires[0]?.text() === '12345')
  first.finish()
  raw.wires[0]?.finish()
  await first.ended()
  const third = await dial(t, port('db'))
  await third.until(/\n/)
  assert.notEqual(await third.ended(), 'open', 'the new idle time')
  await processor.flush()
  const all = reports.flatMap(({ listeners }) => listeners).filter(({ listener }) => listener === 'db')
  const sum = (key: 'accepted' | 'refused' | 'bytesIn' | 'bytesOut') => all.reduce((total, one) => total + one[key], 0)
  assert.deepEqual([sum('accepted'), sum('refused'), sum('bytesIn'), sum('bytesOut')], [2, 1, 5, 8])
})
