// The host of pipes over real sockets: order, replies, bodies, failures, time.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startGateway } from '../../kit/gateway.js'
import { rawRequest, request } from '../../kit/http.js'
import { startOrigin } from '../../kit/origin.js'
import { waitFor } from '../../kit/wait.js'
import { pipeOf, startPiped, takeSeen, telling, writePipes } from './rig.js'

const all = (fields: readonly (readonly [string, string])[], name: string) =>
  fields.filter(([one]) => one === name).map(([, value]) => value)

test('requests pass the pipes in the order of the config, answers in the reverse order', async (t) => {
  const mark = pipeOf(`
    onRequest(x) { x.headers.set('X-Mark', (x.headers.get('x-mark') ?? '') + options.letter) },
    onResponse(x, answer) { answer.headers.add('X-Way', options.letter) },`)
  const { port } = await startPiped(t, { mark }, [
    { use: 'mark', name: 'first', letter: 'a' },
    { use: 'mark', name: 'second', letter: 'b' },
    { use: 'mark', name: 'third', letter: 'c' },
  ])
  const answer = await request(port, 'GET', '/')
  assert.equal(answer.status, 200)
  assert.equal(answer.field('X-Mark'), 'abc')
  assert.deepEqual(all(answer.fields, 'X-Way'), ['c', 'b', 'a'])
})

test('a reply ends the exchange: no later pipe and no instance sees it, and the pipes before see the answer', async (t) => {
  const { port, origin } = await startPiped(
    t,
    {
      outer: pipeOf(`onResponse(x, answer) { answer.headers.set('X-Outer', String(answer.from)) },`),
      teapot: pipeOf(`onRequest: () => ({ status: 418, headers: { 'X-Tea': ['green', 'black'] }, body: 'short' }),
        onResponse(x, answer) { answer.headers.set('X-Own', '1') },`),
      never: pipeOf(`onRequest() { seen.push('never') },`),
    },
    [{ use: 'outer' }, { use: 'teapot' }, { use: 'never' }],
  )
  const answer = await request(port, 'POST', '/x', { body: 'a body that nobody reads' })
  assert.equal(answer.status, 418)
  assert.equal(answer.text(), 'short')
  assert.deepEqual(all(answer.fields, 'X-Tea'), ['green', 'black'])
  assert.equal(answer.field('X-Outer'), 'gateway')
  assert.equal(answer.field('X-Own'), undefined)
  assert.equal(origin.requests.length, 0)
  assert.deepEqual(takeSeen(), [])
  const head = await request(port, 'HEAD', '/x')
  assert.equal(head.status, 418)
  assert.equal(head.field('Content-Length'), '5')
})

test('hooks may be asynchronous, and the body of the request waits for them', async (t) => {
  const slow = pipeOf(`
    async onRequest(x) { await new Promise((r) => setTimeout(r, 20)); x.target = '/moved?' + x.query('a') },
    async onResponse(x, answer) { await new Promise((r) => setTimeout(r, 20)); answer.headers.set('X-Late', '1'); answer.status = 202 },`)
  const { port } = await startPiped(t, { slow }, [{ use: 'slow' }, { use: 'slow', name: 'again' }])
  const body = 'x'.repeat(300_000)
  const answer = await request(port, 'POST', '/x?a=1', { body })
  assert.equal(answer.status, 202)
  assert.equal(answer.field('X-Late'), '1')
  assert.equal(answer.text(), `POST /moved?null ${body}`.replace('null', 'undefined'))
})

test('a pipe that asks for bodies gets them whole, chunked or not, and may set others', async (t) => {
  const upper = pipeOf(
    `onRequest(x) { x.setBody(x.body.toString().toUpperCase()) },
     onResponse(x, answer) { answer.setBody('<' + answer.body.toString() + '>') },`,
    `buffer: { request: 100, response: 1000 },`,
  )
  const { port } = await startPiped(t, { upper }, [{ use: 'upper' }])
  assert.equal((await request(port, 'POST', '/', { body: 'hello' })).text(), '<POST / HELLO>')
  const chunked =
    'POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n'
  assert.match((await rawRequest(port, [...chunked])).toString(), /<POST \/ ABCDE>$/)
  const expecting = await rawRequest(
    port,
    'POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nab',
  )
  assert.match(expecting.toString(), /^HTTP\/1.1 100 Continue\r\n\r\nHTTP\/1.1 200 Scripted[^]*<POST \/ AB>$/)
  assert.equal((await request(port, 'POST', '/', { body: 'x'.repeat(101) })).status, 413)
})

