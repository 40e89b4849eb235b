// Pipes that divide clients by one cookie: which of them are told of, and what to do about it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseConfig } from '../../../shared/config/parse.js'
import { formatProblem } from '../../../shared/config/problem.js'

interface Given {
  /** Of the services `a` and `b`. */
  readonly a?: readonly string[]
  readonly b?: readonly string[]
  readonly processor?: string
  readonly routes?: readonly string[]
}

/** The warnings about a config whose pipes of `a` stand from line 4 on, and whose routes follow. */
function warned({ a = [], b = [], processor = '{}', routes = [] }: Given): string[] {
  const service = (path: string, pipes: readonly string[]) =>
    `{ servers: [h:1], polling: { method: tcp }, apis: [${path}], pipes: [\n      ${pipes.join(',\n      ')}\n    ] }`
  const text = `version: 1
services:
  a: ${service('/a', a)}
  b: ${service('/b', b)}
  x: ${service('/x', [])}
  y: ${service('/y', [])}
processor: ${processor}
routes: [
  ${routes.join(',\n  ')}
  ]`
  const parsed = parseConfig(text, 's.yaml', {}, { cwd: '/c', cores: 1, read: 'nothing' })
  assert.ok(parsed.ok, parsed.ok ? '' : parsed.problems.map(formatProblem).join('\n'))
  return parsed.warnings.map(formatProblem)
}

const canary = (service: string, more = '') => `{ use: canary, service: ${service}, share: 10%${more} }`
const ab = (variants: string, more = '') => `{ use: ab, variants: [${variants}]${more} }`
const route = (host: string, path: string, pipe: string) =>
  `{ match: { path: ${path}${host === '' ? '' : `, host: ${host}`} }, service: a, pipes: [${pipe}] }`

test('two canaries that go by the cookie that neither names are told of, with what to do', () => {
  assert.deepEqual(warned({ a: [canary('x')], b: [canary('y')] }), [
    's.yaml:7:7  services.b.pipes[0]  clients get their part by the same cookie "serverpy_canary" as from the pipe on line 4  ' +
      '(give each a "cookie" of its own, or name the same one in both where the same clients are meant)',
  ])
  assert.equal(warned({ a: [canary('x')], b: [canary('y', ', cookie: serverpy_canary')] }).length, 1)
  assert.equal(warned({ a: [canary('x')], processor: `{ pipes: [${canary('y')}] }` }).length, 1)
  assert.equal(warned({ routes: [route('', '/1', canary('x')), route('', '/2', canary('y'))] }).length, 1)
  // Each is told of once.
  assert.equal(warned({ a: [canary('x'), canary('y')], b: [canary('b')] }).length, 2)
})

test('those with cookies of their own, with none, or with one end are as they should be', () => {
  for (const given of [
    { a: [canary('x')], b: [canary('y', ', cookie: other')] },
    { a: [canary('x', ', sticky: ip')], b: [canary('y')] },
    { a: [canary('x', ', cookie: one')], b: [canary('y', ', cookie: one')] },
    { a: [canary('x')], b: [canary('x')] },
    { a: [ab('{ variant: p }, { variant: q }')], b: [ab('{ variant: p }, { variant: q }')] },
    { a: [ab('{ variant: p }, { variant: q }')], b: [canary('y')] },
  ])
    assert.deepEqual(warned(given), [], JSON.stringify(given))
})

test('one after the other they need two cookies, unless a condition keeps them apart', () => {
  const [one, two] = [canary('x', ', cookie: c'), canary('y', ', cookie: c')]
  const told = warned({ a: [one, two] })
  assert.equal(told.length, 1)
  assert.match(told[0] ?? '', /\(give each a "cookie" of its own\)$/)
  assert.equal(warned({ a: [one], processor: `{ pipes: [${two}] }` }).length, 1)
  assert.equal(warned({ a: [one], routes: [route('', '/1', two)] }).length, 1)
  const conditional = canary('y', `, cookie: c, when: "request.method == 'POST'"`)
  assert.deepEqual(warned({ a: [one, conditional] }), [])
})

test('experiments whose variants differ overwrite their cookie, whoever names it', () => {
  const [old, other] = [ab('{ variant: p }, { variant: q }', ', cookie: c'), ab('{ variant: r }, { variant: s }')]
  const both = { a: [old], b: [other.replace(' }]', ' }], cookie: c')] }
  assert.match(warned(both).join(), /same cookie "c".*they overwrite each other's/)
  assert.match(warned({ a: [old], b: [canary('y', ', cookie: c')] }).join(), /they overwrite each other's/)
  const alike = ab('{ variant: p, service: x }, { variant: q }')
  assert.match(
    warned({ a: [ab('{ variant: p }, { variant: q }')], b: [alike] }).join(),
    /"serverpy_ab".*or name the same/,
  )
})

test('what is for other hosts has other cookies', () => {
  const at = (one: string, other: string) =>
    warned({ routes: [route(one, '/1', canary('x')), route(other, '/2', canary('y'))] }).length
  assert.deepEqual([at('a.example', 'b.example'), at('a.example', 'A.example')], [0, 1])
  assert.deepEqual([at('a.example', '"*.example"'), at('"*.b.example"', '"*.example"'), at('a.example', '')], [1, 1, 1])
  assert.equal(at('"*.a.example"', '"*.b.example"'), 0)
  const hosts = (one: string, other: string) =>
    `{ hosts: { '${one}': { pipes: [${canary('x')}] }, '${other}': { pipes: [${canary('y')}] } } }`
  assert.deepEqual(warned({ processor: hosts('a.example', '*.example') }), [])
  assert.equal(
    warned({ processor: hosts('a.example', 'b.example'), routes: [route('b.example', '/1', canary('b'))] }).length,
    1,
  )
})
