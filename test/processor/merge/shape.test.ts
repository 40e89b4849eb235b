// What of an answer is taken and how it is called: targets, lists of what stays and goes, new names, groups, flatmaps.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { readJson } from '../../../processor/handlers/merge/encoding/json.js'
import { writeJson } from '../../../processor/handlers/merge/render/json.js'
import { flatmap } from '../../../processor/handlers/merge/shape/flatmap.js'
import { createShape } from '../../../processor/handlers/merge/shape/shape.js'
import { type Fields, toFields } from '../../../processor/handlers/merge/value.js'
import type { FlatmapStep } from '../../../shared/config/merge-model.js'

const fieldsOf = (text: string) => readJson(text) as Fields

interface Rules {
  target?: string
  allow?: string[]
  deny?: string[]
  mapping?: [string, string][]
  flatmap?: FlatmapStep[]
  group?: string
}

function shaped(text: string, { target, allow = [], deny = [], mapping = [], flatmap = [], group }: Rules): string {
  const dotted = (list: string[]) => list.map((names) => names.split('.'))
  const rules = { target: target?.split('.') ?? [], allow: dotted(allow), deny: dotted(deny), mapping, flatmap }
  return writeJson(createShape({ ...rules, ...(group !== undefined && { group }) })(fieldsOf(text)))
}

const step = (type: string, from: string, to?: string) =>
  ({ type, from: from.split('.'), to: to?.split('.') }) as unknown as FlatmapStep
const mapped = (text: string, ...steps: FlatmapStep[]) => writeJson(flatmap(fieldsOf(text), steps))

const PERSON = '{"id":1,"name":"Ann","address":{"city":"Rome","zip":{"code":7,"area":"a"}},"tags":[{"t":1}]}'

test('a target is taken in place of the whole, through as many names as it has', () => {
  assert.equal(shaped(PERSON, { target: 'address' }), '{"city":"Rome","zip":{"area":"a","code":7}}')
  assert.equal(shaped(PERSON, { target: 'address.zip' }), '{"area":"a","code":7}')
})

test('a target that is not there, or is no object, leaves nothing', () => {
  for (const target of ['nobody', 'address.nobody', 'name', 'tags', 'name.x'])
    assert.equal(shaped(PERSON, { target }), '{}')
})

test('what is allowed stays and the rest goes, within objects too', () => {
  assert.equal(shaped(PERSON, { allow: ['id', 'address.zip.code', 'nobody'] }), '{"address":{"zip":{"code":7}},"id":1}')
  assert.equal(shaped(PERSON, { allow: ['address'] }), '{"address":{"city":"Rome","zip":{"area":"a","code":7}}}')
  assert.equal(shaped(PERSON, { allow: ['name.first', 'address.nobody', 'tags.t'] }), '{}')
})

test('what is denied goes and the rest stays, within objects too', () => {
  const left = '{"address":{"city":"Rome","zip":{"area":"a"}},"id":1,"tags":[{"t":1}]}'
  assert.equal(shaped(PERSON, { deny: ['name', 'address.zip.code', 'nobody.x', 'id.y'] }), left)
})

test('beside what is allowed nothing is denied', () => {
  assert.equal(shaped(PERSON, { allow: ['id', 'name'], deny: ['id'] }), '{"id":1,"name":"Ann"}')
})

test('fields at the top get new names, and the new name stands above an old one', () => {
  assert.equal(shaped('{"a":1,"b":2}', { mapping: [['a', 'x']] }), '{"b":2,"x":1}')
  assert.equal(shaped('{"a":1,"b":2}', { mapping: [['a', 'b']] }), '{"b":1}')
  assert.equal(shaped('{"a":{"b":1}}', { mapping: [['a.b', 'x']] }), '{"a":{"b":1}}')
})

test('the steps come in one order: target, what stays, names, group', () => {
  const rules = { target: 'address', allow: ['city'], mapping: [['city', 'town']] as [string, string][], group: 'home' }
  assert.equal(shaped(PERSON, rules), '{"home":{"town":"Rome"}}')
  assert.equal(shaped('{}', { group: 'home' }), '{"home":{}}')
})

test('a flatmap stands in place of what stays, what goes and names, behind the target and before the group', () => {
  const rules = { target: 'data', allow: ['nothing'], flatmap: [step('del', 'a.*.x')], group: 'g' }
  assert.equal(shaped('{"data":{"a":[{"x":1,"y":2}]}}', rules), '{"g":{"a":[{"y":2}]}}')
})

