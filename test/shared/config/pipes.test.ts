// Pipes in the file: where they may stand, what every one may say, and that each fault has its place.
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test, type TestContext } from 'node:test'
import type { Config, PipeConfig } from '../../../shared/config/model.js'
import { parseConfig } from '../../../shared/config/parse.js'
import { formatProblem } from '../../../shared/config/problem.js'
import { BUILT_INS } from '../../../shared/config/pipes/index.js'
import type { RateLimitOptions } from '../../../shared/config/pipes/rate-limit.js'
import { pipeKeys } from '../../../shared/config/schema/pipe.js'
import { lines, load, problemsOf, warningsOf } from './fixtures.js'

const SERVICES = 'services: { a: { servers: [h], polling: { method: tcp }, apis: [/a] } }'
/** The pipe stands on line 3, from column 7 on. */
const pipe = (keys: string) => `version: 1\nprocessor: { pipes: [\n    { ${keys} }] }\n${SERVICES}\n`
const firstPipe = ({ processor }: Config): PipeConfig => {
  const [first] = processor.pipes
  assert.ok(first)
  return first
}

const MODULE = 'export default { create() { return {} } }\n'

/** A folder with a config in it, and with `files`. */
function folder(t: TestContext, files: Readonly<Record<string, string>>) {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'serverpy-pipes-')))
  t.after(() => rmSync(root, { recursive: true }))
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true })
    writeFileSync(join(root, name), text)
  }
  const parse = (text: string) => parseConfig(text, join(root, 's.yaml'), {})
  return {
    root,
    load(text: string): Config {
      const parsed = parse(text)
      assert.ok(parsed.ok, parsed.ok ? '' : parsed.problems.map(formatProblem).join('\n'))
      return parsed.config
    },
    faults(text: string): string[] {
      const parsed = parse(text)
      return parsed.ok ? [] : lines(parsed.problems)
    },
    warnings(text: string): string[] {
      const parsed = parse(text)
      return parsed.ok ? lines(parsed.warnings) : ['it has faults']
    },
  }
}

test('what a pipe leaves open has its default', () => {
  const { options: _, ...rest } = firstPipe(load(pipe('use: rate-limit, rate: 1')))
  assert.deepEqual(rest, {
    use: 'rate-limit',
    name: 'rate-limit',
    onThrow: 'fail',
    hookMs: 5000,
    isolate: 'none',
    at: { line: 3, col: 5 },
  })
})

test('the pipes of a service stand before those of its route, in both layouts', () => {
  const rates = (config: Config) =>
    config.routes.map(({ id, pipes }) => [id, pipes.map(({ options }) => (options as RateLimitOptions).rule.rate)])
  const full = load(`version: 1
services:
  a: { servers: [h], polling: { method: tcp }, apis: [/a], pipes: [{ use: rate-limit, rate: 1 }, { use: rate-limit, rate: 2 }] }
routes:
  - { match: { path: /r }, service: a, pipes: [{ use: rate-limit, rate: 3 }] }
  - { match: { path: /f }, fixed: { status: 204 }, pipes: [{ use: rate-limit, rate: 4 }] }
`)
  assert.deepEqual(rates(full), [
    ['a:/a', [1, 2]],
    ['a:/r', [1, 2, 3]],
    ['fixed:/f', [4]],
  ])
  const classic = load(`a: { servers: [h], polling: { method: tcp }, apis: [/a], pipes: [{ use: rate-limit, rate: 1 }] }
meta-info: { pipes: [{ use: rate-limit, rate: 9 }], hosts: { a.example: { pipes: [{ use: rate-limit, rate: 8 }] } } }
`)
  assert.deepEqual(rates(classic), [['a:/a', [1]]])
  assert.equal(firstPipe(classic).use, 'rate-limit')
  assert.deepEqual(
    classic.processor.hosts.map(({ host, pipes }) => [host, pipes.length]),
    [['a.example', 1]],
  )
})

