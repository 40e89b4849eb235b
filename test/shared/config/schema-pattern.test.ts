// Patterns of JSON Schemas: they find what JavaScript finds, in a time that no text of a client makes long.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createSchemaPattern, isSlowPattern, TextTooLong } from '../../../shared/config/pipes/schema-pattern.js'

const PIECES = [
  'a',
  '(a|b)',
  '[^a]',
  '.',
  '\\s',
  '\\S',
  '\\w',
  '\\W',
  '\\d+',
  '[\\s\\-x]',
  'é',
  '(?:a+)*',
  '^',
  '$',
  '|',
  '{2}',
]
const TEXTS = ['a', 'b', '1', '-', ' ', '\n', '\r', '\u00a0', '\u2028', '\u3000', '\ufeff', 'é', '世', '😀', '\ud83d']

const patternOf = (pieces: readonly string[]) => pieces.join('')

test('a pattern that could be slow finds what JavaScript finds, in texts of any language', () => {
  // In front of others it makes each of them one that could be slow.
  const pattern = fc.array(fc.constantFrom(...PIECES), { maxLength: 5 }).map(patternOf)
  const text = fc.string({ unit: fc.constantFrom(...TEXTS), maxLength: 8 })
  fc.assert(
    fc.property(pattern, text, (rest, value) => {
      const source = `(?:b*c?)*${rest}`
      let expression: RegExp
      try {
        expression = new RegExp(source, 'u')
      } catch {
        return
      }
      assert.equal(createSchemaPattern(source, 'u').test(value), expression.test(value), `${source} in ${value}`)
    }),
    { numRuns: 2000 },
  )
})

test('no text keeps a pattern busy, whatever it repeats', () => {
  const text = 'a'.repeat(100_000)
  for (const source of ['^(a+)+$', '^(a|a)*$', 'a+a+a+b', '(\\w+\\s?)+$', '\\w+@\\w+', '^(([a-z])+.)+[A-Z]([a-z])+$'])
    assert.equal(createSchemaPattern(source, 'u').test(`${text}!`), false, source)
  assert.equal(createSchemaPattern('^(a+)+$', 'u').test(text), true)
  const costly = createSchemaPattern('^(?:a{400}|b)+$', 'u')
  assert.throws(() => costly.test(text), TextTooLong)
})

test('what cannot be matched in linear time is left to JavaScript, and told of where it repeats what repeats', () => {
  for (const source of ['(?=a)(b+)+', '(\\p{L}+)+$', '([^]+)+', '(世+)+', '(\\ba+)+']) {
    assert.ok(createSchemaPattern(source, 'u') instanceof RegExp, source)
  }
  assert.equal(isSlowPattern('(\\p{L}+)+$'), true)
  assert.equal(isSlowPattern('(a+)+$'), false)
  assert.equal(isSlowPattern('^[A-Z]{2}(?=\\d)'), false)
  assert.throws(() => createSchemaPattern('(', 'u'), SyntaxError)
})
