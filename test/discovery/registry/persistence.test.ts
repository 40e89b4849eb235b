// State on its way to the store: nothing is lost, nothing waits for it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createPersistence } from '../../../discovery/registry/persistence.js'
import type { InstanceStatus } from '../../../discovery/registry/status.js'
import type { StateStore, StoredInstance } from '../../../discovery/store/store.js'
import { silentLog } from '../../../shared/log.js'
import type { Health } from '../../../shared/registry/instance.js'
import { fakeClock } from '../../kit/clock.js'
import { server } from '../servers.js'

function status(port: number, health: Health): InstanceStatus {
  const { spec, polling } = server(`127.0.0.1:${port}`)
  return {
    instance: { ...spec, health, since: 5 },
    polling,
    flapping: false,
    disputed: false,
    checkStartedAt: null,
    lastCheckedAt: null,
    lastFailureAt: null,
    status: 'unknown',
    response: '',
    latencyMs: null,
  }
}

/** A state store in memory that can be made to fail, and that holds writers to their versions. */
function memory() {
  const rows = new Map<string, StoredInstance>()
  const puts: number[] = []
  const state: StateStore & { failing: boolean } = {
    failing: false,
    load: async () => [...rows.values()],
    async put(instances) {
      puts.push(instances.length)
      if (state.failing) throw new Error('disk full')
      const lost = instances.filter((i) => (rows.get(i.id)?.version ?? 0) !== i.version - 1)
      for (const i of instances) if (!lost.includes(i)) rows.set(i.id, i)
      return lost.map((i) => i.id)
    },
    remove: async () => undefined,
    nextTerm: async () => 1,
  }
  return { rows, puts, state }
}

const one = 'orders/127.0.0.1:1'

test('each change is written with the next version', async () => {
  const { rows, state } = memory()
  const clock = fakeClock()
  const persistence = createPersistence([], { state, clock, log: silentLog })
  persistence.changed([status(1, 'up'), status(2, 'down')])
  await clock.advance(0)
  assert.deepEqual(
    [...rows.values()].map((r) => [r.id, r.health, r.version]),
    [
      [one, 'up', 1],
      ['orders/127.0.0.1:2', 'down', 1],
    ],
  )
  persistence.changed([status(1, 'down')])
  await clock.advance(0)
  assert.deepEqual([rows.get(one)?.health, rows.get(one)?.version, persistence.waiting], ['down', 2, 0])
})

test('versions go on from what was stored', async () => {
  const { rows, state } = memory()
  const before: StoredInstance = { id: one, service: 'orders', url: '', health: 'up', since: 1, version: 8 }
  rows.set(one, before)
  const clock = fakeClock()
  createPersistence([before], { state, clock, log: silentLog }).changed([status(1, 'down')])
  await clock.advance(0)
  assert.deepEqual([rows.get(one)?.health, rows.get(one)?.version], ['down', 9])
})

test('while the store fails only the latest state of each instance waits, and it is written when the store is back', async () => {
  const { rows, puts, state } = memory()
  const clock = fakeClock()
  const persistence = createPersistence([], { state, clock, log: silentLog })
  state.failing = true
  for (const health of ['up', 'down', 'up', 'down'] as const) {
    persistence.changed([status(1, health)])
    await clock.advance(60_000)
  }
  assert.equal(persistence.waiting, 1)
  assert.ok(puts.length < 50, `${puts.length} tries in four minutes`)
  state.failing = false
  await clock.advance(10_000)
  assert.deepEqual([rows.get(one)?.health, rows.get(one)?.version, persistence.waiting], ['down', 1, 0])
})

