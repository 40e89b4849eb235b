// The pipe `auth-basic` over real sockets.
import assert from 'node:assert/strict'
import { createHash, randomBytes, scryptSync } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { createGate } from '../../../processor/pipes/auth/gate.js'
import { request } from '../../kit/http.js'
import { waitFor } from '../../kit/wait.js'
import { saidOf } from './faults.js'
import { startPiped } from './rig.js'

function scrypted(password: string, cost = 1024): string {
  const salt = randomBytes(16)
  const key = scryptSync(password, salt, 32, { N: cost, r: 8, p: 1 })
  return `scrypt:${cost}:8:1:${salt.toString('base64')}:${key.toString('base64')}`
}

const digested = (scheme: string, hash: string, password: string) =>
  `{${scheme}}${createHash(hash).update(password).digest('base64')}`

const basic = (name: string, password: string) =>
  `Basic ${Buffer.from(`${name}:${password}`, 'utf8').toString('base64')}`

const USERS = {
  ann: scrypted('open:sesame'),
  bob: digested('SHA256', 'sha256', 'grün'),
  cat: digested('SHA', 'sha1', 'meow'),
}

test('known users pass with their passwords, whatever the hash, and the instance hears who it is', async (t) => {
  const pipe = { use: 'auth-basic', users: USERS, user_header: 'X-User', forward: false }
  const { port, origin } = await startPiped(t, {}, [pipe])
  for (const [name, password] of [
    ['ann', 'open:sesame'],
    ['bob', 'grün'],
    ['cat', 'meow'],
    ['ann', 'open:sesame'],
  ] as const) {
    const fields = { Authorization: basic(name, password), 'X-User': 'root', x_user: 'root' }
    assert.equal((await request(port, 'GET', '/', { fields })).status, 200, name)
  }
  const got = origin.requests.map((req) => [
    req.fields.filter(([name]) => /user/i.test(name)),
    req.field('authorization'),
  ])
  assert.deepEqual(
    got,
    ['ann', 'bob', 'cat', 'ann'].map((name) => [[['X-User', name]], undefined]),
  )
})

test('wrong and malformed credentials get 401 with a challenge, and no instance hears of them', async (t) => {
  const { port, origin, lines } = await startPiped(t, {}, [{ use: 'auth-basic', users: USERS, realm: 'the shop' }])
  const good = basic('ann', 'open:sesame')
  for (const value of [
    undefined,
    'Basic',
    'Basic !!!!',
    'Bearer abc',
    basic('ann', 'wrong'),
    basic('nobody', 'open:sesame'),
    basic('', ''),
    basic('bob', ''),
    `Basic ${Buffer.from('nocolon').toString('base64')}`,
    `Basic ${'A'.repeat(8000)}`,
    `${good}, ${good}`,
  ]) {
    const answer = await request(port, 'GET', '/', { fields: value === undefined ? {} : { Authorization: value } })
    assert.equal(answer.status, 401, value)
    assert.equal(answer.field('www-authenticate'), 'Basic realm="the shop", charset="UTF-8"')
    assert.equal(answer.field('content-type'), 'application/problem+json')
  }
  assert.equal(origin.requests.length, 0)
  assert.deepEqual(lines, [])
})

test('users come from a file of htpasswd, too', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'serverpy-htpasswd-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'users')
  writeFileSync(file, `# people\ncat:${USERS.cat}\n\n`)
  const { port, origin } = await startPiped(t, {}, [{ use: 'auth-basic', htpasswd: file }])
  assert.equal((await request(port, 'GET', '/', { fields: { Authorization: basic('cat', 'meow') } })).status, 200)
  assert.equal((await request(port, 'GET', '/', { fields: { Authorization: basic('cat', 'woof') } })).status, 401)
  assert.equal(origin.requests.length, 1)
  writeFileSync(
    file,
    `cat:${USERS.cat}\ndan:$2y$05$abcdefghijklmnopqrstuv\neve:$apr1$x$y\nnonsense\ncat:${USERS.cat}\n`,
  )
  const { faults } = saidOf({ use: 'auth-basic', htpasswd: file })
  assert.deepEqual(
    faults.map((fault) => /htpasswd {2}(.*?)(?: {2}|$)/.exec(fault)?.[1]),
    [
      'line 2 of the file: a hash of the kind bcrypt cannot be checked here',
      'line 3 of the file: a hash of the kind MD5 (apr1) cannot be checked here',
      'line 4 of the file: not NAME:HASH',
      'line 5 of the file: the user is there twice',
    ],
  )
  assert.match(saidOf({ use: 'auth-basic', htpasswd: join(folder, 'none') }).faults[0] ?? '', /there is no such file/)
})

