// Loops of users' pipes in what Node calls, and not the gateway: where streams are read, ended and destroyed, and where a
// client has left. Each costs its own exchange at most, and none of them hangs.
import assert from 'node:assert/strict'
import http from 'node:http'
import net, { type AddressInfo } from 'node:net'
import { test, type TestContext } from 'node:test'
import { rawRequest, request } from '../kit/http.js'
import { startOpenLoad } from '../kit/open-load.js'
import { type Serverpy, startServerpy } from '../kit/serverpy.js'
import { waitFor } from '../kit/wait.js'
import { writePipes } from '../processor/pipes/rig.js'
import { service, startPlain } from './changing.js'

const pipe = (hooks: string) => `import { Readable, Transform } from 'node:stream'
const sleep = (ms) => new Promise((r) => setTimeout(r, ms))
export default { create: () => ({ ${hooks} }) }`
const asking = (options: string) => pipe(`onRequest(x) { x.transformBody(new Transform({ ${options} })) },`)
const answering = (options: string) =>
  pipe(`onResponse(x, answer) { answer.transform(new Transform({ ${options} })) },`)
const replying = (body: string) => pipe(`onRequest: () => ({ status: 200, body: ${body} }),`)

const PASS = `transform(piece, _, done) { done(null, piece) }`
const FAIL = `transform(piece, _, done) { setImmediate(() => done(new Error('no'))) }`
const LOOP = `for (;;);`
const DESTROY = `destroy() { ${LOOP} }`

/** What becomes of their exchange. */
const ENDINGS: Record<string, readonly [module: string, outcome: number | 'cut off']> = {
  // All of the body is there by then.
  afterAnswer: [answering(`${PASS}, ${DESTROY}`), 200],
  afterRequest: [asking(`${PASS}, ${DESTROY}`), 200],
  unused: [
    pipe(`onRequest(x) { x.transformBody(new Transform({ ${PASS}, ${DESTROY} })); return { status: 403 } },`),
    403,
  ],
  aborted: [pipe(`onRequest(x) { x.signal.addEventListener('abort', () => { ${LOOP} }) },`), 200],
  doneBefore: [answering(`async transform(piece, _, done) { done(null, piece); await sleep(5); ${LOOP} }`), 200],
  // Nothing of it comes any more.
  failedAnswer: [answering(`${FAIL}, ${DESTROY}`), 'cut off'],
  failedRequest: [asking(`${FAIL}, ${DESTROY}`), 500],
  ownDestroy: [
    pipe(`onResponse(x, answer) { answer.transform(Object.assign(new Transform({ ${FAIL} }), { ${DESTROY} })) },`),
    'cut off',
  ],
  flushed: [answering(`${PASS}, flush(done) { ${LOOP} }`), 'cut off'],
  awaiting: [answering(`async transform(piece, _, done) { await sleep(5); ${LOOP} }`), 'cut off'],
  readLater: [
    replying(`new Readable({ read() { if (this.n) ${LOOP} this.n = 1; setImmediate(() => this.push('x')) } })`),
    'cut off',
  ],
  readDestroyed: [replying(`new Readable({ read() { this.push('x'); this.push(null) }, ${DESTROY} })`), 'cut off'],
  generator: [replying(`(async function* () { yield Buffer.from('x'); await sleep(5); ${LOOP} })()`), 'cut off'],
  within: [
    replying(`Readable.from((async function* () { try { yield Buffer.from('x') } finally { ${LOOP} } })())`),
    'cut off',
  ],
}
/** Clients leave while these are in the middle of a body. */
const LEFT: Record<string, string> = {
  leftAnswer: answering(`${PASS}, ${DESTROY}`),
  leftRequest: asking(`${PASS}, ${DESTROY}`),
  leftReadable: replying(`new Readable({ read() { setTimeout(() => this.push('x'), 20) }, ${DESTROY} })`),
  leftIterator: replying(`{ [Symbol.asyncIterator]: () => ({
    next: () => sleep(20).then(() => ({ value: Buffer.from('x') })), return() { ${LOOP} } }) }`),
}

