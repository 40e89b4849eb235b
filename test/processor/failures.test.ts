// Everything that can go wrong between a client and an instance, and what the client, the origin and the counters see.
import assert from 'node:assert/strict'
import net from 'node:net'
import { test } from 'node:test'
import { startGateway } from '../kit/gateway.js'
import { parseAnswer, rawRequest, request } from '../kit/http.js'
import { startOrigin } from '../kit/origin.js'
import { freePort } from '../kit/ports.js'
import { waitFor } from '../kit/wait.js'
import { assertCounted, assertCutOff, assertProblem, service } from './asserting.js'

test('an unmapped path is a 404 with the words that old clients know', async (t) => {
  const gateway = await startGateway(t, service('127.0.0.1:9'))
  const answer = await request(gateway.port, 'GET', '/nothing?x=1')
  assertProblem(answer, 404, 'no-route')
  assert.equal((answer.json() as { status: string }).status, 'No API found with provided endpoint')
  const report = gateway.report()
  assert.deepEqual(report.codes, { 'no-route': 1 })
  assert.equal(report.records[0]?.path, '/nothing')
})

test('the root says Success, unless it is routed', async (t) => {
  const origin = await startOrigin(t, (r) => r.answer(200, 'mine'))
  const plain = await startGateway(t, service(origin.address))
  assert.deepEqual((await request(plain.port, 'GET', '/')).json(), { status: 'Success' })
  const routed = await startGateway(t, service(origin.address, { apis: ['/'] }))
  assert.equal((await request(routed.port, 'GET', '/')).text(), 'mine')
})

test('a refused connection is a 502 when no other instance is left', async (t) => {
  const gateway = await startGateway(t, service(`127.0.0.1:${await freePort()}`))
  const answer = await request(gateway.port, 'GET', '/s')
  assertProblem(answer, 502, 'connection-refused')
  assert.match(answer.field('proxy-status') ?? '', /error=connection_refused/)
  assertCounted(gateway, 'connection-refused')
})

test('no instance that may take requests is a 503 with Retry-After', async (t) => {
  const gateway = await startGateway(t, service('127.0.0.1:9'))
  for (const state of [
    { health: 'down' },
    { health: 'up', override: 'drain' },
    { override: 'out-of-service' },
  ] as const) {
    gateway.set({ '127.0.0.1:9': state })
    const answer = await request(gateway.port, 'GET', '/s')
    assertProblem(answer, 503, 'no-instance')
    assert.ok(Number(answer.field('retry-after')) > 0)
  }
  assertCounted(gateway, 'no-instance', 3)
})

test('a slow instance is a 504 at its time, and its connection is closed', async (t) => {
  const origin = await startOrigin(t, () => undefined)
  const gateway = await startGateway(t, service(origin.address, { timeout: { first_byte: '400ms' } }))
  const begun = performance.now()
  const answer = await request(gateway.port, 'GET', '/s')
  const tookMs = performance.now() - begun
  assertProblem(answer, 504, 'answer-timeout')
  assert.ok(tookMs >= 396 && tookMs < 5000, `took ${tookMs} ms`)
  await waitFor(() => origin.connections[0]?.open === false)
  assert.equal(origin.requests.length, 1)
  assertCounted(gateway, 'answer-timeout')
})

test('the total time bounds an exchange, also one whose answer keeps dripping', async (t) => {
  const origin = await startOrigin(t, (r) => {
    r.send('HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n')
    void r.drip('x'.repeat(1000), { pieceBytes: 1, everyMs: 20 })
  })
  const gateway = await startGateway(t, service(origin.address, { timeout: '300ms' }))
  await assertCutOff(gateway.port)
  await waitFor(() => origin.connections[0]?.open === false)
  assertCounted(gateway, 'answer-timeout')
})

test('an answer cut off in its body reaches the client as cut off', async (t) => {
  const cut = ['Content-Length: 100\r\n\r\nshort', 'Transfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n']
  let next = 0
  const origin = await startOrigin(t, (r) => {
    r.send(`HTTP/1.1 200 OK\r\n${cut[next++]}`)
    r.close()
  })
  const gateway = await startGateway(t, service(origin.address))
  for (let i = 0; i < cut.length; i++) {
    await assertCutOff(gateway.port)
  }
  assertCounted(gateway, 'truncated-answer', 2)
})

test('answers that could be read in two ways are a 502', async (t) => {
  const heads = [
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok',
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok',
    'HTTP/1.1 200 OK\r\n folded: 1\r\n\r\n',
    'HTTP/1.1 200 OK\nContent-Length: 2\n\nok',
    'HTTP/2 200 OK\r\n\r\n',
    'HTTP/1.1 99 Low\r\n\r\n',
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n',
    'SSH-2.0-OpenSSH_9.0\r\n',
  ]
  let next = 0
  const origin = await startOrigin(t, (r) => r.send(heads[next++] ?? ''))
  const gateway = await startGateway(t, service(origin.address))
  for (const _ of heads) assertProblem(await request(gateway.port, 'GET', '/s'), 502, 'bad-answer')
  assertCounted(gateway, 'bad-answer', heads.length)
})

