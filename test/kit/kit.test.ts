// The kit itself: a scripted origin and a raw client that lie would make every other test worthless.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseAnswer, rawRequest, request } from './http.js'
import { readMessages } from './message.js'
import { startOrigin } from './origin.js'
import { freePort, isListening } from './ports.js'
import { runProcess, startProcess } from './process.js'
import { waitFor } from './wait.js'

test('the origin answers two requests on one connection and keeps their exact bytes', async (t) => {
  const origin = await startOrigin(t, async (r) => r.answer(200, await r.body(), { 'X-Target': r.target }))
  const sent =
    'POST /a?x=%20 HTTP/1.1\r\nhOst: x\r\nTransfer-Encoding: chunked\r\n\r\n3;e=1\r\nabc\r\n2\r\nde\r\n0\r\nT: 1\r\n\r\n' +
    'GET /b HTTP/1.1\r\nHost: x\r\n\r\n'
  const answers = readMessages(await rawRequest(origin.port, [...sent], { answers: 2 }))
  assert.deepEqual(
    answers.map((a) => [a.body.toString(), a.fields[1]]),
    [
      ['abcde', ['X-Target', '/a?x=%20']],
      ['', ['X-Target', '/b']],
    ],
  )
  assert.equal(origin.connections[0]?.received().toString(), sent)
  assert.equal(origin.requests[0]?.field('HOST'), 'x')
})

test('the origin resets after it has read a part of the body', async (t) => {
  const origin = await startOrigin(t, async (r) => {
    await r.read(60)
    r.reset()
  })
  const bytes = `POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n${'b'.repeat(100)}`
  await assert.rejects(rawRequest(origin.port, bytes), { code: 'ECONNRESET' })
})

test('the origin can drip, truncate, close and hang', async (t) => {
  const origin = await startOrigin(t, async (r) => {
    if (r.target === '/hang') return
    if (r.target === '/drip') return r.drip('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok', { pieceBytes: 7 })
    r.send('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart')
    r.close()
  })
  assert.equal((await request(origin.port, 'GET', '/drip')).text(), 'ok')
  const cut = await rawRequest(origin.port, 'GET /cut HTTP/1.1\r\nHost: x\r\n\r\n')
  assert.ok(cut.toString().endsWith('\r\n\r\npart'))
  assert.throws(() => parseAnswer(cut), /no complete answer/)
  await assert.rejects(request(origin.port, 'GET', '/hang', { timeoutMs: 50 }), /took longer than 50 ms/)
  await origin.requests.at(-1)?.gone
})

test('a stopped origin refuses connections', async (t) => {
  const origin = await startOrigin(t, (r) => r.answer(200))
  assert.equal(await isListening(origin.port), true)
  await origin.stop()
  assert.equal(await isListening(origin.port), false)
})

test('a HEAD answer and an interim answer are framed right', async (t) => {
  const origin = await startOrigin(t, (r) => {
    if (r.method !== 'HEAD') r.send('HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n')
    r.answer(200, 'four')
  })
  const head = await request(origin.port, 'HEAD', '/')
  assert.deepEqual([head.field('content-length'), head.text()], ['4', ''])
  assert.deepEqual([(await request(origin.port, 'GET', '/')).text()], ['four'])
})

test('no two test processes are told of one port, even where both look for it first in the same place', async () => {
  const again = new URL('./ports.ts?again', import.meta.url).href
  const other = (await import(again)) as { freePort: typeof freePort }
  const told = new Set<number>()
  for (let n = 0; n < 50; n++) for (const port of await Promise.all([freePort(), other.freePort()])) told.add(port)
  assert.equal(told.size, 100)
})

test('a process is ready when its output says so and is gone after stop', async (t) => {
  const port = await freePort()
  const script = `require('http').createServer((q, s) => s.end('hi')).listen(${port}, '127.0.0.1', () => console.log('listening'))`
  const running = await startProcess(process.execPath, ['-e', script], { t, ready: /listening/ })
  assert.equal((await request(port, 'GET', '/')).text(), 'hi')
  assert.deepEqual(await running.stop(), { code: null, signal: 'SIGTERM' })
  assert.equal(await isListening(port), false)
})

test('a process that ends before it is ready rejects with what it printed', async () => {
  const starting = startProcess(process.execPath, ['-e', 'console.error("no port"); process.exit(3)'], {
    ready: /never/,
  })
  await assert.rejects(starting, /ended \(3\) before it was ready\nno port/)
})

test('running a process to its end gives code and both outputs', async () => {
  const script = 'console.log(process.env.WORD); console.error("e"); process.exit(2)'
  const { code, stdout, stderr } = await runProcess(process.execPath, ['-e', script], { env: { WORD: 'w' } })
  assert.deepEqual([code, stdout, stderr], [2, 'w\n', 'e\n'])
})

test('waiting gives the value, and names what never came', async () => {
  let tries = 0
  assert.equal(await waitFor(() => (++tries === 3 ? 'here' : undefined), { intervalMs: 1 }), 'here')
  await assert.rejects(
    waitFor(() => false, { timeoutMs: 5, what: 'the end' }),
    /waited 5 ms for the end/,
  )
})
