// What a pipe does too late, or begins and nobody wants: the answer on its way stays whole, and nothing stays open.
import assert from 'node:assert/strict'
import net from 'node:net'
import { test } from 'node:test'
import type { OriginHandler } from '../../kit/origin.js'
import { rawRequest, request } from '../../kit/http.js'
import { waitFor } from '../../kit/wait.js'
import { pipeOf, startPiped, takeSeen } from './rig.js'

const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: h\r\n\r\n`
const seen = () => (globalThis as { serverpySeen?: unknown[] }).serverpySeen ?? []

/** An answer in two parts: the second goes out when a pipe has said that it has done something. */
const inTwo =
  (head: string, first: string, second: string): OriginHandler =>
  async (req) => {
    const before = seen().length
    req.send(`HTTP/1.1 200 OK\r\n${head}\r\n\r\n${first}`)
    await waitFor(() => seen().length > before)
    req.send(second)
  }

const LENGTH = inTwo('Content-Length: 10', 'abcde', 'fghij')
const CHUNKED = inTwo('Transfer-Encoding: chunked', '5\r\nab', 'cde\r\n5\r\nfghij\r\n0\r\n\r\n')

test('an answer on its way stays as it is, whatever a pipe changes of it then, and the next one has its own place', async (t) => {
  takeSeen()
  const changes = {
    '/body': `answer.setBody('late')`,
    '/status': `answer.status = 204`,
    '/stream': `answer.transform(new PassThrough())`,
    '/watch': `answer.watch({ piece() { seen.push('a piece') }, end() {} })`,
  }
  const late = (change: string) => `setImmediate(() => { try { ${change} } catch (e) { seen.push(e.message) } })`
  const ways = Object.entries(changes).map(([path, change]) => `if (x.path === '${path}') ${late(change)}`)
  const source = `import { PassThrough } from 'node:stream'\n${pipeOf(`onResponse(x, answer) { ${ways.join('; ')} },`)}`
  for (const handler of [LENGTH, CHUNKED]) {
    const { port, gateway } = await startPiped(t, { source }, [{ use: 'source' }], { handler })
    for (const path of Object.keys(changes)) {
      const raw = (await rawRequest(port, [get(path), get(path)], { answers: 2 })).toString()
      assert.equal(raw.match(/abcde(\r\n5\r\n)?fghij/g)?.length, 2, path)
      const told = takeSeen()
      assert.equal(told.length, 2, path)
      for (const one of told) assert.match(String(one), /on its way/, path)
    }
    await waitFor(() => gateway.core.inFlight === 0)
  }
})

const SOURCE = `
import { Readable } from 'node:stream'
const seen = (globalThis.serverpySeen ??= [])
const idle = () => new Readable({ read() {}, destroy(error, done) { seen.push('closed'); done(error) } })
const failing = () => new Readable({ read() {}, construct(done) { setImmediate(done, new Error('no such file')) }, destroy(error, done) { seen.push('closed'); done(error) } })
const generator = () => ({ [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}), return: async () => { seen.push('closed'); return { done: true } } }) })
const web = () => new ReadableStream({ cancel() { seen.push('closed') } })
export default { create: () => ({
  async onRequest(x) {
    const body = { idle, failing, generator, web }[x.query('body')]
    switch (x.path) {
      case '/bad': return { status: 200, headers: { 'no name': 'x' }, body: body() }
      case '/none': return { status: 204, body: body() }
      case '/late': seen.push('asked'); await new Promise((resolve) => x.signal.addEventListener('abort', resolve)); return { status: 200, body: body() }
      default: return { status: 200, body: body() }
    }
  },
}) }`

test('a body of a reply that nobody reads is let go, and what fails in it fails nobody', async (t) => {
  takeSeen()
  const { port, gateway } = await startPiped(t, { SOURCE }, [{ use: 'SOURCE', hook_timeout: '100ms' }])
  const closed = (what: string) => waitFor(() => takeSeen().includes('closed'), { what: `the end of ${what}` })
  for (const body of ['idle', 'failing', 'generator', 'web']) {
    assert.equal((await request(port, 'HEAD', `/?body=${body}`)).status, 200)
    await closed(`${body} for HEAD`)
    assert.equal((await request(port, 'GET', `/none?body=${body}`)).status, 204)
    await closed(`${body} for 204`)
    assert.equal((await request(port, 'GET', `/bad?body=${body}`)).status, 500)
    await closed(`${body} of a reply that cannot be sent`)
    assert.equal((await request(port, 'GET', `/late?body=${body}`)).status, 500)
    await closed(`${body} of a hook that took too long`)
    takeSeen()
    const client = net.connect(port, '127.0.0.1')
    t.after(() => client.destroy())
    client.write(get(`/late?body=${body}`))
    await waitFor(() => seen().includes('asked'))
    client.resetAndDestroy()
    await closed(`${body} for a client that has gone`)
  }
  await waitFor(() => gateway.core.inFlight === 0)
})

test('a reply in pieces that never come ends with its client', async (t) => {
  takeSeen()
  const { port, gateway } = await startPiped(t, { SOURCE }, [{ use: 'SOURCE' }])
  for (const body of ['idle', 'web']) {
    const client = net.connect(port, '127.0.0.1')
    t.after(() => client.destroy())
    client.write(get(`/?body=${body}`))
    await new Promise((resolve) => client.once('data', resolve))
    client.resetAndDestroy()
    await waitFor(() => gateway.core.inFlight === 0, { what: `the end of ${body}` })
    if (body === 'idle') await waitFor(() => takeSeen().includes('closed'))
  }
})

test('a stream that fails before a body passes it fails its exchange alone', async (t) => {
  const streams = `
import { PassThrough } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
const failing = () => { const stream = new PassThrough(); stream.destroy(new Error('it was not there')); return stream }
export default { create: () => ({
  async onRequest(x) { if (x.path !== '/answer') { x.transformBody(failing()); await turn() } },
  async onResponse(x, answer) { if (x.path === '/answer') { answer.transform(failing()); await turn() } },
}) }`
  const { port, gateway, lines } = await startPiped(t, { streams }, [{ use: 'streams' }])
  assert.equal((await request(port, 'POST', '/request', { body: 'abc' })).status, 500)
  // There is no body for it to fail.
  assert.equal((await request(port, 'GET', '/request')).status, 200)
  assert.equal((await request(port, 'HEAD', '/answer')).status, 200)
  await assert.rejects(request(port, 'GET', '/answer'))
  assert.equal(lines.filter(({ fields }) => fields['error'] === 'it was not there').length, 2)
  await waitFor(() => gateway.core.inFlight === 0)
})
