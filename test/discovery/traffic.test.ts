// Traffic: totals that outlive the process, and gauges that do not outlive their worker.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createMemoryStore } from '../../discovery/store/memory.js'
import { createHeldCounts } from '../../discovery/held-counts.js'
import { createTraffic } from '../../discovery/traffic.js'
import type { TrafficCount } from '../../shared/metrics/report.js'
import { fakeClock } from '../kit/clock.js'
import { A, B, countOf, recordOf, reportOf } from './api/server.js'

function setUp(earlier: readonly TrafficCount[] = [], requestLimit = 100) {
  const clock = fakeClock()
  const store = createMemoryStore({ clock })
  const known = {
    service: (name: string) => name === 'orders',
    instance: (id: string) => id === A || id === B,
    route: (id: string) => id === 'orders:/orders',
  }
  const suspects: string[] = []
  const onSuspect = (id: string) => void suspects.push(id)
  const traffic = createTraffic(earlier, { history: store.history, clock, requestLimit, known, onSuspect })
  return { clock, store, traffic, suspects }
}

test('counts add up by service and instance, on top of those of earlier lives', () => {
  const gone = countOf({ instance: 'orders/gone:1', requests: 5 })
  const { traffic } = setUp([countOf({ requests: 90, latencyMaxMs: 100 }), gone])
  traffic.accept(reportOf({ counts: [countOf(), countOf({ instance: B, requests: 3 })] }))
  traffic.accept(reportOf({ worker: 'w-2', counts: [countOf()] }))
  assert.deepEqual(
    traffic.counts().map(({ instance, requests, latencyMaxMs }) => [instance, requests, latencyMaxMs]),
    [
      [A, 110, 100],
      ['orders/gone:1', 5, 8],
      [B, 3, 8],
    ],
  )
  const a = traffic.counts()[0]
  assert.deepEqual(a?.classes, [0, 0, 24, 0, 3, 3])
  assert.equal(a?.buckets[4], 30)
  assert.equal(a?.latencySumMs, 180)
  assert.equal(a?.bytesOut, 6000)
})

test('instances at which traffic failed are named to the poller, unknown ones are not', () => {
  const { traffic, suspects } = setUp()
  traffic.accept(reportOf({ suspects: [A, 'orders/unknown:1'] }))
  assert.deepEqual(suspects, [A])
})

test('what is counted here is what the store adds up for the next life', async () => {
  const { traffic, store } = setUp()
  traffic.accept(reportOf({ counts: [countOf(), countOf({ instance: '', service: '' })] }))
  traffic.accept(reportOf({ counts: [countOf()] }))
  await store.flush()
  const byName = (counts: readonly TrafficCount[]) => [...counts].sort((x, y) => x.instance.localeCompare(y.instance))
  assert.deepEqual(byName(await store.history.totals()), byName(traffic.counts()))
})

test('what was recorded and what was shed is always what was served', () => {
  const { traffic } = setUp()
  traffic.accept(reportOf({ records: [recordOf(), recordOf()], shed: 40 }))
  traffic.accept(reportOf({ shed: 3 }))
  const { served, recorded, shed } = traffic.life()
  assert.deepEqual([served, recorded, shed], [45, 2, 43])
})

test('failures and refusals add up by name over all workers', () => {
  const { traffic } = setUp()
  traffic.accept(reportOf({ codes: { loop: 1 }, refusals: { 'bare-lf': 2 } }))
  traffic.accept(reportOf({ worker: 'w-2', codes: { loop: 1, overload: 4 }, refusals: { 'bare-lf': 3, overload: 4 } }))
  const { codes, refusals } = traffic.life()
  assert.deepEqual(codes, { loop: 2, overload: 4 })
  assert.deepEqual(refusals, { 'bare-lf': 5, overload: 4 })
})

test('with a limit of no requests nothing is recorded in the store', async () => {
  const { traffic, store } = setUp([], 0)
  traffic.accept(reportOf({ records: [recordOf()] }))
  assert.deepEqual((await store.history.requests({}, { limit: 1 })).items, [])
})

test('a worker is shown by its last report, and no more half a minute after it', async () => {
  const { traffic, clock } = setUp()
  traffic.accept(reportOf())
  await clock.advance(20_000)
  traffic.accept(
    reportOf({ worker: 'w-2', gauges: { connections: 9, inFlight: 0, upgraded: 0, loopLagMs: 0, rssBytes: 1 } }),
  )
  assert.deepEqual(
    traffic.workers().map(({ worker, gauges }) => [worker, gauges.connections]),
    [
      ['w-1', 3],
      ['w-2', 9],
    ],
  )
  await clock.advance(10_001)
  assert.deepEqual(
    traffic.workers().map(({ worker }) => worker),
    ['w-2'],
  )
})

test('made-up worker names do not make memory grow without end', () => {
  const { traffic } = setUp()
  for (let i = 0; i < 3000; i++) traffic.accept(reportOf({ worker: `w-${i}` }))
  assert.equal(traffic.workers().length, 1024)
})

test('totals of earlier lives that are read late are added once, and what was counted meanwhile is written once', async () => {
  const clock = fakeClock()
  const { history } = createMemoryStore({ clock })
  history.addCounts(0, [countOf({ requests: 100 })])
  const known = { service: () => true, instance: () => true, route: () => true }
  const traffic = createTraffic(undefined, { history, clock, requestLimit: 1, known, onSuspect: () => undefined })
  const total = async () => (await history.totals()).map(({ requests }) => requests)
  traffic.accept(reportOf({ counts: [countOf()] }))
  await clock.advance(60_000)
  traffic.accept(reportOf({ counts: [countOf()] }))
  assert.deepEqual([await total(), traffic.counts()[0]?.requests], [[100], 20])
  traffic.recall(await history.totals())
  traffic.recall(await history.totals())
  assert.deepEqual([await total(), traffic.counts()[0]?.requests], [[120], 120])
  const filter = { span: 'minute', from: clock.wall() - 120_000, to: clock.wall() + 120_000 } as const
  assert.deepEqual(
    (await history.rollups(filter)).map(({ requests }) => requests),
    [10, 10],
  )
  traffic.accept(reportOf({ counts: [countOf()] }))
  assert.deepEqual([await total(), traffic.counts()[0]?.requests], [[130], 130])
})

test('however long counts are held, memory is bounded and no request is lost', () => {
  const held = createHeldCounts(3)
  for (let minute = 0; minute < 10; minute++) held.add(minute * 60_000, [countOf(), countOf({ instance: B })])
  const released: [number, number][] = []
  held.release({
    addCounts: (at, counts) =>
      released.push(...counts.map(({ requests }): [number, number] => [at / 60_000, requests])),
  })
  assert.deepEqual(released, [
    [0, 10],
    [0, 100],
    [1, 90],
  ])
})

test('routes that are not of the config reach no record: each would stay in the store for ever', async () => {
  const { traffic, store } = setUp()
  traffic.accept(reportOf({ records: [recordOf(), recordOf({ route: 'made-up' })] }))
  const { items } = await store.history.requests({}, { limit: 5 })
  assert.deepEqual(
    items.map(({ route }) => route),
    ['', 'orders:/orders'],
  )
})
