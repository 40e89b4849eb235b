// Reading the text itself: strict JSON, YAML with its traps, variables.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { readDocument, type Format } from '../../../shared/config/document.js'
import { findJsonFault } from '../../../shared/config/json.js'
import { lines, load, problemsOf } from './fixtures.js'

const read = (text: string, format: Format = 'yaml', env = {}) => readDocument(text, `f.${format}`, format, env)
const problems = (text: string, format: Format = 'yaml', env = {}) => lines(read(text, format, env).problems)

test('JSON is read as JSON.parse reads it', () => {
  const plain = fc
    .jsonValue({ maxDepth: 4 })
    .filter((value) => !JSON.stringify(value).includes('__proto__') && !JSON.stringify(value).includes('${'))
  fc.assert(
    fc.property(plain, fc.constantFrom(undefined, 1, '\t'), (value, indent) => {
      const text = JSON.stringify({ value }, null, indent)
      const document = read(text, 'json')
      assert.deepEqual(document.problems, [])
      assert.deepEqual(document.data, JSON.parse(text))
    }),
  )
})

test('the strict reader and JSON.parse agree on what is JSON', () => {
  const piece = fc.constantFrom(
    ...'{}[]:,"1-.e+ \n\\'.split(''),
    'true',
    'null',
    '"a"',
    '"\\u0041"',
    '01',
    '//',
    "'a'",
    '"\t"',
    '{"a":1}',
  )
  const valid = (text: string) => {
    try {
      JSON.parse(text)
      return true
    } catch {
      return false
    }
  }
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
      const text = pieces.join('')
      assert.equal(findJsonFault(text) === undefined, valid(text), text)
    }),
    { numRuns: 3000 },
  )
})

test('what only YAML allows is a fault in JSON, at its place', () => {
  assert.deepEqual(problems('{\n  "a": 1, // one\n}', 'json'), [
    '2:11  JSON has no comments  (remove it, or use a .yaml file)',
  ])
  assert.deepEqual(problems('{\n  "a": [1, 2,]\n}', 'json'), ['2:14  unexpected "]"  (drop the comma before it)'])
  assert.deepEqual(problems("{ 'a': 1 }", 'json'), ['1:3  JSON strings stand in double quotes'])
  assert.deepEqual(problems('{ a: 1 }', 'json'), ['1:3  a key in double quotes is expected here'])
  assert.deepEqual(problems('{"a": yes}', 'json'), [
    '1:7  a JSON value is expected here  (text stands in double quotes)',
  ])
  assert.deepEqual(problems('{"a": 1 "b": 2}', 'json'), ['1:9  unexpected "\\""  (is a comma missing before it?)'])
  assert.deepEqual(problems('{"a": &x 1, "b": *x}', 'json'), [
    '1:7  a JSON value is expected here  (text stands in double quotes)',
  ])
  assert.deepEqual(problems('{"a": 1', 'json'), ['1:8  the file ends too early'])
})

test('a line may end in LF, CRLF or CR alike', () => {
  const written = '{\n  "version": 1,\n  "a": [ 1,\n\n "b" ] }\n'
  for (const [format, text] of [['json', written] as const, ['yaml', 'version: 1\na:\n  - 1\n\n  - b\n'] as const]) {
    const expected = read(text, format)
    for (const end of ['\r\n', '\r']) {
      const document = read(text.replaceAll('\n', end), format)
      assert.deepEqual(document.problems, [])
      assert.deepEqual(document.data, { version: 1, a: [1, 'b'] })
      assert.deepEqual(document.place(['a', 1], 'value'), expected.place(['a', 1], 'value'))
    }
  }
  assert.deepEqual(problems('{\r\r"a": tru}', 'json'), [
    '3:6  a JSON value is expected here  (text stands in double quotes)',
  ])
})

test('a tag that asks for an object gives the text as it is written', () => {
  assert.deepEqual(read('a: !!binary aGk=\nb: !!timestamp 2001-01-01\nc: !!merge x\nd: !!set { e }').data, {
    a: 'aGk=',
    b: '2001-01-01',
    c: 'x',
    d: { e: null },
  })
})

test('a tag that nobody knows is told, and what it stands before is read all the same', () => {
  assert.deepEqual(problems('a: !x { b: 1 }\nc: !include d.yml'), [
    '1:4  Unresolved tag: !x',
    '2:4  Unresolved tag: !include  (put what is in that file in its place)',
  ])
  assert.deepEqual(read('a: !x { b: 1 }').data, { a: { b: 1 } })
})