test('an answer that is larger than a pipe may hold becomes a 502', async (t) => {
  const hold = pipeOf(`onResponse() { seen.push('called') },`, `buffer: { response: 50 },`)
  const { port } = await startPiped(t, { hold }, [{ use: 'hold' }])
  const answer = await request(port, 'POST', '/', { body: 'x'.repeat(60) })
  assert.equal(answer.status, 502)
  assert.match(answer.text(), /answer exceeds 50 bytes/)
  assert.deepEqual(takeSeen(), [])
  assert.equal((await request(port, 'GET', '/')).status, 200)
  assert.deepEqual(takeSeen(), ['called'])
})

test('answers pass through streams of Node, framed anew, and watchers see what is behind them', async (t) => {
  const source = `
import { Transform } from 'node:stream'
export const seen = (globalThis.serverpySeen ??= [])
const loud = () => new Transform({ transform(piece, _, done) { done(null, piece.toString('latin1').toUpperCase()) } })
export default { create: () => ({ onResponse(x, answer) {
  const got = []
  answer.watch({ piece: (b) => got.push('in:' + b), end: (whole) => seen.push(got.join('') + whole) })
  answer.transform(loud())
  const out = []
  answer.watch({ piece: (b) => out.push('out:' + b), end: (whole) => seen.push(out.join('') + whole) })
} }) }`
  const { port } = await startPiped(t, { loud: source }, [{ use: 'loud' }])
  const raw = (await rawRequest(port, 'GET /abc HTTP/1.1\r\nHost: h\r\n\r\n')).toString()
  assert.match(raw, /\r\nTransfer-Encoding: chunked\r\n/)
  assert.match(raw, /GET \/ABC/)
  assert.doesNotMatch(raw, /Content-Length/)
  await waitFor(() => (globalThis as { serverpySeen?: unknown[] }).serverpySeen?.length === 2)
  assert.deepEqual(takeSeen(), ['in:GET /abc true', 'out:GET /ABC true'])
  const old = (await rawRequest(port, 'GET /abc HTTP/1.0\r\nHost: h\r\n\r\n', { untilClose: true })).toString()
  assert.match(old, /\r\n\r\nGET \/ABC $/)
  assert.equal(takeSeen().length, 2)
})

test('a large answer passes through a stream with its back-pressure, byte for byte', async (t) => {
  const through = `
import { PassThrough } from 'node:stream'
export default { create: () => ({ onResponse(x, answer) { answer.transform(new PassThrough()) }, onRequest(x) { x.transformBody(new PassThrough()) } }) }`
  const { port } = await startPiped(t, { through }, [{ use: 'through' }])
  const body = 'abcdefghij'.repeat(300_000)
  const answer = await request(port, 'POST', '/', { body })
  assert.equal(answer.text(), `POST / ${body}`)
})

test('one that throws fails its exchange alone and is named, or is left out where the config says so', async (t) => {
  const bad = pipeOf(`onRequest(x) { if (x.path === '/bad') throw new Error('broken inside') },
    async onResponse(x) { if (x.path === '/late') throw new Error('broken outside') },`)
  const { port, lines, origin } = await startPiped(t, { bad }, [{ use: 'bad', name: 'unlucky' }])
  const answer = await request(port, 'GET', '/bad')
  assert.equal(answer.status, 500)
  assert.equal((answer.json() as { detail: string }).detail, 'the pipe "unlucky" failed')
  assert.doesNotMatch(answer.text(), /broken inside/)
  assert.equal(origin.requests.length, 0)
  assert.equal((await request(port, 'GET', '/late')).status, 500)
  assert.equal((await request(port, 'GET', '/good')).status, 200)
  const failed = lines.filter(({ message }) => message === 'a pipe failed')
  assert.equal(failed[0]?.fields['pipe'], 'unlucky')
  assert.match(String(failed[0]?.fields['error']), /broken inside/)

  const lenient = await startPiped(t, { bad }, [{ use: 'bad', on_throw: 'skip' }])
  assert.equal((await request(lenient.port, 'GET', '/bad')).text(), 'GET /bad ')
  assert.equal((await request(lenient.port, 'GET', '/late')).status, 200)
})

