// What is said to https instances over TLS: trust, the certificate shown, the name asked for, and sessions that go on.
import assert from 'node:assert/strict'
import type { AddressInfo } from 'node:net'
import { test, type TestContext } from 'node:test'
import tls from 'node:tls'
import { fileURLToPath } from 'node:url'
import { createInstanceTls, createUpstreamTlsFiles, type InstanceTls } from '../../../processor/tls/upstream.js'
import type { UpstreamTlsConfig } from '../../../shared/config/model.js'
import { makeCertificate } from '../../kit/certificates.js'
import { runProcess } from '../../kit/process.js'
import { waitFor } from '../../kit/wait.js'
import { connect, echo, folder, listeningLog } from './kit.js'

const ROOT = await makeCertificate({ subject: 'root', maySign: true })
const OTHER_ROOT = await makeCertificate({ subject: 'other root', maySign: true })
const SERVER = await makeCertificate({ names: ['DNS:orders.internal', 'IP:127.0.0.1'], authority: ROOT })
const CLIENT = await makeCertificate({ subject: 'gateway', authority: ROOT })

const DIAL = fileURLToPath(new URL('dial.ts', import.meta.url))

interface Seen {
  readonly servername: string | false | null | undefined
  readonly client: string | undefined
  readonly alpn: string | false | null
}

/** An instance that notes who came. */
async function instance(t: TestContext, options: tls.TlsOptions = {}) {
  const seen: Seen[] = []
  const server = tls.createServer({ ...SERVER, ...options }, (socket) => {
    const { CN } = (socket.getPeerCertificate() as tls.PeerCertificate | undefined)?.subject ?? {}
    seen.push({
      servername: socket.servername,
      client: CN === undefined ? undefined : String(CN),
      alpn: socket.alpnProtocol,
    })
    socket.on('error', () => undefined)
    socket.pipe(socket)
  })
  server.on('tlsClientError', () => undefined)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  return { port: (server.address() as AddressInfo).port, seen, server }
}

async function setUp(t: TestContext, given: Partial<UpstreamTlsConfig> = {}) {
  const home = await folder(t)
  const { certFile: caFile } = await home.put('ca', ROOT)
  const { log, lines, messages } = listeningLog()
  const files = createUpstreamTlsFiles({ log })
  t.after(() => files.close())
  const config: UpstreamTlsConfig = { verify: true, caFile, ...given }
  return { ...home, files, config, lines, messages, tls: createInstanceTls(config, { host: '127.0.0.1' }, files) }
}

/** As the engine does it. */
const open = (t: TestContext, port: number, of: InstanceTls) =>
  connect(t, port, of.options(), (socket) => of.keepSessions(socket))

test('an instance is verified by its authority and its name, and nothing but HTTP/1.1 is offered', async (t) => {
  const { port, seen } = await instance(t, { ALPNProtocols: ['h2', 'http/1.1'] })
  const { config, files, tls } = await setUp(t)
  assert.equal(await echo(await open(t, port, tls)), 'hello')
  assert.deepEqual(seen, [{ servername: false, client: undefined, alpn: 'http/1.1' }])
  const named = createInstanceTls({ ...config, serverName: 'orders.internal' }, { host: '127.0.0.1' }, files)
  assert.equal(await echo(await open(t, port, named)), 'hello')
  assert.equal(seen[1]?.servername, 'orders.internal')
  const wrong = createInstanceTls({ ...config, serverName: 'other.internal' }, { host: '127.0.0.1' }, files)
  await assert.rejects(open(t, port, wrong), { code: 'ERR_TLS_CERT_ALTNAME_INVALID' })
  const byHost = createInstanceTls(config, { host: 'other.internal' }, files)
  await assert.rejects(open(t, port, byHost), { code: 'ERR_TLS_CERT_ALTNAME_INVALID' })
})

test('a server name that is an address is verified and not asked for', async (t) => {
  const { port, seen } = await instance(t)
  const { config, files } = await setUp(t)
  const right = createInstanceTls({ ...config, serverName: '127.0.0.1' }, { host: 'orders.internal' }, files)
  assert.equal(await echo(await open(t, port, right)), 'hello')
  assert.equal(seen[0]?.servername, false)
  const wrong = createInstanceTls({ ...config, serverName: '127.0.0.2' }, { host: '127.0.0.1' }, files)
  await assert.rejects(open(t, port, wrong), { code: 'ERR_TLS_CERT_ALTNAME_INVALID' })
})

