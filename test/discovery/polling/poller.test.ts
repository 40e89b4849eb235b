// Poll cycles: how probes become verdicts, when, and how many at once.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createPoller } from '../../../discovery/polling/poller.js'
import type { Prober } from '../../../discovery/polling/probes/prober.js'
import { ownFault, passed, silent, type Finding, type Target } from '../../../discovery/polling/probes/probe.js'
import { createRegistry } from '../../../discovery/registry/registry.js'
import type { ServerConfig } from '../../../shared/config/model.js'
import type { Packet } from '../../../discovery/store/store.js'
import { silentLog } from '../../../shared/log.js'
import { fakeClock, type FakeClock } from '../../kit/clock.js'
import { waitFor } from '../../kit/wait.js'
import { server } from '../servers.js'

type Script = (target: Target, nth: number, clock: FakeClock) => Promise<Finding>

/** A poller over a probe that follows a script; `calls` has the moment of each probe by instance. */
function setUp(servers: readonly ServerConfig[], script: Script, options = { concurrency: 100, jitter: 0 }) {
  const clock = fakeClock()
  const calls = new Map<string, number[]>()
  const packets: Packet[] = []
  const limits: number[] = []
  const state = { running: 0, most: 0, aborted: 0 }
  const prober: Prober = {
    async probe(target, signal) {
      const times = calls.get(target.spec.id) ?? []
      calls.set(target.spec.id, times)
      times.push(clock.now())
      state.most = Math.max(state.most, ++state.running)
      const aborted = new Promise<Finding>((resolve) =>
        signal.addEventListener('abort', () => {
          state.aborted++
          resolve(ownFault('aborted'))
        }),
      )
      const startedAt = clock.now()
      const finding = await Promise.race([script(target, times.length, clock), aborted])
      state.running--
      return { ...finding, latencyMs: clock.now() - startedAt }
    },
    close: () => undefined,
  }
  const registry = createRegistry({ clock, log: silentLog, term: 1 })
  registry.replace(servers)
  const history = {
    appendPacket(packet: Packet, limit: number) {
      packets.push(packet)
      limits.push(limit)
    },
  }
  const poller = createPoller(registry, options, { clock, log: silentLog, random: () => 0.5, prober, history })
  return { clock, calls, packets, limits, state, registry, poller }
}

const wait = (clock: FakeClock, ms: number) => new Promise<void>((resolve) => clock.after(ms, resolve))
const fine: Script = () => Promise.resolve(passed('HTTP 200'))
const dead: Script = () => Promise.resolve(silent('connection refused'))
/** As a probe of an instance that never answers. */
const hanging: Script = async ({ polling }, _nth, clock) => {
  await wait(clock, polling.timeoutMs)
  return silent(`timeout after ${polling.timeoutMs} ms`)
}

const a = server('127.0.0.1:1')
const b = server('127.0.0.1:2')

test('with three retries, two failures and a success are three probes a second apart and one verdict', async () => {
  const retrying = server('127.0.0.1:1', { retries: 3, retryDelayMs: 1000 })
  const run = setUp([retrying], (_, nth) =>
    Promise.resolve(nth < 3 ? silent('connection refused') : passed('HTTP 200')),
  )
  run.poller.sync([retrying])
  await run.clock.advance(9000)
  assert.deepEqual(
    run.calls.get(a.spec.id)?.map((at) => Math.round(at / 1000)),
    [0, 1, 2],
  )
  assert.deepEqual(
    run.packets.map((p) => [p.status, p.response, p.tries]),
    [['active', 'HTTP 200', 3]],
  )
  assert.deepEqual(run.poller.stats().polls, { passed: 1, failed: 0, inconclusive: 0 })
})

test('retries that all fail are one failed verdict, with the reason of the last', async () => {
  const retrying = server('127.0.0.1:1', { retries: 2, retryDelayMs: 500 })
  const run = setUp([retrying], (_, nth) => Promise.resolve(silent(`reason ${nth}`)))
  run.poller.sync([retrying])
  await run.clock.advance(5000)
  assert.deepEqual(
    run.packets.map((p) => [p.status, p.response, p.tries]),
    [['service unreachable', 'reason 3', 3]],
  )
  assert.equal(run.registry.status(a.spec.id)?.instance.health, 'down')
})

