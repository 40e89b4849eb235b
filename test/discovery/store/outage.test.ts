// What the SQLite store does when its file, its disk or its thread fail: history waits, and it recovers by itself.
import { mountSmallDisk } from '../../kit/small-disk.js'
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  closeSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Worker } from 'node:worker_threads'
import { Database } from '../../../discovery/store/sqlite/driver.js'
import { createBuffer } from '../../../discovery/store/sqlite/buffer.js'
import type { Link } from '../../../discovery/store/sqlite/link.js'
import { spawnThread } from '../../../discovery/store/sqlite/spawn.js'
import { createTally } from '../../../discovery/store/sqlite/tally.js'
import { createWriter } from '../../../discovery/store/sqlite/writer.js'
import { StoreUnavailable, type Store } from '../../../discovery/store/store.js'
import { allPages, countOf, packetOf } from '../../contract/store.js'
import { fakeClock } from '../../kit/clock.js'
import { waitFor } from '../../kit/wait.js'
import { listeningLog, openSqlite, temporaryDirectory } from './kit.js'

const drained = {
  id: 'orders/a:1',
  service: 'orders',
  url: 'http://a:1',
  health: 'down',
  since: 1000,
  override: 'drain',
  version: 1,
} as const

/** Files that were set aside, without their companions. */
function setAside(directory: string): string[] {
  return readdirSync(directory).filter((name) => /^store\.db\.corrupt-\d{4}-\d\d-\d\dT[\d-]+Z$/.test(name))
}

async function packetsIn(store: Store, instance = 'orders/a:1'): Promise<number> {
  return (await allPages((page) => store.history.packets(instance, page), 1000)).length
}

test('a file that is no database is set aside and never lost, and a new store begins', async (t) => {
  const directory = temporaryDirectory(t)
  const path = join(directory, 'store.db')
  const garbage = Buffer.from('not a database, but perhaps somebody wants it back'.repeat(100))
  writeFileSync(path, garbage)
  const { log, lines } = listeningLog()
  const store = await openSqlite(path, { log })
  assert.deepEqual(store.health(), { ok: true })
  store.history.appendPacket(packetOf(1), 5)
  await store.flush()
  assert.equal(await packetsIn(store), 1)
  const [aside = ''] = setAside(directory)
  assert.deepEqual(readFileSync(join(directory, aside)), garbage)
  assert.ok(
    lines.some((line) => line.startsWith('error') && line.includes(aside)),
    lines.join('\n'),
  )
})

test('a damaged lock file is set aside as well, and keeps nobody out', async (t) => {
  const directory = temporaryDirectory(t)
  const path = join(directory, 'store.db')
  writeFileSync(`${path}.lock`, 'torn by a power cut'.repeat(100))
  const store = await openSqlite(path)
  assert.deepEqual(store.health(), { ok: true })
  const rival = await openSqlite(path)
  assert.equal(rival.health().ok, false)
})

// Overwrites a file from a share of it on: what is before is sound, what it points to is not.
function damage(path: string, from: number): void {
  const pages = statSync(path).size / 4096
  const fd = openSync(path, 'r+')
  for (let page = Math.floor(pages * from); page < pages; page++) {
    writeSync(fd, Buffer.alloc(4096, 0xa5), 0, 4096, page * 4096)
  }
  closeSync(fd)
}

test('damage that shows at the start is set aside; overrides, states and totals are rescued', async (t) => {
  const directory = temporaryDirectory(t)
  const path = join(directory, 'store.db')
  const before = await openSqlite(path)
  await before.state.put([drained])
  before.history.addCounts(60_000, [countOf()])
  await before.flush()
  const term = await before.state.nextTerm()
  for (let n = 1; n <= 5000; n++) before.history.appendPacket(packetOf(n), 5000)
  await before.close()
  damage(path, 0.5)

  const { log, lines } = listeningLog()
  const after = await openSqlite(path, { log })
  assert.deepEqual(after.health(), { ok: true })
  assert.equal(await packetsIn(after), 0)
  assert.deepEqual(await after.state.load(), [drained])
  assert.deepEqual(await after.history.totals(), [countOf()])
  assert.ok((await after.state.nextTerm()) > term)
  assert.ok(
    lines.some((line) => line.startsWith('error the store is damaged')),
    lines.join('\n'),
  )
  assert.equal(setAside(directory).length, 1)
})