test('broken YAML is told at its place', () => {
  assert.match(problems('a:\n\tb: 1')[0] ?? '', /^2:1 {2}Tabs/)
  assert.match(problems('a: [1\nb: 2')[0] ?? '', /^2:1 /)
  assert.match(problems('a: 1\n---\nb: 2')[0] ?? '', /^2:1 {2}the file holds more than one YAML document/)
  assert.match(problems('a: !secret b')[0] ?? '', /^1:4 {2}Unresolved tag/)
  assert.match(problems('a: *b')[0] ?? '', /^1:4 {2}no anchor &b/)
  assert.match(problems('a: &a { b: *a }')[0] ?? '', /^1:12 {2}the alias \*a holds itself/)
  assert.match(problems('<<: 5')[0] ?? '', /^1:5 {2}"<<" merges maps only/)
  assert.match(problems('? [a]\n: b')[0] ?? '', /a key must be text/)
  assert.match(problems('__proto__: { a: 1 }')[0] ?? '', /cannot be a key/)
})

test('aliases of aliases cannot fill the memory', () => {
  const levels = Array.from({ length: 9 }, (_, i) => `l${i + 1}: &l${i + 1} [${Array(9).fill(`*l${i}`).join(', ')}]`)
  const began = performance.now()
  assert.match(problems(['l0: &l0 [x]', ...levels].join('\n'))[0] ?? '', /too large once its aliases are expanded/)
  assert.ok(performance.now() - began < 20_000)
})

test('nesting without end is refused', () => {
  assert.match(problems('['.repeat(100) + ']'.repeat(100))[0] ?? '', /nested too deeply/)
  assert.match(problems('['.repeat(50_000) + ']'.repeat(50_000), 'json')[0] ?? '', /nested too deeply/)
})

test('numbers and words as keys stay as they are spelled', () => {
  assert.deepEqual(read('8080: 1\n0x10: 2\nnull: 3\nyes: 4\n1.50: 5').data, {
    8080: 1,
    '0x10': 2,
    null: 3,
    yes: 4,
    '1.50': 5,
  })
})

test('a merge gives what its own map leaves open, the earlier map first', () => {
  const text = 'x: &x { a: 1, b: 1 }\ny: &y { b: 2, c: 2 }\nz: { c: 3, <<: [*x, *y] }'
  const document = read(text)
  assert.deepEqual((document.data as { z: unknown }).z, { c: 3, a: 1, b: 1 })
  assert.deepEqual(document.place(['z', 'b'], 'value'), { line: 1, col: 18 })
})

test('each key and each value has its place, and what is missing has its parent’s', () => {
  const document = read('a:\n  - b: 1\n    c:  2\n')
  assert.deepEqual(document.place(['a', 0, 'c'], 'key'), { line: 3, col: 5 })
  assert.deepEqual(document.place(['a', 0, 'c'], 'value'), { line: 3, col: 9 })
  assert.deepEqual(document.place(['a', 0, 'd'], 'key'), { line: 2, col: 5 })
  assert.deepEqual(document.place(['z'], 'key'), { line: 1, col: 1 })
})

test('variables are expanded in values, with defaults, and not in keys', () => {
  const text = '${K}: "${A}-${B:-b}-${E:-e}-${E}-$${A}-$A-${C:-}"'
  assert.deepEqual(read(text, 'yaml', { A: 'a', E: '', K: 'k' }).data, { '${K}': 'a-b-e--${A}-$A-' })
})

test('an unset or misspelled variable is told once, without faults that follow from it', () => {
  const text = 'a: { servers: ["${HOST}:1"], polling: { method: ping, frequency: "${F" }, apis: [/a] }'
  assert.deepEqual(lines(problemsOf(text)), [
    '1:16  a.servers[0]  the variable HOST is not set  (set it, or give a default: ${HOST:-…})',
    '1:66  a.polling.frequency  a variable is written ${NAME} or ${NAME:-default}  (write $${ for a literal ${)',
  ])
})

test('a variable becomes a number or a boolean where one is asked for, and stays text where text is', () => {
  const text = `a: { servers: [h], polling: { method: ping, frequency: '\${F}', retries: '\${R:-2}' }, apis: [/a], tls: { verify: '\${V}' } }
meta-info: { token: '\${T}', workers: '\${W}', request_processor_port: '\${P}' }`
  const config = load(text, { F: '5', V: 'false', T: '1234567890', W: '3', P: '9000' })
  const [polling] = config.services[0]?.servers.map((server) => server.polling) ?? []
  assert.deepEqual(polling?.frequency, { kind: 'every', ms: 5000 })
  assert.equal(polling?.retries, 2)
  assert.equal(config.services[0]?.tls.verify, false)
  assert.equal(config.discovery.token, '1234567890')
  assert.deepEqual([config.processor.workers, config.processor.port], [3, 9000])
  assert.match(
    lines(problemsOf(text, { F: '5', V: 'false', T: '1234567890', W: 'x', P: '9000' })).join(),
    /must be "auto" or/,
  )
})
