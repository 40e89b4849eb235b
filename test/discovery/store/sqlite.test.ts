// The SQLite store keeps the contract, over restarts as well, and touches no file that is not its own.
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, readdirSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { Database } from '../../../discovery/store/sqlite/driver.js'
import { openStore } from '../../../discovery/store/open.js'
import { createBuffer } from '../../../discovery/store/sqlite/buffer.js'
import { migrate, MIGRATIONS, versionOf } from '../../../discovery/store/sqlite/schema.js'
import { createSqliteStore } from '../../../discovery/store/sqlite/store.js'
import { systemClock } from '../../../shared/clock.js'
import { silentLog } from '../../../shared/log.js'
import { allPages, countOf, packetOf, recordOf, storeContract } from '../../contract/store.js'
import { fakeClock } from '../../kit/clock.js'
import { waitFor, within } from '../../kit/wait.js'
import { openSqlite, temporaryDirectory } from './kit.js'

storeContract('sqlite', async (t) => openSqlite(join(temporaryDirectory(t), 'store.db')))

test('what was written is there after a restart, and terms go on rising', async (t) => {
  const path = join(temporaryDirectory(t), 'store.db')
  const down = {
    id: 'orders/a:1',
    service: 'orders',
    url: 'http://a:1',
    health: 'down',
    since: 1000,
    override: 'out-of-service',
    version: 1,
  } as const
  const before = await openSqlite(path)
  await before.state.put([down])
  const term = await before.state.nextTerm()
  before.history.appendPacket(packetOf(1), 5)
  before.history.appendRequests([recordOf(1)], 5)
  before.history.addCounts(60_000, [countOf()])
  await before.close()

  const after = await openSqlite(path)
  assert.deepEqual(await after.state.load(), [down])
  assert.deepEqual(await after.state.put([{ ...down, health: 'up' }]), ['orders/a:1'])
  assert.ok((await after.state.nextTerm()) > term)
  assert.deepEqual((await after.history.packets('orders/a:1', { limit: 5 })).items, [packetOf(1)])
  assert.deepEqual((await after.history.requests({}, { limit: 5 })).items, [recordOf(1)])
  assert.deepEqual(await after.history.totals(), [countOf()])
})

test('a restart with a lower limit trims each ring with its first packet, and no reader ever sees more', async (t) => {
  const path = join(temporaryDirectory(t), 'store.db')
  const before = await openSqlite(path)
  for (let n = 1; n <= 300; n++) before.history.appendPacket(packetOf(n), 300)
  await before.close()

  const after = await openSqlite(path)
  const reader = new Database(path, { readonly: true })
  t.after(() => reader.close())
  const count = reader.prepare<[], number>('SELECT count(*) FROM packet').pluck()
  assert.equal(count.get(), 300)
  let n = 300
  while (count.get() === 300) {
    after.history.appendPacket(packetOf(++n), 10)
    await after.flush()
  }
  assert.equal(n, 301)
  for (; n < 350; n++) {
    after.history.appendPacket(packetOf(n + 1), 10)
    if (n % 7 === 0) await after.flush()
    assert.equal(count.get(), 10)
  }
  await after.flush()
  const kept = (await allPages((page) => after.history.packets('orders/a:1', page), 3)).map(({ response }) => response)
  assert.deepEqual(
    kept,
    Array.from({ length: 10 }, (_, i) => `HTTP 200 (${350 - i})`),
  )
})

test('a row is in the file within 150 ms of its append, without a flush', async (t) => {
  const path = join(temporaryDirectory(t), 'store.db')
  const store = await openSqlite(path)
  const reader = new Database(path, { readonly: true })
  t.after(() => reader.close())
  const newest = reader.prepare<[], number>('SELECT max(started) FROM packet').pluck()
  const delays: number[] = []
  for (let n = 1; n <= 9; n++) {
    const begun = performance.now()
    store.history.appendPacket(packetOf(n), 100)
    await waitFor(() => newest.get() === packetOf(n).startedAt, { intervalMs: 2 })
    delays.push(performance.now() - begun)
  }
  // The median: other work on the machine may delay some.
  assert.ok((delays.sort((a, b) => a - b)[4] ?? Infinity) < 150, `took ${delays.map(Math.round).join(', ')} ms`)
})

test('batches leave at most 100 ms apart by the clock', async (t) => {
  const clock = fakeClock()
  const store = await createSqliteStore(join(temporaryDirectory(t), 'store.db'), { clock, log: silentLog })
  t.after(() => store.close())
  store.history.appendPacket(packetOf(1), 5)
  assert.equal((await store.history.packets('orders/a:1', { limit: 5 })).items.length, 0)
  await clock.advance(100)
  assert.equal((await store.history.packets('orders/a:1', { limit: 5 })).items.length, 1)
})

