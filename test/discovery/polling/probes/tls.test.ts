// The health probe over TLS: whom it trusts, and by which name.
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { server } from '../../servers.js'
import { AUTHORITY, CERTIFICATE, KEY } from './certificates.js'
import { listen, prober, raw } from './listen.js'

async function setUp(t: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), 'serverpy-tls-'))
  t.after(() => rm(folder, { recursive: true }))
  const caFile = join(folder, 'ca.pem')
  await writeFile(caFile, AUTHORITY)
  const names: unknown[] = []
  const web = createServer({ key: KEY, cert: CERTIFICATE }, (request, response) => {
    names.push((request.socket as { servername?: unknown }).servername)
    response.end('ok')
  })
  web.on('tlsClientError', () => undefined)
  const address = await listen(t, web)
  const probe = prober(t)
  return { caFile, names, get: (tls: object) => probe(server(address, { method: 'health', tls }, { secure: true })) }
}

test('a certificate of an unknown authority, or for another name, is refused with the reason', async (t) => {
  const { caFile, get } = await setUp(t)
  const unknown = await get({ verify: true })
  assert.deepEqual([unknown.verdict, unknown.status], ['failed', 'inactive'])
  assert.match(unknown.response, /^certificate cannot be verified/)
  assert.equal((await get({ verify: true, caFile })).response, 'certificate is for another name')
})

test('the right authority and name pass, again on a kept connection, and so does anything when nothing is verified', async (t) => {
  const { caFile, names, get } = await setUp(t)
  const tls = { verify: true, caFile, serverName: 'orders.example' }
  assert.equal((await get(tls)).response, 'HTTP 200')
  assert.equal((await get(tls)).verdict, 'passed')
  assert.deepEqual(names, ['orders.example', 'orders.example'])
  assert.equal((await get({ verify: false })).verdict, 'passed')
})

test('authorities that cannot be read are our own fault', async (t) => {
  const { get } = await setUp(t)
  const result = await get({ verify: true, caFile: '/nonexistent/ca.pem' })
  assert.deepEqual([result.verdict, result.status], ['inconclusive', 'discovery server error'])
  assert.match(result.response, /ENOENT.*ca\.pem/)
})

test('a server that does not speak TLS fails the handshake', async (t) => {
  const address = await raw(t, (socket) => socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')))
  const result = await prober(t)(server(address, { method: 'health' }, { secure: true }))
  assert.deepEqual([result.verdict, result.status], ['failed', 'inactive'])
  assert.match(result.response, /^TLS handshake failed: wrong version number$/)
})
