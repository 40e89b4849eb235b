// The pipe `auth-key` over real sockets.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { request } from '../../kit/http.js'
import { saidOf } from './faults.js'
import { startPiped } from './rig.js'

const ALICE = 'alice-0123456789abcdef'
const BOB = 'bob-0123456789abcdefgh'
const hashed = `sha256:${createHash('sha256').update(BOB).digest('hex').toUpperCase()}`

test('a known key passes and its name reaches the instance, the key itself does not', async (t) => {
  const pipe = { use: 'auth-key', keys: { alice: ALICE, bob: hashed }, name_header: 'X-Consumer' }
  const { port, origin } = await startPiped(t, {}, [pipe])
  for (const key of [ALICE, BOB]) {
    const fields = { 'x-api-key': key, 'X-Consumer': 'root', X_Consumer: 'root' }
    assert.equal((await request(port, 'GET', '/', { fields })).status, 200)
  }
  const names = origin.requests.map((req) => req.fields.filter(([name]) => /consumer|key/i.test(name)))
  assert.deepEqual(names, [[['X-Consumer', 'alice']], [['X-Consumer', 'bob']]])
})

test('no key, a wrong one, a beginning of one and two at once get 401, and no instance hears of it', async (t) => {
  const { port, origin, lines } = await startPiped(t, {}, [{ use: 'auth-key', keys: [ALICE], realm: 'orders' }])
  for (const key of [undefined, 'wrong', ALICE.slice(0, -1), `${ALICE}x`, hashed, '']) {
    const answer = await request(port, 'GET', '/', { fields: key === undefined ? {} : { 'X-Api-Key': key } })
    assert.equal(answer.status, 401)
    assert.equal(answer.field('www-authenticate'), 'ApiKey realm="orders"')
    assert.equal(answer.field('content-type'), 'application/problem+json')
    if (key) assert.ok(!answer.text().includes(key))
  }
  const twice = await request(port, 'GET', '/', { fields: { 'X-Api-Key': ALICE, 'x-api-key': 'other' } })
  assert.equal(twice.status, 401)
  assert.equal(origin.requests.length, 0)
  assert.deepEqual(lines, [])
})

test('a key in the query or a cookie is taken out of what the instance gets', async (t) => {
  const { port, origin } = await startPiped(t, {}, [{ use: 'auth-key', keys: [ALICE], query: 'key', cookie: 'k' }])
  assert.equal((await request(port, 'GET', `/a?x=1&key=${ALICE}&%6Bey=2&y=2`)).status, 200)
  assert.equal((await request(port, 'GET', `/b?key=${ALICE}`)).status, 200)
  assert.equal((await request(port, 'GET', '/c', { fields: { Cookie: `a=1; k=${ALICE}; b=2` } })).status, 200)
  assert.equal((await request(port, 'GET', '/d', { fields: { Cookie: `k=${ALICE}; k=other` } })).status, 401)
  assert.equal((await request(port, 'GET', '/e', { fields: { 'X-Api-Key': ALICE } })).status, 401)
  assert.deepEqual(
    origin.requests.map((req) => [req.target, req.field('cookie')]),
    [
      ['/a?x=1&y=2', undefined],
      ['/b', undefined],
      ['/c', 'a=1; b=2'],
    ],
  )
})

test('the key travels on where that is asked for', async (t) => {
  const { port, origin } = await startPiped(t, {}, [{ use: 'auth-key', keys: [ALICE], forward: true }])
  await request(port, 'GET', '/', { fields: { 'X-Api-Key': ALICE } })
  assert.equal(origin.requests[0]?.field('x-api-key'), ALICE)
})

test('the options hold no key, only hashes', () => {
  const { options } = saidOf({ use: 'auth-key', keys: { alice: '${KEY}' } }, { KEY: ALICE })
  assert.ok(!JSON.stringify(options).includes(ALICE))
})

test('faults of the keys name their places and never a key', () => {
  const { faults } = saidOf({ use: 'auth-key', keys: ['sha256:abc', ALICE, ALICE, 'with spaces inside it'] })
  assert.equal(faults.length, 3)
  assert.match(faults[0] ?? '', /^test\.json:6:9 .*keys\[0\] {2}not a hash/)
  assert.match(faults[1] ?? '', /keys\[2\] {2}the same key is there twice/)
  assert.match(faults[2] ?? '', /keys\[3\] {2}a key holds printable ASCII/)
  assert.ok(!faults.join().includes(ALICE))
  assert.match(saidOf({ use: 'auth-key', keys: ['short'] }).warnings[0] ?? '', /can be guessed/)
  assert.match(saidOf({ use: 'auth-key' }).faults[0] ?? '', /"keys" is required/)
})