test('the buffer is bounded: the oldest rows are dropped and counted', () => {
  const buffer = createBuffer()
  for (let n = 0; n < 60_000; n++) buffer.packet(packetOf(n), 5)
  let rows = 0
  let first: unknown
  while (buffer.chunks > 0) {
    const { count, packets } = buffer.take()
    first ??= packets[2]
    rows += count
  }
  assert.equal(rows + buffer.dropped, 60_000)
  assert.equal(buffer.dropped, 10_000)
  assert.equal(first, packetOf(10_000).startedAt)
})

test('migrations lead from any version to the newest, each step once and whole', (t) => {
  const db = new Database(join(temporaryDirectory(t), 'store.db'))
  t.after(() => db.close())
  const steps = ['CREATE TABLE a (x)', 'ALTER TABLE a ADD COLUMN y; INSERT INTO a VALUES (1, 2)']
  migrate(db, steps.slice(0, 1))
  assert.equal(versionOf(db), 1)
  migrate(db, steps)
  migrate(db, steps)
  assert.equal(versionOf(db), 2)
  assert.deepEqual(db.prepare('SELECT * FROM a').all(), [{ x: 1, y: 2 }])
  assert.throws(() => migrate(db, [...steps, 'INSERT INTO a VALUES (3, 4); SELECT * FROM nothing']))
  assert.equal(versionOf(db), 2)
  assert.equal(db.prepare('SELECT count(*) FROM a').pluck().get(), 1)
})

test('a file of a newer version is refused with what to do, and is not touched', async (t) => {
  const directory = temporaryDirectory(t)
  const path = join(directory, 'store.db')
  await (await openSqlite(path)).close()
  const db = new Database(path)
  db.pragma(`user_version = ${MIGRATIONS.length + 1}`)
  db.pragma('journal_mode = DELETE')
  db.close()
  const bytes = readFileSync(path)

  const store = await openSqlite(path)
  const health = store.health()
  assert.ok(!health.ok)
  assert.match(health.reason, /newer serverpy .*upgrade/)
  store.history.appendPacket(packetOf(1), 5)
  await store.flush()
  await store.close()
  assert.deepEqual(readFileSync(path), bytes)
  assert.deepEqual(readdirSync(directory).sort(), ['store.db', 'store.db.lock'])
})

test("another program's database is refused and not touched", async (t) => {
  const path = join(temporaryDirectory(t), 'theirs.db')
  const db = new Database(path)
  db.exec('CREATE TABLE precious (x)')
  db.close()
  const bytes = readFileSync(path)
  const store = await openSqlite(path)
  const health = store.health()
  assert.ok(!health.ok)
  assert.match(health.reason, /another program/)
  await store.close()
  assert.deepEqual(readFileSync(path), bytes)
})

test('a second store on the same file is told who has it, and takes over when that one ends', async (t) => {
  const path = join(temporaryDirectory(t), 'store.db')
  const first = await openSqlite(path)
  const second = await openSqlite(path)
  const health = second.health()
  assert.ok(!health.ok)
  assert.match(health.reason, new RegExp(`in use by another serverpy \\(process ${process.pid}\\)`))
  await assert.rejects(second.state.load(), /in use by another serverpy/)
  second.history.appendPacket(packetOf(1), 5)
  assert.deepEqual(first.health(), { ok: true })
  await first.close()
  await waitFor(() => second.health().ok, { what: 'the second store to take over', timeoutMs: 10_000 })
  await second.flush()
  assert.equal((await second.history.packets('orders/a:1', { limit: 5 })).items.length, 1)
})

test('missing directories are made, and the config chooses the engine', async (t) => {
  const path = join(temporaryDirectory(t), 'a', 'b', 'store.db')
  const deps = { clock: systemClock, log: silentLog }
  const store = await openStore({ kind: 'sqlite', path }, deps)
  t.after(() => store.close())
  assert.deepEqual(store.health(), { ok: true })
  assert.ok(existsSync(path))
  const memory = await openStore({ kind: 'memory' }, deps)
  memory.history.appendPacket(packetOf(1), 5)
  assert.equal((await memory.history.packets('orders/a:1', { limit: 5 })).items.length, 1)
})

test('a start over a file that cannot be made is degraded, and recovers by itself', async (t) => {
  const path = join(temporaryDirectory(t), 'store.db')
  mkdirSync(path)
  const store = await openSqlite(path)
  const health = store.health()
  assert.ok(!health.ok, 'a directory cannot be opened as a file')
  const terms = [await store.state.nextTerm(), await store.state.nextTerm()]
  assert.ok((terms[1] ?? 0) > (terms[0] ?? 0))
  store.history.appendPacket(packetOf(1), 5)
  await within(store.flush(), 2000, 'a flush that cannot write')
  await assert.rejects(store.history.packets('orders/a:1', { limit: 5 }), { message: health.reason })
  rmdirSync(path)
  await waitFor(() => store.health().ok, { what: 'recovery', timeoutMs: 10_000 })
  await store.flush()
  assert.equal((await store.history.packets('orders/a:1', { limit: 5 })).items.length, 1)
  assert.equal(store.dropped, 0)
  assert.ok((await store.state.nextTerm()) > (terms[1] ?? 0))
})
