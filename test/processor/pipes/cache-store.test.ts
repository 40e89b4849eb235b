// The store of the pipe `cache`: its bounds, and who goes first.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Flights } from '../../../processor/pipes/cache/flights.js'
import type { Reply } from '../../../processor/pipes/pipe.js'
import { usedBytes } from '../../kit/memory.js'
import { handMade, type HandMade } from './cache-rig.js'

const HOUR = 'Cache-Control: max-age=3600\r\nContent-Type: text/plain\r\nVia: 1.1 x\r\n'

function put(
  { pipe, exchange, answer }: HandMade,
  target: string,
  body: Buffer | string,
  lines = HOUR,
  asked = '',
): void {
  const x = exchange(target, asked)
  assert.equal(pipe.onRequest(x), undefined)
  answer(x, lines, body)
}

function hit({ pipe, exchange }: HandMade, target: string, asked = ''): Reply | undefined {
  const x = exchange(target, asked)
  const reply = pipe.onRequest(x)
  pipe.onDone(x)
  return reply as Reply | undefined
}

const count = ({ pipe }: HandMade, name: string): number =>
  ({ ...pipe.metrics(), ...pipe.gauges() })[name] ?? Number.NaN

const memory = (): number => usedBytes().all

test('two hundred thousand answers stay within the bound of bytes, and so does the memory of the process', () => {
  const bytes = 64 * 1024 * 1024
  const made = handMade({ size: bytes })
  const body = Buffer.alloc(300, 'x')
  const before = memory()
  for (let i = 0; i < 200_000; i++) {
    put(made, `/item/${i}`, body)
    if (i % 1000 === 0) assert.ok(count(made, 'memory_bytes') <= bytes)
  }
  assert.ok(count(made, 'memory_bytes') <= bytes)
  assert.equal(count(made, 'stored'), 200_000)
  assert.equal(count(made, 'entries') + count(made, 'evicted'), 200_000)
  assert.ok(count(made, 'entries') > 20_000, `${count(made, 'entries')} entries`)
  assert.ok(hit(made, '/item/199999'))
  assert.equal(hit(made, '/item/0'), undefined)
  const grown = memory() - before
  assert.ok(grown < bytes, `${Math.round(grown / 1024 / 1024)} MiB`)
})

test('answers with large fields stay within the bound, too, also after they were hits', () => {
  const bytes = 16 * 1024 * 1024
  const large = (i: number) => `${i}`.padEnd(8000, 'x')
  const names = (i: number) => Array.from({ length: 30 }, (_, j) => `n${i}-${j}`.padEnd(250, 'x')).join(', ')
  for (const field of [
    (i: number) => `X-Large: ${large(i)}`,
    (i: number) => `ETag: "${large(i)}"`,
    (i: number) => `Last-Modified: ${large(i)}`,
    (i: number) => `Vary: ${names(i)}`,
  ]) {
    const made = handMade({ size: bytes })
    const before = memory()
    for (let i = 0; i < 2000; i++) {
      put(made, `/${i}`, 'body', `${HOUR}${field(i)}\r\n`)
      // As they are written out.
      Buffer.from(hit(made, `/${i}`)?.lines ?? '', 'latin1')
    }
    const grown = memory() - before
    assert.ok(count(made, 'evicted') > 0)
    // Something is left of those before it.
    assert.ok(grown < 1.5 * bytes, `${field(0).slice(0, 10)}: ${Math.round(grown / 1024 / 1024)} MiB`)
  }
})

test('the answer that was used longest ago goes first', () => {
  const made = handMade({ size: 64 * 1024, entry_size: 20_000 })
  for (const name of ['a', 'b', 'c']) put(made, `/${name}`, Buffer.alloc(18_000))
  assert.ok(hit(made, '/a'))
  put(made, '/d', Buffer.alloc(18_000))
  assert.equal(hit(made, '/b'), undefined)
  for (const name of ['a', 'c', 'd']) assert.ok(hit(made, `/${name}`), name)
  assert.equal(count(made, 'evicted'), 1)
  assert.ok(count(made, 'evicted_bytes') > 18_000)
})

test('a body that is too long is not stored, whether its length is known or not', () => {
  const made = handMade({ entry_size: 1000 })
  put(made, '/a', Buffer.alloc(1001))
  assert.equal(hit(made, '/a'), undefined)
  put(made, '/b', Buffer.alloc(1000))
  assert.ok(hit(made, '/b'))
})