test('one that takes too long fails its exchange, and what it rejects with later is logged as its own', async (t) => {
  const slow = pipeOf(
    `onRequest: () => new Promise((_, reject) => setTimeout(() => reject(new Error('at last')), 120)),`,
  )
  const { port, lines } = await startPiped(t, { slow }, [{ use: 'slow', hook_timeout: '40ms' }])
  const answer = await request(port, 'GET', '/')
  assert.equal(answer.status, 500)
  assert.match(answer.text(), /did not come to an end in time/)
  await waitFor(() => lines.some(({ fields }) => fields['hook'] === 'onRequest, too late'))
})

test('a failure is told to the pipes before the client, from the last to the first, and one may answer', async (t) => {
  const page =
    pipeOf(`onError(x, error) { seen.push(options.letter + error.code); if (options.answers) return { status: 203, body: 'sorry' } },
    onResponse(x, answer) { answer.headers.add('X-Way', options.letter + (answer.error ?? '')) },`)
  const two = [
    { use: 'page', name: 'p1', letter: 'a' },
    { use: 'page', name: 'p2', letter: 'b', answers: true },
    { use: 'page', name: 'p3', letter: 'c' },
  ]
  const { port } = await startPiped(t, { page }, two, { handler: (req: { reset(): void }) => req.reset() })
  const answer = await request(port, 'POST', '/', { body: 'x' })
  assert.equal(answer.status, 203)
  assert.equal(answer.text(), 'sorry')
  assert.deepEqual(takeSeen(), ['cconnection-reset', 'bconnection-reset'])
  assert.deepEqual(all(answer.fields, 'X-Way'), ['a'])
})

test('a problem of the gateway passes the pipes as an answer does', async (t) => {
  const mark = pipeOf(`onResponse(x, answer) { answer.headers.set('X-Code', answer.error + ' ' + answer.from) },`)
  const { port } = await startPiped(t, { mark }, [{ use: 'mark' }], {
    handler: (req: { reset(): void }) => req.reset(),
  })
  const answer = await request(port, 'POST', '/', { body: 'x' })
  assert.equal(answer.status, 502)
  assert.equal(answer.field('X-Code'), 'connection-reset gateway')
})

test('every pipe whose turn had come hears of the end exactly once, with what became of the exchange', async (t) => {
  const tell =
    pipeOf(`onRequest(x) { if (options.refuses && x.path === '/no') return { status: 403, error: 'forbidden' } },
    onDone(x, outcome) { seen.push([options.letter, outcome.status, outcome.error]) },`)
  const { port } = await startPiped(t, { tell }, [
    { use: 'tell', name: 'p1', letter: 'a' },
    { use: 'tell', name: 'p2', letter: 'b', refuses: true },
    { use: 'tell', name: 'p3', letter: 'c' },
  ])
  await request(port, 'GET', '/')
  assert.deepEqual(takeSeen(), [
    ['c', 200, ''],
    ['b', 200, ''],
    ['a', 200, ''],
  ])
  await request(port, 'GET', '/no')
  assert.deepEqual(takeSeen(), [
    ['b', 403, 'forbidden'],
    ['a', 403, 'forbidden'],
  ])
})

test('an answer may be replaced when its head has come, and the connections go on', async (t) => {
  const swap = pipeOf(`onResponse(x, answer) { if (answer.status === 200) return { status: 299, body: 'other' } },`)
  const big = 'y'.repeat(400_000)
  const { port, origin } = await startPiped(t, { swap }, [{ use: 'swap' }], {
    handler: (req: { target: string; answer(status: number, body: string): void }) =>
      req.answer(200, req.target === '/big' ? big : 'small'),
  })
  const two = (
    await rawRequest(port, 'GET / HTTP/1.1\r\nHost: h\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n', { answers: 2 })
  ).toString()
  assert.equal(two.match(/HTTP\/1.1 299[^]*?other/g)?.length, 2)
  assert.equal(origin.connections.length, 1)
  assert.equal((await request(port, 'GET', '/big')).text(), 'other')
})

test('a reply may come piece by piece, framed for whoever asks', async (t) => {
  const drip = pipeOf(
    `onRequest: () => ({ status: 200, body: (async function* () { for (const s of ['a', 'bb', 'ccc']) { await new Promise((r) => setTimeout(r, 5)); yield Buffer.from(s) } })() }),`,
  )
  const { port } = await startPiped(t, { drip }, [{ use: 'drip' }])
  assert.equal((await request(port, 'GET', '/')).text(), 'abbccc')
  const old = (await rawRequest(port, 'GET / HTTP/1.0\r\n\r\n', { untilClose: true })).toString()
  assert.match(old, /\r\n\r\nabbccc$/)
})

