// The processor's own TLS over real sockets: which certificate, which versions and suites, resumption.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test, type TestContext } from 'node:test'
import type tls from 'node:tls'
import { createTlsContexts, type TlsContexts } from '../../../processor/tls/contexts.js'
import type { CertificateConfig, DownstreamTlsConfig } from '../../../shared/config/model.js'
import { silentLog } from '../../../shared/log.js'
import { makeCertificate, type Wanted } from '../../kit/certificates.js'
import { connect, echo, folder, listeningLog, serve, sessionOf, subjectFor } from './kit.js'

const KEYS = randomBytes(48)

type Entry = Wanted & { readonly hosts?: readonly string[] }

/** The config of certificates named c0, c1 …: their subjects, too. */
async function configOf(t: TestContext, wanted: readonly Entry[]): Promise<DownstreamTlsConfig> {
  const { put } = await folder(t)
  const certificates = await Promise.all(
    wanted.map(async ({ hosts = [], ...one }, i): Promise<CertificateConfig> => {
      const files = await put(`c${i}`, await makeCertificate({ subject: `c${i}`, ...one }))
      return { ...files, hosts }
    }),
  )
  return { certificates, minVersion: 'TLSv1.2' }
}

function contextsOf(t: TestContext, config: DownstreamTlsConfig, ticketKeys = KEYS): TlsContexts {
  const contexts = createTlsContexts(config, { log: silentLog, ticketKeys })
  t.after(() => contexts.close())
  return contexts
}

async function start(t: TestContext, wanted: readonly Entry[], changed: Partial<DownstreamTlsConfig> = {}) {
  return serve(t, contextsOf(t, { ...(await configOf(t, wanted)), ...changed }).options)
}

test('the name that a client asks for picks the certificate, and what is unknown or not said gets the first', async (t) => {
  const port = await start(t, [
    { names: ['DNS:first.example'] },
    { names: ['DNS:Shop.example', 'DNS:*.shop.example', 'IP:127.0.0.1'] },
    { names: ['DNS:special.shop.example'] },
    { names: ['DNS:ignored.example'], hosts: ['given.example'] },
    { names: ['DNS:*.wild.example'] },
  ])
  const expected: [string | undefined, string][] = [
    [undefined, 'c0'],
    ['first.example', 'c0'],
    ['unknown.example', 'c0'],
    ['shop.example', 'c1'],
    ['SHOP.Example', 'c1'],
    ['a.shop.example', 'c1'],
    ['a.b.shop.example', 'c0'],
    ['special.shop.example', 'c2'],
    ['given.example', 'c3'],
    ['ignored.example', 'c0'],
    ['com', 'c0'],
    ['wild.example', 'c0'],
    ['a.wild.example', 'c4'],
  ]
  for (const [name, subject] of expected) assert.equal(await subjectFor(t, port, name), subject, name)
})

test('of two certificates for one host the first has it', async (t) => {
  const names = ['DNS:both.example']
  const port = await start(t, [{}, { names }, { names }])
  assert.equal(await subjectFor(t, port, 'both.example'), 'c1')
})

test('the whole chain is sent, so that a client needs to know the root only', async (t) => {
  const root = await makeCertificate({ subject: 'root', maySign: true })
  const middle = await makeCertificate({ subject: 'middle', maySign: true, authority: root })
  const leaf = await makeCertificate({ names: ['DNS:a.example'], authority: middle })
  const { put } = await folder(t)
  const files = await put('leaf', { ...leaf, cert: leaf.cert + middle.cert })
  const port = await serve(t, contextsOf(t, { certificates: [{ ...files, hosts: [] }], minVersion: 'TLSv1.2' }).options)
  const trusting = { ca: root.cert, servername: 'a.example', rejectUnauthorized: true }
  assert.equal(await echo(await connect(t, port, trusting)), 'hello')
})

test('a client that offers HTTP/2 as well is answered with HTTP/1.1, and HTTP/2 alone is refused', async (t) => {
  const port = await start(t, [{}])
  const socket = await connect(t, port, { ALPNProtocols: ['h2', 'http/1.1'] })
  assert.equal(socket.alpnProtocol, 'http/1.1')
  assert.equal((await connect(t, port)).alpnProtocol, false)
  await assert.rejects(connect(t, port, { ALPNProtocols: ['h2'] }), { code: /NO_APPLICATION_PROTOCOL/ })
})

test('TLS 1.1 is refused, TLS 1.2 is spoken, and only TLS 1.3 where the config says so', async (t) => {
  const only = (version: tls.SecureVersion) => ({ minVersion: version, maxVersion: version, ciphers: 'ALL@SECLEVEL=0' })
  const port = await start(t, [{}])
  await assert.rejects(connect(t, port, only('TLSv1.1')), { code: /ALERT_PROTOCOL_VERSION/ })
  assert.equal((await connect(t, port, { maxVersion: 'TLSv1.2' })).getProtocol(), 'TLSv1.2')
  assert.equal((await connect(t, port)).getProtocol(), 'TLSv1.3')
  const strict = await start(t, [{}], { minVersion: 'TLSv1.3' })
  await assert.rejects(connect(t, strict, only('TLSv1.2')), { code: /ALERT_PROTOCOL_VERSION/ })
  assert.equal((await connect(t, strict)).getProtocol(), 'TLSv1.3')
})

