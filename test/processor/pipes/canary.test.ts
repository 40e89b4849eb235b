// The pipe `canary` over real sockets: how many clients are sent to the other service, and that they stay there.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PLACES, placeOf } from '../../../processor/pipes/split.js'
import { startGateway } from '../../kit/gateway.js'
import { rawRequest, request } from '../../kit/http.js'
import { readMessages } from '../../kit/message.js'
import { startOrigin } from '../../kit/origin.js'
import type { Cleanup } from '../../kit/process.js'
import { saidOf } from './faults.js'
import { startPiped } from './rig.js'

async function startCanary(t: Cleanup, options: Record<string, unknown>) {
  const stable = await startOrigin(t, (req) => req.answer(200, 'stable'))
  const beta = await startOrigin(t, (req) => req.answer(200, 'canary'))
  const { port } = await startGateway(t, {
    processor: { trusted_proxies: ['127.0.0.1'] },
    services: {
      orders: { servers: [stable.address], apis: ['/'], pipes: [{ use: 'canary', service: 'beta', ...options }] },
      beta: { servers: [beta.address], apis: ['/beta'] },
    },
  })
  const get = async (fields: Record<string, string> = {}) => {
    const answer = await request(port, 'GET', '/', { fields })
    return { from: answer.text(), cookie: answer.field('set-cookie'), mark: answer.field('x-canary') }
  }
  return { port, get }
}

/** Sends one request per set of fields on one connection and tells who answered each. */
async function askAll(port: number, heads: readonly string[]): Promise<string[]> {
  const bytes = heads.map((fields) => `GET / HTTP/1.1\r\nHost: x\r\n${fields}\r\n`).join('')
  const raw = await rawRequest(port, bytes, { answers: heads.length, timeoutMs: 60_000 })
  return readMessages(raw, { closed: true }).map((message) => message.body.toString())
}

test('of 10,000 new clients a tenth goes to the canary', async (t) => {
  const { port } = await startCanary(t, { share: '10%' })
  let canaries = 0
  for (let i = 0; i < 100; i++)
    canaries += (await askAll(port, Array<string>(100).fill(''))).filter((from) => from === 'canary').length
  assert.ok(canaries >= 900 && canaries <= 1100, `${canaries} of 10,000`)
})

const addresses = (count: number) =>
  Array.from({ length: count }, (_, i) => `X-Forwarded-For: 10.1.${i >> 8}.${i & 255}\r\n`)

test('of 10,000 addresses in a row a tenth goes to the canary, always the same ones', async (t) => {
  const { port } = await startCanary(t, { share: 0.1, sticky: 'ip' })
  const heads = addresses(10_000)
  const first: string[] = []
  for (let i = 0; i < heads.length; i += 100) first.push(...(await askAll(port, heads.slice(i, i + 100))))
  const canaries = first.filter((from) => from === 'canary').length
  assert.ok(canaries >= 900 && canaries <= 1100, `${canaries} of 10,000`)
  assert.deepEqual(await askAll(port, heads.slice(0, 100)), first.slice(0, 100))
})

test('a share that grows moves nobody back', async (t) => {
  const small = await startCanary(t, { share: 0.1, sticky: 'ip' })
  const large = await startCanary(t, { share: 0.3, sticky: 'ip' })
  const heads = addresses(200)
  const before = await askAll(small.port, heads)
  const after = await askAll(large.port, heads)
  const moved = before.flatMap((from, i) => (from === 'canary' ? [after[i]] : []))
  assert.ok(moved.length > 5, `${moved.length} of 200 were there before`)
  assert.deepEqual(new Set(moved), new Set(['canary']))
  assert.ok(after.filter((from) => from === 'canary').length > moved.length)
})

