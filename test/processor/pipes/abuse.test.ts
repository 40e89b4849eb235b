// What clients and instances do to exchanges that are in the middle of their pipes.
import assert from 'node:assert/strict'
import net from 'node:net'
import { test } from 'node:test'
import { rawRequest, request } from '../../kit/http.js'
import { waitFor } from '../../kit/wait.js'
import { pipeOf, startPiped, takeSeen } from './rig.js'

const slow = (ms: number) => `await new Promise((r) => setTimeout(r, ${ms}))`

test('a client that goes away while a pipe waits is noticed by its signal, and nothing is left', async (t) => {
  const wait = pipeOf(`onRequest: (x) => new Promise((resolve) => {
      seen.push('began'); x.signal.addEventListener('abort', () => { seen.push('aborted'); resolve() }) }),
    onDone(x, outcome) { seen.push(outcome.error) },`)
  const { port, gateway, origin } = await startPiped(t, { wait }, [{ use: 'wait' }])
  const client = net.connect(port, '127.0.0.1')
  client.write('POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc')
  await waitFor(() => (globalThis as { serverpySeen?: unknown[] }).serverpySeen?.includes('began'))
  client.resetAndDestroy()
  await waitFor(() => gateway.core.inFlight === 0)
  await waitFor(() => (globalThis as { serverpySeen?: unknown[] }).serverpySeen?.includes('aborted'))
  assert.deepEqual(takeSeen().sort(), ['aborted', 'began', 'client-gone'])
  assert.equal(origin.requests.length, 0)
})

test('a client that goes away while its answer waits for a pipe frees the instance', async (t) => {
  const wait = pipeOf(`async onResponse() { seen.push('began'); ${slow(60)} },`)
  const { port, gateway } = await startPiped(t, { wait }, [{ use: 'wait' }])
  const client = net.connect(port, '127.0.0.1')
  client.write('GET / HTTP/1.1\r\nHost: h\r\n\r\n')
  await waitFor(() => (globalThis as { serverpySeen?: unknown[] }).serverpySeen?.length === 1)
  client.resetAndDestroy()
  await waitFor(() => gateway.core.inFlight === 0)
  for (const endpoint of gateway.endpoints.values()) assert.equal(endpoint.inFlight, 0)
  takeSeen()
})

test('requests that are sent ahead wait for the pipes of those before them', async (t) => {
  const wait = pipeOf(`async onRequest(x) { if (x.path === '/slow') ${slow(30)} },`)
  const { port } = await startPiped(t, { wait }, [{ use: 'wait' }])
  const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: h\r\n\r\n`
  const raw = (await rawRequest(port, get('/slow') + get('/a') + get('/slow') + get('/b'), { answers: 4 })).toString()
  assert.deepEqual(
    [...raw.matchAll(/GET (\S+) /g)].map(([, path]) => path),
    ['/slow', '/a', '/slow', '/b'],
  )
})

test('a request that a pipe has held is tried again elsewhere like any other', async (t) => {
  let asked = 0
  const wait = pipeOf(`async onRequest() { ${slow(5)} },`)
  const { port } = await startPiped(t, { wait }, [{ use: 'wait' }], {
    handler: async (req) => {
      await req.body()
      if (asked++ === 0) req.reset()
      else req.answer(200, 'second')
    },
  })
  assert.equal((await request(port, 'PUT', '/', { body: 'x'.repeat(20_000) })).text(), 'second')
})

test('an instance that dies in the middle of an answer cuts it off, whatever the pipes make of it', async (t) => {
  const source = `
import { PassThrough } from 'node:stream'
const seen = (globalThis.serverpySeen ??= [])
export default { create: (options) => ({ onResponse(x, answer) {
  if (options.way === 'stream') answer.transform(new PassThrough())
  answer.watch({ piece() {}, end: (whole) => seen.push(whole) })
} }) }`
  for (const way of ['stream', 'watch']) {
    const { port } = await startPiped(t, { cut: source }, [{ use: 'cut', way }], {
      handler: (req) => {
        req.send('HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n' + 'x'.repeat(50_000))
        setTimeout(() => req.reset(), 30)
      },
    })
    const raw = await rawRequest(port, 'GET / HTTP/1.1\r\nHost: h\r\n\r\n', { untilClose: true }).catch(
      (error: { received: Buffer }) => error.received,
    )
    assert.match(raw.toString('latin1'), /^HTTP\/1.1 200/)
    assert.doesNotMatch(raw.toString('latin1'), /\r\n0\r\n\r\n$/)
    await waitFor(() => (globalThis as { serverpySeen?: unknown[] }).serverpySeen?.length === 1)
    assert.deepEqual(takeSeen(), [false], way)
  }
})

test('a body of which a pipe holds a part only is refused where it goes on for ever', async (t) => {
  const hold = pipeOf(`onRequest() {},`, 'buffer: { request: 1000 },')
  const { port, gateway } = await startPiped(t, { hold }, [{ use: 'hold' }])
  const chunks = Array.from({ length: 3000 }, () => '1\r\nx\r\n').join('')
  const raw = (
    await rawRequest(port, `POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}`)
  ).toString()
  assert.match(raw, /^HTTP\/1.1 413/)
  await waitFor(() => gateway.core.inFlight === 0)
})

test('an upgrade passes pipes that look at requests', async (t) => {
  const look = pipeOf(`onRequest(x) { seen.push(x.path) }, onResponse() { seen.push('answer') },`)
  const { port } = await startPiped(t, { look }, [{ use: 'look' }], {
    more: { upgrade: ['websocket'] },
    handler: (req) =>
      req.send('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhi'),
  })
  const raw = await rawRequest(
    port,
    'GET /ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
    { untilClose: true, timeoutMs: 500 },
  ).catch(() => undefined)
  void raw
  assert.deepEqual(takeSeen(), ['/ws'])
})

test('a thousand exchanges at once through slow pipes come to their ends, and chains are empty then', async (t) => {
  const wait = pipeOf(
    `async onRequest(x) { ${slow(5)} }, async onResponse() { ${slow(5)} }, onDone() { seen.push(1) },`,
  )
  const { port, gateway } = await startPiped(t, { wait }, [{ use: 'wait' }, { use: 'wait', name: 'two' }])
  const all = await Promise.all(
    Array.from({ length: 300 }, (_, i) =>
      request(port, i % 2 ? 'GET' : 'POST', `/${i}`, i % 2 ? {} : { body: `b${i}` }),
    ),
  )
  all.forEach((answer, i) => assert.equal(answer.text(), i % 2 ? `GET /${i} ` : `POST /${i} b${i}`))
  assert.equal(takeSeen().length, 600)
  assert.equal(gateway.core.inFlight, 0)
})
