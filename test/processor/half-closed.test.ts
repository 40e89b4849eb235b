// Clients that have ended their side: one that reads on gets its answer, one that is gone frees the instance (decision 8).
import assert from 'node:assert/strict'
import net from 'node:net'
import { test, type TestContext } from 'node:test'
import tls from 'node:tls'
import { makeCertificate } from '../kit/certificates.js'
import { startGateway, type TestGateway } from '../kit/gateway.js'
import { statusOf } from '../kit/http.js'
import { readMessages } from '../kit/message.js'
import { type Origin, type OriginHandler, startOrigin } from '../kit/origin.js'
import { waitFor } from '../kit/wait.js'
import { dial } from '../kit/wire.js'
import { assertCounted, service } from './asserting.js'
import { pass } from './time.js'
import { folder } from './tls/kit.js'

const GET = 'GET /s HTTP/1.1\r\nHost: h\r\n\r\n'
const OLD_GET = 'GET /s HTTP/1.0\r\n\r\n'
const POST = 'POST /s HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody'
const BEGUN = 'HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\nx'

const after = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** Statuses in order, and the last body. */
function read(text: string): { statuses: number[]; body: string } {
  const answers = readMessages(Buffer.from(text, 'latin1'), { closed: true })
  return { statuses: answers.map(statusOf), body: answers.at(-1)?.body.toString() ?? '' }
}

const noInterim = (statuses: number[]) => statuses.filter((status) => status !== 100)

// ---- who reads on

test('a client that has ended its side gets its answer after 100, 800 and 1500 milliseconds', async (t) => {
  const origin = await startOrigin(t, async (r) => {
    await after(Number(r.target.slice(3)))
    r.answer(200, r.target)
  })
  const gateway = await startGateway(t, service(origin.address))
  await Promise.all(
    [100, 800, 1500].map(async (ms) => {
      const client = await dial(t, gateway.port)
      client.send(`GET /s/${ms} HTTP/1.1\r\nHost: h\r\n\r\n`)
      client.finish()
      assert.equal(await client.ended(), 'closed')
      const { statuses, body } = read(client.text())
      assert.deepEqual([noInterim(statuses), body], [[200], `/s/${ms}`])
      // Whoever waits that long is asked, and never with anything but a 100.
      if (ms > 700) assert.equal(statuses[0], 100)
    }),
  )
  assert.deepEqual(gateway.report().codes, {})
})

test('one that speaks HTTP/1.0 gets an answer that comes at once, without being asked', async (t) => {
  const origin = await startOrigin(t, (r) => after(100).then(() => r.answer(200, 'old')))
  const gateway = await startGateway(t, service(origin.address))
  const client = await dial(t, gateway.port)
  client.send(OLD_GET)
  client.finish()
  assert.equal(await client.ended(), 'closed')
  assert.deepEqual(read(client.text()), { statuses: [200], body: 'old' })
})

test('so does one whose body was whole before its end, and one whose end came with the request', async (t) => {
  const origin = await startOrigin(t, async (r) => r.answer(200, await r.body()))
  const gateway = await startGateway(t, service(origin.address))
  for (const useOneWrite of [true, false]) {
    const client = net.connect({ port: gateway.port, host: '127.0.0.1', allowHalfOpen: true })
    t.after(() => client.destroy())
    let text = ''
    client.on('data', (bytes: Buffer) => (text += bytes.toString('latin1')))
    if (useOneWrite) client.end(POST)
    else client.write(POST, () => client.end())
    await new Promise((resolve) => client.once('end', resolve))
    const { statuses, body } = read(text)
    assert.deepEqual([noInterim(statuses), body], [[200], 'body'])
  }
})

