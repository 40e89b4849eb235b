// What the host of pipes owes an exchange where hooks, clients and instances meet in the worst moment.
import assert from 'node:assert/strict'
import { createServer, type IncomingMessage } from 'node:http'
import net from 'node:net'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { startGateway } from '../../kit/gateway.js'
import { rawRequest, request } from '../../kit/http.js'
import { waitFor } from '../../kit/wait.js'
import { pipeOf, startPiped, takeSeen, writePipes } from './rig.js'

const slow = (ms: number) => `await new Promise((r) => setTimeout(r, ${ms}))`
const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: h\r\n\r\n`
/** What came before the connection was ended. */
const cutOff = async (port: number, bytes: string): Promise<string> =>
  (await rawRequest(port, bytes, { untilClose: true }).catch((error: { received: Buffer }) => error.received)).toString(
    'latin1',
  )
const seen = () => (globalThis as { serverpySeen?: unknown[] }).serverpySeen ?? []

test('a pipe that says nonsense fails its exchange alone', async (t) => {
  const bad = pipeOf(`onRequest(x) { const ways = {
      '/null': () => null, '/later-null': async () => null, '/number': () => ({ status: 200, body: 5 }), '/object': () => ({ status: 200, body: {} }),
      '/bytes': () => ({ status: 200, body: new TextEncoder().encode('bytes') }), '/body': () => x.setBody(7), '/stream': () => x.transformBody({}),
      '/thenable': () => ({ then() { throw new Error('no promise') } }), '/long': () => ({ status: 200, body: 'abc', length: 10 }),
    }; return ways[x.path]?.() },`)
  const { port } = await startPiped(t, { bad }, [{ use: 'bad' }])
  const status = async (path: string) => (await request(port, 'GET', path)).status
  for (const path of ['/number', '/object', '/body', '/stream', '/thenable', '/long'])
    assert.equal(await status(path), 500, path)
  for (const path of ['/null', '/later-null']) assert.equal(await status(path), 200, path)
  assert.equal((await request(port, 'GET', '/bytes')).text(), 'bytes')
})

test('what cannot be sent in the place of a problem becomes a problem', async (t) => {
  const bad = pipeOf(`onResponse(x, answer) { if (answer.error) return { status: 99 } },`)
  const { port } = await startPiped(t, { bad }, [{ use: 'bad' }], { handler: (req) => req.reset() })
  assert.equal((await request(port, 'POST', '/', { body: 'x' })).status, 500)
})

test('an answer that may have no body gets its framing with its new status', async (t) => {
  const change = pipeOf(`onResponse(x, answer) { answer.status = 200 },`)
  const { port } = await startPiped(t, { change }, [{ use: 'change' }], {
    handler: (req) => req.send('HTTP/1.1 204 No Content\r\n\r\n'),
  })
  const raw = (await rawRequest(port, get('/a') + get('/b'), { answers: 2 })).toString()
  assert.equal(raw.match(/^HTTP\/1.1 200 OK\r\n[^]*?Content-Length: 0\r\n/gm)?.length, 2)
})

test('an answer with status 205 has no content and says so, whoever makes it one', async (t) => {
  const reset = pipeOf(`
    onRequest(x) { const ways = {
      '/text': { status: 205, body: 'text' }, '/none': { status: 205 }, '/said': { status: 205, body: 'text', length: 4 },
      '/pieces': { status: 205, body: (async function* () { yield Buffer.from('text') })() },
    }; return ways[x.path] },
    onResponse(x, answer) {
      if (x.path === '/changed' || x.path === '/empty') answer.status = 205
      if (x.path === '/set') { answer.status = 205; answer.setBody('text') }
      if (x.path === '/through') { answer.transform(new PassThrough()); answer.status = 205 }
    },`)
  const source = `import { PassThrough } from 'node:stream'\n${reset}`
  const { port } = await startPiped(t, { reset: source }, [{ use: 'reset' }], {
    handler: (req) => req.answer(200, req.target === '/empty' ? '' : 'from the instance'),
  })
  for (const path of ['/text', '/none', '/said', '/pieces', '/changed', '/empty', '/set', '/through']) {
    for (const method of ['GET', 'HEAD']) {
      const bytes = `${method} ${path} HTTP/1.1\r\nHost: h\r\n\r\n`
      const raw = (await rawRequest(port, bytes + bytes, { answers: 2, head: method === 'HEAD' })).toString('latin1')
      assert.match(raw, /^(?:HTTP\/1\.1 205 Reset Content\r\n(?:[^\r\n]+\r\n)+\r\n){2}$/, `${method} ${path}`)
      assert.deepEqual(raw.match(/^(?:content-length|transfer-encoding):.*$/gim), [
        'Content-Length: 0',
        'Content-Length: 0',
      ])
    }
  }
})

test('what an instance sends behind a 205 passes as it came', async (t) => {
  const look = pipeOf(`onResponse(x, answer) { answer.headers.set('x-seen', '1') },`)
  const { port } = await startPiped(t, { look }, [{ use: 'look' }], { handler: (req) => req.answer(205, 'mine') })
  const answers = (await rawRequest(port, get('/a') + get('/b'), { answers: 2 })).toString('latin1')
  assert.equal(answers.match(/Content-Length: 4\r\n[^]*?\r\n\r\nmine/g)?.length, 2)
})

test('a pipe gets a whole answer although another pipe was waited for while it came', async (t) => {
  const wait = pipeOf(`async onResponse() { ${slow(40)} },`)
  const whole = pipeOf(
    `onResponse(x, answer) { answer.setBody(String(answer.body.length)) },`,
    `buffer: { response: 400000 },`,
  )
  const { port } = await startPiped(t, { wait, whole }, [{ use: 'whole' }, { use: 'wait' }], {
    handler: (req) => req.answer(200, 'x'.repeat(300_000)),
  })
  assert.equal((await request(port, 'GET', '/')).text(), '300000')
})

test('a reply in the place of an answer that never ends does not wait for its end', async (t) => {
  const swap = pipeOf(
    `onResponse(x, answer) { if (x.path === '/swap') return { status: 299, body: 'other' }; answer.status = 204 },`,
  )
  const { port, gateway } = await startPiped(t, { swap }, [{ use: 'swap' }], {
    handler: (req) => req.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nsome\r\n'),
  })
  const raw = (await rawRequest(port, get('/swap') + get('/none') + get('/swap'), { answers: 3 })).toString()
  assert.deepEqual(raw.match(/HTTP\/1.1 \d+/g), ['HTTP/1.1 299', 'HTTP/1.1 204', 'HTTP/1.1 299'])
  await waitFor(() => gateway.core.inFlight === 0)
})

test('the place at a service is free again where a reply in pieces takes the place of its answer', async (t) => {
  const swap = pipeOf(`onResponse: () => ({ status: 299, body: (async function* () { yield Buffer.from('ab') })() }),
    onError: () => ({ status: 298, body: (async function* () { yield Buffer.from('cd') })() }),`)
  const { port, gateway } = await startPiped(t, { swap }, [{ use: 'swap' }], {
    handler: (req) => (req.target === '/reset' ? req.reset() : req.answer(200, 'x')),
  })
  assert.equal((await request(port, 'GET', '/')).text(), 'ab')
  assert.equal((await request(port, 'POST', '/reset', { body: 'x' })).text(), 'cd')
  for (const live of gateway.services.values()) assert.equal(live.inFlight, 0)
})

test('the head of an answer goes out when the pipes are done with it, though nothing of its body has come', async (t) => {
  const wait = pipeOf(`async onResponse() { ${slow(10)} },`)
  const { port } = await startPiped(t, { wait }, [{ use: 'wait' }], {
    handler: (req) => req.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'),
  })
  const client = net.connect(port, '127.0.0.1')
  t.after(() => client.destroy())
  let text = ''
  client.on('data', (bytes) => (text += bytes.toString()))
  client.write(get('/'))
  await waitFor(() => text.startsWith('HTTP/1.1 200'), { what: 'the head' })
})

test('an exchange whose time is over while its answer waits for a pipe fails, and is not cut off', async (t) => {
  const wait = pipeOf(`onResponse: () => new Promise(() => {}),`)
  const { port } = await startPiped(t, { wait }, [{ use: 'wait' }], { more: { timeout: { total: '80ms' } } })
  assert.equal((await request(port, 'GET', '/')).status, 504)
})

test('a body that comes whole after its exchange has failed is not given to any pipe', async (t) => {
  const hold = pipeOf(
    `onRequest(x) { seen.push('asked') }, onDone() { seen.push('done') }, async onError() { seen.push('told') },`,
    `buffer: { request: 1000 },`,
  )
  const page = pipeOf(`async onError() { seen.push('page'); ${slow(60)}; return { status: 298, body: 'page' } },`)
  const { port, origin } = await startPiped(t, { hold, page }, [{ use: 'page' }, { use: 'hold' }], {
    more: { timeout: { total: '60ms' } },
  })
  const client = net.connect(port, '127.0.0.1')
  t.after(() => client.destroy())
  let text = ''
  client.on('data', (bytes) => (text += bytes.toString()))
  client.write('POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nab')
  await waitFor(() => seen().includes('page'))
  client.write('cd')
  await waitFor(() => text.endsWith('page'))
  assert.deepEqual(takeSeen(), ['page'], 'one that was not asked hears nothing')
  assert.equal(origin.requests.length, 0)
})

test('a watcher of a request that throws is left alone, and its request passes', async (t) => {
  const source =
    pipeOf(`onRequest(x) { x.watchBody({ piece() { throw new Error('watching') }, end() { throw new Error('end') } })
    x.watchBody({ piece() {}, end: (whole) => seen.push(whole) }) },`)
  const { port, lines } = await startPiped(t, { source }, [{ use: 'source' }])
  assert.equal((await request(port, 'POST', '/', { body: 'hello' })).text(), 'POST / hello')
  assert.ok(lines.some(({ message }) => message === 'a pipe failed as it watched a body'))
  assert.deepEqual(takeSeen(), [true])
})

test('what pipes have set upon a request that is refused is let go', async (t) => {
  const source = `
