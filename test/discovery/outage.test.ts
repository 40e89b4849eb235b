// A store that is out of reach when discovery starts: what it knew counts as soon as it can be read, and is not written over before.
import assert from 'node:assert/strict'
import { mkdirSync, renameSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { createSqliteStore } from '../../discovery/store/sqlite/store.js'
import type { Store } from '../../discovery/store/store.js'
import { systemClock } from '../../shared/clock.js'
import { silentLog } from '../../shared/log.js'
import { startOrigin } from '../kit/origin.js'
import { mountSmallDisk } from '../kit/small-disk.js'
import { waitFor } from '../kit/wait.js'
import { countOf, reportOf } from './api/server.js'
import { ask, folder, type Options, start } from './living.js'

/** A store as an earlier life left it: one instance that is down and drained, one without either, and ten requests. */
async function leaveStore(path: string, drained: string, plain: string): Promise<Store> {
  const store = await createSqliteStore(path, { clock: systemClock, log: silentLog })
  const row = { service: 'orders', url: '', since: 1000, version: 7 }
  await store.state.put([
    { ...row, id: drained, health: 'down', override: 'drain', version: 1 },
    { ...row, id: plain, health: 'up', version: 1 },
  ])
  store.history.addCounts(Date.now() - 120_000, [countOf({ instance: drained })])
  await store.flush()
  return store
}

interface Ready {
  readonly status: string
  readonly checks: readonly { readonly name: string; readonly detail: string }[]
}

/** `hinder` makes the store unreadable and returns what makes it readable again. */
async function outlivesAnOutageAtTheStart(
  t: TestContext,
  path: string,
  hinder: (store: Store) => Promise<() => Promise<void> | void>,
): Promise<void> {
  const origin = await startOrigin(t, (request) => request.answer(200))
  const other = await startOrigin(t, (request) => request.answer(200))
  const [drained, plain] = [`orders/${origin.address}`, `orders/${other.address}`]
  const earlier = await leaveStore(path, drained, plain)
  t.after(() => earlier.close())
  const recover = await hinder(earlier)

  const options: Options = {
    discovery: { store: `sqlite:${path}` },
    servers: [origin.address, other.address],
    polling: { frequency: 3600, rise: 2 },
  }
  const life = await start(t, options)
  const instances = () =>
    life.registry.current.instances.map(({ health, override, since }) => [
      health,
      override,
      since < Date.now() - 60_000,
    ])
  // One poll each: of what is stored nothing is known, so the first pass makes them up.
  await waitFor(() => life.registry.current.instances.every(({ health }) => health === 'up'))
  life.sink.accept(reportOf({ counts: [countOf({ instance: drained })], shed: 10 }))
  const total = async () => (await ask<{ requests: { total: number } }>(life, '/stats')).requests.total
  assert.equal(await total(), 10)
  assert.equal((await ask<Ready>(life, '/readyz')).status, 'degraded')

  await recover()
  await waitFor(async () => (await ask<Ready>(life, '/readyz')).status === 'ready', { timeoutMs: 15_000 })
  // One pass is not enough against the `down` that was stored, and the other has been up all the time.
  assert.deepEqual(instances(), [
    ['down', 'drain', true],
    ['up', undefined, true],
  ])
  life.sink.accept(reportOf({ counts: [countOf({ instance: drained })], shed: 10 }))
  assert.equal(await total(), 30)
  const rolled = await ask<{ items: { requests: number }[] }>(life, '/api/v1/rollups?span=minute')
  assert.equal(
    rolled.items.reduce((sum, { requests }) => sum + requests, 0),
    30,
  )
  await life.close()

  const store = await createSqliteStore(path, { clock: systemClock, log: silentLog })
  t.after(() => store.close())
  const rows = new Map((await store.state.load()).map((row) => [row.id, row]))
  assert.deepEqual([rows.get(drained)?.health, rows.get(drained)?.override], ['down', 'drain'])
  assert.deepEqual([rows.get(plain)?.health, rows.get(plain)?.override], ['up', undefined])
  assert.deepEqual(
    (await store.history.totals()).map(({ requests }) => requests),
    [30],
  )
  const added = (await store.history.events({}, { limit: 100 })).items.filter(({ kind }) => kind === 'added')
  assert.deepEqual(added, [])
}

test('a store that cannot be opened at the start costs no override, no `down` and no total once it can', async (t) => {
  const path = join(folder(t), 'serverpy.db')
  await outlivesAnOutageAtTheStart(t, path, async (store) => {
    await store.close()
    renameSync(path, `${path}.hidden`)
    mkdirSync(path)
    return () => {
      rmdirSync(path)
      renameSync(`${path}.hidden`, path)
    }
  })
})

test('nor does one that another serverpy still holds', async (t) => {
  const path = join(folder(t), 'serverpy.db')
  await outlivesAnOutageAtTheStart(t, path, (store) => Promise.resolve(() => store.close()))
})

test('nor does a disk that is full at the start', async (t) => {
  const disk = mountSmallDisk(t, '1m')
  if (disk === undefined) return t.skip('mounting a small file system needs root')
  const ballast = join(disk.folder, 'ballast')
  await outlivesAnOutageAtTheStart(t, join(disk.folder, 'serverpy.db'), async (store) => {
    await store.close()
    assert.throws(() => writeFileSync(ballast, Buffer.alloc(2 * 1024 * 1024)), /ENOSPC/)
    return () => rmSync(ballast)
  })
})
