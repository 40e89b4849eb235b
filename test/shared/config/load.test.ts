// What can be wrong with the file itself is a problem too.
import assert from 'node:assert/strict'
import { mkdtemp, mkdir, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { loadConfig } from '../../../shared/config/load.js'
import { formatProblem } from '../../../shared/config/problem.js'
import { CLASSIC_JSON } from './fixtures.js'

async function folder(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'serverpy-config-'))
  t.after(() => rm(path, { recursive: true }))
  return path
}

/** The one problem of the file, after its name. */
async function problem(file: string): Promise<string> {
  const parsed = await loadConfig(file, {})
  assert.ok(!parsed.ok && parsed.problems.length === 1)
  return parsed.problems.map(formatProblem).join('').slice(file.length)
}

test('a file is read and its paths are relative to it and to the working directory', async (t) => {
  const dir = await folder(t)
  await writeFile(join(dir, 's.json'), CLASSIC_JSON)
  const parsed = await loadConfig(join(dir, 's.json'), {}, { cwd: dir })
  assert.ok(parsed.ok)
  assert.equal(parsed.config.file, join(dir, 's.json'))
  assert.deepEqual(parsed.config.discovery.store, { kind: 'sqlite', path: join(dir, 'serverpy.db') })
  assert.ok(parsed.config.processor.workers >= 1)
})

test('a file that is missing, or no file, or of another kind, is told', async (t) => {
  const dir = await folder(t)
  await mkdir(join(dir, 'd.yaml'))
  assert.equal(await problem(join(dir, 'gone.yaml')), '  there is no such file')
  assert.equal(await problem(join(dir, 'd.yaml')), '  this is a directory')
  assert.equal(
    await problem(join(dir, 's.toml')),
    '  not a .json, .yaml, .yml or .hcl file  (convert it to YAML or JSON first)',
  )
  assert.match(await problem(join(dir, 'gone\0.yaml')), /the file cannot be read: ERR_INVALID_ARG_VALUE$/)
})

test('a file that is too large is not read', async (t) => {
  const file = join(await folder(t), 's.json')
  await writeFile(file, '')
  await truncate(file, 16 * 1024 * 1024 + 1)
  assert.equal(await problem(file), ':1:1  larger than 16 MiB')
})

test('one byte order mark is no part of the text', async (t) => {
  const dir = await folder(t)
  await writeFile(join(dir, 's.json'), `\ufeff${CLASSIC_JSON}`)
  assert.ok((await loadConfig(join(dir, 's.json'), {})).ok)
  await writeFile(join(dir, 's.json'), '\ufeff{"a": 5}')
  assert.equal(await problem(join(dir, 's.json')), ':1:7  a  must be an object, not a number')
  await writeFile(join(dir, 's.yaml'), '\ufeffa: 5')
  assert.equal(await problem(join(dir, 's.yaml')), ':1:4  a  must be an object, not a number')
  await writeFile(join(dir, 's.json'), '\ufeff\ufeff{}')
  assert.match(await problem(join(dir, 's.json')), /^:1:1  a JSON value is expected here/)
})

test('an empty file is told at its beginning', async (t) => {
  const dir = await folder(t)
  await writeFile(join(dir, 's.yaml'), '')
  assert.equal(await problem(join(dir, 's.yaml')), ':1:1  the file is empty')
  await writeFile(join(dir, 's.json'), '')
  assert.equal(await problem(join(dir, 's.json')), ':1:1  the file ends too early')
})

test('a file that is not plain UTF-8 is told', async (t) => {
  const file = join(await folder(t), 's.json')
  await writeFile(file, Buffer.from(`\ufeff${CLASSIC_JSON}`, 'utf16le'))
  assert.equal(await problem(file), ':1:1  not UTF-8 but UTF-16  (save it as UTF-8)')
  await writeFile(file, Buffer.from(CLASSIC_JSON.replace('My', '\xe9'), 'latin1'))
  assert.equal(await problem(file), ':1:1  not UTF-8  (save it as UTF-8)')
})
