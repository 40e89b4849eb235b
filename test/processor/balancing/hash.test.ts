// The same key, the same instance; and when one goes only its keys move.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { HashKey } from '../../../shared/config/model.js'
import { createHash } from '../../../processor/balancing/strategies/hash.js'
import { type Asked, count, fake, fakes, type Fake, request, times } from './candidates.js'

const KEYS = 20_000
const steady = { steady: true }

function owners(tier: readonly Fake[], deps = steady): (Fake | undefined)[] {
  const balancer = createHash(tier, { on: 'path' }, deps)
  return times(KEYS, (i) => balancer.pick(request({ path: `/orders/${i}` }), []))
}

test('keys spread evenly over ten instances, however alike they are', () => {
  const keys: readonly Asked[][] = [
    times(KEYS, (i) => ({ path: `/orders/${i}` })),
    times(KEYS, (i) => ({ path: `/${'long-'.repeat(50)}${i}/rest` })),
    times(KEYS, (i) => ({ path: String.fromCharCode(i) })),
  ]
  for (const paths of keys) {
    const balancer = createHash(fakes(10), { on: 'path' }, steady)
    for (const share of Object.values(count(paths.map((asked) => balancer.pick(request(asked), []))))) {
      assert.ok(share > KEYS * 0.09 && share < KEYS * 0.11, `${share} of about ${KEYS / 10}`)
    }
  }
})

test('when one of ten instances is removed only its keys move, and they spread over the others', () => {
  const tier = fakes(10)
  const before = owners(tier)
  const gone = tier[3]
  const after = owners(tier.filter((one) => one !== gone))
  const moved = before.flatMap((owner, i) => (owner === after[i] ? [] : [i]))
  assert.ok(moved.length > KEYS * 0.08 && moved.length < KEYS * 0.12, `${moved.length} moved`)
  assert.equal(
    moved.every((i) => before[i] === gone),
    true,
  )
  assert.equal(Object.keys(count(moved.map((i) => after[i]))).length, 9)
})

test('when one is barred only its keys move, and they come back with it', () => {
  const tier = fakes(10)
  const before = owners(tier)
  const barred = tier[7]
  assert.ok(barred)
  barred.barred = true
  const meanwhile = owners(tier)
  before.forEach((owner, i) => {
    if (owner === barred) assert.notEqual(meanwhile[i], barred)
    else assert.equal(meanwhile[i], owner)
  })
  barred.barred = false
  assert.deepEqual(
    owners(tier).map((owner) => owner?.id),
    before.map((owner) => owner?.id),
  )
})

test('a new instance takes keys from all others and moves none between them', () => {
  const tier = fakes(10)
  const before = owners(tier.slice(0, 9))
  const after = owners(tier)
  const newest = tier[9]
  const moved = after.filter((owner, i) => owner !== before[i])
  assert.equal(
    moved.every((owner) => owner === newest),
    true,
  )
  assert.ok(moved.length > KEYS * 0.08 && moved.length < KEYS * 0.12, `${moved.length} moved`)
})

test('the order of the instances, and whether weights may change, say nothing about who has a key', () => {
  const tier = fakes(10)
  const ids = owners(tier).map((owner) => owner?.id)
  assert.deepEqual(
    owners([...tier].reverse()).map((owner) => owner?.id),
    ids,
  )
  assert.deepEqual(
    owners(tier, { steady: false }).map((owner) => owner?.id),
    ids,
  )
})

test('keys are shared by weight, and a weight that grows only takes keys', () => {
  const tier = [fake('a', { weight: 3 }), fake('b'), fake('c')]
  const before = owners(tier)
  const { a = 0, b = 0 } = count(before)
  assert.ok(Math.abs(a / KEYS - 0.6) < 0.02, `${a} of about ${KEYS * 0.6}`)
  assert.ok(Math.abs(b / KEYS - 0.2) < 0.02, `${b} of about ${KEYS * 0.2}`)
  const [grown] = tier
  assert.ok(grown)
  grown.weight = 6
  const after = owners(tier)
  assert.ok((count(after)['a'] ?? 0) > a)
  after.forEach((owner, i) => assert.ok(owner === before[i] || owner === grown))
})

test('requests are told apart by what the config names, and by nothing else', () => {
  const tier = fakes(10)
  const cases: readonly (readonly [HashKey, (key: string) => Asked])[] = [
    [{ on: 'ip' }, (address) => ({ address })],
    [{ on: 'path' }, (path) => ({ path })],
    [{ on: 'header', name: 'X-Tenant' }, (key) => ({ fields: { 'x-tenant': key } })],
    [{ on: 'cookie', name: 'cart' }, (key) => ({ fields: { cookie: `a=b; cart=${key}; carts=x` } })],
    [{ on: 'query', name: 'user' }, (key) => ({ query: { user: key } })],
  ]
  for (const [by, asked] of cases) {
    const balancer = createHash(tier, by, steady)
    const pick = (key: string, more: Asked) => balancer.pick(request({ ...more, ...asked(key) }), [])?.id
    const keys = times(50, (i) => `key-${i}`)
    const first = keys.map((key) => pick(key, { address: '192.0.2.1', path: '/a' }))
    assert.deepEqual(
      keys.map((key) => pick(key, { address: '192.0.2.2', path: '/b' })),
      first,
      by.on,
    )
    assert.ok(new Set(first).size > 5, by.on)
  }
})

test('requests without the key, or with an empty one, take turns', () => {
  for (const by of [
    { on: 'header', name: 'x-tenant' },
    { on: 'cookie', name: 'cart' },
    { on: 'query', name: 'user' },
  ] as const) {
    for (const asked of [{}, { fields: { 'x-tenant': '', cookie: 'cart=; other=x' }, query: { user: '' } }]) {
      const balancer = createHash([fake('a'), fake('b')], by, steady)
      assert.deepEqual(count(times(10, () => balancer.pick(request(asked), []))), { a: 5, b: 5 })
    }
  }
})

test('another try goes to the next best for the key, always the same', () => {
  const tier = fakes(10)
  const balancer = createHash(tier, { on: 'ip' }, steady)
  const asked = request({ address: '192.0.2.9' })
  const row = () => {
    const tried: Fake[] = []
    for (let next = balancer.pick(asked, tried); next !== undefined; next = balancer.pick(asked, tried))
      tried.push(next)
    return tried.map(({ id }) => id)
  }
  assert.deepEqual(row(), row())
})
