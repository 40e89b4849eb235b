// The bytes of bare connections: all of them, in both directions, to the right end of each.
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import net, { type AddressInfo, type Socket } from 'node:net'
import { test } from 'node:test'
import tls from 'node:tls'
import { makeCertificate } from '../kit/certificates.js'
import type { TestGateway } from '../kit/gateway.js'
import { waitFor, within } from '../kit/wait.js'
import { dial, listen } from '../kit/wire.js'
import { inFlight, stuckInstance, through } from './tcp.js'
import { folder } from './tls/kit.js'

test('a client that has said all still hears the rest, and the other way round', async (t) => {
  const server = await listen(t, () => undefined)
  const { gateway, port } = await through(t, { servers: [server.address] })
  const client = await dial(t, port)
  client.send('all that I have')
  client.finish()
  const instance = await waitFor(() => server.wires[0])
  assert.equal(await instance.ended(), 'closed')
  assert.equal(instance.text(), 'all that I have')
  instance.send('and an answer')
  await client.until(/answer/)
  instance.finish()
  assert.equal(await client.ended(), 'closed')
  const other = await dial(t, port)
  const second = await waitFor(() => server.wires[1])
  second.send('bye')
  second.finish()
  assert.equal(await other.ended(), 'closed')
  other.send('not yet')
  await second.until(/not yet/)
  other.finish()
  assert.equal(await second.ended(), 'closed')
  await waitFor(() => gateway.core.bare.size === 0 && inFlight(gateway) === 0)
})

test('a connection that breaks on one side breaks on the other', async (t) => {
  const server = await listen(t, () => undefined)
  const { gateway, port } = await through(t, { servers: [server.address] })
  const [one, two] = [await dial(t, port), await dial(t, port)]
  await waitFor(() => server.wires.length === 2)
  one.send('one')
  const mine = await waitFor(() => server.wires.find((wire) => wire.text() === 'one'))
  const other = server.wires.find((wire) => wire !== mine)
  one.reset()
  assert.equal(await mine.ended(), 'reset')
  other?.reset()
  assert.equal(await two.ended(), 'reset')
  await waitFor(() => gateway.core.bare.size === 0)
  const { attempts, codes } = gateway.report()
  assert.deepEqual(attempts, { success: 1, failure: 1, timeout: 0 })
  assert.deepEqual(codes, { 'connection-reset': 1 })
})

test('what a client sends while its instance is looked for arrives, and one that goes away is not waited for', async (t) => {
  const alive = await listen(t, () => undefined)
  const { stuck, endpointAt } = await stuckInstance(t)
  const { gateway, port } = await through(t, {
    servers: [{ url: stuck, priority: 'high' }, alive.address],
    timeout: { connect: '400ms' },
  })
  const patient = await dial(t, port)
  patient.send('early ')
  patient.finish()
  const gone = await dial(t, port)
  await waitFor(() => gateway.core.bare.size === 2)
  gone.reset()
  await waitFor(() => gateway.report().codes['client-gone'] === 1)
  assert.equal(endpointAt(gateway)?.inFlight, 1)
  const wire = await waitFor(() => alive.wires[0])
  assert.equal(await wire.ended(), 'closed')
  assert.equal(wire.text(), 'early ')
  assert.equal(alive.wires.length, 1)
})

/** What /proc/net/tcp says of the timers of connections that stand: `02` where one waits to ask whether the peer is there. */
async function timersOf(isOurs: (local: number, remote: number) => boolean): Promise<string[]> {
  const lines = (await readFile('/proc/net/tcp', 'latin1').catch(() => '')).split('\n').slice(1)
  const rows = lines.map((line) => line.trim().split(/[\s:]+/))
  const port = (hex: string | undefined) => parseInt(hex ?? '', 16)
  const standing = rows.filter((row) => row[5] === '01' && isOurs(port(row[2]), port(row[4])))
  return standing.map((row) => row[8] ?? '')
}

