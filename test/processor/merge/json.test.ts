// JSON is read and written again without loss, in one order, and safe to stand within a page.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Budget, Unreadable } from '../../../processor/handlers/merge/budget.js'
import { readJson } from '../../../processor/handlers/merge/encoding/json.js'
import { writeJson } from '../../../processor/handlers/merge/render/json.js'
import { Exact, toValue, type Value } from '../../../processor/handlers/merge/value.js'

const again = (text: string) => writeJson(readJson(text))

test('names come in the order of their bytes, at every depth', () => {
  assert.equal(again('{"b":1,"a":{"d":[{"z":0,"y":1}],"c":null}}'), '{"a":{"c":null,"d":[{"y":1,"z":0}]},"b":1}')
  assert.equal(again('{"a":1,"A":2,"_":3,"10":4,"9":5}'), '{"10":4,"9":5,"A":2,"_":3,"a":1}')
  // In UTF-8 what lies beyond the basic plane comes behind all within it; in units of UTF-16 it does not.
  assert.equal(again('{"\\ud83d\\ude00":1,"\\uffff":2,"\\ue000":3,"é":4}'), '{"é":4,"\ue000":3,"\uffff":2,"😀":1}')
})

test('a number keeps the digits that a double would lose', () => {
  for (const number of [
    '12345678901234567890',
    '1.0',
    '-0',
    '1e5',
    '1E+05',
    '0.10',
    '1e400',
    '9007199254740993',
    '123',
  ])
    assert.equal(again(`[${number}]`), `[${number}]`)
  assert.equal(readJson('999999999999999'), 999999999999999)
  assert.ok(readJson('1.10') instanceof Exact)
})

test('what would be markup in a page, or a line of a script, is written as an escape', () => {
  assert.equal(writeJson('<b>&\u2028\u2029'), '"\\u003cb\\u003e\\u0026\\u2028\\u2029"')
  assert.equal(writeJson('"\\\n\r\t\u0001\b/\u007f'), '"\\"\\\\\\n\\r\\t\\u0001\\b/\u007f"')
})

test('half a pair of surrogates leaves as the character for what cannot be written', () => {
  assert.equal(Buffer.from(again('"\\ud800x"')).toString('utf8'), '"\ufffdx"')
})

test('a field called __proto__ is a field like any other', () => {
  assert.equal(again('{"__proto__":{"admin":true},"constructor":1}'), '{"__proto__":{"admin":true},"constructor":1}')
  assert.equal(({} as Record<string, unknown>)['admin'], undefined)
})

test('of two fields with one name the later counts', () => {
  assert.equal(again('{"a":1,"a":2}'), '{"a":2}')
})

test('what is no JSON is told by its place, and not by what it holds', () => {
  for (const text of [
    '',
    ' ',
    '{',
    '[1,]',
    '{"a":1,}',
    '{a:1}',
    '01',
    '+1',
    '1.',
    '.5',
    '1e',
    '-',
    'nul',
    '"\u0001"',
    '"\\x"',
  ])
    assert.throws(() => readJson(text), Unreadable, text)
  for (const text of ['{"a":1} x', '[1]2', '"a', '"a\\', '{"a" 1}', '{"a":}', '[1 2]', 'truex', '\u00a01', '"\\ud8"'])
    assert.throws(() => readJson(text), Unreadable, text)
  assert.throws(() => readJson('{"password":"hunter2"'), /^(?!.*hunter2)/)
})

test('an answer may be nested 256 levels deep and no deeper', () => {
  const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)
  assert.equal(again(nested(256)), nested(256))
  assert.throws(() => readJson(nested(257)), /deeper than 256/)
  assert.throws(() => readJson('{"a":'.repeat(100_000)), /deeper than 256/)
})

test('small lists without number are too much at some point, whatever their bytes are', () => {
  const budget = new Budget(1000)
  assert.throws(() => readJson(`[${'[],'.repeat(200)}0]`, budget), /more values/)
  assert.doesNotThrow(() => readJson(`[${'0,'.repeat(900)}0]`, new Budget(1000)))
})

test('whatever JSON comes, it leaves as the same data', () => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      const written = again(text)
      assert.deepEqual(JSON.parse(written), JSON.parse(text))
      assert.equal(again(written), written)
    }),
  )
})

test('the names of whatever is written are in order', () => {
  const inOrder = (value: unknown): boolean => {
    if (typeof value !== 'object' || value === null) return true
    const names = Array.isArray(value) ? [] : Object.keys(value).filter((name) => !/^(0|[1-9]\d*)$/.test(name))
    const sorted = [...names].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    return names.every((name, i) => name === sorted[i]) && Object.values(value).every(inOrder)
  }
  fc.assert(fc.property(fc.jsonValue(), (value) => inOrder(JSON.parse(writeJson(toValue(value))))))
})

test('no text makes the reader throw anything but that it cannot be read', () => {
  const broken = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.tuple(fc.json(), fc.nat(), fc.string({ maxLength: 2 })).map(([text, at, put]) => {
      const cut = at % (text.length + 1)
      return text.slice(0, cut) + put + text.slice(cut + 1)
    }),
  )
  const readable = (text: string): Value | undefined => {
    try {
      return readJson(text)
    } catch (error) {
      assert.ok(error instanceof Unreadable)
      return undefined
    }
  }
  fc.assert(
    fc.property(broken, (text) => {
      let plain: unknown
      try {
        plain = JSON.parse(text)
      } catch {
        return assert.equal(readable(text), undefined)
      }
      const value = readable(text)
      assert.notEqual(value, undefined)
      assert.deepEqual(JSON.parse(writeJson(value as Value)), plain)
    }),
    { numRuns: 500 },
  )
})
