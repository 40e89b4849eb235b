// No example is forgotten: each is a config without faults, is run by a test that is named here, and stands in the table of examples.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { checkCommand } from '../../cli/commands/check.js'
import { ROOT } from '../structure/sources.js'

const pipes = (test: string, ...names: string[]): [string, string][] =>
  names.map((name) => [`examples/pipes/${name}.yaml`, `test/processor/pipes/${test}.test.ts`])
const moving = (...names: string[]): [string, string][] =>
  names.map((name) => [`examples/moving/${name}`, 'test/e2e/moving.test.ts'])

/** The test that starts the example and asks it for what its comments promise. */
const RUN_IN: ReadonlyMap<string, string> = new Map<string, string>([
  ['services.example.json', 'test/examples/services.test.ts'],
  ['examples/resilience.yaml', 'test/examples/resilience.test.ts'],
  ['examples/merge.yaml', 'test/processor/merge/example.test.ts'],
  ['examples/listeners.yaml', 'test/processor/pipes/limit-examples.test.ts'],
  ['examples/pipes/cache.yaml', 'test/examples/cache.test.ts'],
  ...pipes('guard-examples', 'auth-basic', 'auth-forward', 'auth-jwt', 'auth-key', 'bot', 'cors', 'filter', 'ip'),
  ...pipes('limit-examples', 'concurrency', 'rate-limit'),
  ...pipes('shaping-examples', 'ab', 'body-limit', 'canary', 'compress', 'error', 'expression', 'fault', 'headers'),
  ...pipes('shaping-examples', 'log', 'mirror', 'not-found', 'record', 'redirect', 'rewrite', 'validate'),
  ...pipes('jwt-sign', 'jwt-sign'),
  ...pipes('krakend', 'krakend'),
  ...moving('harbr-router-0.2.yaml', 'harbr-router.yaml', 'harp.yaml', 'krakend.json', 'pipehub.hcl'),
])

const text = (file: string): string => readFileSync(join(ROOT, file), 'utf8')

function examples(): string[] {
  const below = readdirSync(join(ROOT, 'examples'), { recursive: true, encoding: 'utf8' })
  const configs = below.filter((name) => /\.(?:ya?ml|json|hcl)$/.test(name)).map((name) => `examples/${name}`)
  return ['services.example.json', ...configs].sort()
}

/** Whether a test speaks of the example, by its file or, where it has a list of them, by its bare name. */
function names(source: string, file: string): boolean {
  const [bare = ''] = (file.split('/').at(-1) ?? '').split(/\.(?:ya?ml|json|hcl)$/)
  const quoted = bare.replace(/[.]/g, '\\.')
  return new RegExp(`(?:['/]${quoted}\\.(?:ya?ml|json|hcl)'|'${quoted}'|^ {2}(?:async )?${quoted}[(:])`, 'm').test(
    source,
  )
}

test('each example is run by a test, and no test is named for one that has gone', () => {
  assert.deepEqual([...RUN_IN.keys()].sort(), examples())
  for (const [file, run] of RUN_IN) assert.ok(names(text(run), file), `${run} does not speak of ${file}`)
})

test('a test that has an example in its list is told from one that has not', () => {
  const listed = "const ALL = {\n  ip: async () => [],\n  'auth-key': 1,\n  async log({ ask }) {\n}"
  for (const name of ['ip', 'auth-key', 'log']) assert.ok(names(listed, `examples/pipes/${name}.yaml`), name)
  for (const name of ['auth', 'key', 'lo', 'ask']) assert.ok(!names(listed, `examples/pipes/${name}.yaml`), name)
  assert.ok(names("join(ROOT, 'examples/pipes/krakend.yaml')", 'examples/pipes/krakend.yaml'))
})

for (const file of examples()) {
  test(`${file}: serverpy check finds no fault`, async () => {
    const said: { out: string[]; err: string[]; code: number } = { out: [], err: [], code: 0 }
    const command = checkCommand({
      env: {},
      out: (line) => said.out.push(line),
      err: (line) => said.err.push(line),
      exitWith: (code) => (said.code = code),
    })
    await command.parseAsync(['-c', join(ROOT, file)], { from: 'user' })
    assert.equal(said.code, 0, said.err.join('\n'))
    assert.match(said.out.join('\n'), /^Syntax OK! /)
    // Files of other gateways hold what has no counterpart here; our own hold nothing to be warned of.
    if (file.startsWith('examples/moving/')) for (const line of said.err) assert.match(line, / {2}warning: /)
    else assert.deepEqual(said.err, [])
  })
}

test('examples/README.md has a line for each file, and for none that has gone', () => {
  const linked = [...text('examples/README.md').matchAll(/^\| \[`[^`]+`\]\(([^)]+)\)/gm)].map(
    ([, target = '']) => target,
  )
  const there = readdirSync(join(ROOT, 'examples'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name !== 'README.md')
    .map((entry) => join(entry.parentPath, entry.name).slice(join(ROOT, 'examples').length + 1))
  assert.deepEqual([...linked].sort(), ['../services.example.json', ...there].sort())
})