test('the system asks after peers that are silent, so that one that has vanished does not stay for ever', async (t) => {
  const server = await listen(t, () => undefined)
  const known = net.connect({ port: server.port, host: '127.0.0.1', keepAlive: true, keepAliveInitialDelay: 60_000 })
  t.after(() => known.destroy())
  await waitFor(() => server.wires.length === 1)
  const shown = await timersOf((local) => local === known.localPort)
  if (shown.join() !== '02') return t.skip('this system does not show it')
  const { certFile, keyFile } = await (await folder(t)).put('own', await makeCertificate({ names: ['DNS:db.test'] }))
  const plain = await through(t, { servers: [server.address] }, { idle: 0 })
  const secure = await through(t, { servers: [server.address] }, { idle: 0, tls: { cert: certFile, key: keyFile } })
  await dial(t, plain.port)
  const socket = tls.connect({ port: secure.port, host: '127.0.0.1', rejectUnauthorized: false })
  t.after(() => socket.destroy())
  await waitFor(() => server.wires.length === 3)
  const asks = async (isOurs: (local: number, remote: number) => boolean) => (await timersOf(isOurs)).join() === '02,02'
  await waitFor(() => asks((local) => local === plain.port || local === secure.port), { what: 'towards clients' })
  const own = known.localPort
  await waitFor(() => asks((local, remote) => remote === server.port && local !== own), { what: 'towards instances' })
})

interface Sum {
  readonly bytes: number
  readonly hash: string
}

function sumOf(socket: Socket): Promise<Sum> {
  const hash = createHash('sha256')
  let bytes = 0
  socket.on('data', (piece: Buffer) => {
    hash.update(piece)
    bytes += piece.length
  })
  return new Promise((resolve, reject) => {
    socket.on('end', () => resolve({ bytes, hash: hash.digest('hex') }))
    socket.on('error', reject)
  })
}

/** Sends `data` so many times, as fast as the other side takes it. */
async function pour(socket: Socket, data: Buffer, times: number): Promise<void> {
  for (let i = 0; i < times; i++) if (!socket.write(data)) await new Promise((resolve) => socket.once('drain', resolve))
  socket.end()
}

test('fifty megabytes each way at once arrive as they were sent', { timeout: 60_000 }, async (t) => {
  const piece = randomBytes(250_000)
  const times = 200
  const hash = createHash('sha256')
  for (let i = 0; i < times; i++) hash.update(piece)
  const expected = { bytes: piece.length * times, hash: hash.digest('hex') }
  const arrived = new Promise<Sum>((resolve, reject) => {
    const server = net.createServer({ allowHalfOpen: true }, (socket) => {
      void sumOf(socket).then(resolve, reject)
      void pour(socket, piece, times)
    })
    server.listen(0, '127.0.0.1', () => void begin((server.address() as AddressInfo).port))
    t.after(() => server.close())
  })
  const back: { sum?: Promise<Sum> } = {}
  let gateway: TestGateway | undefined
  async function begin(at: number): Promise<void> {
    const made = await through(t, { servers: [`127.0.0.1:${at}`] })
    gateway = made.gateway
    const socket = net.connect({ port: made.port, host: '127.0.0.1', allowHalfOpen: true })
    back.sum = sumOf(socket)
    void pour(socket, piece, times)
  }
  assert.deepEqual(await within(arrived, 50_000, 'the way there'), expected)
  assert.deepEqual(await within(back.sum as Promise<Sum>, 50_000, 'the way back'), expected)
  await waitFor(() => gateway?.core.bare.size === 0)
  const { records } = gateway?.report() ?? { records: [] }
  assert.deepEqual(
    records.map(({ bytesIn, bytesOut }) => [bytesIn, bytesOut]),
    [[expected.bytes, expected.bytes]],
  )
})

test('who does not read is not read for: memory stays', async (t) => {
  const server = await listen(t, (wire) => wire.pause())
  const { port } = await through(t, { servers: [server.address] })
  const socket = net.connect({ port, host: '127.0.0.1' })
  t.after(() => socket.destroy())
  const piece = Buffer.alloc(1 << 20)
  let taken = 0
  // Until the system's buffers are full, and this gateway takes no more.
  for (let i = 0; i < 200; i++) {
    if (socket.write(piece)) taken++
    else if (!(await drained(socket))) break
    else taken++
  }
  assert.ok(taken < 100, `${taken} MiB were taken for somebody who reads nothing`)
})

function drained(socket: Socket): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), 500)
    socket.once('drain', () => {
      clearTimeout(timer)
      resolve(true)
    })
  })
}

test('ten thousand messages go there and back, each in its turn', { timeout: 60_000 }, async (t) => {
  const server = net.createServer((socket) => socket.pipe(socket))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  const { port } = await through(t, { servers: [`127.0.0.1:${(server.address() as AddressInfo).port}`] })
  const socket = net.connect({ port, host: '127.0.0.1', noDelay: true })
  t.after(() => socket.destroy())
  let text = ''
  let looking: (() => void) | undefined
  socket.on('data', (piece: Buffer) => {
    text += piece.toString('latin1')
    if (text.endsWith('\n')) looking?.()
  })
  for (let i = 0; i < 10_000; i++) {
    const message = `message ${i}\n`
    const answered = new Promise<void>((resolve) => (looking = resolve))
    text = ''
    socket.write(message)
    await answered
    assert.equal(text, message)
  }
})

