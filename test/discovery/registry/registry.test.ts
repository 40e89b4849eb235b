// The registry: numbered snapshots that share what did not change, and what is told to whom.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRegistry } from '../../../discovery/registry/registry.js'
import type { InstanceStatus, Observation } from '../../../discovery/registry/status.js'
import type { RegistryEvent, StoredInstance } from '../../../discovery/store/store.js'
import { silentLog } from '../../../shared/log.js'
import { apply, diff } from '../../../shared/registry/delta.js'
import type { Snapshot } from '../../../shared/registry/instance.js'
import { fakeClock } from '../../kit/clock.js'
import { server } from '../servers.js'

function seen(verdict: Observation['verdict'], at = 1): Observation {
  const status = verdict === 'passed' ? 'active' : 'service unreachable'
  return { startedAt: at, endedAt: at, verdict, status, response: `it ${verdict}`, latencyMs: 1, tries: 1 }
}

function setUp() {
  const clock = fakeClock()
  const events: RegistryEvent[] = []
  const changes: InstanceStatus[][] = []
  const registry = createRegistry({
    clock,
    log: silentLog,
    term: 7,
    onEvent: (event) => events.push(event),
    onChange: (changed) => changes.push([...changed]),
  })
  return { clock, events, changes, registry }
}

const a = server('127.0.0.1:1')
const b = server('127.0.0.1:2')

test('a snapshot is frozen, numbered within its term and holds newcomers as unknown, in the order of the config', () => {
  const { registry } = setUp()
  assert.deepEqual([registry.current.term, registry.current.seq, registry.current.instances.length], [7, 0, 0])
  registry.replace([b, a])
  const { current } = registry
  assert.equal(current.seq, 1)
  assert.deepEqual(
    current.instances.map((i) => [i.id, i.health]),
    [
      [b.spec.id, 'unknown'],
      [a.spec.id, 'unknown'],
    ],
  )
  assert.throws(() => (current.instances as unknown[]).push(1), TypeError)
  assert.throws(() => ((current.instances[0] as { health: string }).health = 'up'), TypeError)
})

test('a change of one instance keeps the identity of the others, so that the delta names it alone', async () => {
  const { registry, clock } = setUp()
  registry.replace([a, b])
  await clock.advance(100)
  const before = registry.current
  registry.observe(a.spec.id, seen('passed'))
  await clock.advance(0)
  const after = registry.current
  assert.equal(after.instances[1], before.instances[1])
  const change = diff(before, after)
  assert.deepEqual(change.kind === 'delta' && change.put.map((i) => i.id), [a.spec.id])
  assert.deepEqual(apply(before, change), after)
})

test('a poll that changes nothing publishes nothing', async () => {
  const { registry, clock } = setUp()
  registry.replace([a])
  registry.observe(a.spec.id, seen('passed'))
  await clock.advance(100)
  const { seq } = registry.current
  registry.observe(a.spec.id, seen('passed', 2))
  await clock.advance(100)
  registry.replace([a])
  assert.equal(registry.current.seq, seq)
  assert.equal(registry.status(a.spec.id)?.lastCheckedAt, 2)
})

test('ten thousand flips in one turn are one snapshot and cost little', async () => {
  const servers = Array.from({ length: 10_000 }, (_, i) => server(`10.0.${i >> 8}.${i & 255}:80`))
  const { registry, clock, changes } = setUp()
  registry.replace(servers)
  await clock.advance(100)
  let published = 0
  registry.subscribe(() => published++)
  const startedAt = performance.now()
  for (const { spec } of servers) registry.observe(spec.id, seen('failed'))
  registry.flush()
  const tookMs = performance.now() - startedAt
  assert.equal(published, 1)
  assert.equal(changes.at(-1)?.length, 10_000)
  assert.ok(registry.current.instances.every((i) => i.health === 'down'))
  assert.ok(tookMs < 1000, `took ${tookMs} ms`)
})