test('suites without forward secrecy or without authenticated encryption are refused', async (t) => {
  const port = await start(t, [{ algorithm: 'rsa' }])
  const offer = (ciphers: string) => connect(t, port, { maxVersion: 'TLSv1.2', ciphers: `${ciphers}:@SECLEVEL=0` })
  for (const weak of [
    'AES128-GCM-SHA256',
    'AES256-SHA',
    'ECDHE-RSA-AES128-SHA256',
    'ECDHE-RSA-AES256-SHA',
    'DHE-RSA-AES128-GCM-SHA256',
  ]) {
    await assert.rejects(offer(weak), { code: /ALERT_HANDSHAKE_FAILURE/ }, weak)
  }
  const suite = async (offered: string) => (await offer(offered)).getCipher().name
  assert.equal(await suite('ECDHE-RSA-AES256-GCM-SHA384'), 'ECDHE-RSA-AES256-GCM-SHA384')
  // Ours is the order, save for who has no AES in its hardware and says so by putting ChaCha20 first.
  assert.equal(await suite('ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-AES128-GCM-SHA256'), 'ECDHE-RSA-AES128-GCM-SHA256')
  assert.equal(await suite('ECDHE-RSA-CHACHA20-POLY1305:ECDHE-RSA-AES128-GCM-SHA256'), 'ECDHE-RSA-CHACHA20-POLY1305')
})

test('a client cannot make the server negotiate again', async (t) => {
  const port = await start(t, [{}])
  const socket = await connect(t, port, { maxVersion: 'TLSv1.2' })
  assert.equal(await echo(socket), 'hello')
  const refused = await new Promise<Error | null>((resolve) => {
    socket.on('error', resolve)
    socket.renegotiate({}, resolve)
  })
  assert.match(String(refused), /no renegotiation/i)
})

for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
  test(`a session goes on in another worker that has the same ticket keys, by ${maxVersion}`, async (t) => {
    const config = await configOf(t, [{ names: ['DNS:a.example'] }, { names: ['DNS:b.example'] }])
    const [one, two] = [contextsOf(t, config), contextsOf(t, config)]
    const [portOne, portTwo] = [await serve(t, one.options), await serve(t, two.options)]
    const stranger = await serve(t, contextsOf(t, config, randomBytes(48)).options)
    for (const servername of ['a.example', 'b.example']) {
      const options = { maxVersion, servername }
      const session = await sessionOf(t, portOne, options)
      const again = async (port: number) => {
        const socket = await connect(t, port, { ...options, session })
        assert.equal(await echo(socket), 'hello')
        return socket.isSessionReused()
      }
      assert.equal(await again(portTwo), true)
      assert.equal(await again(portOne), true)
      assert.equal(await again(stranger), false)
    }
  })
}

test('the options are one object until a certificate changes', async (t) => {
  const contexts = contextsOf(t, await configOf(t, [{}]))
  const before = contexts.options()
  await contexts.check()
  assert.equal(contexts.options(), before)
})

test('certificates that clients refuse or soon will are warned about, once and again each day', async (t) => {
  const config = await configOf(t, [
    { days: 30, names: ['DNS:a.example'] },
    { days: 365, names: ['DNS:b.example'] },
  ])
  const DAY = 86_400_000
  const { log, lines, messages } = listeningLog()
  let now = Date.now()
  const contexts = createTlsContexts(config, { log, now: () => now, ticketKeys: KEYS })
  t.after(() => contexts.close())
  await contexts.check()
  assert.deepEqual(messages(), [])
  now += 17 * DAY
  await contexts.check()
  await contexts.check()
  assert.deepEqual(messages(), ['warn: the certificate expires in less than 14 days'])
  assert.equal(lines[0]?.fields['certificate'], config.certificates[0]?.certFile)
  assert.equal(lines[0]?.fields['subject'], 'CN=c0')
  assert.match(String(lines[0]?.fields['expires']), /^\d{4}-\d\d-\d\dT/)
  now += DAY
  await contexts.check()
  assert.equal(messages().length, 2)
  now += 12 * DAY - 3_600_000
  await contexts.check()
  assert.equal(messages().length, 3)
  now += 2 * 3_600_000
  await contexts.check()
  await contexts.check()
  assert.deepEqual(messages().slice(3), ['warn: the certificate has expired: clients refuse it'])
  now -= 40 * DAY
  const early = createTlsContexts(config, { log, now: () => now, ticketKeys: KEYS })
  t.after(() => early.close())
  assert.deepEqual(messages().slice(4), Array(2).fill('warn: the certificate is not valid yet: clients refuse it'))
})
