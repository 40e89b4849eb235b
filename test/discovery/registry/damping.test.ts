// Flap damping: an instance that comes and goes is held down until it is steady, but never the last one of its service.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { damp, STEADY, type Damping } from '../../../discovery/registry/damping.js'
import { createRegistry } from '../../../discovery/registry/registry.js'
import type { Observation } from '../../../discovery/registry/status.js'
import type { RegistryEvent } from '../../../discovery/store/store.js'
import { silentLog } from '../../../shared/log.js'
import type { Health } from '../../../shared/registry/instance.js'
import { fakeClock } from '../../kit/clock.js'
import { server } from '../servers.js'

const DAMPING = { changes: 4, windowMs: 60_000, steadyMs: 10_000 }

function after(polls: readonly (readonly [at: number, before: Health, after: Health])[]): Damping {
  return polls.reduce<Damping>((d, [endedAt, from, to]) => {
    const verdict = to === 'up' ? 'passed' : 'failed'
    return damp(d, { verdict, endedAt }, { before: from, after: to }, DAMPING)
  }, STEADY)
}

test('only changes between up and down within the window make an instance flap', () => {
  const flips = (times: readonly number[]) =>
    times.map((at, i) => [at, i % 2 ? 'down' : 'up', i % 2 ? 'up' : 'down'] as const)
  assert.equal(after(flips([0, 1000, 2000])).flapping, false)
  assert.equal(after(flips([0, 1000, 2000, 3000])).flapping, true)
  assert.equal(after(flips([0, 1000, 2000, 60_000])).flapping, false)
  assert.equal(after([[0, 'unknown', 'up'], ...flips([1, 2, 3])]).flapping, false)
})

test('without a config nothing flaps, and what flapped does so no more', () => {
  const flapping: Damping = { changes: [1, 2, 3, 4], flapping: true, failedAt: 4 }
  assert.equal(damp(flapping, { verdict: 'failed', endedAt: 5 }, { before: 'up', after: 'down' }, undefined), STEADY)
})

test('it flaps until no poll has failed for so long, however many pass in between', () => {
  let d: Damping = { changes: [0], flapping: true, failedAt: 0 }
  const poll = (verdict: Observation['verdict'], endedAt: number) => {
    d = damp(d, { verdict, endedAt }, { before: 'up', after: 'up' }, DAMPING)
    return d.flapping
  }
  assert.equal(poll('passed', 9000), true)
  assert.equal(poll('failed', 9500), true)
  assert.equal(poll('inconclusive', 15_000), true)
  assert.equal(poll('passed', 19_499), true)
  assert.equal(poll('passed', 19_500), false)
  assert.deepEqual(d.changes, [])
})

function setUp() {
  const clock = fakeClock()
  const events: RegistryEvent[] = []
  const registry = createRegistry({ clock, log: silentLog, term: 1, onEvent: (event) => events.push(event) })
  const servers = ['a:1', 'b:1'].map((address) => server(address, { damping: DAMPING }))
  const [a, b] = servers.map(({ spec }) => spec.id) as [string, string]
  registry.replace(servers)
  const poll = (id: string, verdict: Observation['verdict']) => {
    const at = clock.wall()
    const status = verdict === 'passed' ? 'active' : 'inactive'
    registry.observe(id, { startedAt: at, endedAt: at, verdict, status, response: verdict, latencyMs: 1, tries: 1 })
    registry.flush()
  }
  /** Up and down again until it flaps; its last poll has passed. */
  const flap = async (id: string) => {
    poll(id, 'passed')
    for (let i = 0; i < 2; i++) {
      await clock.advance(1000)
      poll(id, 'failed')
      await clock.advance(1000)
      poll(id, 'passed')
    }
  }
  const health = () => registry.current.instances.map((instance) => instance.health)
  return { clock, events, registry, a, b, poll, flap, health }
}