test('another authority, or the system alone, does not vouch for it; without verification anything goes', async (t) => {
  const { port } = await instance(t)
  const { files, config, put } = await setUp(t)
  const { certFile } = await put('other', OTHER_ROOT)
  const of = (changed: Partial<UpstreamTlsConfig>) =>
    open(t, port, createInstanceTls({ ...config, ...changed }, { host: '127.0.0.1' }, files))
  await assert.rejects(of({ caFile: certFile }), { code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' })
  const { caFile: _, ...system } = config
  const bySystem = createInstanceTls(system, { host: '127.0.0.1' }, files)
  await assert.rejects(open(t, port, bySystem), { code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' })
  assert.equal(await echo(await of({ caFile: certFile, verify: false })), 'hello')
})

test('authorities that cannot be read are told, and nobody is trusted until they can', async (t) => {
  const { port } = await instance(t)
  const { path, files, put, messages } = await setUp(t)
  const config = { verify: true, caFile: path('late.pem') }
  const late = createInstanceTls(config, { host: '127.0.0.1' }, files)
  await assert.rejects(open(t, port, late), { code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' })
  await assert.rejects(open(t, port, late))
  await files.check()
  await files.check()
  assert.deepEqual(messages(), [
    'error: the certificates for instances cannot be used: no instance behind them is trusted',
  ])
  await put('late', ROOT)
  await files.check()
  assert.equal(await echo(await open(t, port, late)), 'hello')
})

test('authorities that cannot be read do not let the system vouch instead', async (t) => {
  const { port } = await instance(t)
  const { path, put } = await setUp(t)
  const { certFile: NODE_EXTRA_CA_CERTS } = await put('system', ROOT)
  const dial = async (...caFile: string[]) => {
    const args = ['--import', 'tsx', DIAL, String(port), 'orders.internal', ...caFile]
    return (await runProcess(process.execPath, args, { env: { NODE_EXTRA_CA_CERTS } })).stdout.trim()
  }
  assert.equal(await dial(), 'trusted')
  assert.equal(await dial(path('gone.pem')), 'UNABLE_TO_VERIFY_LEAF_SIGNATURE')
})

test('files that are written again with the same content are nothing new', async (t) => {
  const { port } = await instance(t)
  const { put, files, tls, messages } = await setUp(t)
  await echo(await open(t, port, tls))
  await waitFor(() => tls.options().session, { what: 'a session' })
  const before = tls.options()
  await put('ca', ROOT)
  await files.check()
  assert.deepEqual(tls.options(), before)
  assert.equal(tls.options().secureContext, before.secureContext)
  assert.deepEqual(messages(), [])
})

test('the certificate is shown to an instance that asks for one', async (t) => {
  const strict = { requestCert: true, rejectUnauthorized: true, ca: ROOT.cert }
  const { port, seen } = await instance(t, strict)
  const { put, config, files, tls } = await setUp(t)
  const { certFile, keyFile } = await put('client', CLIENT)
  const known = createInstanceTls({ ...config, certFile, keyFile }, { host: '127.0.0.1' }, files)
  assert.equal(await echo(await open(t, port, known)), 'hello')
  assert.equal(seen[0]?.client, 'gateway')
  await assert.rejects(async () => echo(await open(t, port, tls)), { code: /ALERT_CERTIFICATE_REQUIRED/ })
})

test('files that change count for the next connection, and bad ones change nothing', async (t) => {
  const { port } = await instance(t)
  const { put, files, tls, messages } = await setUp(t)
  assert.equal(await echo(await open(t, port, tls)), 'hello')
  await put('ca', { cert: 'nothing' })
  await files.check()
  await files.check()
  assert.equal(await echo(await open(t, port, tls)), 'hello')
  await put('ca', OTHER_ROOT)
  await files.check()
  await assert.rejects(open(t, port, tls), { code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' })
  assert.deepEqual(messages(), [
    'error: the new certificates for instances cannot be used: the old ones stay',
    'info: the certificates for instances were renewed',
  ])
})

for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
  test(`a session goes on with the next connection by ${maxVersion}, and ends with the authority that it began with`, async (t) => {
    const { port } = await instance(t, { maxVersion })
    const { put, files, config, tls } = await setUp(t)
    const first = await open(t, port, tls)
    assert.equal(await echo(first), 'hello')
    assert.equal(first.isSessionReused(), false)
    await waitFor(() => tls.options().session, { what: 'a session' })
    const second = await open(t, port, tls)
    assert.equal(await echo(second), 'hello')
    assert.equal(second.isSessionReused(), true)
    assert.equal(second.authorized, true)
    // Another instance, or another way to verify, begins anew.
    assert.equal(createInstanceTls(config, { host: '127.0.0.1' }, files).options().session, undefined)
    await put('ca', OTHER_ROOT)
    await files.check()
    await assert.rejects(open(t, port, tls), { code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' })
  })
}

test('a session is forgotten after a failure', async (t) => {
  const { port, server } = await instance(t)
  const { tls } = await setUp(t)
  const socket = await open(t, port, tls)
  await echo(socket)
  await waitFor(() => tls.options().session, { what: 'a session' })
  server.close()
  socket.destroy()
  await assert.rejects(open(t, port, tls), { code: 'ECONNREFUSED' })
  assert.equal(tls.options().session, undefined)
})

test('all instances with the same files share one context, so that a connection does not cost the reading of them', async (t) => {
  const { files, config } = await setUp(t)
  const of = (changed: Partial<UpstreamTlsConfig>) =>
    createInstanceTls({ ...config, ...changed }, { host: 'h' }, files).options().secureContext
  assert.equal(of({}), of({ verify: false, serverName: 'x' }))
})
