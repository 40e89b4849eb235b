// New certificates without a restart: seen, taken if they are right, and the old ones kept if they are not.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { createTlsContexts } from '../../../processor/tls/contexts.js'
import { makeCertificate } from '../../kit/certificates.js'
import { waitFor } from '../../kit/wait.js'
import { connect, echo, folder, listeningLog, serve, sessionOf, subjectFor } from './kit.js'

const [OLD, NEW, SECOND] = await Promise.all(
  ['old', 'new', 'second'].map((subject) => makeCertificate({ subject, names: [`DNS:${subject}.example`] })),
)

/** A server with OLD and SECOND. */
async function start(t: TestContext, everyMs = 1_000_000) {
  assert.ok(OLD && NEW && SECOND)
  const home = await folder(t)
  const certificates = [
    { ...(await home.put('a', OLD)), hosts: [] },
    { ...(await home.put('b', SECOND)), hosts: [] },
  ]
  const { log, lines, messages } = listeningLog()
  const ticketKeys = randomBytes(48)
  const contexts = createTlsContexts({ certificates, minVersion: 'TLSv1.2' }, { log, ticketKeys, everyMs })
  t.after(() => contexts.close())
  await contexts.check()
  return { ...home, contexts, lines, messages, port: await serve(t, contexts.options), old: OLD, next: NEW }
}

test('a new certificate is taken, by its own names, while connections go on', async (t) => {
  const { put, contexts, messages, lines, port, next } = await start(t)
  const held = await connect(t, port)
  assert.equal(await echo(held), 'hello')
  await put('a', next)
  assert.equal(await subjectFor(t, port), 'old')
  await contexts.check()
  assert.equal(await subjectFor(t, port), 'new')
  assert.equal(await subjectFor(t, port, 'new.example'), 'new')
  assert.equal(await subjectFor(t, port, 'second.example'), 'second')
  assert.equal(await echo(held, 'still here'), 'still here')
  assert.deepEqual(messages(), ['info: the certificate was renewed'])
  assert.equal(lines[0]?.fields['subject'], 'CN=new')
  assert.match(String(lines[0]?.fields['expires']), /^\d{4}-/)
})

test('the timer looks by itself', async (t) => {
  const { put, port, next } = await start(t, 10)
  await put('a', next)
  await waitFor(async () => (await subjectFor(t, port)) === 'new', { what: 'the new certificate' })
})

test('a session from before goes on after the change, where the client still trusts it', async (t) => {
  const { put, contexts, port, next } = await start(t)
  const session = await sessionOf(t, port)
  await put('a', next)
  await contexts.check()
  const again = await connect(t, port, { session })
  assert.equal(await echo(again), 'hello')
  assert.equal(again.isSessionReused(), true)
})

test('two files that are replaced one after the other are no fault', async (t) => {
  const { put, contexts, messages, port, next } = await start(t)
  await put('a', { cert: next.cert })
  await contexts.check()
  assert.deepEqual(messages(), [])
  assert.equal(await subjectFor(t, port), 'old')
  await put('a', { key: next.key })
  await contexts.check()
  assert.equal(await subjectFor(t, port), 'new')
  assert.deepEqual(messages(), ['info: the certificate was renewed'])
})

const BAD = {
  'a certificate without its key': { cert: NEW?.cert ?? '' },
  'half of a certificate': { cert: NEW?.cert.slice(0, 300) ?? '' },
  'an empty key': { key: '' },
  'a key of another certificate': { key: SECOND?.key ?? '' },
}

for (const [what, files] of Object.entries(BAD)) {
  test(`${what} changes nothing, is told once, and what comes after it is taken`, async (t) => {
    const { put, contexts, lines, messages, port, next } = await start(t)
    await put('a', files)
    for (let i = 0; i < 5; i++) await contexts.check()
    assert.deepEqual(messages(), ['error: the new certificate cannot be used: the old one stays'])
    assert.equal(await subjectFor(t, port), 'old')
    assert.equal(await subjectFor(t, port, 'second.example'), 'second')
    await put('a', next)
    await contexts.check()
    assert.equal(await subjectFor(t, port), 'new')
    assert.deepEqual(messages().slice(1), ['info: the certificate was renewed'])
    await put('a', { key: 'nothing' })
    for (let i = 0; i < 3; i++) await contexts.check()
    await put('a', next)
    await contexts.check()
    await put('a', { key: 'nothing' })
    for (let i = 0; i < 3; i++) await contexts.check()
    assert.deepEqual(messages().slice(2), Array(2).fill('error: the new certificate cannot be used: the old one stays'))
    assert.doesNotMatch(JSON.stringify(lines), /BEGIN|PRIVATE/)
  })
}

