// Clients come back to their instance while it serves, and learn another one when it does not.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createPool, type Pool } from '../../../processor/balancing/pool.js'
import { BALANCE, STICKY } from '../../../shared/config/defaults.js'
import type { BalanceConfig, StickyConfig } from '../../../shared/config/model.js'
import { type Fake, fake, fakes, request, times } from './candidates.js'

const SECRET = Buffer.from('a secret')

interface Setting {
  readonly sticky?: Partial<StickyConfig>
  readonly balance?: Partial<BalanceConfig>
  readonly secret?: Buffer
}

function pool(all: readonly Fake[], { sticky = {}, balance = {}, secret = SECRET }: Setting = {}): Pool<Fake> {
  return createPool(
    all,
    { ...BALANCE, ...balance, sticky: { ...STICKY, ...sticky } },
    { isSelf: () => false, zone: undefined, secret },
  )
}

const line = (from: Pool<Fake>, to: Fake | undefined) => (to === undefined ? '' : (from.sticky?.setCookie(to) ?? ''))
/** What a client sends that was given `to`. */
const cookie = (from: Pool<Fake>, to: Fake | undefined) => /^Set-Cookie: ([^;]+)/.exec(line(from, to))?.[1] ?? ''
const sending = (text: string) => request({ fields: { cookie: text } })

test('whoever brings the cookie of an instance gets that instance', () => {
  const all = fakes(5)
  const from = pool(all)
  for (const one of all) {
    const asked = sending(`theme=dark; ${cookie(from, one)}; lang=en`)
    for (let i = 0; i < 10; i++) assert.equal(from.pick(asked, []), one)
  }
})

test('without a cookie clients are spread as the strategy says', () => {
  const all = fakes(3)
  const from = pool(all)
  assert.equal(new Set(times(3, () => from.pick(request(), []))).size, 3)
})

test('the cookie is opaque, differs by instance, service and secret, and outlives the pool', () => {
  const all = fakes(3)
  const from = pool(all)
  const values = all.map((one) => cookie(from, one).split('=')[1] ?? '')
  for (const value of values) assert.match(value, /^[A-Za-z0-9_-]{16,}$/)
  assert.equal(new Set(values).size, 3)
  const [first] = all as [Fake]
  const other = fake(first.id, { service: 'other' })
  assert.notEqual(cookie(pool([other]), other), cookie(from, first))
  assert.notEqual(cookie(pool(all, { secret: Buffer.from('another') }), first), cookie(from, first))
  assert.equal(cookie(pool([...all].reverse()), first), cookie(from, first))
})

test('forged, altered and unknown cookies choose nobody', () => {
  const all = fakes(3)
  const from = pool(all)
  const [first] = all as [Fake]
  const good = cookie(from, first)
  const value = good.slice(good.indexOf('=') + 1)
  const bad = [
    'serverpy=',
    `serverpy=${value.slice(0, -1)}`,
    `serverpy=${value}A`,
    `serverpy=${value.toLowerCase()}-`,
    `serverpy="${value}"`,
    `serverpy =${value}`,
    `Serverpy=${value}`,
    `xserverpy=${value}`,
    `serverpy2=${value}`,
    `serverpy=${encodeURIComponent(first.id)}`,
    'serverpy=__proto__',
    cookie(pool(all, { secret: Buffer.from('forged') }), first),
  ]
  for (const text of bad) assert.equal(from.sticky?.chosen(text), undefined, text)
  assert.equal(from.sticky?.chosen(good), first)
})

test('of several cookies of the name the first that is good counts, in one field or in several', () => {
  const all = fakes(3)
  const from = pool(all)
  const [first, second] = all as [Fake, Fake]
  for (const join of ['; ', ';', ', ', ',']) {
    const text = ['serverpy=stale', cookie(from, second), cookie(from, first)].join(join)
    assert.equal(from.sticky?.chosen(text), second, join)
  }
  second.barred = true
  assert.equal(from.sticky?.chosen(`${cookie(from, second)}; ${cookie(from, first)}`), first)
})

test('an instance that may not take traffic is not chosen, and the client is told the new one', () => {
  const down = fake('down', { health: 'down' })
  const drained = fake('drained', { override: 'drain' })
  const unknown = fake('unknown', { health: 'unknown' })
  const low = fake('low', { priority: 'low' })
  const barred = { ...fake('barred', { priority: 'high' }), barred: true }
  const good = fake('good', { priority: 'high' })
  const from = pool([down, drained, unknown, low, barred, good])
  // Of those that nobody may use now there is no cookie to be had, so it comes from when they served.
  const once = pool([down, drained].map(({ id }) => fake(id)))
  for (const one of [down, drained, unknown, low, barred]) {
    const had = cookie(from, one) || cookie(once, one)
    const asked = sending(had)
    assert.notEqual(had, '')
    assert.equal(from.pick(asked, []), good, one.id)
    assert.equal(from.sticky?.fieldsFor(asked, good), line(from, good), one.id)
  }
})

test('clients of a lower tier stay while it serves or helps out', () => {
  const high = ['a', 'b'].map((id) => fake(id, { priority: 'high' }))
  const low = fake('low', { priority: 'low' })
  const [a, b] = high as [Fake, Fake]
  for (const spillBelow of [0, 1]) {
    const from = pool([...high, low], { balance: { spillBelow } })
    const asked = sending(cookie(from, low))
    a.barred = b.barred = false
    assert.notEqual(from.pick(asked, []), low)
    a.barred = true
    assert.equal(from.pick(asked, []) === low, spillBelow === 1)
    b.barred = true
    assert.equal(from.pick(asked, []), low)
  }
})

test('another try goes elsewhere', () => {
  const all = fakes(3)
  const from = pool(all)
  const [first] = all as [Fake]
  assert.notEqual(from.pick(sending(cookie(from, first)), [first]), first)
})

test('a client that knows its instance is not told again', () => {
  const all = fakes(2)
  const from = pool(all)
  const [first, second] = all as [Fake, Fake]
  const asked = sending(cookie(from, first))
  assert.equal(from.sticky?.fieldsFor(asked, first), '')
  assert.equal(from.sticky?.fieldsFor(asked, second), line(from, second))
  assert.equal(from.sticky?.fieldsFor(request(), first), line(from, first))
})

test('an instance of last resort is nothing to come back to', () => {
  const down = fake('a', { health: 'down' })
  const from = pool([down])
  assert.equal(from.pickInPanic(request(), []), down)
  assert.equal(from.sticky?.fieldsFor(request(), down), '')
})

test('the line has the attributes of the config', () => {
  const [one] = fakes(1) as [Fake]
  const attributes = (sticky: Partial<StickyConfig>) => {
    const text = line(pool([one], { sticky }), one)
    assert.match(text, /^Set-Cookie: [^=]+=[\w-]+; .*\r\n$/)
    return text.slice(text.indexOf(';') + 2, -2)
  }
  assert.equal(attributes({}), 'Path=/; HttpOnly; SameSite=Lax')
  assert.equal(
    attributes({ path: '/shop', maxAgeSeconds: 3600, secure: true, sameSite: 'None' }),
    'Path=/shop; Max-Age=3600; HttpOnly; Secure; SameSite=None',
  )
  assert.match(line(pool([one], { sticky: { cookie: '__Host-node' } }), one), /^Set-Cookie: __Host-node=/)
})

test('without sticky in the config nobody gets a cookie', () => {
  const from = createPool(fakes(2), BALANCE, { isSelf: () => false, zone: undefined, secret: SECRET })
  assert.equal(from.sticky, undefined)
})
