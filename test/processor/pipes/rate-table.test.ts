// The count behind a rate limit: exact for each client, bounded for all of them.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RateTable, RateTables, shortKey } from '../../../processor/pipes/rate-table.js'
import { usedBytes } from '../../kit/memory.js'

const TEN = { rate: 10, periodMs: 1000, burst: 10 }

/** How many of `times` requests pass, from `startMs` on, one every `everyMs`. */
function passed(table: RateTable, times: number, everyMs: number, startMs = 0): number {
  let count = 0
  for (let i = 0; i < times; i++) if (table.take('a', startMs + i * everyMs).allowed) count++
  return count
}

test('of eleven requests at once under ten in a second exactly the eleventh is refused', () => {
  const table = new RateTable(TEN)
  const verdicts = Array.from({ length: 11 }, () => table.take('a', 5000))
  assert.deepEqual(
    verdicts.map(({ allowed }) => allowed),
    [...new Array<boolean>(10).fill(true), false],
  )
  assert.deepEqual(
    verdicts.map(({ left }) => left),
    [9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 0],
  )
  const last = verdicts[10]
  assert.ok(last)
  assert.ok(Math.abs(last.retryMs - 100) < 0.01, `${last.retryMs}`)
  assert.ok(Math.abs(last.resetMs - 1000) < 0.01, `${last.resetMs}`)
})

test('a refused request takes nothing, and what the verdict says holds to the millisecond', () => {
  const table = new RateTable(TEN)
  passed(table, 10, 0)
  for (let i = 0; i < 100; i++) assert.equal(table.take('a', 99).allowed, false)
  assert.equal(table.take('a', 100).allowed, true)
  assert.equal(table.take('a', 100).allowed, false)
})

test('an even stream at the rate passes whole, and one at twice the rate by half', () => {
  for (const rate of [1, 3, 7, 10, 30, 333, 1000]) {
    const rule = { rate, periodMs: 1000, burst: 1 }
    const even = passed(new RateTable(rule), 1000, 1000 / rate)
    assert.equal(even, 1000, `${rate} in a second`)
    assert.equal(passed(new RateTable(rule), 1000, 500 / rate), 500, `${rate} in a second, asked for twice as fast`)
  }
})

test('over any time no more than the burst and the rate pass', () => {
  const table = new RateTable({ rate: 5, periodMs: 1000, burst: 8 })
  // Sixty seconds of a request every 7 ms: 8 at once, and 5 in each second after that.
  const count = passed(table, 8572, 7)
  assert.ok(count >= 307 && count <= 308, `${count}`)
})

test('clients do not see each other', () => {
  const table = new RateTable(TEN)
  passed(table, 10, 0)
  assert.equal(table.take('a', 0).allowed, false)
  assert.equal(table.take('b', 0).allowed, true)
})

test('clients that have rested are forgotten as others come, and nobody else is', () => {
  const table = new RateTable(TEN)
  for (let i = 0; i < 1000; i++) table.take(`early ${i}`, 0)
  assert.equal(table.size, 1000)
  for (let i = 0; i < 600; i++) table.take(`late ${i}`, 5000)
  assert.equal(table.size, 600)
})

test('beyond its bound a table forgets whom it has not heard of for longest, and keeps those who ask on', () => {
  const table = new RateTable({ rate: 1, periodMs: 3_600_000, burst: 1 }, 1000)
  table.take('busy', 0)
  table.take('quiet', 0)
  for (let i = 0; i < 5000; i++) {
    table.take(`other ${i}`, 1)
    assert.ok(table.size <= 1000, `${table.size}`)
    if (i % 100 === 0) assert.equal(table.take('busy', 1).allowed, false)
  }
  assert.equal(table.take('quiet', 2).allowed, true)
})

test('a hundred thousand clients and twice as many more cost no more memory than the bound', () => {
  const table = new RateTable({ rate: 1, periodMs: 3_600_000, burst: 1 })
  const before = usedBytes().heap
  // As they are cut out of the heads of requests.
  const head = (i: number) => `${'x'.repeat(4000)}key-of-a-client-${i}`.slice(4000)
  for (let i = 0; i < 300_000; i++) table.take(shortKey(head(i)), i / 1000)
  assert.ok(table.size <= 100_000, `${table.size}`)
  const heapUsed = usedBytes().heap - before
  assert.ok(heapUsed < 40e6, `${Math.round(heapUsed / 1e6)} MB: a hundred thousand heads would be 400 MB`)
  assert.ok(table.size > 0)
})

test('a key of any length counts as one of a few bytes', () => {
  const long = 'k'.repeat(100_000)
  assert.ok(shortKey(long).length <= 64)
  assert.notEqual(shortKey(long), shortKey(`${long}k`))
  assert.equal(shortKey('short'), 'short')
})

test('limits are told apart by name and rule, and forgotten when nobody is held back', () => {
  const tables = new RateTables(3)
  assert.equal(tables.of('a', TEN, 0), tables.of('a', { ...TEN }, 0))
  assert.notEqual(tables.of('a', TEN, 0), tables.of('b', TEN, 0))
  const held = tables.of('a', TEN, 0)
  held.take('client', 0)
  tables.of('c', TEN, 50)
  assert.equal(tables.of('a', TEN, 50), held)
  assert.equal(tables.size, 2)
  for (let i = 0; i < 10; i++) tables.of(`more ${i}`, TEN, 60).take('client', 60)
  assert.equal(tables.size, 3)
})
