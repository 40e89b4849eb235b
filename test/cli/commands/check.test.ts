// `check` and `schema` as a shell sees them: what goes where, and the exit code.
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { checkCommand } from '../../../cli/commands/check.js'
import { schemaCommand } from '../../../cli/commands/schema.js'
import { jsonSchema } from '../../../shared/config/schema/json-schema.js'

async function check(t: TestContext, text: string) {
  const dir = await mkdtemp(join(tmpdir(), 'serverpy-check-'))
  t.after(() => rm(dir, { recursive: true }))
  const file = join(dir, 's.yaml')
  await writeFile(file, text)
  const out: string[] = []
  const err: string[] = []
  let code = 0
  const deps = {
    env: { PORT: '9000' },
    out: (s: string) => out.push(s),
    err: (s: string) => err.push(s),
    exitWith: (n: number) => (code = n),
  }
  await checkCommand(deps).parseAsync(['-c', file], { from: 'user' })
  const short = (lines: string[]) => lines.map((line) => line.replaceAll(file, 's.yaml'))
  return { out: short(out), err: short(err), code }
}

test('a right file is told on stdout, with counts, and exits 0', async (t) => {
  const text = 'a: { servers: [h, "i:${PORT}"], polling: { method: ping }, apis: [/a, /b, /c] }'
  assert.deepEqual(await check(t, text), {
    out: ['Syntax OK! s.yaml: 1 service, 2 instances, 3 routes'],
    err: [],
    code: 0,
  })
})

test('warnings go to stderr and still exit 0', async (t) => {
  assert.deepEqual(await check(t, 'a: { servers: [h], polling: { method: ping }, apis: [/a, /a] }'), {
    out: ['Syntax OK! s.yaml: 1 service, 1 instance, 2 routes'],
    err: ['s.yaml:1:58  a.apis[1]  warning: line 1 routes the same; the last wins'],
    code: 0,
  })
})

test('each problem is a line on stderr, and the exit code is 2', async (t) => {
  assert.deepEqual(await check(t, 'a: { servers: [h], polling: { method: pong }, apis: [a] }'), {
    out: [],
    err: [
      's.yaml:1:39  a.polling.method  must be one of "health", "ping", "tcp", not "pong"  (did you mean "ping"?)',
      's.yaml:1:54  a.apis[0]  a path must begin with "/"',
    ],
    code: 2,
  })
})

test('of very many problems the first hundred are shown', async (t) => {
  const paths = Array.from({ length: 300 }, (_, i) => `p${i}`).join(', ')
  const { err, code } = await check(t, `a: { servers: [h], polling: { method: ping }, apis: [${paths}] }`)
  assert.deepEqual([err.length, err.at(-1), code], [101, '… and 200 more', 2])
})

test('schema prints the JSON Schema', async () => {
  const out: string[] = []
  await schemaCommand((text) => void out.push(text)).parseAsync([], { from: 'user' })
  assert.deepEqual(JSON.parse(out.join('')), jsonSchema())
})