test('a pipe without which requests would pass that must not cannot be skipped', () => {
  const told = (keys: string) => lines(problemsOf(pipe(keys)))
  const fault = (at: string, use: string) =>
    `${at}  processor.pipes[0].on_throw  without ${use}, requests would pass that must not  (leave on_throw out: the exchange fails then)`
  for (const [keys, use] of [
    ['use: ip, allow: [10.0.0.0/8], on_throw: skip', 'ip'],
    ['use: auth-key, keys: ["0123456789abcdef"], on_throw: skip', 'auth-key'],
    ['use: filter, headers: [accept], on_throw: skip', 'filter'],
    [`use: expression, require: ['request.method == "GET"'], on_throw: skip`, 'expression'],
    ['use: expression, rules: [{ if: "true", refuse: {} }], on_throw: skip', 'expression'],
  ] as const) {
    assert.deepEqual(told(keys), [fault(`3:${7 + keys.indexOf('skip')}`, use)], keys)
  }
  const mark = 'use: expression, rules: [{ if: "true", set: { x-mark: "1" } }], on_throw: skip'
  for (const keys of [mark, 'use: rate-limit, rate: 1, on_throw: skip', 'use: ip, allow: [10.0.0.0/8], on_throw: fail'])
    assert.equal(firstPipe(load(pipe(keys))).onThrow, /skip$/.test(keys) ? 'skip' : 'fail')
})

test('faults of the keys that every pipe has are told at their place', () => {
  const told = (keys: string) => lines(problemsOf(pipe(keys)))
  assert.deepEqual(told('name: x'), ['3:5  processor.pipes[0].use  "use" is required'])
  assert.deepEqual(told('use: rate-limit, rate: 1, on_throw: skipp'), [
    '3:43  processor.pipes[0].on_throw  must be one of "fail", "skip", not "skipp"  (did you mean "skip"?)',
  ])
  assert.deepEqual(told('use: rate-limit, rate: 1, hook_timeout: 0'), [
    '3:47  processor.pipes[0].hook_timeout  must be at least 1ms',
  ])
  assert.deepEqual(told('use: rate-limit, rate: 1, breaker: { failures: 0 }'), [
    '3:54  processor.pipes[0].breaker.failures  must be at least 1',
  ])
  assert.deepEqual(told('use: rate-limit, rate: 1, buffer: { reqest: 1 }'), [
    '3:43  processor.pipes[0].buffer.reqest  unknown key "reqest"  (did you mean "request"?)',
  ])
  assert.deepEqual(told('use: rate-limit, rate: 1, isolate: thread'), [
    '3:42  processor.pipes[0].isolate  rate-limit is part of the gateway  (only modules run in a thread)',
  ])
  assert.match(
    told('use: rate-limit, rate: 1, when: "request.method =="')[0] ?? '',
    /^3:39 .*\.when {2}not an expression/,
  )
})

test('faults of the options of a built-in are told at their place, all at once', () => {
  assert.deepEqual(lines(problemsOf(pipe('use: rate-limit, rat: 5, period: "5", status: 200'))), [
    '3:5  processor.pipes[0].rate  "rate" is required',
    '3:24  processor.pipes[0].rat  unknown key "rat"  (did you mean "rate"?)',
    '3:40  processor.pipes[0].period  "5" is not a duration  (drop the quotes for seconds, or give a unit: "5s")',
    '3:53  processor.pipes[0].status  must be at least 400',
  ])
  assert.deepEqual(lines(problemsOf(pipe('use: rate-limit, rate: 1, on_thro: skip'))), [
    '3:33  processor.pipes[0].on_thro  unknown key "on_thro"  (did you mean "on_throw"?)',
  ])
})

test('faults of pipes are told wherever they stand', () => {
  const bad = '[{ use: rate-limit }]'
  const text = `version: 1
processor: { hosts: { x.example: { pipes: ${bad} }, 'y:1': {}, X.Example: {} } }
services: { a: { servers: [h], polling: { method: tcp }, apis: [/a], pipes: ${bad} } }
routes: [{ match: { path: /r }, service: a, pipes: ${bad} }]
`
  assert.deepEqual(lines(problemsOf(text)), [
    '2:44  processor.hosts["x.example"].pipes[0].rate  "rate" is required',
    '2:68  processor.hosts["y:1"]  a host to match has no port',
    '2:79  processor.hosts["X.Example"]  the same host as on line 2',
    '3:78  services.a.pipes[0].rate  "rate" is required',
    '4:53  routes[0].pipes[0].rate  "rate" is required',
  ])
})

test('a variable may stand for a number among the options', () => {
  const text = pipe("use: rate-limit, rate: '${RATE}'")
  assert.equal((firstPipe(load(text, { RATE: '7' })).options as RateLimitOptions).rule.rate, 7)
  assert.match(
    lines(problemsOf(text, { RATE: 'many' }))[0] ?? '',
    /^3:30 {2}processor\.pipes\[0\]\.rate {2}must be a number/,
  )
})