test('damage that shows while running is set aside too, and writing goes on', async (t) => {
  const directory = temporaryDirectory(t)
  const path = join(directory, 'store.db')
  const { log, lines } = listeningLog()
  const store = await openSqlite(path, { log })
  // More than the cache of the connection holds, so that pages are read again.
  const long = { response: 'x'.repeat(512) }
  for (let round = 0; round < 8; round++) {
    for (let n = 1; n <= 8000; n++) store.history.appendPacket(packetOf(n, `orders/${round}:1`, long), 8000)
    await store.flush()
  }
  damage(path, 0.1)
  damage(`${path}-wal`, 0)
  await waitFor(async () => {
    for (let round = 0; round < 8; round++) await packetsIn(store, `orders/${round}:1`).catch(() => 0)
    return lines.some((line) => line.includes('the store is damaged'))
  })
  store.history.appendPacket(packetOf(1), 5)
  await store.flush()
  assert.equal(await packetsIn(store), 1)
  assert.deepEqual(store.health(), { ok: true })
  assert.equal(store.dropped, 0)
  assert.equal(setAside(directory).length, 1)
})

test('a file that was moved away is begun anew in its place, with the states it held', async (t) => {
  const directory = temporaryDirectory(t)
  const path = join(directory, 'store.db')
  const store = await openSqlite(path)
  await store.state.put([drained])
  store.history.appendPacket(packetOf(1), 5)
  await store.flush()
  for (const suffix of ['', '-wal', '-shm']) renameSync(path + suffix, `${path}.moved${suffix}`)
  store.history.appendPacket(packetOf(2), 5)
  await store.flush()
  assert.ok(statSync(path).size > 0)
  assert.equal(await packetsIn(store), 1)
  assert.deepEqual(await store.state.load(), [drained])
})

async function fillsAndRecovers(store: Store, lines: readonly string[], makeRoom: () => void): Promise<void> {
  await store.state.put([drained])
  const big = { response: 'x'.repeat(512) }
  let appended = 0
  await waitFor(
    async () => {
      for (let i = 0; i < 1000; i++) store.history.appendPacket(packetOf(++appended, 'orders/a:1', big), 1_000_000)
      await store.flush()
      return !store.health().ok
    },
    { what: 'the disk to fill' },
  )
  const health = store.health()
  assert.ok(!health.ok && health.reason.length > 5 && health.since > 0)
  const many = Array.from({ length: 20_000 }, (_, i) => ({ ...drained, id: `orders/${i}:1` }))
  await assert.rejects(store.state.put(many), (error) => error instanceof StoreUnavailable)
  // What was there can still be read.
  assert.deepEqual(await store.state.load(), [drained])
  store.history.appendPacket(packetOf(++appended, 'orders/a:1', big), 1_000_000)

  makeRoom()
  await waitFor(() => store.health().ok, { what: 'recovery', timeoutMs: 15_000 })
  await store.flush()
  assert.equal(await packetsIn(store), appended - store.dropped)
  assert.equal(store.dropped, 0)
  assert.deepEqual(await store.state.put(many), [])
  assert.equal(lines.filter((line) => line.startsWith('error the store is not written')).length, 1, lines.join('\n'))
  assert.equal(lines.filter((line) => line.startsWith('info the store is written again')).length, 1)
}

test('on a full disk history waits and is written when there is room again', async (t) => {
  const disk = mountSmallDisk(t, '2m')
  if (disk === undefined) return t.skip('mounting a small file system needs root')
  const { log, lines } = listeningLog()
  const store = await openSqlite(join(disk.folder, 'store.db'), { log })
  t.after(() => store.close())
  await fillsAndRecovers(store, lines, () => disk.grow('64m'))
  assert.match(lines.join('\n'), /the disk is full/)
})