test('a thousand connections that come and go leave nothing behind', { timeout: 60_000 }, async (t) => {
  const server = net.createServer((socket) => socket.pipe(socket))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  const { gateway, port } = await through(t, {
    servers: [`127.0.0.1:${(server.address() as AddressInfo).port}`],
  })
  for (let round = 0; round < 20; round++) {
    await Promise.all(
      Array.from({ length: 50 }, async (_, i) => {
        const socket = net.connect({ port, host: '127.0.0.1' })
        const sum = sumOf(socket)
        socket.end(`hello ${i}`)
        assert.equal((await sum).bytes, `hello ${i}`.length)
      }),
    )
  }
  await waitFor(() => gateway.core.bare.size === 0 && inFlight(gateway) === 0)
  const report = gateway.report()
  assert.equal(report.served, 1000)
  assert.deepEqual(report.attempts, { success: 1000, failure: 0, timeout: 0 })
  assert.deepEqual(
    [...gateway.endpoints.values()].map((endpoint) => endpoint.state()),
    [undefined],
  )
})

test('an instance with an https address is spoken to in TLS', async (t) => {
  const { cert, key } = await makeCertificate({ names: ['IP:127.0.0.1'] })
  const server = tls.createServer({ cert, key }, (socket) => socket.pipe(socket))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  const { port: secure } = server.address() as AddressInfo
  const { port } = await through(t, { servers: [`https://127.0.0.1:${secure}`], tls: { verify: false } })
  const wire = await dial(t, port)
  wire.send('there and back')
  await wire.until(/back/)
  const { gateway, port: checked } = await through(t, { servers: [`https://127.0.0.1:${secure}`] })
  assert.notEqual(await (await dial(t, checked)).ended(), 'open')
  await waitFor(() => gateway.report().codes['tls-certificate'] === 1)
  wire.destroy()
})

test('a listener speaks TLS to the client, and the instance hears plain bytes', async (t) => {
  const server = await listen(t, () => undefined)
  const { certFile, keyFile } = await (await folder(t)).put('own', await makeCertificate({ names: ['DNS:db.test'] }))
  const { port } = await through(t, { servers: [server.address] }, { tls: { cert: certFile, key: keyFile } })
  const socket = tls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false })
  t.after(() => socket.destroy())
  socket.write('in the clear')
  const instance = await waitFor(() => server.wires[0])
  await instance.until(/clear/)
  assert.equal(instance.text(), 'in the clear')
  instance.send('back')
  const [back] = await new Promise<[Buffer]>((resolve) => socket.once('data', (piece: Buffer) => resolve([piece])))
  assert.equal(back.toString(), 'back')
})

test("what TLS agrees on by ALPN is the client's affair, and none of it stands in the way of an instance", async (t) => {
  const { cert, key } = await makeCertificate({ names: ['IP:127.0.0.1'] })
  const { certFile, keyFile } = await (await folder(t)).put('own', { cert, key })
  const spoken: (string | false | null)[] = []
  // It refuses whoever offers anything else, as databases do.
  const server = tls.createServer({ cert, key, ALPNProtocols: ['postgresql'] }, (socket) => {
    spoken.push(socket.alpnProtocol)
    socket.on('error', () => undefined).pipe(socket)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  const { port: secure } = server.address() as AddressInfo
  const { port } = await through(
    t,
    { servers: [`https://127.0.0.1:${secure}`], tls: { verify: false } },
    { tls: { cert: certFile, key: keyFile } },
  )
  const agreed = async (...ALPNProtocols: string[]) => {
    const socket = tls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ALPNProtocols })
    t.after(() => socket.destroy())
    const echoed = new Promise<string>((resolve, reject) => {
      socket.on('data', (piece: Buffer) => resolve(String(piece))).on('error', reject)
    })
    socket.write('there and back')
    assert.equal(await within(echoed, 10_000, 'the echo'), 'there and back')
    return socket.alpnProtocol
  }
  assert.equal(await agreed('postgresql'), 'postgresql')
  assert.equal(await agreed('h2'), 'h2')
  // Whoever speaks HTTP/1.1 too does so where nothing is agreed.
  assert.equal(await agreed('h2', 'http/1.1'), 'http/1.1')
  assert.equal(await agreed(), false)
  assert.deepEqual(spoken, [false, false, false, false])
})
