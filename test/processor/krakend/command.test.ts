// The command itself with a krakend.json: `check` says whether it can be used, `import` writes it as a config of this product.
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { runProcess, type Cleanup } from '../../kit/process.js'
import { ROOT } from '../../structure/sources.js'

async function serverpy(t: Cleanup, content: unknown, ...args: string[]) {
  const folder = await mkdtemp(join(tmpdir(), 'serverpy-krakend-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const file = join(folder, 'krakend.json')
  await writeFile(file, JSON.stringify(content, null, 2))
  const main = join(ROOT, 'cli/main.ts')
  return runProcess(process.execPath, ['--import', 'tsx', main, ...args, file], { cwd: ROOT })
}

const good = {
  version: 3,
  endpoints: [{ endpoint: '/a', backend: [{ url_pattern: '/b', host: ['http://127.0.0.1:9000'] }] }],
}

test('check -c says Syntax OK! and ends with 0', async (t) => {
  const { code, stdout } = await serverpy(t, good, 'check', '-c')
  assert.equal(code, 0)
  assert.match(stdout, /^Syntax OK! /)
})

test('check -c names the line of what is wrong and ends with another code', async (t) => {
  const { code, stdout, stderr } = await serverpy(t, { ...good, version: 2 }, 'check', '-c')
  assert.notEqual(code, 0)
  assert.match(stdout + stderr, /krakend\.json:2:14 {2}version {2}only version 3/)
})

test('import writes a config of this product', async (t) => {
  const { code, stdout } = await serverpy(t, good, 'import')
  assert.equal(code, 0)
  assert.match(stdout, /^# Made from krakend\.json, a config of KrakenD\./)
  assert.match(stdout, /completed: X-Krakend-Completed/)
})
