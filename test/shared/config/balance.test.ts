// Who of a service's instances gets a request, as the file says it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { BalanceConfig } from '../../../shared/config/model.js'
import { lines, load, problemsOf, warningsOf } from './fixtures.js'

const service = (balance: string) => `a: { servers: [h], polling: { method: ping }, apis: [/a], balance: ${balance} }`
const inZone = (balance: string) => `${service(balance)}\nmeta-info: { zone: z }`
const only = (balance: string): string => {
  const found = lines(problemsOf(service(balance)))
  assert.equal(found.length, 1, found.join('\n'))
  return found[0] ?? ''
}
const balanceOf = (balance: string): BalanceConfig | undefined => load(inZone(balance)).services[0]?.balance

const PLAIN = {
  strategy: 'round-robin',
  preferZone: false,
  slowStartMs: 0,
  spillBelow: 0,
  minInstances: 1,
  panic: 'serve',
} as const

test('text alone is the strategy', () => {
  for (const strategy of ['round-robin', 'random', 'p2c', 'least-connections', 'ewma'] as const) {
    assert.deepEqual(balanceOf(strategy), { ...PLAIN, strategy })
    assert.deepEqual(balanceOf(`{ strategy: ${strategy} }`), { ...PLAIN, strategy })
  }
  assert.deepEqual(balanceOf('{}'), PLAIN)
  assert.match(
    only('least-connection'),
    /^1:68 {2}a\.balance {2}must be round-robin, .*, or an object {2}\(did you mean "least-connections"\?\)$/,
  )
  assert.match(
    only('5'),
    /a\.balance {2}must be round-robin, random, p2c, least-connections, ewma, hash, or an object$/,
  )
})

test('requests are hashed by one thing', () => {
  const hash = (of: string) => balanceOf(`{ strategy: hash, hash: ${of} }`)?.hash
  assert.deepEqual(hash('ip'), { on: 'ip' })
  assert.deepEqual(hash('path'), { on: 'path' })
  assert.deepEqual(hash('{ header: X-User }'), { on: 'header', name: 'x-user' })
  assert.deepEqual(hash('{ cookie: Sid }'), { on: 'cookie', name: 'Sid' })
  assert.deepEqual(hash('{ query: userId }'), { on: 'query', name: 'userId' })
})