test('a transfer coding that is not exactly chunked, or a head without end, is a 502 with its own word', async (t) => {
  const answers = [
    ['bad-answer-coding', 'Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n'],
    ['answer-head-too-large', `X: ${'x'.repeat(140_000)}\r\n\r\n`],
  ] as const
  let next = 0
  const origin = await startOrigin(t, (r) => r.send(`HTTP/1.1 200 OK\r\n${answers[next++]?.[1] ?? ''}`))
  const gateway = await startGateway(t, service(origin.address))
  for (const [code] of answers) assertProblem(await request(gateway.port, 'GET', '/s'), 502, code)
})

test('bytes after an answer are nobody’s: the next client gets its own', async (t) => {
  let asked = 0
  const origin = await startOrigin(t, (r) => {
    asked++
    r.send(
      asked === 1
        ? 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\noneHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil'
        : 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\ntwo',
    )
  })
  const gateway = await startGateway(t, service(origin.address))
  assert.equal((await request(gateway.port, 'GET', '/s')).text(), 'one')
  assert.equal((await request(gateway.port, 'GET', '/s')).text(), 'two')
  assert.equal(origin.connections.length, 2)
})

test('an answer before the end of the request ends both connections, so that the body’s rest becomes no request', async (t) => {
  const origin = await startOrigin(t, (r) => r.answer(413, 'too much'))
  const gateway = await startGateway(t, service(origin.address))
  const raw = await rawRequest(
    gateway.port,
    [
      'POST /s HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\nhello',
      'GET /s/smuggled HTTP/1.1\r\nHost: h\r\n\r\n',
    ],
    { untilClose: true },
  )
  const answer = parseAnswer(raw)
  assert.equal(answer.status, 413)
  assert.equal(answer.field('connection'), 'close')
  assert.equal((await request(gateway.port, 'POST', '/s', { body: 'next' })).status, 413)
  assert.ok(origin.requests.every(({ target }) => target === '/s'))
})

test('a client that goes away takes its request at the origin with it', async (t) => {
  const origin = await startOrigin(t, () => undefined)
  const gateway = await startGateway(t, service(origin.address))
  const socket = net.connect(gateway.port, '127.0.0.1')
  socket.write('GET /s HTTP/1.1\r\nHost: h\r\n\r\n')
  await waitFor(() => origin.requests.length === 1)
  socket.resetAndDestroy()
  await waitFor(() => origin.connections[0]?.open === false)
  await waitFor(() => gateway.core.inFlight === 0)
  assertCounted(gateway, 'client-gone')
})

test('a client that goes away in the middle of its body leaves no request behind', async (t) => {
  const origin = await startOrigin(t, () => undefined)
  const gateway = await startGateway(t, service(origin.address))
  const socket = net.connect(gateway.port, '127.0.0.1')
  socket.on('error', () => undefined)
  socket.write('POST /s HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\npart')
  await waitFor(() => origin.requests.length === 1)
  socket.end()
  await waitFor(() => origin.connections[0]?.open === false)
  await waitFor(() => gateway.core.connections.size === 0)
})

test('a client that has ended its side still gets its answer', async (t) => {
  const origin = await startOrigin(t, (r) => r.answer(200, 'late'))
  const gateway = await startGateway(t, service(origin.address))
  const raw = await rawRequest(gateway.port, 'GET /s HTTP/1.1\r\nHost: h\r\n\r\n', {
    halfClose: true,
    untilClose: true,
  })
  assert.equal(parseAnswer(raw).text(), 'late')
})

test('a request that comes back is a 508', async (t) => {
  const gateway = await startGateway(t, { ...service('127.0.0.1:9') })
  const answer = await request(gateway.port, 'GET', '/s', { fields: { Via: '1.1 other, 1.1 serverpy-test' } })
  assertProblem(answer, 508, 'loop')
})

test('a service whose only instance is the gateway itself is a 508, whatever its health', async (t) => {
  const port = await freePort()
  const gateway = await startGateway(t, service(`127.0.0.1:${port}`), port)
  assertProblem(await request(port, 'GET', '/s'), 508, 'loop')
  gateway.set({ [`127.0.0.1:${port}`]: { health: 'down' } })
  assertProblem(await request(port, 'GET', '/s'), 508, 'loop')
})