test('a file that is gone changes nothing, and the same one back is nothing new', async (t) => {
  const { path, put, contexts, lines, messages, port, old } = await start(t)
  await rm(path('a.key'))
  for (let i = 0; i < 3; i++) await contexts.check()
  assert.deepEqual(messages(), ['error: the new certificate cannot be used: the old one stays'])
  assert.equal(lines[0]?.fields['reason'], `${path('a.key')}: there is no such file`)
  assert.equal(await subjectFor(t, port), 'old')
  await put('a', old)
  await contexts.check()
  assert.equal(messages().length, 1)
})

test('links that are swapped all at once, as in a Kubernetes secret, are seen', async (t) => {
  const { path } = await folder(t)
  const versions = Object.entries({ one: OLD, two: NEW })
  for (const [name, pem] of versions) {
    await mkdir(path(name))
    await writeFile(join(path(name), 'tls.crt'), pem?.cert ?? '')
    await writeFile(join(path(name), 'tls.key'), pem?.key ?? '')
  }
  await symlink('one', path('..data'))
  await symlink(join('..data', 'tls.crt'), path('tls.crt'))
  await symlink(join('..data', 'tls.key'), path('tls.key'))
  const certificates = [{ certFile: path('tls.crt'), keyFile: path('tls.key'), hosts: [] }]
  const { log, messages } = listeningLog()
  const deps = { log, ticketKeys: randomBytes(48) }
  const contexts = createTlsContexts({ certificates, minVersion: 'TLSv1.2' }, deps)
  t.after(() => contexts.close())
  const port = await serve(t, contexts.options)
  await contexts.check()
  assert.equal(await subjectFor(t, port), 'old')
  await symlink('two', path('..data_tmp'))
  await rename(path('..data_tmp'), path('..data'))
  await contexts.check()
  assert.equal(await subjectFor(t, port), 'new')
  assert.deepEqual(messages(), ['info: the certificate was renewed'])
})

test('a certificate that is bad from the start is told once, the others serve, and it joins them when it is right', async (t) => {
  assert.ok(OLD && SECOND)
  const { put } = await folder(t)
  const bad = await put('a', { cert: OLD.cert, key: SECOND.key })
  const certificates = [bad, await put('b', SECOND)].map((files) => ({ ...files, hosts: [] }))
  const { log, messages } = listeningLog()
  const contexts = createTlsContexts({ certificates, minVersion: 'TLSv1.2' }, { log, ticketKeys: randomBytes(48) })
  t.after(() => contexts.close())
  const port = await serve(t, contexts.options)
  for (let i = 0; i < 3; i++) await contexts.check()
  assert.deepEqual(messages(), ['error: the certificate cannot be used'])
  assert.equal(await subjectFor(t, port), 'second')
  await put('a', OLD)
  await contexts.check()
  assert.equal(await subjectFor(t, port), 'old')
})

test('without any certificate each handshake fails, until there is one', async (t) => {
  assert.ok(OLD)
  const { path, put } = await folder(t)
  const certificates = [{ certFile: path('a.pem'), keyFile: path('a.key'), hosts: [] }]
  const { log, messages } = listeningLog()
  const contexts = createTlsContexts({ certificates, minVersion: 'TLSv1.2' }, { log, ticketKeys: randomBytes(48) })
  t.after(() => contexts.close())
  const port = await serve(t, contexts.options)
  await assert.rejects(connect(t, port))
  assert.deepEqual(messages(), ['error: the certificate cannot be used'])
  await put('a', OLD)
  await contexts.check()
  assert.equal(await subjectFor(t, port), 'old')
})
