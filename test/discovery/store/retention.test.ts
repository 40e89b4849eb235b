// Old history goes on a schedule, one run at a time.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startRetention } from '../../../discovery/store/retention.js'
import { createMemoryStore } from '../../../discovery/store/memory.js'
import type { HistoryStore, PruneLimits } from '../../../discovery/store/store.js'
import { systemClock } from '../../../shared/clock.js'
import type { RetentionConfig } from '../../../shared/config/model.js'
import { packetOf } from '../../contract/store.js'
import { waitFor } from '../../kit/wait.js'
import { listeningLog } from './kit.js'

const config: RetentionConfig = {
  schedule: '* * * * * *',
  eventsMs: 1000,
  minutesMs: 2000,
  hoursMs: 3000,
  requestsMs: 4000,
  goneMs: 5000,
}

function historyWith(prune: (limits: PruneLimits) => Promise<number>): { history: HistoryStore } {
  return { history: { ...createMemoryStore({ clock: systemClock }).history, prune } }
}

test('each limit is so much before now, and the known instances are asked for at each run', async (t) => {
  const asked: PruneLimits[] = []
  const known: string[] = ['a']
  const store = historyWith(async (limits) => {
    asked.push({ ...limits, known: [...limits.known] })
    return 0
  })
  const clock = { now: () => 0, wall: () => 1_000_000 }
  const retention = startRetention(config, () => known, store, { clock, log: listeningLog().log })
  t.after(() => retention.close())
  await waitFor(() => asked.length === 1)
  const limits = { events: 999_000, minutes: 998_000, hours: 997_000, requests: 996_000, gone: 995_000 }
  assert.deepEqual(asked[0], { ...limits, known: ['a'] })
  known.push('b')
  await waitFor(() => asked.length === 2)
  assert.deepEqual(asked[1]?.known, ['a', 'b'])
})

test('a run that is due while one is busy is skipped', async (t) => {
  let runs = 0
  let finish = () => {}
  const busy = historyWith(() => {
    runs++
    return new Promise((resolve) => (finish = () => resolve(0)))
  })
  let others = 0
  const other = historyWith(async () => ++others)
  const deps = { clock: systemClock, log: listeningLog().log }
  const retentions = [busy, other].map((store) => startRetention(config, () => [], store, deps))
  t.after(() => retentions.forEach((retention) => retention.close()))
  // The other one tells that enough runs were due.
  await waitFor(() => others >= 3)
  assert.equal(runs, 1)
  finish()
  await waitFor(() => runs === 2)
  finish()
})

test('a run that fails is logged, and the next one tries again', async (t) => {
  const { log, lines } = listeningLog()
  let runs = 0
  const store = historyWith(async () => {
    if (++runs === 1) throw new Error('the disk is full')
    return 7
  })
  const retention = startRetention(config, () => [], store, { clock: systemClock, log })
  t.after(() => retention.close())
  await waitFor(() => lines.some((line) => line.startsWith('info old history is removed')))
  assert.ok(lines.some((line) => line.startsWith('warn') && line.includes('the disk is full')))
  assert.ok(lines.some((line) => line.includes('"removed":7')))
})

test('a real store loses what is old and keeps what is new', async (t) => {
  const store = createMemoryStore({ clock: systemClock })
  store.history.appendPacket(packetOf(1, 'old:1', { endedAt: Date.now() - 60_000 }), 5)
  store.history.appendPacket(packetOf(1, 'new:1', { endedAt: Date.now() + 60_000 }), 5)
  const retention = startRetention(config, () => [], store, { clock: systemClock, log: listeningLog().log })
  t.after(() => retention.close())
  await waitFor(async () => (await store.history.packets('old:1', { limit: 1 })).items.length === 0)
  assert.equal((await store.history.packets('new:1', { limit: 1 })).items.length, 1)
})
