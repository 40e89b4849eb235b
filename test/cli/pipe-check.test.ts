// Modules of pipes are loaded and asked about their options before a config is taken; none of them can hurt who asks.
import assert from 'node:assert/strict'
import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { loadWithPipes } from '../../cli/pipe-check.js'
import { formatProblem } from '../../shared/config/problem.js'

/** Takes `limit`, a number. */
const WITH_OPTIONS = `
const validate = (given) => typeof given.limit === 'number'
  ? { value: given }
  : { issues: [{ message: 'a number is wanted', path: ['limit'] }, { message: 'nested', path: [{ key: 'a' }, 0] }] }
export default { options: { '~standard': { version: 1, vendor: 'test', validate } }, create() { return {} } }
`

async function told(t: TestContext, module: string, keys = '', mostMs = 10_000): Promise<readonly string[]> {
  const root = await realpath(await mkdtemp(join(tmpdir(), 'serverpy-pipe-check-')))
  t.after(() => rm(root, { recursive: true }))
  await writeFile(join(root, 'p.mjs'), module)
  const file = join(root, 's.yaml')
  await writeFile(
    file,
    `version: 1
services:
  a:
    servers: [h]
    polling: { method: tcp }
    apis: [/a, /b]
    pipes:
      - { use: ./p.mjs${keys} }
`,
  )
  const parsed = await loadWithPipes(file, {}, mostMs)
  return parsed.ok ? [] : parsed.problems.map((one) => formatProblem(one).replaceAll(`${root}/`, ''))
}

test('a module with a pipe in it is fine', async (t) => {
  assert.deepEqual(await told(t, 'export default { create() { return {} } }'), [])
})

test('a fault in an option has the line of the pipe, and the way to the option', async (t) => {
  assert.deepEqual(await told(t, WITH_OPTIONS, ', limit: 5'), [])
  assert.deepEqual(await told(t, WITH_OPTIONS, ', limit: five'), [
    's.yaml:8:9  p.limit  a number is wanted',
    's.yaml:8:9  p.a[0]  nested',
  ])
})

test('a schema may take its time, and may throw', async (t) => {
  const schema = (validate: string) =>
    `export default { options: { '~standard': { version: 1, vendor: 'test', validate: ${validate} } }, create() {} }`
  assert.deepEqual(await told(t, schema('async () => ({ issues: [{ message: "late" }] })')), ['s.yaml:8:9  p  late'])
  assert.match((await told(t, schema('() => { throw new Error("broken") }')))[0] ?? '', /cannot be used: broken/)
})

test('options that are no schema are told so', async (t) => {
  for (const options of ['{}', 'null', '{ parse() {} }', '{ "~standard": 1 }', '(value) => value'])
    assert.deepEqual(await told(t, `export default { options: ${options}, create() { return {} } }`), [
      's.yaml:8:9  p  the module ./p.mjs cannot be used: its "options" are no Standard Schema, such as one of zod from 3.24 on',
    ])
})

test('a module that is no pipe is told so', async (t) => {
  for (const text of ['', 'export default 5', 'export default { make() {} }', 'export const create = () => ({})']) {
    assert.deepEqual(await told(t, text), [
      's.yaml:8:9  p  the module ./p.mjs cannot be used: it has no default export with a function "create", as docs/pipes/writing.md shows',
    ])
  }
})

test('what a module throws when it is loaded is told, with its line', async (t) => {
  assert.deepEqual(await told(t, '\nthrow new RangeError("too far")\n'), [
    's.yaml:8:9  p  the module ./p.mjs cannot be used: RangeError: too far (line 2 of the module)',
  ])
  assert.match((await told(t, 'import "./none.js"'))[0] ?? '', /cannot be used: .*Cannot find module/)
  assert.match((await told(t, 'export default {'))[0] ?? '', /cannot be used: SyntaxError: /)
  assert.match((await told(t, 'const a = 1\nconst b = ;\n'))[0] ?? '', /SyntaxError: .* \(line 2 of the module\)$/)
})

test('a module that never ends, ends the process or eats all memory is a fault, and nothing else', async (t) => {
  assert.deepEqual(await told(t, 'for (;;) {}', '', 300), [
    's.yaml:8:9  p  the module ./p.mjs cannot be used: it was not loaded after 0.3 s',
  ])
  assert.deepEqual(await told(t, 'await new Promise(() => setInterval(() => 0, 1000))', '', 300), [
    's.yaml:8:9  p  the module ./p.mjs cannot be used: it was not loaded after 0.3 s',
  ])
  assert.deepEqual(await told(t, 'process.exit(0)'), [
    's.yaml:8:9  p  the module ./p.mjs cannot be used: it ends the process while it is loaded',
  ])
  // From source the thread that loads it is one of text, which ends in another way.
  const [unsettled] = await told(t, 'await new Promise(() => {})')
  assert.match(unsettled ?? '', /an await at its top never comes to an end|it ends the process while it is loaded/)
  const [hog] = await told(t, 'const all = []; for (;;) all.push(new Array(100_000).fill(all.length))')
  assert.match(hog ?? '', /cannot be used: .*memory/)
})
