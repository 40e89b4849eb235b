// What the engine promises, on the built product: TLS that any worker resumes and that takes new certificates, protocols
// that switch, events that are not held back, and a stop that waits for them no longer than it should.
import assert from 'node:assert/strict'
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import tls from 'node:tls'
import { makeCertificate } from '../kit/certificates.js'
import { type OriginRequest, startOrigin } from '../kit/origin.js'
import { fastPolling, type Serverpy, startServerpy } from '../kit/serverpy.js'
import { waitFor } from '../kit/wait.js'

const ASK = 'GET /s HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'
const AGREED = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'

const healthy = (r: OriginRequest): boolean => {
  if (r.target !== '/health') return false
  r.answer(200)
  return true
}

/** The first answer on a new TLS connection, whether its session was resumed, the session that it gave, and its name. */
function speak(port: number, session?: Buffer): Promise<{ resumed: boolean; session: Buffer; name: string }> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, rejectUnauthorized: false, ...(session && { session }) }
    let given = session
    const socket = tls.connect(options, () => socket.write('GET /s HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n'))
    const name = () => String(socket.getPeerCertificate().subject?.CN)
    let said = ''
    socket.on('session', (next) => (given = next))
    socket.on('error', reject)
    socket.on('data', (chunk: Buffer) => (said += chunk.toString('latin1')))
    socket.on('end', () => {
      if (!said.startsWith('HTTP/1.1 200') || given === undefined) return reject(new Error(said || 'no session'))
      resolve({ resumed: socket.isSessionReused(), session: given, name: name() })
    })
  })
}

test('any worker resumes a TLS session, and a new certificate needs no restart', { timeout: 60_000 }, async (t) => {
  const origin = await startOrigin(t, (r) => void (healthy(r) || r.answer(200, r.field('x-forwarded-proto'))))
  const first = await makeCertificate({ subject: 'first' })
  const folder = await mkdtemp(join(tmpdir(), 'serverpy-e2e-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  await writeFile(join(folder, 'own.pem'), first.cert)
  await writeFile(join(folder, 'own.key'), first.key)
  const serverpy = await startServerpy(t, {
    processor: { tls: { cert: join(folder, 'own.pem'), key: join(folder, 'own.key') } },
    services: { s: { servers: [origin.address], polling: fastPolling, apis: ['/s'] } },
  })
  const { session, name } = await speak(serverpy.processorPort)
  assert.equal(name, 'first')
  let resumed = 0
  // Ten connections reach both workers, save once in five hundred runs.
  for (let i = 0; i < 10; i++) {
    if ((await speak(serverpy.processorPort, session)).resumed) resumed++
  }
  assert.equal(resumed, 10)
  const second = await makeCertificate({ subject: 'second' })
  for (const [file, text] of [
    ['own.pem', second.cert],
    ['own.key', second.key],
  ] as const) {
    await writeFile(join(folder, `${file}.new`), text)
    await rename(join(folder, `${file}.new`), join(folder, file))
  }
  await waitFor(async () => (await speak(serverpy.processorPort)).name === 'second', {
    what: 'the new certificate',
    timeoutMs: 20_000,
  })
})

function open(serverpy: Serverpy, request: string) {
  const socket = net.connect(serverpy.processorPort, '127.0.0.1')
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  socket.on('error', () => undefined)
  socket.write(request)
  return {
    socket,
    received: () => Buffer.concat(chunks).toString('latin1'),
    closed: new Promise((resolve) => socket.on('close', resolve)),
  }
}

test(
  'a switched connection works on during a stop, and ends with the time for that',
  { timeout: 60_000 },
  async (t) => {
    const origin = await startOrigin(t, (r) => {
      if (!healthy(r)) r.send(AGREED)
    })
    const serverpy = await startServerpy(t, {
      processor: { timeouts: { drain: 2 } },
      services: { s: { servers: [origin.address], polling: fastPolling, apis: ['/s'], upgrade: ['websocket'] } },
    })
    const client = open(serverpy, ASK)
    await waitFor(() => client.received().includes('\r\n\r\n'), { what: 'the switch' })
    const request = origin.requests.find(({ target }) => target === '/s')
    serverpy.kill('SIGTERM')
    await waitFor(() => serverpy.output().includes('draining'), { what: 'the stop to begin' })
    request?.send('still here')
    await waitFor(() => client.received().endsWith('still here'), { what: 'bytes after the stop began' })
    await client.closed
    assert.deepEqual(await serverpy.exited, { code: 0, signal: null })
  },
)

test('each event of a stream arrives when it is sent, while the stream stays open', { timeout: 60_000 }, async (t) => {
  const head = 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n'
  const origin = await startOrigin(t, (r) => {
    if (!healthy(r)) r.send(`${head}${r.target === '/s/1' ? 'Transfer-Encoding: chunked\r\n\r\n' : '\r\n'}`)
  })
  const serverpy = await startServerpy(t, {
    services: { s: { servers: [origin.address], polling: fastPolling, apis: ['/s'] } },
  })
  for (const target of ['/s/1', '/s/2']) {
    const client = open(serverpy, `GET ${target} HTTP/1.1\r\nHost: h\r\n\r\n`)
    await waitFor(() => client.received().includes('\r\n\r\n'), { what: 'the head' })
    const request = origin.requests.find((one) => one.target === target)
    for (const number of [1, 2, 3]) {
      const event = `data: ${number}\n\n`
      request?.send(target === '/s/1' ? `${event.length.toString(16)}\r\n${event}\r\n` : event)
      await waitFor(() => client.received().includes(event), { what: `event ${number}` })
    }
    client.socket.destroy()
  }
})