test('a race that is lost to another writer is run again from its version', async () => {
  const { rows, state } = memory()
  const clock = fakeClock()
  const persistence = createPersistence([], { state, clock, log: silentLog })
  rows.set(one, { id: one, service: 'orders', url: '', health: 'up', since: 1, version: 4 })
  persistence.changed([status(1, 'down'), status(2, 'up')])
  await clock.advance(1000)
  assert.deepEqual([rows.get(one)?.health, rows.get(one)?.version], ['down', 5])
  assert.equal(rows.get('orders/127.0.0.1:2')?.version, 1)
})

test('an instance whose row is gone from the store is written anew', async () => {
  const { rows, state } = memory()
  const clock = fakeClock()
  const before: StoredInstance = { id: one, service: 'orders', url: '', health: 'up', since: 1, version: 8 }
  const persistence = createPersistence([before], { state, clock, log: silentLog })
  persistence.changed([])
  persistence.changed([status(1, 'down')])
  await clock.advance(1000)
  assert.deepEqual([rows.get(one)?.health, rows.get(one)?.version, persistence.waiting], ['down', 1, 0])
})

test('ten thousand changes are written in a few batches', async () => {
  const { rows, puts, state } = memory()
  const clock = fakeClock()
  createPersistence([], { state, clock, log: silentLog }).changed(
    Array.from({ length: 10_000 }, (_, i) => status(i + 1, 'up')),
  )
  await clock.advance(0)
  assert.equal(rows.size, 10_000)
  assert.equal(puts.length, 10)
})

test('closing writes what waits, and gives up in time when the store hangs', async () => {
  const { rows, state } = memory()
  const clock = fakeClock()
  const persistence = createPersistence([], { state, clock, log: silentLog })
  state.failing = true
  persistence.changed([status(1, 'up')])
  await clock.advance(0)
  state.failing = false
  await persistence.close()
  assert.equal(rows.get(one)?.health, 'up')

  const hanging = createPersistence([], {
    state: { ...state, put: () => new Promise(() => undefined) },
    clock,
    log: silentLog,
  })
  hanging.changed([status(1, 'up')])
  const closed = hanging.close()
  await clock.advance(2000)
  await closed
  assert.equal(hanging.waiting, 1)
})

test('nothing is written before what is stored is known, then the latest with the next versions', async () => {
  const { rows, puts, state } = memory()
  const clock = fakeClock()
  const before: StoredInstance = { id: one, service: 'orders', url: '', health: 'up', since: 1, version: 8 }
  rows.set(one, before)
  const persistence = createPersistence(undefined, { state, clock, log: silentLog })
  persistence.changed([status(1, 'up')])
  await clock.advance(60_000)
  assert.deepEqual([puts, persistence.waiting], [[], 1])
  persistence.changed([status(1, 'down')])
  persistence.learn([before])
  await clock.advance(0)
  assert.deepEqual([rows.get(one)?.health, rows.get(one)?.version], ['down', 9])
})

test('closing writes nothing over what was never read', async () => {
  const { puts, state } = memory()
  const persistence = createPersistence(undefined, { state, clock: fakeClock(), log: silentLog })
  persistence.changed([status(1, 'up')])
  await persistence.close()
  assert.deepEqual(puts, [])
})

test('the row of a race that is lost is shown before it is overwritten', async () => {
  const { rows, state } = memory()
  const clock = fakeClock()
  const theirs = { id: one, service: 'orders', url: '', health: 'up', since: 1, override: 'drain', version: 4 } as const
  const other = { ...theirs, id: 'orders/other:1' }
  for (const row of [theirs, other]) rows.set(row.id, row)
  const persistence = createPersistence([], {
    state,
    clock,
    log: silentLog,
    onLost(lost) {
      assert.deepEqual([...lost.values()], [theirs])
      const { instance, ...rest } = status(1, 'down')
      persistence.changed([{ ...rest, instance: { ...instance, override: 'drain' } }])
    },
  })
  persistence.changed([status(1, 'down')])
  await clock.advance(1000)
  assert.deepEqual([rows.get(one)?.health, rows.get(one)?.override, rows.get(one)?.version], ['down', 'drain', 5])
})