async function start(t: TestContext, modules: Record<string, string>, origin: string): Promise<Serverpy> {
  const paths = await writePipes(t, modules)
  const piped = Object.entries(paths).map(
    ([name, use]) => [name, { ...service([origin], `/${name}`), pipes: [{ use, name, hook_timeout: '1h' }] }] as const,
  )
  const services = { good: service([await startPlain(t, 'good')], '/good'), ...Object.fromEntries(piped) }
  return startServerpy(t, { services, processor: { workers: 1 } })
}

async function worker(serverpy: Serverpy): Promise<{ readonly pid: number; readonly in_flight: number }> {
  const { items } = await serverpy.ask<{ items: { pid: number; in_flight: number }[] }>('/api/v1/workers')
  return items[0] as { pid: number; in_flight: number }
}

test('a loop in what Node calls of a stream ends with its exchange at most', { timeout: 180_000 }, async (t) => {
  const modules = Object.fromEntries(Object.entries(ENDINGS).map(([name, [module]]) => [name, module]))
  const serverpy = await start(t, modules, await startPlain(t, 'answer'))
  const { pid } = await worker(serverpy)
  const load = startOpenLoad(serverpy.processorPort, '/good', { perSecond: 50 })
  for (const [name, [, outcome]] of Object.entries(ENDINGS)) {
    const asked = request(serverpy.processorPort, 'POST', `/${name}`, { body: 'body' })
    const told = await asked.then(
      ({ status }) => status,
      (error: Error) => (error.message.includes('took longer') ? error.message : 'cut off'),
    )
    assert.equal(told, outcome, name)
    await waitFor(() => serverpy.output().includes(`"pipe":"${name}","msg":"a pipe did not come back and was ended"`))
  }
  await waitFor(async () => (await worker(serverpy)).in_flight === 0)
  assert.equal((await worker(serverpy)).pid, pid)
  assert.deepEqual(await load.stop(), { 200: load.sent })
})

test('a loop behind the last byte of an exchange does not hold up the next one of its connection', async (t) => {
  const serverpy = await start(t, { after: answering(`${PASS}, ${DESTROY}`) }, await startPlain(t, 'answer'))
  const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: h\r\n\r\n`
  const raw = await rawRequest(serverpy.processorPort, get('/after') + get('/good') + get('/after'), { answers: 3 })
  assert.equal(raw.toString('latin1').match(/HTTP\/1.1 200/g)?.length, 3)
})

test('a loop where a body is let go since its client has left holds nothing up', { timeout: 120_000 }, async (t) => {
  const slow = http.createServer((req, res) => (req.url === '/health' ? res.end() : res.write('begin')))
  await new Promise<void>((resolve) => slow.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    slow.closeAllConnections()
    slow.close()
  })
  const serverpy = await start(t, LEFT, `127.0.0.1:${(slow.address() as AddressInfo).port}`)
  const { pid } = await worker(serverpy)
  for (const name of Object.keys(LEFT)) {
    const client = net.connect(serverpy.processorPort, '127.0.0.1')
    t.after(() => client.destroy())
    client.on('error', () => undefined)
    let came = ''
    client.on('data', (bytes) => (came += bytes.toString('latin1')))
    client.write(`POST /${name} HTTP/1.1\r\nHost: h\r\nContent-Length: 400\r\n\r\nbody`)
    await waitFor(() => came.includes('\r\n\r\n'))
    client.resetAndDestroy()
    await waitFor(() => serverpy.output().includes(`"pipe":"${name}","msg":"a pipe did not come back and was ended"`))
    assert.equal((await request(serverpy.processorPort, 'GET', '/good')).status, 200)
  }
  await waitFor(async () => (await worker(serverpy)).in_flight === 0)
  assert.equal((await worker(serverpy)).pid, pid)
})