test('a flatmap renames in every element of a list', () => {
  const text = '{"collection":[{"path":"/a","i":0},{"path":"/b","i":1}]}'
  const steps = [
    step('move', 'collection', 'paths'),
    step('del', 'paths.*.i'),
    step('move', 'paths.*.path', 'paths.*.url'),
  ]
  assert.equal(mapped(text, ...steps), '{"paths":[{"url":"/a"},{"url":"/b"}]}')
})

test('a flatmap moves up, where * means the same element as before', () => {
  assert.equal(
    mapped('{"a":[{"b":{"c":1}},{"b":{"c":2,"d":3}}]}', step('move', 'a.*.b.c', 'a.*.c')),
    '{"a":[{"b":null,"c":1},{"b":{"d":3},"c":2}]}',
  )
  assert.equal(mapped('{"a":{"b":{"c":1,"d":2}}}', step('move', 'a.b.c', 'c')), '{"a":{"b":{"d":2}},"c":1}')
})

test('a flatmap moves down and makes what is missing on the way', () => {
  assert.equal(mapped('{"a":1,"b":2}', step('move', 'a', 'x.y.z')), '{"b":2,"x":{"y":{"z":1}}}')
  assert.equal(
    mapped('{"l":[{"a":1},{"a":2,"in":{}}]}', step('move', 'l.*.a', 'l.*.in.v')),
    '{"l":[{"in":{"v":1}},{"in":{"v":2}}]}',
  )
})

test('a flatmap deletes by name, by index and by *', () => {
  assert.equal(
    mapped('{"a":[1,2,3],"b":{"c":1,"d":2}}', step('del', 'a.1'), step('del', 'b.c')),
    '{"a":[1,3],"b":{"d":2}}',
  )
  assert.equal(mapped('{"a":[{"x":[{"y":1,"z":2}]}]}', step('del', 'a.*.x.*.y')), '{"a":[{"x":[{"z":2}]}]}')
  assert.equal(mapped('{"a":{"b":1}}', step('del', '*')), '{}')
  assert.equal(mapped('{"a":1}', step('del', 'b.c')), '{"a":1}')
})

test('a flatmap appends one list to another, and leaves both alone where one is none', () => {
  assert.equal(mapped('{"a":[1,{"x":2}],"b":[3]}', step('append', 'a', 'b')), '{"b":[3,1,{"x":2}]}')
  assert.equal(mapped('{"a":[{"v":1},{"v":2}],"b":[]}', step('append', 'a.*.v', 'b')), '{"a":[null,null],"b":[1,2]}')
  assert.equal(mapped('{"a":1,"b":[3]}', step('append', 'a', 'b')), '{"a":1,"b":[3]}')
  assert.equal(mapped('{"a":[1]}', step('append', 'a', 'b')), '{"a":[1]}')
})

test('a long list is moved about in a time that grows with its length alone', () => {
  const list = `[${Array.from({ length: 100_000 }, (_, i) => `{"b":{"c":${i}}}`).join(',')}]`
  const data = flatmap(fieldsOf(`{"a":${list}}`), [step('move', 'a.*.b.c', 'a.*.c'), step('del', 'a.*.b')])
  assert.equal((data.get('a') as unknown[]).length, 100_000)
})

test('no shape and no data make a flatmap throw', () => {
  const label = fc.constantFrom('a', 'b', '*', '0', '__proto__', 'length')
  const path = fc.array(label, { minLength: 1, maxLength: 4 })
  const anyStep = fc.record({ type: fc.constantFrom('move', 'append', 'del'), from: path, to: path })
  const leaf = fc.constantFrom(null, 1, 'x', [], {})
  const branch = fc.letrec((tie) => ({
    node: fc.oneof({ depthSize: 'small' }, leaf, fc.array(tie('node')), fc.dictionary(label, tie('node'))),
  }))
  fc.assert(
    fc.property(fc.dictionary(label, branch.node), fc.array(anyStep, { maxLength: 5 }), (data, steps) => {
      const result = flatmap(toFields(data), steps as FlatmapStep[])
      assert.ok(result instanceof Map)
      JSON.parse(writeJson(result))
    }),
    { numRuns: 500 },
  )
})
