// A cookie among others, as clients and other gateways put them together.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { findCookie } from '../../../processor/balancing/cookies.js'

function values(header: string, name = 'id'): string[] {
  const all: string[] = []
  findCookie(header, name, (value) => void all.push(value))
  return all
}

test('a cookie is found wherever it stands, and each of several', () => {
  assert.deepEqual(values('id=1'), ['1'])
  assert.deepEqual(values('a=b; id=1; c=d'), ['1'])
  assert.deepEqual(values('a=b;id=1'), ['1'])
  assert.deepEqual(values('id=1; id=2, id=3'), ['1', '2', '3'])
  assert.deepEqual(values('\t id=1 \t; a=b'), ['1'])
  assert.deepEqual(values('a; =; ;; id=1;'), ['1'])
  assert.deepEqual(values('id=a=b=='), ['a=b=='])
  assert.deepEqual(values('id='), [''])
})

test('what only resembles it is not it', () => {
  for (const header of ['', 'id', 'ID=1', 'xid=1', 'id2=1', 'id =1', 'a=id=1', 'a="id=1"', ' ; ,', '=id'])
    assert.deepEqual(values(header), [], header)
})

test('the first value that is taken ends the search', () => {
  const seen: string[] = []
  const found = findCookie('id=1; id=2; id=3', 'id', (value) => {
    seen.push(value)
    return value === '2' ? 'two' : undefined
  })
  assert.equal(found, 'two')
  assert.deepEqual(seen, ['1', '2'])
})

test('a name with characters of patterns is only a name', () => {
  assert.deepEqual(values('aXb=1; a.b=2; a$b=3', 'a.b'), ['2'])
})