import { PassThrough } from 'node:stream'
const seen = (globalThis.serverpySeen ??= [])
export default { create: () => ({ onRequest(x) {
  const stream = new PassThrough()
  stream.on('close', () => seen.push('closed'))
  x.transformBody(stream)
  x.watchBody({ piece() {}, end: (whole) => seen.push(whole) })
} }) }`
  const refuse = pipeOf(`onRequest: () => ({ status: 403 }),`)
  const { port } = await startPiped(t, { source, refuse }, [{ use: 'source' }, { use: 'refuse' }])
  assert.equal((await request(port, 'POST', '/', { body: 'hello' })).status, 403)
  await waitFor(() => seen().length === 2)
  assert.deepEqual(takeSeen(), [false, 'closed'])
})

test('a stream that makes much of little is held back by an instance that does not read', async (t) => {
  const source = `
import { createGunzip } from 'node:zlib'
const seen = (globalThis.serverpySeen ??= [])
export default { create: () => ({ onRequest(x) {
  const stream = createGunzip()
  let bytes = 0
  stream.on('data', (piece) => { bytes += piece.length; seen[0] = bytes })
  stream.on('end', () => seen.push('whole'))
  x.transformBody(stream)
} }) }`
  const { use = '' } = await writePipes(t, { use: source })
  takeSeen()
  let asked: IncomingMessage | undefined
  const server = createServer((req, res) => {
    asked = req
    let bytes = 0
    req.once('end', () => res.end(String(bytes)))
    req.once('resume', () => req.on('data', (piece: Buffer) => (bytes += piece.length)))
  })
  t.after(() => server.close())
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = `127.0.0.1:${(server.address() as net.AddressInfo).port}`
  const { port } = await startGateway(t, { services: { s: { servers: [address], apis: ['/'], pipes: [{ use }] } } })
  const zeros = 100_000_000
  const answer = request(port, 'POST', '/', { body: gzipSync(Buffer.alloc(zeros)) })
  const made = () => Number(seen()[0] ?? 0)
  await waitFor(() => made() > 0 && asked !== undefined)
  // What it makes has come to a rest, with what the system holds for a loopback connection.
  let before = -1
  await waitFor(() => before === (before = made()), { intervalMs: 300, what: 'the stream to be held back' })
  assert.ok(made() < zeros / 4, `${made()} bytes are made for an instance that reads nothing`)
  asked?.resume()
  assert.equal((await answer).text(), String(zeros))
  assert.deepEqual(takeSeen(), [zeros, 'whole'])
})

test('a body that a pipe gives to a request without one reaches the instance', async (t) => {
  const give = pipeOf(`onRequest(x) { x.setBody('given') },`)
  const { port } = await startPiped(t, { give }, [{ use: 'give' }])
  assert.equal((await request(port, 'PUT', '/')).text(), 'PUT / given')
})

test('a stream that ends without an end fails its exchange', async (t) => {
  const source = `