test('the strategy hash needs to be told by what, and no other strategy does', () => {
  assert.equal(
    only('hash'),
    '1:59  a.balance.hash  "hash" is required for the strategy hash  (hash: ip, path, { header: … }, { cookie: … } or { query: … })',
  )
  assert.match(only('{ strategy: hash }'), /a\.balance\.hash {2}"hash" is required for the strategy hash/)
  assert.equal(
    only('{ strategy: p2c, hash: ip }'),
    '1:85  a.balance.hash  the strategy p2c needs no "hash"  (add strategy: hash, or drop "hash")',
  )
  assert.match(only('{ hash: ip }'), /the strategy round-robin needs no "hash" {2}\(add strategy: hash/)
})

test('what is wrong with a key to hash by is told once', () => {
  const hash = (of: string) => only(`{ strategy: hash, hash: ${of} }`)
  assert.match(hash('ipp'), /must be ip, path, or an object with header, cookie or query {2}\(did you mean "ip"\?\)$/)
  assert.match(hash('{ headr: a }'), /a\.balance\.hash\.headr {2}unknown key "headr" {2}\(did you mean "header"\?\)$/)
  for (const many of ['{}', '{ header: a, cookie: b }'])
    assert.match(hash(many), /a\.balance\.hash {2}must name one of header, cookie and query$/)
  assert.match(hash('{ header: "a b" }'), /hash\.header {2}not a name of a header field/)
  assert.match(hash('{ header: X-Forwarded-For }'), /the field x-forwarded-for ends at the gateway/)
  assert.match(hash('{ cookie: "a;b" }'), /hash\.cookie {2}not a name of a cookie/)
  assert.match(hash('{ query: "" }'), /hash\.query {2}must not be empty/)
})

test('sticky alone has a cookie with the defaults', () => {
  const cookie = { cookie: 'serverpy', path: '/', secure: false, sameSite: 'Lax' }
  assert.deepEqual(balanceOf('{ sticky: true }')?.sticky, cookie)
  assert.deepEqual(balanceOf('{ sticky: {} }')?.sticky, cookie)
  assert.equal(balanceOf('{ sticky: false }')?.sticky, undefined)
  assert.deepEqual(balanceOf('{ sticky: { max_age_ms: 90000, same_site: none, secure: true } }')?.sticky, {
    ...cookie,
    maxAgeSeconds: 90,
    secure: true,
    sameSite: 'None',
  })
})

test('a cookie that browsers would not keep is refused', () => {
  const sticky = (keys: string) => only(`{ sticky: { ${keys} } }`)
  assert.match(
    sticky('same_site: none'),
    /sticky\.same_site {2}a cookie for other sites needs secure: true {2}\(browsers refuse it else\)$/,
  )
  assert.match(sticky('cookie: __Secure-a'), /sticky\.cookie {2}a cookie of this name needs secure: true/)
  assert.match(sticky('cookie: __Host-a, secure: true, path: /a'), /a cookie of this name needs path: \//)
  assert.deepEqual(problemsOf(service('{ sticky: { cookie: __Host-a, secure: true } }')), [])
  assert.match(sticky('cookie: "a=b"'), /not a name of a cookie/)
  assert.match(sticky('path: a'), /a path must begin with "\/"/)
  assert.match(sticky('path: "/a;b"'), /without spaces and ";"/)
  assert.match(sticky('same_site: Lax'), /must be one of "lax", "strict", "none", not "Lax" {2}\(did you mean "lax"/)
  assert.match(sticky('max_age: 0.5'), /sticky\.max_age {2}must be at least 1s/)
  assert.match(sticky('max_age: 401d'), /must be at most 400d/)
  assert.match(sticky('max_age: 2, max_age_ms: 2000'), /max_age_ms {2}"max_age" says the same/)
  assert.match(only('{ sticky: yes-please }'), /must be true, false, or an object with cookie, max_age/)
})

test('tiers help each other below a share, and instances come back slowly', () => {
  assert.deepEqual(balanceOf('{ spill_below: 1, slow_start_ms: 1500, panic: refuse, prefer_zone: true }'), {
    ...PLAIN,
    spillBelow: 1,
    slowStartMs: 1500,
    panic: 'refuse',
    preferZone: true,
  })
  assert.deepEqual(balanceOf('{ min_instances: 3 }'), { ...PLAIN, minInstances: 3 })
  assert.match(only('{ min_instances: 0 }'), /min_instances {2}must be at least 1$/)
  assert.match(only('{ spill_below: 1.1 }'), /spill_below {2}must be at most 1$/)
  assert.match(only('{ spill_below: -0.1 }'), /spill_below {2}must not be negative$/)
  assert.match(only('{ slow_start: 25d }'), /must be at most 24d/)
  assert.match(only('{ panic: server }'), /must be one of "serve", "refuse", not "server" {2}\(did you mean "serve"/)
  assert.match(only('{ slowstart: 5 }'), /unknown key "slowstart" {2}\(did you mean "slow_start"\?\)/)
})

test('a preference for the own zone is warned about where the processor has none', () => {
  const zoneless = lines(warningsOf(service('{ prefer_zone: true }')))
  assert.deepEqual(zoneless, [
    '1:70  a.balance.prefer_zone  the request processor has no zone  (give the processor a "zone")',
  ])
  assert.deepEqual(warningsOf(service('{ prefer_zone: false }')), [])
  assert.deepEqual(warningsOf(inZone('{ prefer_zone: true }')), [])
})