test('a module is found by its path from the folder of the config, with its options as they are', (t) => {
  const here = folder(t, { 'pipes/tenant.mjs': MODULE })
  const found = firstPipe(here.load(pipe('use: ./pipes/tenant.mjs, colour: red, deep: { a: [1] }, name: t')))
  assert.equal(found.module, join(here.root, 'pipes/tenant.mjs'))
  assert.deepEqual([found.name, found.options], ['t', { colour: 'red', deep: { a: [1] } }])
  assert.equal(firstPipe(here.load(pipe('use: ./pipes/tenant.mjs'))).name, 'tenant')
  const url = `file://${here.root}/pipes/tenant.mjs`
  assert.equal(firstPipe(here.load(pipe(`use: '${url}'`))).module, found.module)
})

test('another content of a module is another pipe', (t) => {
  const here = folder(t, { 'p.js': MODULE })
  const before = firstPipe(here.load(pipe('use: ./p.js')))
  writeFileSync(join(here.root, 'p.js'), `// other\n${MODULE}`)
  const after = firstPipe(here.load(pipe('use: ./p.js')))
  assert.notEqual(before.digest, after.digest)
  assert.deepEqual({ ...before, digest: '' }, { ...after, digest: '' })
})

test('a path that leads to no module is told with what to do', (t) => {
  const { faults } = folder(t, { 'p.py': '', 'd.js/x': '' })
  assert.deepEqual(faults(pipe('use: ./p.js')), [
    '3:12  processor.pipes[0].use  there is no file "./p.js"  (the path is relative to the folder of this file; "serverpy pipe new" makes one)',
  ])
  assert.deepEqual(faults(pipe('use: ./p.py')), [
    '3:12  processor.pipes[0].use  the module of a pipe is a .js, .mjs, .cjs or .ts file, not "./p.py"',
  ])
  assert.deepEqual(faults(pipe('use: ./d.js')), ['3:12  processor.pipes[0].use  "./d.js" is not a file'])
})

const packageJson = (more: object) => JSON.stringify({ name: 'x', version: '1.4.2', type: 'module', ...more })

test('a package is found as `import` would find it, and has the version that is asked for', (t) => {
  const here = folder(t, {
    'node_modules/@acme/pipe/package.json': packageJson({
      exports: { '.': { types: './t.d.ts', require: './r.cjs', import: './lib/m.js' }, './more/*': './lib/*.js' },
    }),
    'node_modules/@acme/pipe/lib/m.js': MODULE,
    'node_modules/@acme/pipe/lib/other.js': MODULE,
    'node_modules/plain/package.json': packageJson({ main: 'main.js' }),
    'node_modules/plain/main.js': MODULE,
  })
  const at = (use: string) => {
    const { name, module = '' } = firstPipe(here.load(pipe(`use: '${use}'`)))
    return [name, module.slice(here.root.length)]
  }
  const main = '/node_modules/@acme/pipe/lib/m.js'
  for (const use of ['@acme/pipe', '@acme/pipe@1', '@acme/pipe@1.4', '@acme/pipe@1.4.2'])
    assert.deepEqual(at(use), ['@acme/pipe', main])
  assert.deepEqual(at('@acme/pipe/more/other')[1], '/node_modules/@acme/pipe/lib/other.js')
  assert.deepEqual(at('plain'), ['plain', '/node_modules/plain/main.js'])
  assert.deepEqual(here.faults(pipe("use: '@acme/pipe@2'")), [
    '3:12  processor.pipes[0].use  the package "@acme/pipe" is installed in version 1.4.2, not 2  (npm install @acme/pipe@2, or name the version that is there)',
  ])
  assert.deepEqual(here.faults(pipe("use: '@acme/pipe@^1.4'")), [
    '3:12  processor.pipes[0].use  "^1.4" is not a version  (one as in "1", "1.4" or "1.4.2")',
  ])
  assert.deepEqual(here.faults(pipe("use: '@acme/pipe/lib/m.js'")), [
    '3:12  processor.pipes[0].use  the package "@acme/pipe" has no module "./lib/m.js"',
  ])
})