import { PassThrough } from 'node:stream'
export default { create: () => ({ onResponse(x, answer) {
  const stream = new PassThrough()
  setTimeout(() => stream.destroy(), 5)
  stream.pause = () => stream
  answer.transform(stream)
} }) }`
  const { port, gateway } = await startPiped(t, { source }, [{ use: 'source' }], {
    handler: (req) => req.send('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf'),
  })
  assert.doesNotMatch(await cutOff(port, get('/')), /\r\n0\r\n\r\n$/)
  await waitFor(() => gateway.core.inFlight === 0)
})

test('a breaker that refuses stays open, whatever becomes of exchanges in which its pipe was not asked', async (t) => {
  const early = pipeOf(`onRequest: (x) => (x.path === '/early' ? { status: 299 } : undefined),`)
  const bad = pipeOf(`onRequest() { seen.push('called'); throw new Error('always') },`)
  const { port } = await startPiped(t, { early, bad }, [
    { use: 'early' },
    { use: 'bad', breaker: { failures: 3, open: '60s' } },
  ])
  for (let i = 0; i < 6; i++) {
    assert.equal((await request(port, 'GET', '/')).status, 500)
    assert.equal((await request(port, 'GET', '/early')).status, 299)
  }
  assert.equal(takeSeen().length, 3)
})

test('a reply that is replaced while others wait leaves nothing of itself', async (t) => {
  const wait = pipeOf(`async onResponse() { ${slow(20)} },`)
  const swap = pipeOf(`onResponse: (x, answer) => (answer.status === 299 ? undefined : { status: 299, body: 'ab' }),`)
  const first = pipeOf(`onRequest: (x) => ({ status: 200, body: x.path === '/text' ? 'first reply' :
    (async function* () { for (const s of ['first', 'reply']) { await null; yield Buffer.from(s) } })() }),`)
  const { port } = await startPiped(t, { wait, swap, first }, [{ use: 'wait' }, { use: 'swap' }, { use: 'first' }])
  for (const path of ['/text', '/stream']) {
    const raw = (await rawRequest(port, get(path) + get(path), { answers: 2 })).toString()
    assert.equal(raw.match(/\r\n\r\nab(?=HTTP|$)/g)?.length, 2, path)
  }
})

test('a reply in pieces keeps to the length that it has said', async (t) => {
  const say = pipeOf(
    `onRequest: (x) => ({ status: 200, length: 3, body: (async function* () { yield Buffer.from(x.path.slice(1)) })() }),`,
  )
  const { port } = await startPiped(t, { say }, [{ use: 'say' }])
  assert.equal((await request(port, 'GET', '/abc')).text(), 'abc')
  for (const path of ['/abcdef', '/a']) {
    const raw = await cutOff(port, get(path) + get('/abc'))
    assert.deepEqual(raw.match(/HTTP\/1.1 \d+/g), ['HTTP/1.1 200'], path)
    assert.doesNotMatch(raw, /abc/)
  }
})
