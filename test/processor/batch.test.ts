// Requests that share a connection: only while the instance is fast and even, in order, and none is lost or said twice.
import assert from 'node:assert/strict'
import net from 'node:net'
import { test } from 'node:test'
import { Batcher } from '../../processor/engine/batcher.js'
import { startGateway } from '../kit/gateway.js'
import { parseAnswer, rawRequest, request } from '../kit/http.js'
import { type OriginHandler, startOrigin } from '../kit/origin.js'
import type { Cleanup } from '../kit/process.js'
import { waitFor } from '../kit/wait.js'
import { assertProblem } from './asserting.js'

const CLIENTS = 32

/** A gateway whose one instance counts as fast already, so that the next requests of one moment share connections. */
async function ready(t: Cleanup, handler: OriginHandler, more: object = {}) {
  const origin = await startOrigin(t, handler)
  const gateway = await startGateway(t, {
    services: { s: { servers: [origin.address], apis: ['/s'], batch: 'auto', ...more } },
  })
  const [endpoint] = gateway.endpoints.values()
  if (endpoint?.batcher !== undefined) makeReady(endpoint.batcher)
  assert.equal(endpoint?.batcher?.ready, true)
  return { origin, gateway, endpoint }
}

function makeReady(batcher: Batcher): void {
  for (let i = 0; i < 2048; i++) batcher.answered(batcher.takeTurn(), 0.1, 1)
}

/** One request each on connections that are open already, written in one go; the answers' bodies. */
async function atOnce(port: number, targets: readonly string[], method = 'GET'): Promise<string[]> {
  const sockets = await Promise.all(
    targets.map(
      () =>
        new Promise<net.Socket>((resolve) => {
          const socket = net.connect(port, '127.0.0.1', () => resolve(socket))
        }),
    ),
  )
  const answers = sockets.map(async (socket, i) => {
    const chunks: Buffer[] = []
    socket.on('data', (chunk: Buffer) => chunks.push(chunk))
    socket.on('error', () => undefined)
    socket.write(`${method} ${targets[i] ?? ''} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n`)
    await new Promise((resolve) => socket.on('close', resolve))
    const answer = parseAnswer(Buffer.concat(chunks))
    return `${answer.status} ${answer.text()}`
  })
  return Promise.all(answers)
}

const targets = Array.from({ length: CLIENTS }, (_, i) => `/s/${i}`)

test('requests of one moment share connections and each client gets its own answer', async (t) => {
  const { origin, gateway, endpoint } = await ready(t, (r) => r.answer(200, r.target))
  for (let round = 0; round < 3; round++) {
    assert.deepEqual(
      await atOnce(gateway.port, targets),
      targets.map((target) => `200 ${target}`),
    )
  }
  assert.ok(origin.connections.length < CLIENTS, `${origin.connections.length} connections`)
  assert.equal(endpoint?.inFlight, 0)
  assert.equal(gateway.core.inFlight, 0)
})

test('requests that cannot be repeated never share', async (t) => {
  const { origin, gateway } = await ready(t, async (r) => {
    // Held until all have come: on a shared connection one would wait for another.
    while (origin.requests.length < 8) await new Promise((resolve) => setTimeout(resolve, 1))
    r.answer(200, r.target)
  })
  const few = targets.slice(0, 8)
  assert.deepEqual(
    await atOnce(gateway.port, few, 'POST'),
    few.map((target) => `200 ${target}`),
  )
})

test('an instance that ends a shared connection after each answer loses nobody a request', async (t) => {
  const { gateway } = await ready(t, (r) => {
    r.answer(200, r.target, { Connection: 'close' })
    r.close()
  })
  assert.deepEqual(
    await atOnce(gateway.port, targets),
    targets.map((target) => `200 ${target}`),
  )
  const { served, codes } = gateway.report()
  assert.equal(served, CLIENTS)
  assert.deepEqual(codes, {})
})

