// Bodies on their way into the store: whole as they came, and no more memory than is told.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Capture } from '../../../processor/pipes/cache/capture.js'
import { usedBytes } from '../../kit/memory.js'

const memory = (): number => usedBytes().all

test('a body is put together as it came, however it was cut', () => {
  const body = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 7) % 251))
  const cuts: readonly ((i: number) => number)[] = [
    () => body.length,
    () => 1,
    () => 1000,
    () => 70_000,
    (i) => (i % 2 === 0 ? 3 : 5000),
    (i) => (i * 37) % 9000,
    (i) => (i === 0 ? 0 : 64 * 1024),
  ]
  for (const cut of cuts) {
    const budget = { left: 1_000_000 }
    let got: Buffer | undefined
    const capture = new Capture(body.length, budget, (whole) => (got = whole))
    for (let at = 0, i = 0; at < body.length; i++) {
      const next = Math.min(body.length, at + cut(i))
      capture.piece(body.subarray(at, next))
      at = next
    }
    capture.end(true)
    assert.ok(got?.equals(body), String(cut))
    assert.equal(budget.left, 1_000_000)
  }
})

test('an empty body, one that is too long, one that breaks off and one that finds no room', () => {
  const seen: (Buffer | undefined)[] = []
  const make = (most: number, budget: { left: number }) => new Capture(most, budget, (body) => void seen.push(body))
  make(10, { left: 10 }).end(true)
  assert.equal(seen.pop()?.length, 0)
  const budget = { left: 5000 }
  const long = make(10, budget)
  for (let i = 0; i < 11; i++) long.piece(Buffer.from('x'))
  long.end(true)
  assert.deepEqual([seen, long.tooLong, budget.left], [[undefined], true, 5000])
  const broken = make(10, budget)
  broken.piece(Buffer.from('x'))
  broken.end(false)
  assert.deepEqual([seen, broken.tooLong, budget.left], [[undefined, undefined], false, 5000])
  const first = make(10_000, budget)
  first.piece(Buffer.alloc(4000))
  const second = make(10_000, budget)
  second.piece(Buffer.alloc(1001))
  assert.deepEqual([seen.length, second.tooLong, budget.left], [3, true, 1000])
  first.end(true)
  assert.deepEqual([seen[3]?.length, budget.left], [4000, 5000])
})

test('a body that comes byte by byte takes not much more memory than it has bytes', () => {
  const before = memory()
  const budget = { left: 4 * 1024 * 1024 }
  const capture = new Capture(1024 * 1024, budget, () => undefined)
  for (let i = 0; i < 1024 * 1024; i++) capture.piece(Buffer.from('x'))
  const grown = memory() - before
  assert.ok(grown < 8 * 1024 * 1024, `${Math.round(grown / 1024 / 1024)} MiB`)
  assert.ok(budget.left > 2 * 1024 * 1024)
  capture.end(true)
})