test('the first change reaches subscribers at once, those right after it together within 20 ms', async () => {
  const { registry, clock } = setUp()
  registry.replace([a, b])
  await clock.advance(100)
  const got: Snapshot[] = []
  registry.subscribe((snapshot) => got.push(snapshot))
  const turn = () => new Promise((resolve) => setImmediate(resolve))
  registry.observe(a.spec.id, seen('passed'))
  await turn()
  assert.deepEqual(
    got.map((s) => s.instances.map((i) => i.health)),
    [['up', 'unknown']],
  )
  registry.observe(a.spec.id, seen('failed'))
  await turn()
  registry.observe(b.spec.id, seen('passed'))
  await clock.advance(20)
  assert.deepEqual(
    got.slice(1).map((s) => s.instances.map((i) => i.health)),
    [['down', 'up']],
  )
  assert.equal(got[1]?.seq, (got[0]?.seq ?? 0) + 1)
})

test('a listener that throws harms nobody', () => {
  const { registry } = setUp()
  const got: number[] = []
  registry.subscribe(() => {
    throw new Error('mine')
  })
  registry.subscribe((snapshot) => got.push(snapshot.seq))
  registry.replace([a])
  assert.deepEqual(got, [1])
})

test('a subscription ends when told so', () => {
  const { registry } = setUp()
  const got: number[] = []
  const end = registry.subscribe((snapshot) => got.push(snapshot.seq))
  registry.replace([a])
  end()
  registry.replace([a, b])
  assert.deepEqual(got, [1])
})

const stored = (over: Partial<StoredInstance>): ReadonlyMap<string, StoredInstance> =>
  new Map([
    [a.spec.id, { id: a.spec.id, service: 'orders', url: a.spec.url, health: 'up', since: 42, version: 3, ...over }],
  ])

test('what was down before a restart stays down until polls say otherwise, with its since and its override', () => {
  const { registry, events, changes } = setUp()
  const rise2 = server('127.0.0.1:1', { rise: 2 })
  registry.replace([rise2], stored({ health: 'down', override: 'drain' }))
  const [restored] = registry.current.instances
  assert.deepEqual([restored?.health, restored?.since, restored?.override], ['down', 42, 'drain'])
  assert.deepEqual([events, changes], [[], []])
  registry.observe(a.spec.id, seen('passed'))
  registry.flush()
  assert.equal(registry.current.instances[0]?.health, 'down')
  registry.observe(a.spec.id, seen('passed'))
  registry.flush()
  assert.equal(registry.current.instances[0]?.health, 'up')
})

test('what was up before a restart stays up until polls say otherwise', () => {
  const { registry } = setUp()
  registry.replace([server('127.0.0.1:1', { fall: 2 })], stored({}))
  registry.observe(a.spec.id, seen('failed'))
  registry.flush()
  assert.equal(registry.current.instances[0]?.health, 'up')
})

test('replace keeps what is known of an instance, takes its new spec, and drops what is gone', () => {
  const { registry, events } = setUp()
  registry.replace([a, b])
  registry.observe(a.spec.id, seen('failed'))
  registry.setOverride(a.spec.id, 'out-of-service')
  events.length = 0
  registry.replace([server('127.0.0.1:1', {}, { weight: 5 })])
  assert.deepEqual(
    registry.current.instances.map(({ id, weight, health, override }) => ({ id, weight, health, override })),
    [{ id: a.spec.id, weight: 5, health: 'down', override: 'out-of-service' }],
  )
  assert.deepEqual(
    events.map((e) => [e.kind, e.instance]),
    [['removed', b.spec.id]],
  )
  registry.observe(b.spec.id, seen('passed'))
  assert.equal(registry.status(b.spec.id), undefined)
})

test('an instance that a reload brings back is told of, and one that a restart finds stored is not', () => {
  const { registry, events } = setUp()
  const stored = rows(row, { ...row, id: b.spec.id })
  const told = () => events.splice(0).map((e) => [e.kind, e.instance])
  registry.replace([a, b], stored)
  assert.deepEqual(told(), [])
  registry.replace([a], stored)
  registry.replace([a, b], stored)
  assert.deepEqual(told(), [
    ['removed', b.spec.id],
    ['added', b.spec.id],
  ])
})

test('health and overrides are told as events with their reason, and handed on to be stored', async () => {
  const { registry, events, changes, clock } = setUp()
  registry.replace([a])
  registry.observe(a.spec.id, seen('failed'))
  assert.equal(registry.setOverride(a.spec.id, 'drain'), true)
  assert.equal(registry.setOverride(a.spec.id, undefined), true)
  assert.equal(registry.setOverride('orders/nobody', 'drain'), false)
  await clock.advance(100)
  assert.deepEqual(
    events.map((e) => [e.kind, e.from, e.to, e.reason]),
    [
      ['added', '', 'unknown', 'configured'],
      ['health', 'unknown', 'down', 'it failed'],
      ['override', 'none', 'drain', 'set by an operator'],
      ['override', 'drain', 'none', 'set by an operator'],
    ],
  )
  assert.deepEqual(
    changes.map((c) => c.map((s) => [s.instance.health, s.instance.override])),
    [[['unknown', undefined]], [['down', undefined]]],
  )
})

