// Stored bodies on disk when something happens to the disk: what has gone is fetched again, and nobody gets half an answer.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdir, mkdtemp, readdir, rm, truncate, unlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import type { OriginRequest } from '../../kit/origin.js'
import { waitFor } from '../../kit/wait.js'
import { type Cached, HOUR, startCached } from './cache-rig.js'

const BODY = 'x'.repeat(100_000)

async function pathOf(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'cache-'))
  t.after(() => rm(path, { recursive: true, force: true }))
  return path
}

const start = (t: TestContext, path: string) =>
  startCached(t, (req) => req.answer(200, BODY, HOUR), { disk: { path, from: '1KiB' } })

/** It goes to disk while the client has it already. */
const stored = (get: Cached['get'], target: string) =>
  waitFor(async () => /hit/.test((await get(target)).field('cache-status') ?? ''), { what: `${target} to be stored` })

const harms = {
  'whose file has gone': async (_: string, file: string) => unlink(file),
  'whose file is shorter than it was': async (_: string, file: string) => truncate(file, 50),
  'whose folder has gone': async (folder: string) => rm(folder, { recursive: true }),
} as const

for (const [what, harm] of Object.entries(harms))
  test(`an answer ${what} is fetched and stored again, and clients get it whole`, async (t) => {
    const path = await pathOf(t)
    const { get } = await start(t, path)
    // Two that share a file.
    for (const target of ['/a', '/b']) await stored(get, target)
    const [folder = ''] = await readdir(path)
    const [file = ''] = await readdir(join(path, folder))
    await harm(join(path, folder), join(path, folder, file))
    for (const target of ['/a', '/b', '/a', '/b']) {
      const answer = await get(target)
      assert.equal(answer.status, 200)
      assert.equal(answer.text(), BODY)
    }
    for (const target of ['/a', '/b']) await stored(get, target)
    const part = await get('/a', { Range: 'bytes=0-9' })
    assert.deepEqual([part.status, part.body.length], [206, 10])
  })

test('where nothing can be written, those who wait for an answer go on at once, and none is lost', async (t) => {
  const path = await pathOf(t)
  await writeFile(join(path, 'file'), '')
  const kept: OriginRequest[] = []
  const { get } = await startCached(t, (req) => void kept.push(req), {
    ...{ disk: { path: join(path, 'file', 'folder'), from: '1KiB' }, collapse: { wait: '60s' }, hook_timeout: '90s' },
  })
  const all = Promise.all(Array.from({ length: 20 }, () => get('/a')))
  await waitFor(() => kept.length === 1)
  kept[0]?.answer(200, BODY, HOUR)
  await waitFor(() => kept.length === 20, { what: 'the others at the origin' })
  for (const req of kept.slice(1)) req.answer(200, BODY, HOUR)
  for (const answer of await all) assert.equal(answer.text(), BODY)
})

test('what a process of the same number has left goes, and what lives stays', async (t) => {
  const path = await pathOf(t)
  const gone = spawnSync(process.execPath, ['-e', '']).pid
  const left = [`worker-${process.pid}-00000000`, `worker-${gone}-00000000`]
  const kept = ['worker-1-00000000', 'else']
  for (const folder of [...left, ...kept]) {
    await mkdir(join(path, folder))
    await writeFile(join(path, folder, 'x'), 'x')
  }
  const [first, second] = [await start(t, path), await start(t, path)]
  for (const { get } of [first, second]) await stored(get, '/a')
  await waitFor(async () => (await readdir(path)).every((name) => !left.includes(name)))
  const names = await readdir(path)
  for (const name of kept) assert.ok(names.includes(name), name)
  for (const { get } of [first, second]) assert.match((await get('/a')).field('cache-status') ?? '', /hit/)
})
