// Certificates that a config names: read when it is loaded, so that a wrong file is told at its place and not by a client.
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { parseConfig } from '../../../shared/config/parse.js'
import { makeCertificate } from '../../kit/certificates.js'
import { runProcess } from '../../kit/process.js'
import { lines, load, PEM, problemsOf, warningsOf } from './fixtures.js'

const OTHER = await makeCertificate({ names: ['DNS:b.example'] })

const service = (keys: string) => `a: { servers: [h], polling: { method: ping }, apis: [/a], ${keys} }`
const downstream = (keys: string) => `${service('')}\nmeta-info: { tls: { ${keys} } }`

/** What is wrong with a config beside these files. */
async function beside(t: TestContext, files: Readonly<Record<string, string | Buffer>>) {
  const folder = await mkdtemp(join(tmpdir(), 'serverpy-config-'))
  t.after(() => rm(folder, { recursive: true }))
  for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content)
  const problems = (text: string) => {
    const parsed = parseConfig(text, join(folder, 's.yaml'), {})
    return parsed.ok ? [] : lines(parsed.problems.map((problem) => ({ ...problem, file: 's.yaml' })))
  }
  return { folder, problems }
}

test('one certificate may stand alone, and in the classic layout too', () => {
  const both = { certFile: '/srv/app/conf/c.pem', keyFile: '/etc/key.pem', hosts: [] }
  const keys = 'tls: { cert: c.pem, key: /etc/key.pem }'
  const classic = load(`${service('')}\nmeta-info: { ${keys} }`, {}, 'conf/s.yaml')
  assert.deepEqual(classic.processor.tls, { certificates: [both], minVersion: 'TLSv1.2' })
  const full = `version: 1\nprocessor: { ${keys} }\nservices: { ${service('')} }`
  assert.deepEqual(load(full, {}, 'conf/s.yaml').processor.tls, classic.processor.tls)
  assert.equal(load(service('')).processor.tls, undefined)
})

test('the config holds the paths of keys and nothing of what is in them', () => {
  const text = JSON.stringify(load(downstream('cert: c.pem, key: key.pem')))
  assert.match(text, /key\.pem/)
  assert.doesNotMatch(text, /PRIVATE|BEGIN/)
  assert.ok(!text.includes(PEM.key.split('\n')[1] ?? ''))
})

test('a certificate and its key come together, in one of the two forms', () => {
  const of = (keys: string) => lines(problemsOf(downstream(keys)))
  assert.deepEqual(of(''), ['2:14  meta-info.tls  "tls" needs "cert" and "key", or "certificates"'])
  assert.deepEqual(of('cert: c.pem'), ['2:21  meta-info.tls.cert  "key" is missing beside it  (one needs the other)'])
  assert.deepEqual(of('key: key.pem'), ['2:21  meta-info.tls.key  "cert" is missing beside it  (one needs the other)'])
  assert.match(of('certificates: []').join(), /must not be empty/)
  assert.match(of('certificates: [{ cert: c.pem }]').join(), /certificates\[0\]\.key {2}"key" is required$/)
  assert.match(
    of('cert: c.pem, certificates: [{ cert: c.pem, key: key.pem }]').join(),
    /^2:21 {2}meta-info\.tls\.cert {2}"certificates" is there too {2}\(keep one of the two\)$/,
  )
  assert.match(
    of('cert: c.pem, key: key.pem, min_version: TLS1.2').join(),
    /must be one of "TLSv1.2", "TLSv1.3", not "TLS1.2" {2}\(did you mean "TLSv1.2"\?\)/,
  )
  assert.match(lines(problemsOf(service('tls: { key: key.pem }'))).join(), /a\.tls\.key {2}"cert" is missing/)
})

test('a host of a certificate is a name, and may begin with a star', () => {
  const of = (host: string) =>
    lines(problemsOf(downstream(`certificates: [{ cert: c.pem, key: key.pem, hosts: ["${host}"] }]`))).join()
  assert.match(of('127.0.0.1'), /by a name, never by an address {2}\(who asks for none gets the first certificate\)/)
  assert.match(of('[::1]'), /never by an address/)
  assert.match(of('a.*.example'), /as its first label/)
  assert.match(of('a.example:443'), /no port/)
  assert.match(of('a b'), /neither a name/)
  assert.equal(of('*.b.example'), '')
})