test('who waits on is asked again every five seconds, for as long as it waits', async (t) => {
  const origin = await startOrigin(t, () => undefined)
  const gateway = await startGateway(t, { ...service(origin.address), processor: { timeouts: { first_byte: 0 } } })
  const client = await dial(t, gateway.port)
  client.send(GET)
  client.finish()
  await waitFor(() => origin.requests.length === 1)
  for (let asked = 1; asked <= 4; asked++) {
    await pass(t, gateway, asked === 1 ? 520 : 5020)
    await client.until((text) => read(text).statuses.length >= asked)
    await pass(t, gateway, 70)
  }
  origin.requests[0]?.answer(200, 'at last')
  await client.ended()
  const { statuses, body } = read(client.text())
  assert.deepEqual([noInterim(statuses), body], [[200], 'at last'])
})

test('an answer that stands still for two seconds is not waited for by a client that may be gone', async (t) => {
  const origin = await startOrigin(t, (r) => r.send(BEGUN))
  const gateway = await startGateway(t, service(origin.address))
  const client = await dial(t, gateway.port)
  client.send(GET)
  client.finish()
  await client.until(/x$/)
  await pass(t, gateway, 1900)
  origin.requests[0]?.send('y')
  await client.until(/xy$/)
  await pass(t, gateway, 1900)
  assert.equal(client.end, 'open')
  await pass(t, gateway, 220)
  assert.equal(await client.ended(), 'reset')
  await waitFor(() => gateway.core.inFlight === 0)
  assertCounted(gateway, 'client-gone')
})

// ---- who is gone

interface Way {
  readonly name: string
  readonly useSockets?: boolean
  readonly secure?: boolean
}

const WAYS: readonly Way[] = [
  { name: 'on handles' },
  { name: 'on sockets', useSockets: true },
  { name: 'over TLS', secure: true },
  { name: 'over TLS on sockets', secure: true, useSockets: true },
]

/** A client that sends its request and closes altogether, with nothing unread, once the origin has done its part. */
async function leave(t: TestContext, way: Way, text: string, handler: OriginHandler, ready: RegExp | undefined) {
  const { secure = false, useSockets = false } = way
  const origin = await startOrigin(t, handler)
  const files = secure
    ? await (await folder(t)).put('own', await makeCertificate({ names: ['IP:127.0.0.1'] }))
    : undefined
  const processor = files && { tls: { cert: files.certFile, key: files.keyFile } }
  const config = { ...service(origin.address), ...(processor && { processor }) }
  const gateway = await startGateway(t, config, undefined, { useSockets })
  const below = net.connect({ port: gateway.port, host: '127.0.0.1' })
  const client = secure ? tls.connect({ socket: below, rejectUnauthorized: false }) : below
  t.after(() => client.destroy())
  client.on('error', () => undefined)
  let got = ''
  client.on('data', (bytes: Buffer) => (got += bytes.toString('latin1')))
  client.write(text)
  await waitFor(() => origin.requests.length === 1 && (ready === undefined || ready.test(got)))
  client.destroy()
  return { origin, gateway }
}

async function assertFreed({ origin, gateway }: { origin: Origin; gateway: TestGateway }, timeoutMs: number) {
  await waitFor(() => origin.connections[0]?.open === false, { timeoutMs, what: 'the instance to be freed' })
  await waitFor(() => gateway.core.inFlight === 0 && gateway.core.connections.size === 0)
  assertCounted(gateway, 'client-gone')
}

for (const way of WAYS) {
  for (const [what, text] of [
    ['', GET],
    [' with HTTP/1.0', OLD_GET],
    [' with a body', POST],
  ] as const) {
    test(`a client${what} that closes while the instance works frees it within a second, ${way.name}`, async (t) => {
      await assertFreed(await leave(t, way, text, () => undefined, undefined), 1000)
    })
  }

  test(`a client that closes while its answer comes frees the instance within a second, ${way.name}`, async (t) => {
    const drip: OriginHandler = async (r) => {
      r.send(BEGUN)
      await r.drip('x'.repeat(9000), { everyMs: 50 })
    }
    await assertFreed(await leave(t, way, GET, drip, /x$/), 1000)
  })

  test(`one that closes while its answer stands still, within three, ${way.name}`, async (t) => {
    await assertFreed(await leave(t, way, GET, (r) => r.send(BEGUN), /x$/), 3000)
  })
}
