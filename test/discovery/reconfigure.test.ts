// Another config in a running discovery server: what stays keeps what is known of it, and what comes is there at once.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startOrigin } from '../kit/origin.js'
import { waitFor } from '../kit/wait.js'
import { ask, configOf, type Options, start } from './living.js'

interface Stats {
  readonly service_statistics: readonly {
    readonly id: string
    readonly health: string
    readonly override: string | null
    readonly packet_limit: number
    readonly stats_packets: readonly unknown[]
  }[]
}

test('instances that stay keep health, history and turn; those that come are polled, those that go are not', async (t) => {
  const [a, b, c] = [
    await startOrigin(t, (r) => r.answer(200)),
    await startOrigin(t, (r) => r.answer(500)),
    await startOrigin(t, (r) => r.answer(200)),
  ]
  const polling = { frequency: '1h' }
  const discovery = await start(t, { servers: [a.address, b.address], polling })
  const health = () => discovery.registry.current.instances.map((one) => one.health)
  await waitFor(() => health().join() === 'up,down')
  const before = discovery.registry.current
  discovery.reconfigure(configOf({ servers: [c.address, b.address], polling }))
  // Published before it returns.
  assert.deepEqual(
    discovery.registry.current.instances.map(({ id }) => id),
    [`orders/${c.address}`, `orders/${b.address}`],
  )
  assert.equal(discovery.registry.current.term, before.term)
  assert.equal(discovery.registry.current.instances[1], before.instances[1])
  await waitFor(() => health().join() === 'up,down')
  const { service_statistics: stats } = await ask<Stats>(discovery, '/stats')
  assert.deepEqual(
    stats.map(({ id, stats_packets }) => [id, stats_packets.length]),
    [
      [`orders/${c.address}`, 1],
      [`orders/${b.address}`, 1],
    ],
  )
  assert.deepEqual([a.requests.length, b.requests.length, c.requests.length], [1, 1, 1])
})

test('an instance that comes back has the override and the health that it left with', async (t) => {
  const [a, b] = [await startOrigin(t, (r) => r.answer(200)), await startOrigin(t, (r) => r.answer(200))]
  const both: Options = { servers: [a.address, b.address], polling: { frequency: '1h' } }
  const discovery = await start(t, both)
  await waitFor(() => discovery.registry.current.instances.every((one) => one.health === 'up'))
  const id = encodeURIComponent(`orders/${b.address}`)
  const answer = await fetch(`http://127.0.0.1:${discovery.port}/api/v1/drain?instance=${id}`, { method: 'POST' })
  assert.equal(answer.status, 200)
  await waitFor(() => discovery.registry.current.instances[1]?.override === 'drain')
  discovery.reconfigure(configOf({ ...both, servers: [a.address] }))
  assert.equal(discovery.registry.current.instances.length, 1)
  discovery.reconfigure(configOf(both))
  const { health, override } = discovery.registry.current.instances[1] ?? {}
  assert.deepEqual([health, override], ['up', 'drain'])
})

test('pollings, limits of history, names and the token are those of the newest config', async (t) => {
  const a = await startOrigin(t, (r) => r.answer(r.target === '/other' ? 500 : 200))
  const polling = { frequency: '50ms', packet_limit: 100 }
  const discovery = await start(t, { servers: [a.address], polling })
  const stats = async () => (await ask<Stats>(discovery, '/stats?packets=all')).service_statistics[0]
  await waitFor(async () => ((await stats())?.stats_packets.length ?? 0) > 5)
  const next = { servers: [a.address], polling: { ...polling, frequency: '1h', packet_limit: 2, endpoint: '/other' } }
  discovery.reconfigure(configOf({ ...next, discovery: { token: 'the-new-one', name: 'Other' } }))
  await waitFor(async () => (await stats())?.health === 'down')
  await waitFor(async () => (await stats())?.stats_packets.length === 2)
  assert.equal((await ask(discovery, '/health'))['name'], 'Other')
  const reload = (token: string) =>
    fetch(`http://127.0.0.1:${discovery.port}/api/v1/plan`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}` },
    })
  assert.deepEqual([(await reload('x')).status, (await reload('the-new-one')).status], [401, 503])
})
