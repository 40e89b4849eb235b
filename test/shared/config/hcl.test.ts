// HCL as plain data, with the place of each key, and a fault for whatever is none.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { readDocument } from '../../../shared/config/document.js'
import { formatProblem } from '../../../shared/config/problem.js'

const read = (text: string, env = {}) => readDocument(text, 'f.hcl', 'hcl', env)

function data(text: string): unknown {
  const document = read(text)
  assert.deepEqual(document.problems, [])
  return document.data
}

function faults(text: string): string[] {
  const document = read(text)
  assert.ok(document.problems.length > 0, text)
  return document.problems.map((problem) => formatProblem(problem).replace('f.hcl:', ''))
}

test('blocks are lists of bodies, and labels are keys above them', () => {
  assert.deepEqual(data('server { port = 80 }\nserver { port = 81 }'), { server: [{ port: 80 }, { port: 81 }] })
  assert.deepEqual(data('http "a" { h = "x" }\nhttp "b" { h = "y" }\nhttp "a" {}'), {
    http: { a: [{ h: 'x' }, {}], b: [{ h: 'y' }] },
  })
  assert.deepEqual(data('a "b" c { d { e = 1 } }'), { a: { b: { c: [{ d: [{ e: 1 }] }] } } })
  assert.deepEqual(data(''), {})
})

test('attributes hold texts, numbers, booleans, null, lists and maps', () => {
  const text = `
    text = "x\\n\\"\\\\\\u00e9\\U0001F600"  // to the end of the line
    n = -1.5e2   # so does this
    hex = 0xFF
    /* over
       lines */ yes = true
    no = false
    nothing = null
    "quoted key" = "v"
    list = [1, "b", [true], { c = 2 },]
    map = { a = 1, b: "two" }
    graceful-shutdown = "10s"
  `
  assert.deepEqual(data(text), {
    text: 'x\n"\\é😀',
    n: -150,
    hex: 255,
    yes: true,
    no: false,
    nothing: null,
    'quoted key': 'v',
    list: [1, 'b', [true], { c: 2 }],
    map: { a: 1, b: 'two' },
    'graceful-shutdown': '10s',
  })
})

test('a heredoc is its lines; with a dash, without what they are all indented by', () => {
  assert.deepEqual(data('a = <<EOT\n  one\n two\nEOT\nb = 1'), { a: '  one\n two\n', b: 1 })
  assert.deepEqual(data('a = <<-EOT\r\n    one\n      two\n\n  EOT\n'), { a: 'one\n  two\n\n' })
  assert.deepEqual(data('a = <<EOT\nEOT\n'), { a: '' })
})

test('each key and value has its place', () => {
  const document = read('http "a.org" {\n  handler = "x.Y"\n}\nlist = [\n  1,\n  2\n]')
  assert.deepEqual(document.place(['http', 'a.org', 0, 'handler'], 'key'), { line: 2, col: 3 })
  assert.deepEqual(document.place(['http', 'a.org', 0, 'handler'], 'value'), { line: 2, col: 13 })
  assert.deepEqual(document.place(['http', 'a.org', 0], 'key'), { line: 1, col: 1 })
  assert.deepEqual(document.place(['list', 1], 'value'), { line: 6, col: 3 })
})

test('variables of the environment are expanded', () => {
  const document = read('a = "http://${HOST}:80"\nb = ["${NONE:-x}"]', { HOST: 'h' })
  assert.deepEqual(document.data, { a: 'http://h:80', b: ['x'] })
  assert.equal(document.template(['a']), 'http://${HOST}:80')
  assert.match(faults('a {\n b = "${GONE}"\n}')[0] ?? '', /^2:6 {2}a\[0\]\.b {2}the variable GONE is not set/)
})

test('what is no HCL is told by its place', () => {
  const cases: [string, RegExp][] = [
    ['a {', /^1:4 {2}the file ends before a block is closed/],
    ['a = ', /a value is expected here, not the end of the file/],
    ['a = }', /a value is expected here, not "}"/],
    ['a = "x\ny"', /^1:5 {2}the text is not closed on its line/],
    ['a = "\\q"', /^1:6 {2}there is no such escape/],
    ['a = "\\UFFFFFFFF"', /there is no such escape/],
    ['a = var.b', /"var\.b" is an expression; only plain values are read/],
    ['a = 1\na = 2', /^2:1 {2}a {2}duplicate key "a"/],
    ['a {}\na = 2', /^2:1 {2}a {2}duplicate key "a"/],
    ['a = {}\na {}', /^2:1 {2}"a" is there already, and is no such block/],
    ['a "b" {}\na {}', /^2:1 {2}"a" is there already, and is no such block/],
    ['a "b" = 1', /an attribute has no label/],
    ['a = [1 2]', /^1:8 {2}"," or "\]" is expected here/],
    ['a = [1', /"," or "\]" is expected here/],
    ['= 1', /the name of a block or of an attribute is expected here, not "="/],
    ['a } b', /"=" or "\{" is expected after "a", not "}"/],
    ['a = 1 }', /the name of a block or of an attribute is expected here, not "}"/],
    ['a = 1e999', /unexpected "1"/],
    ['a = 5x', /unexpected "5"/],
    ['/* x', /the comment is not closed/],
    ['a = <<EOT\nx', /the text is not closed with EOT on a line of its own/],
    ['__proto__ = 1', /"__proto__" cannot be a key/],
    ['__proto__ "a" {}', /"__proto__" cannot be a name/],
    ['a{'.repeat(70), /nested too deeply/],
    [`a = ${'['.repeat(70)}`, /nested too deeply/],
  ]
  for (const [text, told] of cases) assert.match(faults(text)[0] ?? '', told, text)
})

test('no bytes make it throw', () => {
  const piece = fc.constantFrom(
    'a',
    '"b"',
    '{',
    '}',
    '=',
    '[',
    ']',
    ',',
    '1',
    '\n',
    '<<-E\n',
    'E',
    '//',
    '/*',
    '"',
    '\\',
    '${A}',
    '-',
  )
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string({ unit: 'binary', maxLength: 200 }),
        fc.array(piece, { maxLength: 60 }).map((all) => all.join(' ')),
      ),
      (text) => {
        const document = read(text)
        assert.ok(document.data === undefined ? document.problems.length > 0 : typeof document.data === 'object')
        for (const { line, col } of document.problems) assert.ok(line >= 1 && col >= 1)
      },
    ),
    { numRuns: 2000 },
  )
})

test('plain data that is written as HCL is read as it was', () => {
  const scalar = fc.oneof(fc.integer(), fc.boolean(), fc.string({ maxLength: 20 }))
  const value = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: 'small' },
      scalar,
      fc.array(tie('value'), { maxLength: 3 }),
      fc.dictionary(fc.string({ maxLength: 5 }), tie('value'), { maxKeys: 3, noNullPrototype: true }),
    ),
  })).value
  const write = (one: unknown): string =>
    Array.isArray(one)
      ? `[${one.map(write).join(', ')}]`
      : typeof one === 'object' && one !== null
        ? `{ ${Object.entries(one)
            .map(([key, inner]) => `${write(key)} = ${write(inner)}`)
            .join('\n')} }`
        : typeof one === 'string'
          ? JSON.stringify(one)
          : JSON.stringify(one)
  fc.assert(
    fc.property(value, (given) => {
      fc.pre(!JSON.stringify(given).includes('__proto__') && !JSON.stringify(given).includes('${'))
      assert.deepEqual(data(`x = ${write(given)}`), { x: given })
    }),
    { numRuns: 500 },
  )
})
