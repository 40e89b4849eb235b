// W3C Trace Context: what is believed, what is not, and that what is made here is valid, unique and spread evenly.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  isTraceparent,
  newSpanId,
  newTraceId,
  newTraceparent,
  parseTraceparent,
  traceIdOf,
} from '../../../processor/tracing/trace-context.js'

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const SPAN = '00f067aa0ba902b7'

test('a valid one is taken apart', () => {
  assert.deepEqual(parseTraceparent(`00-${TRACE}-${SPAN}-01`), { traceId: TRACE, parentId: SPAN, sampled: true })
  assert.deepEqual(parseTraceparent(`00-${TRACE}-${SPAN}-00`), { traceId: TRACE, parentId: SPAN, sampled: false })
  assert.equal(traceIdOf(`00-${TRACE}-${SPAN}-00`), TRACE)
})

test('only the lowest bit of the flags has a meaning', () => {
  for (const [flags, sampled] of [
    ['03', true],
    ['02', false],
    ['ff', true],
    ['fe', false],
    ['10', false],
  ] as const) {
    assert.equal(parseTraceparent(`00-${TRACE}-${SPAN}-${flags}`)?.sampled, sampled, flags)
  }
})

test('a later version may have more, and is read as far as it is known', () => {
  for (const value of [
    `01-${TRACE}-${SPAN}-01`,
    `cc-${TRACE}-${SPAN}-01-what-the-future-brings`,
    `fe-${TRACE}-${SPAN}-01-`,
  ])
    assert.equal(parseTraceparent(value)?.traceId, TRACE, value)
})

test('everything else is refused', () => {
  for (const value of [
    '',
    ' ',
    TRACE,
    `00-${TRACE}-${SPAN}`,
    `00-${TRACE}-${SPAN}-`,
    `00-${TRACE}-${SPAN}-1`,
    `00-${TRACE}-${SPAN}-01-`,
    `00-${TRACE}-${SPAN}-01-more`,
    `00-${TRACE}-${SPAN}-01 `,
    ` 00-${TRACE}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}-01\n`,
    `00-${TRACE}-${SPAN}-0g`,
    `0-${TRACE}-${SPAN}-01`,
    `ff-${TRACE}-${SPAN}-01`,
    `0x-${TRACE}-${SPAN}-01`,
    `FE-${TRACE}-${SPAN}-01`,
    `00-${TRACE.toUpperCase()}-${SPAN}-01`,
    `00-${TRACE}-${SPAN.toUpperCase()}-01`,
    `00-${TRACE}-${SPAN}-0A`,
    `00-${'0'.repeat(32)}-${SPAN}-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
    `00-${TRACE.slice(1)}-${SPAN}-01`,
    `00-${TRACE}0-${SPAN}-01`,
    `00_${TRACE}_${SPAN}_01`,
    `01-${TRACE}-${SPAN}-01x`,
    `00-${TRACE}-${SPAN}-01,00-${TRACE}-${SPAN}-01`,
  ]) {
    assert.equal(isTraceparent(value), false, JSON.stringify(value))
    assert.equal(parseTraceparent(value), undefined)
  }
})

test('one byte changed to what is no lower-case digit, in whatever place, is refused', () => {
  const value = `00-${TRACE}-${SPAN}-01`
  fc.assert(
    fc.property(fc.nat(value.length - 1), fc.integer({ min: 0, max: 255 }), (at, code) => {
      const char = String.fromCharCode(code)
      fc.pre(value[at] === '-' ? char !== '-' : !/[0-9a-f]/.test(char))
      assert.equal(isTraceparent(value.slice(0, at) + char + value.slice(at + 1)), false)
    }),
  )
})

test('what is made here is valid, says whether it is sampled, and never comes twice', () => {
  const seen = new Set<string>()
  const starts = new Array<number>(16).fill(0)
  for (let i = 0; i < 20_000; i++) {
    const made = newTraceparent(i % 2 === 0)
    const parent = parseTraceparent(made)
    assert.ok(parent !== undefined && made.length === 55, made)
    assert.equal(parent.sampled, i % 2 === 0)
    seen.add(parent.traceId)
    const half = parent.traceId.slice(16)
    const first = parseInt(half.charAt(0), 16)
    starts[first] = (starts[first] ?? 0) + 1
  }
  assert.equal(seen.size, 20_000)
  // Others sample by the lower half of the id.
  for (const n of starts) assert.ok(n > 1000 && n < 1500, starts.join(' '))
})

test('ids of spans and traces are of their length, in digits, and all different', () => {
  const spans = new Set(Array.from({ length: 10_000 }, newSpanId))
  assert.equal(spans.size, 10_000)
  for (const id of spans) assert.match(id, /^[0-9a-f]{16}$/)
  assert.match(newTraceId(), /^[0-9a-f]{32}$/)
  assert.notEqual(newTraceId(), newTraceId())
})