test('a hanging instance has its verdict at its timeout and moves no other schedule', async () => {
  const slow = server('127.0.0.1:1', { timeoutMs: 5000 })
  const run = setUp([slow, b], (target, nth, clock) =>
    (target.spec.id === slow.spec.id ? hanging : fine)(target, nth, clock),
  )
  run.poller.sync([slow, b])
  await run.clock.advance(30_100)
  assert.deepEqual(
    run.packets.filter((p) => p.instance === slow.spec.id).map((p) => [p.endedAt - p.startedAt, p.response]),
    Array(3).fill([5000, 'timeout after 5000 ms']),
  )
  assert.deepEqual(
    run.calls.get(b.spec.id)?.map((at) => Math.round(at / 1000)),
    [0, 10, 20, 30],
  )
})

test('a poll that outlasts its period drops the turns that it missed', async () => {
  const slow = server('127.0.0.1:1', { frequency: { kind: 'every', ms: 1000 }, timeoutMs: 2500 })
  const run = setUp([slow], hanging)
  run.poller.sync([slow])
  await run.clock.advance(6900)
  assert.deepEqual(
    run.calls.get(slow.spec.id)?.map((at) => Math.round(at / 1000)),
    [0, 3, 6],
  )
  assert.equal(run.state.most, 1)
  assert.ok(run.poller.stats().skipped >= 4)
})

test('probes beyond the cap wait their turn in order', async () => {
  const servers = Array.from({ length: 12 }, (_, i) => server(`127.0.0.1:${i + 1}`))
  const run = setUp(
    servers,
    async (_, __, clock) => {
      await wait(clock, 100)
      return passed('ok')
    },
    { concurrency: 4, jitter: 0 },
  )
  run.poller.sync(servers)
  await run.clock.advance(50)
  assert.deepEqual([run.poller.stats().inFlight, run.poller.stats().waiting], [4, 8])
  await run.clock.advance(400)
  assert.equal(run.state.most, 4)
  assert.deepEqual(
    run.packets.map((p) => p.instance),
    servers.map((s) => s.spec.id),
  )
})

test('a burst of due probes is not started in one turn of the event loop', async () => {
  const servers = Array.from({ length: 300 }, (_, i) => server(`127.0.0.1:${i + 1}`))
  const run = setUp(servers, fine, { concurrency: 1000, jitter: 0 })
  run.poller.sync(servers)
  await run.clock.advance(400)
  run.calls.clear()
  for (const { spec } of servers) run.poller.pollNow(spec.id, 1)
  await Promise.resolve()
  await Promise.resolve()
  assert.equal(run.calls.size, 32)
  await run.clock.advance(0)
  assert.equal(run.calls.size, 300)
})

test('first polls are spread over the first moments', async () => {
  const servers = Array.from({ length: 500 }, (_, i) => server(`127.0.0.1:${i + 1}`))
  const run = setUp(servers, fine)
  run.poller.sync(servers)
  await run.clock.advance(250)
  assert.ok(run.packets.length > 200 && run.packets.length < 300, `${run.packets.length}`)
  await run.clock.advance(300)
  assert.equal(run.packets.length, 500)
})

test('each poll is a packet with the limit of its instance, and the registry knows its times', async () => {
  const run = setUp([a], async (_, __, clock) => {
    await wait(clock, 30)
    return passed('HTTP 204')
  })
  run.poller.sync([a])
  await run.clock.advance(100)
  const [packet] = run.packets
  assert.ok(packet)
  assert.deepEqual(
    [
      packet.instance,
      packet.status,
      packet.response,
      packet.latencyMs,
      packet.tries,
      packet.endedAt - packet.startedAt,
    ],
    [a.spec.id, 'active', 'HTTP 204', 30, 1, 30],
  )
  assert.deepEqual(run.limits, [100])
  const status = run.registry.status(a.spec.id)
  assert.deepEqual(
    [status?.checkStartedAt, status?.lastCheckedAt, status?.instance.health],
    [packet.startedAt, packet.endedAt, 'up'],
  )
})