test('a host that its certificate is not for, or that another one has, is warned about', () => {
  const warned = (certificates: string) => lines(warningsOf(downstream(`certificates: ${certificates}`)))
  const entry = (hosts: string) => `{ cert: c.pem, key: key.pem, hosts: [${hosts}] }`
  assert.deepEqual(warned(`[${entry('a.example, x.b.example, "*.b.example"')}]`), [])
  assert.deepEqual(warned(`[${entry('y.x.b.example')}]`), [
    '2:73  meta-info.tls.certificates[0].hosts[0]  the certificate is not for this host  (clients will not trust it)',
  ])
  assert.match(warned(`[${entry('"*.a.example"')}]`).join(), /is not for this host/)
  const twice = warned(`[${entry('a.example')}, ${entry('A.example')}]`)
  assert.match(
    twice.join(),
    /\[1\]\.hosts\[0\] {2}the certificate on line 2 is for this host too; the first one answers$/,
  )
})

test('a later certificate without any name is of no use', async (t) => {
  const nameless = await makeCertificate()
  const { folder } = await beside(t, { 'c.pem': nameless.cert, 'k.pem': nameless.key })
  const entry = '{ cert: c.pem, key: k.pem }'
  const parsed = parseConfig(downstream(`certificates: [${entry}, ${entry}]`), join(folder, 's.yaml'), {})
  assert.ok(parsed.ok)
  assert.deepEqual(
    parsed.warnings.map(({ path, message }) => [path, message]),
    [['meta-info.tls.certificates[1]', 'the certificate names no host, so that no client gets it']],
  )
})

test('a file that cannot be read is told where it is named', async (t) => {
  const { folder, problems } = await beside(t, { 'k.pem': PEM.key, 'huge.pem': Buffer.alloc(4 * 1024 * 1024 + 1) })
  await mkdir(join(folder, 'd.pem'))
  assert.deepEqual(problems(downstream('cert: gone.pem, key: k.pem')), [
    '2:27  meta-info.tls.cert  there is no such file  (it is relative to this config file)',
  ])
  assert.deepEqual(problems(service('tls: { ca_file: gone.pem, cert: d.pem, key: huge.pem }')), [
    '1:75  a.tls.ca_file  there is no such file  (it is relative to this config file)',
    '1:91  a.tls.cert  this is a directory',
    '1:103  a.tls.key  larger than 4 MiB',
  ])
  const fifo = await runProcess('mkfifo', [join(folder, 'fifo.pem')])
  assert.equal(fifo.code, 0)
  assert.match(problems(service('tls: { ca_file: fifo.pem }')).join(), /not a regular file/)
})

test('who serves nothing can load a config whose keys it may not read', () => {
  const text = downstream('cert: gone.pem, key: gone.key')
  const parsed = parseConfig(text, 's.yaml', {}, { cwd: '/nonexistent', read: 'nothing' })
  assert.ok(parsed.ok)
  assert.equal(parsed.config.processor.tls?.certificates[0]?.keyFile, '/nonexistent/gone.key')
  assert.equal(parseConfig(text, 's.yaml', {}, { cwd: '/nonexistent' }).ok, false)
})