test('a flapping instance beside a steady one is held down, told as such, and up again once it is steady', async () => {
  const { clock, events, registry, a, b, poll, flap, health } = setUp()
  poll(b, 'passed')
  await flap(a)
  assert.deepEqual(health(), ['down', 'up'])
  assert.equal(registry.status(a)?.flapping, true)
  assert.deepEqual(events.at(-1)?.reason, 'flapping: held down')
  const before = events.length
  await clock.advance(1000)
  poll(a, 'failed')
  await clock.advance(1000)
  poll(a, 'passed')
  assert.deepEqual([health(), events.length], [['down', 'up'], before], 'nothing changes that others see')
  await clock.advance(9000)
  poll(a, 'passed')
  assert.deepEqual(health(), ['up', 'up'])
  assert.equal(registry.current.instances[0]?.since, clock.wall())
  const last = events.at(-1)
  assert.deepEqual([last?.kind, last?.from, last?.to, last?.reason], ['health', 'down', 'up', 'flapping no more'])
  assert.equal(registry.status(a)?.flapping, false)
})

test('an instance that begins to flap by going down goes down once, for that reason', async () => {
  const { clock, events, registry, a, b, poll } = setUp()
  registry.replace(['a:1', 'b:1'].map((address) => server(address, { damping: { ...DAMPING, changes: 3 } })))
  poll(a, 'passed')
  poll(b, 'passed')
  for (const verdict of ['failed', 'passed', 'failed', 'passed'] as const) {
    await clock.advance(1000)
    poll(a, verdict)
  }
  const ofA = events.filter(({ instance, kind }) => instance === a && kind === 'health')
  assert.deepEqual(
    ofA.map(({ from, to, reason }) => [from, to, reason]),
    [
      ['unknown', 'up', 'passed'],
      ['up', 'down', 'failed'],
      ['down', 'up', 'passed'],
      ['up', 'down', 'flapping: held down'],
    ],
  )
})

test('damping never empties a service: without a steady instance the flapping ones count as polls say', async () => {
  const { clock, events, registry, a, b, poll, flap, health } = setUp()
  poll(b, 'passed')
  await flap(a)
  assert.deepEqual(health(), ['down', 'up'])
  await clock.advance(1000)
  poll(b, 'failed')
  assert.deepEqual(health(), ['up', 'down'])
  assert.equal(events.at(-1)?.reason, 'flapping, but no steady instance is left')
  assert.equal(registry.status(a)?.flapping, true)
  poll(b, 'passed')
  assert.deepEqual(health(), ['down', 'up'])
  registry.setOverride(b, 'drain')
  registry.flush()
  assert.deepEqual(health(), ['up', 'up'])
  registry.setOverride(b, undefined)
  registry.flush()
  assert.deepEqual(health(), ['down', 'up'])
  registry.replace([server('a:1', { damping: DAMPING })])
  assert.deepEqual(health(), ['up'])
})

test('when all instances flap none is held down', async () => {
  const { a, b, flap, health } = setUp()
  await flap(a)
  await flap(b)
  assert.deepEqual(health(), ['up', 'up'])
})

test('a config that damps no more lets go of what is held', async () => {
  const { registry, a, b, poll, flap, health } = setUp()
  poll(b, 'passed')
  await flap(a)
  assert.deepEqual(health(), ['down', 'up'])
  registry.replace([server('a:1'), server('b:1')])
  assert.deepEqual(health(), ['up', 'up'])
  assert.equal(registry.status(a)?.flapping, false)
})

test('a dispute is told when polls fail and requests succeed, and when either of them changes its mind', () => {
  const { events, registry, a, poll } = setUp()
  const told = () => events.filter(({ kind }) => kind === 'dispute').map(({ from, to, reason }) => [from, to, reason])
  poll(a, 'passed')
  registry.setContradicted(a, true)
  assert.deepEqual(told(), [])
  poll(a, 'failed')
  assert.equal(registry.status(a)?.disputed, true)
  registry.setContradicted(a, true)
  poll(a, 'passed')
  assert.equal(registry.status(a)?.disputed, false)
  poll(a, 'failed')
  registry.setContradicted(a, false)
  registry.setContradicted('nobody', true)
  const begins = ['none', 'polling disputed', 'polls fail, and requests succeed']
  const ends = ['polling disputed', 'none', 'polls and requests agree']
  assert.deepEqual(told(), [begins, ends, begins, ends])
})