test('instances come, go and change while it runs, and the others keep their schedule', async () => {
  const run = setUp([a, b], fine)
  run.poller.sync([a, b])
  await run.clock.advance(12_000)
  const faster = server('127.0.0.1:2', { frequency: { kind: 'every', ms: 1000 } })
  const newcomer = server('127.0.0.1:3')
  run.poller.sync([server('127.0.0.1:1', { timeoutMs: 77 }), faster, newcomer])
  await run.clock.advance(2100)
  run.poller.sync([a])
  await run.clock.advance(20_000)
  const seconds = (s: ServerConfig) => run.calls.get(s.spec.id)?.map((at) => Math.round(at / 1000))
  assert.deepEqual(seconds(a), [0, 10, 20, 30])
  assert.deepEqual(seconds(b), [0, 10, 12, 13, 14])
  assert.deepEqual(seconds(newcomer), [12])
})

test('a schedule that begins while a poll of the one before runs has its first poll right after that', async () => {
  const often = server('127.0.0.1:1', { frequency: { kind: 'every', ms: 1000 }, timeoutMs: 700 })
  const hourly = server('127.0.0.1:1', { frequency: { kind: 'every', ms: 3_600_000 }, timeoutMs: 300 })
  const run = setUp([often], hanging)
  run.poller.sync([often])
  await run.clock.advance(1200)
  const before = run.calls.get(often.spec.id)?.length ?? 0
  assert.equal(run.state.running, 1)
  run.poller.sync([hourly])
  await run.clock.advance(5000)
  assert.equal(run.calls.get(often.spec.id)?.length, before + 1)
  assert.equal(run.packets.at(-1)?.response, 'timeout after 300 ms')
  await run.clock.advance(1_000_000)
  assert.equal(run.calls.get(often.spec.id)?.length, before + 1)
  assert.equal(run.poller.stats().skipped, 0)
})

test('an instance that is removed while it is polled is aborted and never heard of again', async () => {
  const run = setUp([a], hanging)
  run.poller.sync([a])
  await run.clock.advance(100)
  run.poller.sync([])
  await run.clock.advance(10_000)
  assert.deepEqual([run.state.aborted, run.packets.length, run.state.running], [1, 0, 0])
})

test('a poll asked for out of turn comes at once, after the one that runs, and leaves the schedule alone', async () => {
  const run = setUp([a], async (_, __, clock) => {
    await wait(clock, 50)
    return passed('ok')
  })
  run.poller.sync([a])
  await run.clock.advance(3000)
  run.poller.pollNow(a.spec.id, 1)
  await run.clock.advance(20)
  for (let i = 0; i < 5; i++) run.poller.pollNow(a.spec.id, 1)
  await run.clock.advance(10_000)
  assert.deepEqual(
    run.calls.get(a.spec.id)?.map((at) => Math.round(at / 10)),
    [1, 300, 305, 1000],
  )
  run.poller.pollNow('orders/nobody', 1)
})

test('a suspect is polled again and again without a wait until it is down, in a fraction of a second', async () => {
  const slow = server('127.0.0.1:1', { fall: 3, retries: 2, retryDelayMs: 1000 })
  let dying = false
  const run = setUp([slow], () => Promise.resolve(dying ? silent('connection refused') : passed('ok')))
  run.poller.sync([slow])
  await run.clock.advance(5000)
  dying = true
  run.poller.pollNow(slow.spec.id, 3)
  await run.clock.advance(200)
  assert.equal(run.registry.status(slow.spec.id)?.instance.health, 'down')
  assert.deepEqual(
    run.packets.map(({ status, tries }) => [status, tries]),
    [['active', 1], ...Array<[string, number]>(3).fill(['service unreachable', 3])],
  )
  // Then it has its turns as before.
  await run.clock.advance(4700)
  assert.equal(run.packets.length, 4)
  dying = false
  await run.clock.advance(1000)
  assert.equal(run.registry.status(slow.spec.id)?.instance.health, 'up')
})

test('a poll that waits for its next try when its instance is suspected waits no more', async () => {
  const slow = server('127.0.0.1:1', { fall: 2, retries: 3, retryDelayMs: 5000 })
  const run = setUp([slow], dead)
  run.poller.sync([slow])
  await run.clock.advance(1000)
  assert.equal(run.calls.get(slow.spec.id)?.length, 1)
  run.poller.pollNow(slow.spec.id, 2)
  await run.clock.advance(150)
  assert.equal(run.registry.status(slow.spec.id)?.instance.health, 'down')
  assert.equal(run.packets.length, 2)
})

