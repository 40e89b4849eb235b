// What is taken out of a request before an instance gets it is out, however it was spelled, and nothing else is.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { FieldLines } from '../../../processor/field-lines.js'
import { createRemoval, fieldText } from '../../../processor/pipes/auth/claimed-fields.js'
import { withoutParameters } from '../../../processor/pipes/auth/credentials.js'

const entries = (target: string) => [...new URLSearchParams(target.slice(target.indexOf('?')))]

test('a parameter that is taken out of a target is gone as any reader of queries sees it, and the others are as they were', () => {
  const piece = fc.constantFrom(
    'a',
    'b',
    'key',
    'k%65y',
    '%6bey',
    'KEY',
    'k+y',
    '=',
    '&',
    '%',
    '%e9',
    '?',
    '+',
    '%26',
    '%3D',
    ';',
  )
  const query = fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(''))
  fc.assert(
    fc.property(query, (text) => {
      const target = `/x?${text}`
      const left = withoutParameters(target, (name) => name === 'key')
      const expected = entries(target).filter(([name]) => name !== 'key')
      assert.deepEqual(left.includes('?') ? entries(left) : [], expected)
    }),
    { numRuns: 2000 },
  )
})

test('lines of a claimed field are out in every case and with each kind of dash, and no other line is', () => {
  const remove = createRemoval(['X-User-Id', 'x.y'])
  const name = fc.constantFrom(
    'X-User-Id',
    'x_user_id',
    'X_USER-ID',
    'X-User',
    'X-User-Id2',
    'AX-User-Id',
    'x.y',
    'xzy',
    'Accept',
  )
  const value = fc.constantFrom('', '1', 'X-User-Id: 7', ' : ', 'x.y:')
  fc.assert(
    fc.property(fc.array(fc.tuple(name, value), { maxLength: 8 }), (lines) => {
      const fields = new FieldLines(lines.map(([field, text]) => `${field}: ${text}\r\n`).join(''))
      remove(fields)
      const kept = lines.filter(([field]) => !['x-user-id', 'x.y'].includes(field.toLowerCase().replaceAll('_', '-')))
      assert.equal(fields.text, kept.map(([field, text]) => `${field}: ${text}\r\n`).join(''))
    }),
  )
})

test('texts that differ are different bytes in a field, and none of them can end it', () => {
  const char = fc.constantFrom('a', ' ', 'ü', 'Ã', '¼', 'ł', '\u0085', '\r', '\n', '\0', '\t', '€')
  const text = fc.array(char, { maxLength: 4 }).map((chars) => chars.join(''))
  fc.assert(
    fc.property(text, text, (a, b) => {
      const [one, two] = [fieldText(a), fieldText(b)]
      assert.equal(one === undefined, /[\r\n\0]|^[\t ]|[\t ]$/.test(a))
      if (one !== undefined && two !== undefined) assert.equal(one === two, a === b)
      assert.ok(one === undefined || !/[^\t\x20-\x7e\x80-\xff]/.test(one))
    }),
  )
  assert.equal(fieldText('x'.repeat(4097)), undefined)
})