test('a body over the limit is a 413, by its announcement or by its bytes', async (t) => {
  const origin = await startOrigin(t, () => undefined)
  const gateway = await startGateway(t, { ...service(origin.address), processor: { limits: { body: 1000 } } })
  const announced = await rawRequest(gateway.port, 'POST /s HTTP/1.1\r\nHost: h\r\nContent-Length: 1001\r\n\r\n')
  assertProblem(parseAnswer(announced), 413, 'body-too-large')
  const chunk = `1000\r\n${'x'.repeat(4096)}\r\n`
  const counted = await rawRequest(
    gateway.port,
    `POST /s HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n${chunk.repeat(20)}`,
  )
  assertProblem(parseAnswer(counted), 413, 'body-too-large')
})

test('a method that no route takes is a 405 that says which do', async (t) => {
  const gateway = await startGateway(t, {
    services: { s: { servers: ['127.0.0.1:9'], apis: ['/s'] } },
    routes: [{ match: { path: '/only', methods: ['GET', 'PUT'] }, fixed: { status: 200, body: 'x' } }],
  })
  const answer = await request(gateway.port, 'POST', '/only')
  assertProblem(answer, 405, 'method-not-allowed')
  assert.equal(answer.field('allow'), 'GET, PUT, HEAD')
  assert.equal((await request(gateway.port, 'HEAD', '/only')).status, 200)
})

test('a head that never ends is a 408 at its time', async (t) => {
  const gateway = await startGateway(t, {
    ...service('127.0.0.1:9'),
    processor: { timeouts: { request_head: '200ms' } },
  })
  const raw = await rawRequest(gateway.port, 'GET /s HTTP/1.1\r\nHos', { untilClose: true })
  assertProblem(parseAnswer(raw), 408, 'request-timeout')
})

test('more connections than the limit are told so at once', async (t) => {
  const origin = await startOrigin(t, (r) => r.answer(200, 'ok'))
  const gateway = await startGateway(t, { ...service(origin.address), processor: { limits: { connections: 2 } } })
  const held = [1, 2].map(() => net.connect(gateway.port, '127.0.0.1'))
  t.after(() => held.forEach((socket) => socket.destroy()))
  await waitFor(() => gateway.core.connections.size === 2)
  const raw = await rawRequest(gateway.port, '', { untilClose: true })
  assertProblem(parseAnswer(raw), 503, 'overload')
  held[0]?.destroy()
  await waitFor(() => gateway.core.connections.size === 1)
  assert.equal((await request(gateway.port, 'GET', '/s')).status, 200)
})

test('counters return to zero after a storm of clients that vanish', { timeout: 30_000 }, async (t) => {
  const origin = await startOrigin(t, (r) =>
    r.drip('HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n' + 'x'.repeat(50), { pieceBytes: 10, everyMs: 1 }),
  )
  const gateway = await startGateway(t, service(origin.address))
  await Promise.all(
    Array.from({ length: 200 }, async (_, i) => {
      const socket = net.connect(gateway.port, '127.0.0.1')
      socket.on('error', () => undefined)
      socket.write('GET /s HTTP/1.1\r\nHost: h\r\n\r\nPOST /s HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n12345')
      await new Promise((resolve) => setTimeout(resolve, i % 20))
      socket.resetAndDestroy()
    }),
  )
  await waitFor(() => gateway.core.connections.size === 0 && gateway.core.inFlight === 0, { timeoutMs: 10_000 })
  for (const endpoint of gateway.endpoints.values()) assert.equal(endpoint.inFlight, 0)
})

test('when neither side reads any more, the exchange ends at its idle time', { timeout: 20_000 }, async (t) => {
  // The origin sends without end and reads nothing; the client does the same.
  const origin = net.createServer((socket) => {
    socket.on('error', () => undefined)
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n')
    const fill = (): void => {
      while (socket.write(Buffer.alloc(65_536))) continue
      socket.once('drain', fill)
    }
    socket.once('data', () => {
      socket.pause()
      fill()
    })
  })
  await new Promise<void>((resolve) => origin.listen(0, '127.0.0.1', resolve))
  t.after(() => origin.close())
  const { port } = origin.address() as net.AddressInfo
  const gateway = await startGateway(t, {
    ...service(`127.0.0.1:${port}`, { timeout: { idle: '300ms' } }),
    processor: { timeouts: { idle: '300ms' } },
  })
  const socket = net.connect(gateway.port, '127.0.0.1')
  t.after(() => socket.destroy())
  socket.on('error', () => undefined)
  socket.pause()
  socket.write('POST /s HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000000\r\n\r\n')
  const fill = (): void => {
    while (socket.write(Buffer.alloc(65_536))) continue
    socket.once('drain', fill)
  }
  fill()
  await waitFor(() => gateway.core.inFlight === 1)
  await waitFor(() => gateway.core.inFlight === 0 && gateway.core.connections.size === 0, { timeoutMs: 10_000 })
})