test('a series of polls ends with the first one that passes or says nothing', async () => {
  for (const last of [passed('ok'), ownFault('too many open files')]) {
    const careful = server('127.0.0.1:1', { fall: 5 })
    const script = [passed('ok'), silent('refused'), silent('refused'), last]
    const run = setUp([careful], (_, nth) => Promise.resolve(script[nth - 1] ?? silent('one too many')))
    run.poller.sync([careful])
    await run.clock.advance(1000)
    run.poller.pollNow(careful.spec.id, 5)
    await run.clock.advance(5000)
    assert.equal(run.packets.length, 4, last.response)
    assert.equal(run.registry.status(careful.spec.id)?.instance.health, 'up')
  }
})

test('closing aborts what runs, drops what waits and resolves', async () => {
  const servers = Array.from({ length: 6 }, (_, i) => server(`127.0.0.1:${i + 1}`))
  const run = setUp(servers, hanging, { concurrency: 2, jitter: 0 })
  run.poller.sync(servers)
  await run.clock.advance(100)
  await run.poller.close()
  assert.deepEqual([run.state.aborted, run.state.running, run.packets.length, run.calls.size], [2, 0, 0, 2])
  assert.equal(run.clock.pending, 2, 'only the timers of the scripted probes are left')
})

test('closing during a pause between retries does not wait for it', async () => {
  const retrying = server('127.0.0.1:1', { retries: 3, retryDelayMs: 60_000 })
  const run = setUp([retrying], dead)
  run.poller.sync([retrying])
  await run.clock.advance(100)
  await run.poller.close()
  assert.deepEqual([run.packets.length, run.clock.pending], [0, 0])
})

test('a probe that cannot tell makes the verdict inconclusive and leaves a down instance down', async () => {
  const run = setUp([a], (_, nth) => Promise.resolve(nth === 1 ? silent('refused') : ownFault('too many open files')))
  run.poller.sync([a])
  await run.clock.advance(20_100)
  assert.deepEqual(
    run.packets.map((p) => p.status),
    ['service unreachable', 'discovery server error', 'discovery server error'],
  )
  assert.equal(run.registry.status(a.spec.id)?.instance.health, 'down')
  assert.deepEqual(run.poller.stats().polls, { passed: 0, failed: 1, inconclusive: 2 })
})

test('a probe that throws after all costs one poll and nothing else', async () => {
  const run = setUp([a, b], (target, nth) => {
    if (target.spec.id === a.spec.id && nth === 1) throw new Error('a defect')
    return Promise.resolve(passed('ok'))
  })
  run.poller.sync([a, b])
  await run.clock.advance(10_100)
  assert.deepEqual(
    run.packets.map((p) => p.instance),
    [b.spec.id, a.spec.id, b.spec.id],
  )
  assert.equal(run.poller.stats().inFlight, 0)
})

test('a cron expression polls at its seconds, the first time at once, and shares one task', async (t) => {
  const frequency = { kind: 'cron', expression: '* * * * * *' }
  const servers = [server('127.0.0.1:1', { frequency }), server('127.0.0.1:2', { frequency })]
  const run = setUp(servers, fine)
  t.after(() => run.poller.close())
  run.poller.sync(servers)
  await run.clock.advance(20)
  // node-cron lives in real time: a second may begin at any moment.
  const atOnce = run.packets.length
  assert.ok(atOnce >= 2)
  await waitFor(() => run.packets.length >= atOnce + 2, { timeoutMs: 5000, what: 'the next second' })
  run.poller.sync([])
  assert.equal(run.poller.stats().instances, 0)
})

test('hundreds of hanging instances of one service do not keep those of another waiting for their first poll', async () => {
  const bad = Array.from({ length: 300 }, (_, i) => server(`10.0.0.1:${i + 1}`, { timeoutMs: 5000 }))
  const good = server('127.0.0.1:1', {}, { id: 'users/127.0.0.1:1', service: 'users' })
  const script: Script = (target, nth, clock) => (target.spec.service === 'users' ? fine : hanging)(target, nth, clock)
  const run = setUp([...bad, good], script, { concurrency: 256, jitter: 0 })
  run.poller.sync([...bad, good])
  await run.clock.advance(1000)
  assert.equal(run.registry.status(good.spec.id)?.instance.health, 'up')
  const closed = run.poller.close()
  await run.clock.advance(10_000)
  await closed
})