test('a pipe may ask another service, and send the request there', async (t) => {
  const ask = pipeOf(`async onRequest(x) {
      if (x.path === '/asks') {
        const answer = await x.call({ service: 'other', method: 'POST', target: '/q', fields: 'X-Mark: m\\r\\n', body: Buffer.from('ping'), timeoutMs: 1000, mostBytes: 1000 }).answer
        return { status: 200, headers: { 'X-From': answer.fields.get('x-mark') }, body: answer.body }
      }
      x.sendTo('other')
    },`)
  const other = await startOrigin(t, telling)
  const { port, origin } = await startPiped(t, { ask }, [{ use: 'ask' }], {
    others: { other: { servers: [other.address] } },
  })
  const answer = await request(port, 'GET', '/asks')
  assert.equal(answer.field('X-From'), 'm')
  assert.equal(answer.text(), 'POST /q ping')
  assert.equal((await request(port, 'POST', '/sent', { body: 'b' })).text(), 'POST /sent b')
  assert.equal(origin.requests.length, 0)
  const [first] = other.requests
  assert.match(first?.field('X-Forwarded-For') ?? '', /^127\.0\.0\.1$/)
  await other.stop()
  assert.equal(
    (await request(port, 'GET', '/asks')).status,
    502,
    'what a call fails with is what the exchange fails with',
  )
})

test('its breaker leaves out a pipe that fails again and again, until its time is over', async (t) => {
  const bad = pipeOf(`onRequest() { seen.push('called'); throw new Error('always') },`)
  const { port } = await startPiped(t, { bad }, [
    { use: 'bad', on_throw: 'skip', breaker: { failures: 3, open: '60s' } },
  ])
  for (let i = 0; i < 6; i++) assert.equal((await request(port, 'GET', '/')).status, 200)
  assert.equal(takeSeen().length, 3)
})

test('no pipe sees or breaks the framing of a request', async (t) => {
  const strip = pipeOf(
    `onRequest(x) { seen.push(x.headers.get('content-length') ?? null); for (const [name] of [...x.headers]) x.headers.delete(name); seen.push(x.headers.text) },`,
  )
  const { port } = await startPiped(t, { strip }, [{ use: 'strip' }])
  const fields = { 'X-A': '1', 'X-B': '2' }
  assert.equal((await request(port, 'POST', '/', { body: 'hello', fields })).text(), 'POST / hello')
  assert.equal((await request(port, 'GET', '/', { fields })).text(), 'GET / ')
  assert.equal((await request(port, 'POST', '/', { body: '' })).text(), 'POST / ')
  assert.deepEqual(takeSeen(), [null, '', null, '', null, ''])
})

test('what cannot be sent is refused where it is said', async (t) => {
  const bad = pipeOf(`onRequest(x) {
      const tries = {
        '/name': () => x.headers.set('a b', '1'), '/value': () => x.headers.set('a', 'x\\r\\ny: 1'),
        '/length': () => x.headers.set('Content-Length', '5'), '/target': () => { x.target = '/a b' },
        '/host': () => { x.target = '//evil/x' }, '/reply': () => ({ status: 99 }), '/field': () => ({ status: 200, headers: { a: '\\n' } }),
      }
      return tries[x.path]?.() },`)
  const { port, origin } = await startPiped(t, { bad }, [{ use: 'bad' }])
  for (const path of ['/name', '/value', '/length', '/target', '/host', '/reply', '/field'])
    assert.equal((await request(port, 'GET', path)).status, 500, path)
  assert.equal(origin.requests.length, 0)
})

test('pipes of the processor see requests that no route takes', async (t) => {
  const page = pipeOf(
    `onError: (x, error) => ({ status: error.status, body: 'page for ' + error.code, error: error.code }),`,
  )
  const paths = await writePipes(t, { page })
  const gateway = await startGateway(t, {
    processor: { pipes: [{ use: paths['page'] }] },
    services: { api: { servers: ['127.0.0.1:9'], apis: ['/api'] } },
  })
  const answer = await request(gateway.port, 'GET', '/nowhere')
  assert.equal(answer.status, 404)
  assert.equal(answer.text(), 'page for no-route')
})