test('a hash that cannot be checked is a fault in the config, too, and never taken for the password itself', () => {
  const told = (ann: string) => {
    const { faults, warnings } = saidOf({ use: 'auth-basic', users: { ann } })
    return [...faults, ...warnings].map((line) => /users\.ann {2}(.*?)(?: {2}|$)/.exec(line)?.[1])
  }
  const end = 'cannot be checked here'
  assert.deepEqual(told(`$2y$10$${'abcdefghijkLMNOPQRSTU'.repeat(3).slice(0, 53)}`), [
    `a hash of the kind bcrypt ${end}`,
  ])
  assert.deepEqual(told('$apr1$r31.....$HqJZimcKQFAMYayBlzkrA/'), [`a hash of the kind MD5 (apr1) ${end}`])
  assert.deepEqual(told('$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjlO/O817G3uBnIFNjnQJu'), [
    `a hash of the kind crypt ${end}`,
  ])
  assert.deepEqual(told('$argon2id$v=19$m=65536,t=2,p=1$gZiV/M1gPc22ElAH$8zYm'), [`a hash of the kind crypt ${end}`])
  for (const password of ['$ecret$word', '$1$', '$5 for a coffee'])
    assert.deepEqual(told(password), ['the password stands in the config as it is typed'], password)
})

test('a flood of guesses waits in a line that ends, and who is known passes meanwhile', async (t) => {
  // Slow enough that the guesses are still being checked when the last of them comes.
  const { port, origin } = await startPiped(t, {}, [{ use: 'auth-basic', users: { ann: scrypted('right', 16384) } }])
  const ask = (password: string) =>
    request(port, 'GET', '/', { fields: { Authorization: basic('ann', password) }, timeoutMs: 60_000 })
  assert.equal((await ask('right')).status, 200)
  const guesses = Promise.all(Array.from({ length: 150 }, (_, i) => ask(`guess ${i}`)))
  assert.equal((await ask('right')).status, 200)
  const statuses = (await guesses).map(({ status }) => status)
  const count = (status: number) => statuses.filter((one) => one === status).length
  assert.equal(count(401) + count(503), 150)
  assert.ok(count(503) >= 1 && count(401) >= 2, statuses.join())
  assert.equal(origin.requests.length, 2)
})

test('the gate runs as many as it says, lets as many wait for so long, and hands each place on', async () => {
  let now = 0
  const gate = createGate({ atOnce: 2, waiting: 3, longestMs: 100 }, () => now)
  const ends: (() => void)[] = []
  const run = () => new Promise<string>((resolve) => ends.push(() => resolve('ran')))
  const entered = Array.from({ length: 8 }, () => gate.enter(run, () => 'busy'))
  assert.deepEqual([gate.running, gate.waiting], [2, 3])
  assert.deepEqual(await Promise.all(entered.slice(5)), ['busy', 'busy', 'busy'])
  now = 100
  ends[0]?.()
  await waitFor(() => ends.length === 3)
  now = 101
  for (let i = 1; i < 3; i++) ends[i]?.()
  assert.deepEqual(await Promise.all(entered.slice(0, 5)), ['ran', 'ran', 'ran', 'busy', 'busy'])
  assert.deepEqual([gate.running, gate.waiting, ends.length], [0, 0, 3])
  await assert.rejects(
    gate.enter(
      () => Promise.reject(new Error('no')),
      () => undefined,
    ),
  )
  assert.equal(gate.running, 0)
})

test('passwords as they are typed are warned about, and the options hold none', () => {
  const said = saidOf({ use: 'auth-basic', users: { ann: '${PASSWORD}' } }, { PASSWORD: 'open sesame' })
  assert.match(said.warnings[0] ?? '', /^test\.json:6:16 .*users\.ann {2}the password stands in the config/)
  assert.ok(!JSON.stringify(said).includes('open sesame'))
})

test('hashes that cannot be checked, or would cost too much, are faults', () => {
  const users = {
    a: 'scrypt:1000:8:1:AAAAAAAAAAAA:x',
    b: `scrypt:1048576:8:1:${'A'.repeat(22)}:${'A'.repeat(43)}`,
    c: '{SSHA}abc',
    d: '{SHA}abc',
    'e:f': 'x',
  }
  const { faults } = saidOf({ use: 'auth-basic', users })
  assert.deepEqual(
    faults.map((fault) => fault.replace(/^.*?\] {2}|^.*?\.[a-d] {2}/, '').replace(/ {2}\(.*/, '')),
    [
      'not scrypt:N:r:p:SALT:HASH, the last two in base64',
      'one check would take too much',
      'a hash of the kind {SSHA} cannot be checked here',
      'not a hash of 20 bytes in base64',
      'the name of a user holds neither ":" nor control characters',
    ],
  )
  assert.match(saidOf({ use: 'auth-basic' }).faults[0] ?? '', /there is no user/)
})
