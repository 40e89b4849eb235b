// Watching the config file: every way of changing it is seen once, when it stands still.
import assert from 'node:assert/strict'
import { appendFile, mkdtemp, rename, rm, symlink, unlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { fingerprint, watchConfig } from '../../cli/config-watch.js'
import { systemClock } from '../../shared/clock.js'
import { silentLog } from '../../shared/log.js'
import { waitFor } from '../kit/wait.js'

async function watched(t: TestContext, prepare?: (folder: string) => Promise<unknown>) {
  const folder = await mkdtemp(join(tmpdir(), 'serverpy-watch-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const file = join(folder, 'services.json')
  await (prepare?.(folder) ?? writeFile(file, 'first'))
  const seen = { changes: 0, warnings: 0 }
  const log = { ...silentLog, warn: () => void seen.warnings++ }
  const watch = watchConfig(file, await fingerprint(file), () => void seen.changes++, { clock: systemClock, log })
  t.after(() => watch.close())
  return { folder, file, seen, watch }
}

/** Longer than a change needs to be told, so that one that is told twice is found. */
const changesWithin = async (seen: { changes: number }, ms: number) => {
  const until = performance.now() + ms
  await waitFor(() => performance.now() > until)
  return seen.changes
}

test('a file that is written in place is one change, however many writes it took', async (t) => {
  const { file, seen } = await watched(t)
  for (let i = 0; i < 20; i++) await appendFile(file, `piece ${i}`)
  await waitFor(() => seen.changes > 0)
  assert.equal(await changesWithin(seen, 1500), 1)
})

test('a file that is put in its place by a rename is a change', async (t) => {
  const { folder, file, seen } = await watched(t)
  for (let i = 1; i <= 3; i++) {
    await writeFile(join(folder, 'next'), `content ${i}`)
    await rename(join(folder, 'next'), file)
    await waitFor(() => seen.changes === i)
  }
})

test('a link on the way that is swapped is a change', async (t) => {
  const { folder, seen } = await watched(t, async (into) => {
    await writeFile(join(into, 'a'), 'a')
    await writeFile(join(into, 'b'), 'b')
    await symlink('a', join(into, '..data'))
    await symlink('..data', join(into, 'services.json'))
  })
  await symlink('b', join(folder, '..tmp'))
  await rename(join(folder, '..tmp'), join(folder, '..data'))
  await waitFor(() => seen.changes === 1)
})

test('a file that is gone is no change but a warning; the one that takes its place is', async (t) => {
  const { file, seen } = await watched(t)
  await unlink(file)
  await waitFor(() => seen.warnings === 1)
  await writeFile(file, 'second')
  await waitFor(() => seen.changes === 1)
  assert.equal(seen.warnings, 1)
})

test('a file that was away and comes back as it was is read again', async (t) => {
  const { folder, file, seen } = await watched(t)
  await rename(file, join(folder, 'away'))
  await waitFor(() => seen.warnings === 1)
  await rename(join(folder, 'away'), file)
  await waitFor(() => seen.changes === 1)
})

test('a file that is moved away and written anew is no file that is gone', async (t) => {
  const { folder, file, seen } = await watched(t)
  await rename(file, join(folder, 'services.json~'))
  await writeFile(file, 'second')
  await waitFor(() => seen.changes === 1)
  assert.equal(seen.warnings, 0)
})

test('a change between the reading of the file and the watch is seen, and none after the end of the watch', async (t) => {
  const { file, seen, watch } = await watched(t)
  watch.close()
  const before = await fingerprint(file)
  await writeFile(file, 'written meanwhile')
  const late = watchConfig(file, before, () => void seen.changes++, { clock: systemClock, log: silentLog })
  await waitFor(() => seen.changes === 1)
  late.close()
  await writeFile(file, 'too late')
  assert.equal(await changesWithin(seen, 1500), 1)
})