test('a client that leaves while others wait behind it costs them nothing', async (t) => {
  let left = false
  const { origin, gateway, endpoint } = await ready(t, async (r) => {
    if (r.target === '/s/gone' && !left) {
      left = true
      leaver.resetAndDestroy()
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    r.answer(200, r.target)
  })
  const leaver = net.connect(gateway.port, '127.0.0.1')
  leaver.on('error', () => undefined)
  await new Promise((resolve) => leaver.on('connect', resolve))
  leaver.write('GET /s/gone HTTP/1.1\r\nHost: h\r\n\r\n')
  assert.deepEqual(
    await atOnce(gateway.port, targets),
    targets.map((target) => `200 ${target}`),
  )
  assert.ok(left)
  assert.ok(origin.requests.length >= CLIENTS)
  assert.equal(endpoint?.inFlight, 0)
})

test('a client that does not read its answer does not hold up those behind it', async (t) => {
  const huge = Buffer.alloc(32 << 20)
  const { gateway } = await ready(t, (r) => r.answer(200, r.target === '/s/huge' ? huge : r.target))
  const lazy = net.connect(gateway.port, '127.0.0.1')
  t.after(() => lazy.destroy())
  await new Promise((resolve) => lazy.on('connect', resolve))
  lazy.pause()
  lazy.write('GET /s/huge HTTP/1.1\r\nHost: h\r\n\r\n')
  assert.deepEqual(
    await atOnce(gateway.port, targets),
    targets.map((target) => `200 ${target}`),
  )
})

test('requests behind one that hangs get connections of their own', async (t) => {
  let hung = false
  const { origin, gateway } = await ready(t, (r) => {
    if (r.target === '/s/0' && !hung) hung = true
    else r.answer(200, r.target)
  })
  const others = targets.slice(1)
  const hanging = rawRequest(gateway.port, 'GET /s/0 HTTP/1.1\r\nHost: h\r\n\r\n', { timeoutMs: 60_000 })
  hanging.catch(() => undefined)
  assert.deepEqual(
    await atOnce(gateway.port, others),
    others.map((target) => `200 ${target}`),
  )
  assert.ok(origin.requests.length >= CLIENTS)
})

test('a failure puts an end to sharing', async (t) => {
  const { gateway, endpoint } = await ready(t, (r) => r.reset())
  await rawRequest(gateway.port, 'GET /s/fails HTTP/1.1\r\nHost: h\r\n\r\n')
  assert.equal(endpoint?.batcher?.ready, false)
})

const fresh = () =>
  new Batcher(
    () => undefined,
    () => undefined,
  )

test('an instance whose answers come in their turn and fast is ready, however busy this process is', () => {
  const batcher = fresh()
  const inFlight: number[] = []
  for (let i = 0; i < 5000; i++) {
    inFlight.push(batcher.takeTurn())
    // Sixty-four at once, and now and then a pause in which all of them seem slow.
    if (inFlight.length === 64) batcher.answered(inFlight.shift() ?? 0, i % 500 < 60 ? 30 : 0.4, 64)
  }
  assert.equal(batcher.ready, true)
})

test('an instance with one slow answer in a hundred is never shared', () => {
  const batcher = fresh()
  const slow: { turn: number; due: number }[] = []
  for (let i = 0; i < 50_000; i++) {
    const turn = batcher.takeTurn()
    if (i % 100 === 99) slow.push({ turn, due: i + 3000 })
    else batcher.answered(turn, 0.3, 64)
    const [first] = slow
    if (first !== undefined && first.due <= i) batcher.answered(slow.shift()?.turn ?? 0, 50, 64)
    if (i > 3200) assert.equal(batcher.ready, false)
  }
})

test('an instance that is evenly slow has nothing to gain', () => {
  const batcher = fresh()
  for (let i = 0; i < 5000; i++) batcher.answered(batcher.takeTurn(), 5, 64)
  assert.equal(batcher.ready, false)
})

test('without batch: auto there is nothing to share by', async (t) => {
  const origin = await startOrigin(t, (r) => r.answer(200))
  const gateway = await startGateway(t, { services: { s: { servers: [origin.address], apis: ['/s'] } } })
  const [endpoint] = gateway.endpoints.values()
  assert.equal(endpoint?.batcher, undefined)
})

test('at the limit of connections a request that would share one is refused as overload', async (t) => {
  const held: (() => void)[] = []
  const origin = await startOrigin(t, (r) => held.push(() => r.answer(200, 'ok')))
  const gateway = await startGateway(t, {
    services: { s: { servers: [origin.address], apis: ['/s'], batch: 'auto' } },
    processor: { limits: { upstream_connections: 1 } },
  })
  const [endpoint] = gateway.endpoints.values()
  if (endpoint?.batcher !== undefined) makeReady(endpoint.batcher)
  const first = request(gateway.port, 'GET', '/s')
  await waitFor(() => held.length === 1)
  assertProblem(await request(gateway.port, 'GET', '/s'), 503, 'overload')
  held[0]?.()
  assert.equal((await first).status, 200)
})

test('a connection does not wait for ever for an answer that nobody wants any more', async (t) => {
  const { gateway, endpoint } = await ready(t, (r) => {
    if (r.target !== '/s/0') return
    // Both have come; the client of the second leaves before its turn, and the second is never answered.
    setImmediate(() => {
      for (const connection of gateway.core.connections) {
        if (connection.exchange?.target === '/s/1') connection.destroy()
      }
      r.answer(200, 'ok')
    })
  })
  void atOnce(gateway.port, ['/s/0', '/s/1']).catch(() => undefined)
  await waitFor(() => (endpoint?.state()?.connections ?? 0) > 0)
  await waitFor(() => gateway.core.inFlight === 0)
  // One may rest for the next request; one that waits for the second's answer may not.
  await waitFor(() => endpoint?.inFlight === 0 && (endpoint.state()?.connections ?? 0) <= 1, { timeoutMs: 8000 })
})