test('the status tells when polls began, ended and failed, and what came back', () => {
  const { registry } = setUp()
  registry.replace([a])
  const fresh = registry.status(a.spec.id)
  assert.deepEqual(
    [
      fresh?.checkStartedAt,
      fresh?.lastCheckedAt,
      fresh?.lastFailureAt,
      fresh?.status,
      fresh?.response,
      fresh?.latencyMs,
    ],
    [null, null, null, 'unknown', '', null],
  )
  registry.started(a.spec.id, 10)
  registry.observe(a.spec.id, seen('failed', 11))
  registry.started(a.spec.id, 20)
  registry.observe(a.spec.id, seen('passed', 21))
  const { checkStartedAt, lastCheckedAt, lastFailureAt, status, response } = registry.statuses()[0] as InstanceStatus
  assert.deepEqual(
    [checkStartedAt, lastCheckedAt, lastFailureAt, status, response],
    [20, 21, 11, 'active', 'it passed'],
  )
})

const row: StoredInstance = {
  id: a.spec.id,
  service: 'orders',
  url: '',
  health: 'down',
  since: 1000,
  override: 'drain',
  version: 4,
}
const rows = (...some: readonly StoredInstance[]) => new Map(some.map((one) => [one.id, one]))

test('what is stored and read late counts as though it had been there before the polls of this life', () => {
  const patient = server('127.0.0.1:1', { rise: 2, fall: 2 })
  const passes = (n: number, stored: StoredInstance) => {
    const { registry } = setUp()
    registry.replace([patient], 'unread')
    for (let i = 1; i <= n; i++) registry.observe(patient.spec.id, seen('passed', 5000 + i))
    registry.adopt(rows(stored))
    const { health, since, override } = registry.current.instances[0] ?? {}
    return [health, since, override]
  }
  assert.deepEqual(passes(0, row), ['down', 1000, 'drain'])
  assert.deepEqual(passes(1, row), ['down', 1000, 'drain'])
  assert.deepEqual(passes(2, row), ['up', 5002, 'drain'])
  assert.deepEqual(passes(1, { ...row, health: 'up' }), ['up', 1000, 'drain'])
  assert.deepEqual(passes(0, { ...row, health: 'unknown' }), ['unknown', 1000, 'drain'])

  const { registry } = setUp()
  registry.replace([patient], 'unread')
  registry.observe(patient.spec.id, seen('passed', 1))
  registry.adopt(rows(row))
  registry.observe(patient.spec.id, seen('passed', 2))
  registry.flush()
  assert.equal(registry.current.instances[0]?.health, 'up', 'and the pass before counts on')
})

test('an override that was set or ended in this life is not undone by what is stored', () => {
  for (const override of ['out-of-service', undefined] as const) {
    const { registry, changes } = setUp()
    registry.replace([a], 'unread')
    registry.setOverride(a.spec.id, override)
    registry.adopt(rows(row))
    assert.equal(registry.current.instances[0]?.override, override)
    assert.equal(changes.at(-1)?.[0]?.instance.override, override, 'and it is written')
  }
})

test('newcomers are told of once it is known that nothing is stored of them', () => {
  const { registry, events, changes } = setUp()
  registry.replace([a, b], 'unread')
  assert.deepEqual([events, changes], [[], []])
  registry.adopt(rows(row))
  assert.deepEqual(
    events.filter(({ kind }) => kind === 'added').map(({ instance }) => instance),
    [b.spec.id],
  )
  assert.deepEqual(
    changes.flat().map(({ instance }) => instance.id),
    [a.spec.id, b.spec.id],
  )
})

test('of a row that another server has written the override is taken and the health is not', () => {
  const { registry } = setUp()
  registry.replace([a])
  registry.observe(a.spec.id, seen('passed'))
  registry.adopt(rows(row))
  assert.deepEqual([registry.current.instances[0]?.health, registry.current.instances[0]?.override], ['up', 'drain'])
})