test('a file that holds something else is told, with what it seems to be', async (t) => {
  const der = Buffer.from(PEM.cert.replace(/-----.*-----/g, ''), 'base64')
  const broken = PEM.cert.replace(/\n[^-]{20}/, '\nAAAAAAAAAAAAAAAAAAAA')
  const encrypted = PEM.key.replaceAll('PRIVATE KEY', 'ENCRYPTED PRIVATE KEY')
  const { problems } = await beside(t, {
    'c.pem': PEM.cert,
    'k.pem': PEM.key,
    'der.pem': der,
    'broken.pem': broken,
    'broken-key.pem': PEM.key.replace(/\n[^-]{20}/, '\nAAAAAAAAAAAAAAAAAAAA'),
    'encrypted.pem': encrypted,
    'text.pem': 'hello',
  })
  const of = (cert: string, key: string) => problems(downstream(`cert: ${cert}, key: ${key}`)).join('\n')
  assert.equal(of('c.pem', 'k.pem'), '')
  assert.match(
    of('k.pem', 'c.pem'),
    /tls\.cert {2}the file holds a key and no certificate {2}\(are the two files swapped\?\)/,
  )
  assert.match(
    of('k.pem', 'c.pem'),
    /tls\.key {2}the file holds a certificate and no key {2}\(are the two files swapped\?\)/,
  )
  assert.match(of('der.pem', 'k.pem'), /holds no PEM certificate {2}\(it looks like DER: openssl x509 /)
  assert.match(of('text.pem', 'text.pem'), /holds no PEM certificate\n.*holds no PEM private key$/)
  assert.match(of('broken.pem', 'k.pem'), /holds a broken certificate$/)
  assert.match(of('c.pem', 'broken-key.pem'), /holds a broken key$/)
  assert.match(of('c.pem', 'encrypted.pem'), /the key is encrypted {2}\(openssl pkey /)
  assert.match(problems(service('tls: { ca_file: text.pem }')).join(), /ca_file {2}the file holds no PEM certificate$/)
})

test('a key that belongs to another certificate is told, and so is a chain in the wrong order', async (t) => {
  const { problems } = await beside(t, {
    'c.pem': PEM.cert,
    'k.pem': PEM.key,
    'other.pem': OTHER.cert,
    'chain.pem': OTHER.cert + PEM.cert,
    'both.pem': `a comment\n${PEM.cert}${OTHER.cert}${PEM.key}`,
  })
  const of = (cert: string, key: string) => problems(downstream(`cert: ${cert}, key: ${key}`))
  assert.deepEqual(of('other.pem', 'k.pem'), ['2:43  meta-info.tls.key  the key does not belong to the certificate'])
  assert.match(of('chain.pem', 'k.pem').join(), /\(it belongs to a later one of the file: that must stand first\)$/)
  assert.deepEqual(of('both.pem', 'both.pem'), [])
  assert.match(
    problems(service('tls: { cert: other.pem, key: k.pem }')).join(),
    /a\.tls\.key {2}the key does not belong/,
  )
})

test('what may be switched to is named in lower case, and nothing that would hide requests', () => {
  const upgrade = (of: string) => load(service(`upgrade: ${of}`)).services[0]?.upgrade
  assert.deepEqual(upgrade('[WebSocket, websocket, Chat/2]'), ['websocket', 'chat/2'])
  const only = (of: string) => lines(problemsOf(service(`upgrade: ${of}`))).join()
  assert.match(only('[h2c]'), /a\.upgrade\[0\] {2}h2c may not be switched to: the requests after it would pass unseen$/)
  assert.match(only('[HTTP/2.0]'), /http may not be switched to/)
  assert.match(only('[TLS/1.0]'), /tls may not be switched to: .* {2}\(use processor\.tls\)/)
  for (const wrong of ['""', '"a b"', '"a/b/c"', '/1', 'a/'])
    assert.match(only(`[${wrong}]`), /not the name of a protocol/)
  assert.match(only('websocket'), /must be a list, not text/)
})

test('a route has its own protocols, and a fixed answer none', () => {
  const routed = (keys: string) =>
    `version: 1\nservices: { ${service('upgrade: [websocket]')} }\nroutes: [{ match: { path: /x }, ${keys} }]`
  const upgradeOf = (keys: string) => load(routed(keys)).routes.at(-1)?.upgrade
  assert.equal(upgradeOf('service: a'), undefined)
  assert.deepEqual(upgradeOf('service: a, upgrade: []'), [])
  assert.deepEqual(upgradeOf('service: a, upgrade: [Chat]'), ['chat'])
  assert.match(
    lines(warningsOf(routed('fixed: { status: 200 }, upgrade: [chat]'))).join(),
    /routes\[0\]\.upgrade {2}"upgrade" is of no use to a fixed answer$/,
  )
})