test('two splits have nothing to do with each other', () => {
  const users = Array.from({ length: 5000 }, (_, i) => `user-${i}`)
  const inTenth = (salt: string) => users.filter((user) => placeOf(user, salt) < PLACES / 10)
  const other = new Set(inTenth('gamma'))
  const both = inTenth('beta').filter((user) => other.has(user)).length
  assert.ok(both > 20 && both < 90, `${both} of 5000 are in both tenths`)
})

test('a client keeps its place by a cookie that it gets once', async (t) => {
  const { get } = await startCanary(t, { share: 0.5, cookie: 'place', max_age: '1h', answer_header: 'X-Canary' })
  const first = await get()
  assert.match(first.cookie ?? '', /^place=\d{1,4}; Path=\/; Max-Age=3600; HttpOnly; SameSite=Lax$/)
  assert.equal(first.mark, first.from)
  const cookie = (first.cookie ?? '').split(';')[0] ?? ''
  for (let i = 0; i < 20; i++) {
    const again = await get({ Cookie: `a=b; ${cookie}` })
    assert.deepEqual(again, { from: first.from, cookie: undefined, mark: first.from })
  }
  assert.equal((await get({ Cookie: 'place=4999' })).from, 'canary')
  assert.equal((await get({ Cookie: 'place=5000' })).from, 'stable')
  assert.notEqual((await get({ Cookie: 'place=x' })).cookie, undefined, 'what is no place is not believed')
})

test('clients are told apart by a header field', async (t) => {
  const { get } = await startCanary(t, { share: 0.5, sticky: 'header:X-User' })
  const users = Array.from({ length: 40 }, (_, i) => `u${i}`)
  const ask = async () => Promise.all(users.map(async (user) => (await get({ 'X-User': user })).from))
  const first = await ask()
  assert.deepEqual(new Set(first), new Set(['stable', 'canary']))
  assert.deepEqual(await ask(), first)
})

test('a header field or a cookie decides in the place of chance', async (t) => {
  const { get } = await startCanary(t, { share: 0, override: { header: 'X-Want', cookie: 'want' } })
  assert.equal((await get({ 'X-Want': 'always' })).from, 'canary')
  assert.equal((await get({ Cookie: 'want=always' })).from, 'canary')
  assert.equal((await get({ 'X-Want': 'never', Cookie: 'want=always' })).from, 'stable')
  assert.equal((await get({ 'X-Want': 'perhaps' })).from, 'stable')
})

test('a share of 0 sends nobody, one of 100% everybody', async (t) => {
  const none = await startCanary(t, { share: 0, sticky: 'none' })
  const all = await startCanary(t, { share: '100%', sticky: 'none' })
  for (let i = 0; i < 50; i++) assert.deepEqual([(await none.get()).from, (await all.get()).from], ['stable', 'canary'])
})

test('two on one way each tell what they have chosen', async (t) => {
  const { port } = await startPiped(t, {}, [
    { use: 'canary', service: 'api', share: 0, cookie: 'one', answer_header: 'X-One' },
    { use: 'canary', service: 'api', share: 1, cookie: 'two', answer_header: 'X-Two' },
  ])
  const answer = await request(port, 'GET', '/', { fields: { Cookie: 'two=7' } })
  assert.deepEqual([answer.field('x-one'), answer.field('x-two')], ['stable', 'canary'])
  assert.match(answer.field('set-cookie') ?? '', /^one=\d/)
})

test('faults of the config: a service that is not there, a share beyond the whole, an unknown key', () => {
  const faults = (options: object) => saidOf({ use: 'canary', ...options }).faults.join()
  assert.match(faults({ service: 'ap', share: 0.1 }), /there is no service "ap".*did you mean "api"/)
  assert.match(faults({ service: 'api', share: 10 }), /must be at most 1.*"10%" for percent/)
  assert.match(faults({ service: 'api', share: '110%' }), /at most 100%/)
  assert.match(faults({ service: 'api', share: 0.1, sticky: 'header:a b' }), /not a name of a header field/)
  assert.match(faults({ share: 0.1 }), /"service" is required/)
})