test('a package cannot lead out of its folder', (t) => {
  const { faults } = folder(t, {
    'node_modules/bad/package.json': packageJson({ exports: './../../secret.js' }),
    'secret.js': MODULE,
  })
  assert.match(faults(pipe('use: bad'))[0] ?? '', /the package "bad" has no module "\."/)
})

test('a pipe that is not there is told with what it may have been, or what to do', (t) => {
  const { faults } = folder(t, { 'pipes/p.js': MODULE })
  assert.deepEqual(faults(pipe('use: rate-limt')), [
    '3:12  processor.pipes[0].use  there is no pipe "rate-limt"  (did you mean "rate-limit"?)',
  ])
  assert.deepEqual(faults(pipe('use: zzzzzzzzzz')), [
    '3:12  processor.pipes[0].use  there is no pipe "zzzzzzzzzz", neither in the gateway nor as a package  (npm install zzzzzzzzzz in the folder of this file; a path begins with "./")',
  ])
  assert.deepEqual(faults(pipe("use: '@acme/none'")), [
    '3:12  processor.pipes[0].use  the package "@acme/none" is not installed  (npm install @acme/none in the folder of this file; a path begins with "./")',
  ])
  assert.deepEqual(faults(pipe('use: pipes/p.js')), [
    '3:12  processor.pipes[0].use  the package "pipes" is not installed  (for the file, write "./pipes/p.js")',
  ])
  assert.deepEqual(faults(pipe("use: 'a pipe of mine'")), [
    '3:12  processor.pipes[0].use  "a pipe of mine" is neither a path nor the name of a package',
  ])
})

test('an option of a module that looks like a key of every pipe is warned about', (t) => {
  const { warnings } = folder(t, { 'p.js': MODULE })
  assert.deepEqual(warnings(pipe('use: ./p.js, on_trow: skip, user: me, colour: red')), [
    '3:20  processor.pipes[0].on_trow  "on_trow" goes to the module, as an option of its own  (did you mean "on_throw"?)',
  ])
})

test('a number that JSON does not have is no option of a module', (t) => {
  const { faults } = folder(t, { 'p.js': MODULE })
  assert.deepEqual(faults(pipe('use: ./p.js, deep: [1, .inf]')), [
    '3:30  processor.pipes[0].deep[1]  must be a finite number, not Infinity',
  ])
})

test('`rewrite` of a route is the pipe of that name, behind all others', () => {
  const route = (keys: string) => `version: 1\n${SERVICES}\nroutes: [{ match: { path: '/v1/{id}' }, ${keys} }]`
  const found = load(route("service: a, rewrite: '/v2/{id}', pipes: [{ use: rate-limit, rate: 1 }]")).routes[1]?.pipes
  assert.deepEqual(
    found?.map(({ use }) => use),
    ['rate-limit', 'rewrite'],
  )
  assert.deepEqual(found?.[1]?.options, { path: ['/v2/', { of: 'param', name: 'id' }] })
  assert.deepEqual(lines(problemsOf(route("service: a, rewrite: '/v2/{ident}'"))), [
    '3:62  routes[0].rewrite  the path of the route has no {ident}  (it has {id})',
  ])
  assert.deepEqual(lines(problemsOf(route('service: a, rewrite: v2'))), [
    '3:62  routes[0].rewrite  a path must begin with one "/"',
  ])
  assert.deepEqual(lines(warningsOf(route('fixed: { status: 204 }, rewrite: /v2'))), [
    '3:65  routes[0].rewrite  "rewrite" is of no use to a fixed answer',
  ])
})

test('a service needs no APIs where a module may send requests to it', (t) => {
  const { load: loaded, faults } = folder(t, { 'p.js': MODULE })
  const text = (use: string) =>
    `${pipe(use)}`.replace('apis: [/a] }', 'apis: [/a] }, other: { servers: [i], polling: { method: tcp } }')
  assert.equal(loaded(text('use: ./p.js')).services.length, 2)
  assert.deepEqual(faults(text('use: rate-limit, rate: 1')), [
    '4:72  services.other.apis  "apis" is required where no route names the service',
  ])
})

test('no built-in has an option with the name of a key that every pipe has', () => {
  for (const { name, schema } of BUILT_INS) {
    const taken = Object.keys(schema.shape).filter((key) => Object.hasOwn(pipeKeys, key))
    assert.deepEqual(taken, [], name)
  }
})