test('when writes fail for another reason it is the same', async (t) => {
  const limit = (bytes: string) => execFileSync('prlimit', ['--pid', String(process.pid), `--fsize=${bytes}:unlimited`])
  // The signal that comes with the error would end the process.
  const ignore = () => undefined
  process.on('SIGXFSZ', ignore)
  const { log, lines } = listeningLog()
  const store = await openSqlite(join(temporaryDirectory(t), 'store.db'), { log })
  t.after(() => {
    limit('unlimited')
    process.off('SIGXFSZ', ignore)
  })
  limit(String(1024 * 1024))
  await fillsAndRecovers(store, lines, () => limit('unlimited'))
})

test('rows that the database refuses are given up and counted, and do not hold up the others', async (t) => {
  const path = join(temporaryDirectory(t), 'store.db')
  const store = await openSqlite(path)
  const vandal = new Database(path)
  vandal.exec('DROP TABLE packet')
  vandal.close()
  store.history.appendPacket(packetOf(1), 5)
  store.history.appendPacket(packetOf(2), 5)
  await store.flush()
  assert.equal(store.dropped, 2)
  const health = store.health()
  assert.ok(!health.ok)
  assert.match(health.reason, /packet/)
  store.history.addCounts(60_000, [countOf()])
  await waitFor(() => store.health().ok)
  assert.deepEqual(await store.history.totals(), [countOf()])
  await store.close()

  const again = await openSqlite(path)
  const reason = /no such table: packet/
  await assert.rejects(again.state.load(), reason)
  await assert.rejects(again.state.load(), reason, 'and the file is not left locked by the failed opening')
})

test('a thread that dies is replaced: nothing is lost, nothing is counted twice', async (t) => {
  const threads: Worker[] = []
  const { log, lines } = listeningLog()
  const store = await openSqlite(join(temporaryDirectory(t), 'store.db'), {
    log,
    spawn(path) {
      const thread = spawnThread(path)
      threads.push(thread)
      return thread
    },
  })
  let n = 0
  for (let death = 1; death <= 3; death++) {
    for (let i = 0; i < 500; i++) store.history.appendPacket(packetOf(++n), 10_000)
    store.history.addCounts(60_000, [countOf()])
    const flushed = store.flush()
    void threads[threads.length - 1]?.terminate()
    await flushed
    store.history.appendPacket(packetOf(++n), 10_000)
    await waitFor(() => threads.length > death, { what: 'a new thread' })
    await waitFor(async () => (await store.state.nextTerm()) > 0 && (await store.state.load()) && store.health().ok)
  }
  await store.flush()
  assert.equal(await packetsIn(store), n)
  assert.deepEqual(
    (await store.history.totals()).map(({ requests }) => requests),
    [6],
  )
  assert.equal(store.dropped, 0)
  assert.ok(lines.some((line) => line.startsWith('error the database thread ended')))
})

test('a disk that does not answer at all is reported after seconds', async () => {
  const clock = fakeClock()
  const { log } = listeningLog()
  const link: Link = { call: () => new Promise(() => undefined), close: async () => undefined }
  const buffer = createBuffer()
  const writer = createWriter(link, buffer, createTally(), { clock, log })
  buffer.packet(packetOf(1), 5)
  writer.notify()
  await clock.advance(4000)
  assert.deepEqual(writer.health(), { ok: true })
  await clock.advance(2000)
  const health = writer.health()
  assert.ok(!health.ok)
  assert.match(health.reason, /has not answered for 6 s/)
  writer.close()
})

test('a thread that cannot start leaves the store degraded, and is tried again', async (t) => {
  const path = join(temporaryDirectory(t), 'store.db')
  let starts = 0
  const store = await openSqlite(path, {
    spawn(file) {
      if (++starts < 3) throw new Error('no more threads')
      return spawnThread(file)
    },
  })
  const health = store.health()
  assert.ok(!health.ok)
  assert.match(health.reason, /no more threads/)
  store.history.appendPacket(packetOf(1), 5)
  await waitFor(() => store.health().ok)
  await store.flush()
  assert.equal(await packetsIn(store), 1)
  rmSync(path)
})

test('a closed store refuses, ignores appends and can be closed again', async (t) => {
  const store = await openSqlite(join(temporaryDirectory(t), 'store.db'))
  await store.close()
  await store.close()
  store.history.appendPacket(packetOf(1), 5)
  await store.flush()
  await assert.rejects(store.state.load(), /closed/)
})