test('one URL has no more variants than it may have', () => {
  const made = handMade({ variants: 10 })
  const vary = `${HOUR}Vary: X-Kind\r\n`
  for (let i = 0; i < 1000; i++) put(made, '/a', 'body', vary, `X-Kind: ${i}\r\n`)
  assert.equal(count(made, 'entries'), 10)
  assert.ok(hit(made, '/a', 'X-Kind: 999\r\n'))
  assert.equal(hit(made, '/a', 'X-Kind: 1\r\n'), undefined)
})

test('what an answer is stored under keeps nothing else alive and is not what clients can make long', () => {
  const made = handMade()
  const long = 'x'.repeat(10_000)
  put(made, '/a', 'body', `${HOUR}Vary: X-Long\r\n`, `X-Long: ${long}\r\n`)
  assert.equal(count(made, 'entries'), 0)
})

test('a purge takes what it names, in either scheme, and what is under way is not stored after it', () => {
  const made = handMade({ key: { sort_query: true } })
  for (const target of ['/a?x=1&y=2', '/b/1', '/b/2', '/c']) put(made, target, 'body')
  const host = 'example.org'
  assert.equal(made.pipe.purge({ kind: 'url', host, target: '/a?y=2&x=1' }), 1)
  assert.equal(made.pipe.purge({ kind: 'url', host: 'other.example', target: '/c' }), 0)
  assert.equal(made.pipe.purge({ kind: 'prefix', host, target: '/b/' }), 2)
  assert.ok(hit(made, '/c'))
  const x = made.exchange('/d')
  made.pipe.onRequest(x)
  assert.equal(made.pipe.purge({ kind: 'all' }), 1)
  made.answer(x, HOUR, 'from before')
  assert.equal(hit(made, '/d'), undefined)
  assert.equal(count(made, 'purged'), 4)
  assert.equal(count(made, 'entries'), 0)
  assert.equal(count(made, 'memory_bytes'), 0)
})

test('an answer ages, becomes stale, and is not served any more', () => {
  const made = handMade()
  put(made, '/a', 'body', `${HOUR}Age: 100\r\n`)
  assert.match(hit(made, '/a')?.lines ?? '', /^Age: 100\r\n/m)
  made.now += 61_500
  assert.match(hit(made, '/a')?.lines ?? '', /^Age: 161\r\nCache-Status: serverpy; hit; ttl=3438\r\n/m)
  made.now += 3_439_000
  assert.equal(hit(made, '/a'), undefined)
})

test('a stored answer has none of the fields of this hop, of one request, or of one client', () => {
  const made = handMade()
  const lines =
    'Cache-Control: max-age=60, no-cache="X-Own"\r\nX-Own: secret\r\nX-Request-Id: r1\r\nAge: 1\r\nConnection: close\r\n' +
    'Proxy-Authenticate: Basic\r\nContent-Length: 4\r\nVia: 1.1 origin\r\nX-Kept: yes\r\nVia: 1.1 here\r\n'
  put(made, '/a', 'body', lines)
  const stored = hit(made, '/a')?.lines ?? ''
  assert.match(stored, /^X-Kept: yes\r\n/m)
  assert.match(stored, /^Via: 1\.1 origin\r\n/m)
  assert.match(stored, /^Date: /m)
  assert.doesNotMatch(stored, /^(x-own|x-request-id|connection|proxy-authenticate|content-length|via: 1\.1 here)/im)
})

test('a hostile list among the selecting fields costs no time', () => {
  const made = handMade()
  const value = `a,${' '.repeat(7000)}b`
  put(made, '/a', 'body', `${HOUR}Vary: X-List\r\n`, `X-List: ${value}\r\n`)
  assert.ok(hit(made, '/a', 'X-List: a , b\r\n'))
})

test('what is known of URLs whose answers are for one client stays within a bound', () => {
  const flights = new Flights({ now: () => 0, after: () => () => undefined, others: () => false })
  const name = (i: number) => `${i}`.padEnd(10_000, 'x')
  for (let i = 0; i < 1000; i++) {
    const flight = flights.begin(name(i))
    void flight?.wait(1000)
    flight?.land('alone')
  }
  assert.equal(flights.begin(name(999)), undefined)
  assert.notEqual(flights.begin(name(0)), undefined)
})
