// Traffic: totals that outlive the process, and gauges that do not outlive their worker.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createMemoryStore } from '../../discovery/store/memory.js'
import { createHeldCounts } from '../../discovery/held-counts.js'
import { createTraffic } from '../../discovery/traffic.js'
import type { TrafficCount } from '../../shared/metrics/report.js'
import { fakeClock } from '../kit/clock.js'
import { A, B, countOf, endpointOf, recordOf, reportOf, triedOf } from './api/server.js'

function setUp(earlier: readonly TrafficCount[] = [], requestLimit = 100) {
  const clock = fakeClock()
  const store = createMemoryStore({ clock })
  const known = {
    service: (name: string) => name === 'orders',
    instance: (id: string) => id === A || id === B,
    route: (id: string) => id === 'orders:/orders',
    pipe: (name: string) => names.has(name),
    listener: (name: string) => name === '' || name === 'db',
  }
  const names = new Set(['fair', 'store'])
  const suspects: string[] = []
  const onSuspect = (id: string) => void suspects.push(id)
  const disputes: string[] = []
  const onDispute = (id: string, disputed: boolean) => void disputes.push(`${id} ${disputed}`)
  /** What the processor of the process would list; undefined: there is none. */
  const own: { workers: string[] | undefined } = { workers: undefined }
  const traffic = createTraffic(earlier, {
    history: store.history,
    clock,
    requestLimit,
    known,
    onSuspect,
    onDispute,
    ownWorkers: () => own.workers,
  })
  return { clock, store, traffic, suspects, disputes, own, known, names }
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
  const known = { service: () => true, instance: () => true, route: () => true, pipe: () => true, listener: () => true }
  const traffic = createTraffic(undefined, {
    history,
    clock,
    requestLimit: 1,
    known,
    onSuspect: () => undefined,
    onDispute: () => undefined,
    ownWorkers: () => undefined,
  })
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

test('tries add up by instance and what requests met by service; names that are not known become empty', () => {
  const { traffic } = setUp()
  const services = [{ service: 'orders', queued: 1, shed: 2, budgetSpent: 3 }]
  traffic.accept(
    reportOf({ tried: [triedOf({ success: 5, retries: 1 }), triedOf({ instance: B, failure: 1 })], services }),
  )
  traffic.accept(
    reportOf({ worker: 'w-2', tried: [triedOf({ success: 2, ejections: 1 }), triedOf({ instance: 'x' })], services }),
  )
  traffic.acceptRemote(reportOf({ worker: 'far', services: [{ service: 'x', queued: 9, shed: 9, budgetSpent: 9 }] }))
  assert.deepEqual(traffic.tried(), [
    triedOf({ success: 7, retries: 1, ejections: 1 }),
    triedOf({ instance: B, failure: 1 }),
    triedOf({ instance: '' }),
  ])
  assert.deepEqual(traffic.services(), [{ service: 'orders', queued: 2, shed: 4, budgetSpent: 6 }])
})

test('what came through listeners adds up by their names, and what is open over the workers that are there', () => {
  const { traffic, own } = setUp()
  own.workers = ['w-1', 'w-2']
  const count = { listener: 'db', accepted: 3, refused: 1, bytesIn: 5, bytesOut: 7 }
  const open = (connections: number) => ({ listening: [{ listener: 'db', connections }] })
  traffic.accept(reportOf({ listeners: [count], ...open(2) }))
  traffic.accept(reportOf({ worker: 'w-2', listeners: [count, { ...count, listener: '' }], ...open(1) }))
  // A report without states leaves them as they were; one of a stranger names no listener that is here.
  traffic.accept(reportOf({ worker: 'w-2' }))
  traffic.acceptRemote(reportOf({ worker: 'far', listeners: [{ ...count, listener: 'made up' }] }))
  assert.deepEqual(traffic.listeners(), [
    { listener: 'db', accepted: 6, refused: 2, bytesIn: 10, bytesOut: 14 },
    { ...count, listener: '' },
  ])
  assert.deepEqual([traffic.connections('db'), traffic.connections(''), traffic.connections('x')], [3, 0, 0])
})

test('what pipes count adds up by name and event, and what they hold over the workers that are there', () => {
  const { traffic, own } = setUp()
  own.workers = ['w-1', 'w-2']
  const store = (entries: number) => [{ pipe: 'store', values: { entries } }]
  const fair = (counts: Record<string, number>) => [{ pipe: 'fair', counts }]
  traffic.accept(reportOf({ pipes: fair({ failed: 1, refused: 5 }), pipeStates: store(7) }))
  traffic.accept(reportOf({ worker: 'w-2', pipes: fair({ refused: 2, waited: 0.5 }), pipeStates: store(4) }))
  traffic.acceptRemote(reportOf({ worker: 'far', pipes: [{ pipe: 'made up', counts: { failed: 1 } }] }))
  // A report without them leaves them as they were.
  traffic.accept(reportOf({ pipes: fair({ constructor: 3 }) }))
  assert.deepEqual(traffic.pipes(), [{ pipe: 'fair', counts: { failed: 1, refused: 7, waited: 0.5, constructor: 3 } }])
  assert.deepEqual(traffic.pipeStates(), store(11))
})

test('what a worker held goes with it', async () => {
  const { traffic, own } = setUp()
  own.workers = ['w-1', 'w-2']
  const store = (entries: number) => [{ pipe: 'store', values: { entries } }]
  traffic.accept(reportOf({ pipeStates: store(7) }))
  traffic.accept(reportOf({ worker: 'w-2', pipeStates: store(4) }))
  own.workers = ['w-2']
  await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual(traffic.pipeStates(), store(4))
})

test('pipes that the config has no more are forgotten, and what users make up is bounded', () => {
  const { traffic, names } = setUp()
  traffic.accept(reportOf({ pipes: [{ pipe: 'fair', counts: { refused: 5 } }] }))
  names.delete('fair')
  assert.deepEqual(traffic.pipes(), [])
  names.add('fair')
  assert.deepEqual(traffic.pipes(), [])
  const letters = 'abcdefghijklmnopqrstuvwxyz'
  const many = Array.from({ length: 200 }, (_, i) => [`${letters[i % 26]}${letters[Math.floor(i / 26)]}`, 1] as const)
  traffic.accept(reportOf({ pipes: [{ pipe: 'fair', counts: Object.fromEntries(many) }] }))
  traffic.accept(reportOf({ pipes: [{ pipe: 'fair', counts: { aa: 1, failed: 2, barred: 3 } }] }))
  const counts = traffic.pipes()[0]?.counts ?? {}
  assert.equal(Object.keys(counts).length, 64)
  assert.deepEqual([counts['aa'], counts['failed'], counts['barred']], [2, 2, 3])
  for (let i = 0; i < 1000; i++) names.add(`p${i}`)
  for (let i = 0; i < 1000; i++) traffic.accept(reportOf({ pipes: [{ pipe: `p${i}`, counts: { failed: 1 } }] }))
  assert.equal(traffic.pipes().length, 500)
})

test("tries at an instance that has left are its service's, and its name is given up", () => {
  const { traffic, known } = setUp()
  traffic.accept(reportOf({ tried: [triedOf({ success: 5 }), triedOf({ instance: B, success: 2 })] }))
  known.instance = (id) => id === B
  assert.deepEqual(traffic.tried(), [triedOf({ instance: '', success: 5 }), triedOf({ instance: B, success: 2 })])
})

test('what runs at an instance, and who keeps away from it, is the sum of what the workers said last', () => {
  const { traffic } = setUp()
  const ejected = endpointOf({ inFlight: 2, connections: 3, guard: 'open', reason: 'refused' })
  traffic.accept(reportOf({ endpoints: [ejected, endpointOf({ instance: 'x', inFlight: 9 })] }))
  traffic.accept(reportOf({ worker: 'w-2', endpoints: [endpointOf({ inFlight: 1, connections: 1, disputed: true })] }))
  // Without a word about endpoints they are as before.
  traffic.accept(reportOf())
  assert.deepEqual(traffic.live(A), {
    inFlight: 3,
    inFlightBy: [
      { worker: 'w-1', inFlight: 2 },
      { worker: 'w-2', inFlight: 1 },
    ],
    connections: 4,
    ejectedBy: [{ worker: 'w-1', reason: 'refused', guard: 'open' }],
    disputedBy: ['w-2'],
  })
  assert.equal(traffic.live('x').inFlight, 0)
  traffic.accept(reportOf({ endpoints: [] }))
  assert.deepEqual([traffic.live(A).inFlight, traffic.live(A).ejectedBy], [1, []])
})

test('requests that wait for a place are the sum of what the workers said last', () => {
  const { traffic } = setUp()
  traffic.accept(reportOf({ waiting: [{ service: 'orders', queued: 4 }] }))
  traffic.accept(reportOf({ worker: 'w-2', waiting: [{ service: 'orders', queued: 3 }] }))
  traffic.accept(reportOf())
  assert.equal(traffic.waiting('orders'), 7)
  traffic.accept(reportOf({ waiting: [] }))
  assert.equal(traffic.waiting('orders'), 3)
})

test('what a worker of this process said is gone with it, and what it says after its end is counted only', async () => {
  const { traffic, own, clock, disputes } = setUp()
  own.workers = ['w-1', 'w-2']
  const endpoints = [endpointOf({ inFlight: 2, guard: 'open', reason: 'failures', disputed: true })]
  traffic.accept(reportOf({ endpoints }))
  traffic.acceptRemote(reportOf({ worker: 'far', endpoints: [endpointOf({ inFlight: 5 })] }))
  assert.equal(traffic.live(A).inFlight, 7)
  own.workers = ['w-2']
  await clock.advance(0)
  assert.deepEqual([traffic.live(A).inFlight, traffic.live(A).ejectedBy], [5, []])
  assert.deepEqual(disputes, [`${A} true`, `${A} false`])
  traffic.accept(reportOf({ endpoints, counts: [countOf()] }))
  assert.equal(traffic.live(A).inFlight, 5)
  assert.equal(traffic.counts()[0]?.requests, 10)
  assert.deepEqual(
    traffic.workers().map(({ worker }) => worker),
    ['far'],
  )
})

test('a dispute is told once when the first worker sees it and once when the last one does no more', () => {
  const { traffic, disputes } = setUp()
  const endpoints = [endpointOf({ disputed: true })]
  traffic.accept(reportOf({ endpoints }))
  traffic.accept(reportOf({ worker: 'w-2', endpoints }))
  traffic.accept(reportOf({ endpoints }))
  traffic.accept(reportOf({ endpoints: [] }))
  assert.deepEqual(disputes, [`${A} true`])
  traffic.accept(reportOf({ worker: 'w-2', endpoints: [endpointOf({ inFlight: 1 })] }))
  assert.deepEqual(disputes, [`${A} true`, `${A} false`])
})

test('a worker is behind until it has said what runs where under the newer snapshot', async () => {
  const { traffic, own, clock } = setUp()
  own.workers = ['w-1', 'w-2']
  const since = { term: 7, seq: 5 }
  const at = (seq: number, term = 7) => ({ snapshot: { term, seq } })
  assert.deepEqual(traffic.inFlight(A, since), { inFlight: 0, behind: 2 })
  traffic.accept(reportOf({ ...at(4), endpoints: [endpointOf({ inFlight: 1 })] }))
  traffic.accept(reportOf({ worker: 'w-2', ...at(5), endpoints: [] }))
  assert.deepEqual(traffic.inFlight(A, since), { inFlight: 1, behind: 1 })
  // It routes by the newer one, but the number of requests is an old one.
  traffic.accept(reportOf(at(5)))
  assert.deepEqual(traffic.inFlight(A, since), { inFlight: 1, behind: 1 })
  traffic.accept(reportOf({ ...at(1, 8), endpoints: [] }))
  assert.deepEqual(traffic.inFlight(A, since), { inFlight: 0, behind: 0 })
  traffic.acceptRemote(reportOf({ worker: 'far', ...at(4), endpoints: [] }))
  assert.deepEqual(traffic.inFlight(A, since), { inFlight: 0, behind: 1 })
  await clock.advance(30_001)
  assert.deepEqual(traffic.inFlight(A, since), { inFlight: 0, behind: 0 })
})
