// The discovery half as a whole: its port, its restarts and its troubles.
import assert from 'node:assert/strict'
import { readdirSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { startDiscovery } from '../../discovery/server.js'
import { createSqliteStore } from '../../discovery/store/sqlite/store.js'
import { systemClock } from '../../shared/clock.js'
import { silentLog } from '../../shared/log.js'
import { parseTestConfig } from '../kit/config.js'
import { isListening } from '../kit/ports.js'
import { startOrigin } from '../kit/origin.js'
import { waitFor } from '../kit/wait.js'
import { ask, folder, start } from './living.js'
import { countOf, processorOf, recordOf, reportOf } from './api/server.js'

test('real instances are polled at once, and the answer of each is in /stats, the snapshot and the events', async (t) => {
  const up = await startOrigin(t, (request) => request.answer(200))
  const down = await startOrigin(t, (request) => request.answer(503))
  const discovery = await start(t, { servers: [up.address, down.address] })
  await waitFor(() => discovery.registry.current.instances.every(({ health }) => health !== 'unknown'))
  assert.deepEqual(
    discovery.registry.current.instances.map(({ health }) => health),
    ['up', 'down'],
  )
  const stats = await ask<{ service_statistics: { status: string; stats_packets: { final_status: string }[] }[] }>(
    discovery,
    '/stats',
  )
  assert.deepEqual(
    stats.service_statistics.map(({ status, stats_packets }) => [status, stats_packets[0]?.final_status]),
    [
      ['active', 'active'],
      ['inactive', 'inactive'],
    ],
  )
  const { items } = await ask<{ items: { kind: string; to: string }[] }>(discovery, '/api/v1/events')
  assert.deepEqual(
    items
      .filter(({ kind }) => kind === 'health')
      .map(({ to }) => to)
      .sort(),
    ['down', 'up'],
  )
})

test('a port in use is one clear line that names the key to change, and nothing is started', async (t) => {
  const blocker = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => blocker.once('listening', resolve))
  t.after(() => blocker.close())
  const { port } = blocker.address() as AddressInfo
  const path = folder(t)
  const store = `sqlite:${join(path, 'serverpy.db')}`
  await assert.rejects(start(t, { discovery: { port, store } }), {
    message: `port ${port} is in use (discovery server): set discovery.port to a free one, or stop what listens there`,
  })
  assert.deepEqual(readdirSync(path), [])
  await assert.rejects(start(t, { discovery: { host: '192.0.2.1' } }), {
    message: '192.0.2.1 is no address of this machine (discovery server): set discovery.host to one, or leave it out',
  })
  const classic = (meta: Record<string, unknown>) =>
    startDiscovery(
      parseTestConfig({
        'meta-info': { discovery_server_port: 0, ...meta },
        orders: { servers: ['127.0.0.1:1'], polling: { method: 'ping' }, apis: ['/orders'] },
      }),
      {
        clock: systemClock,
        log: silentLog,
        random: Math.random,
        version: '1',
        searchPath: '',
        processorExpected: false,
      },
    )
  const used = { discovery_server_host: '127.0.0.1', discovery_server_port: port }
  await assert.rejects(classic(used), /set meta-info\.discovery_server_port to a free one/)
  const foreign = { discovery_server_host: '192.0.2.1' }
  await assert.rejects(classic(foreign), /set meta-info\.discovery_server_host to one, or leave it out/)
})

test('without a host it listens on IPv4 and, where there is one, IPv6', async (t) => {
  const discovery = await startDiscovery(
    parseTestConfig({
      version: 1,
      discovery: { port: 0, store: 'memory' },
      services: { orders: { servers: ['127.0.0.1:1'], polling: { method: 'tcp' }, apis: ['/o'] } },
    }),
    { clock: systemClock, log: silentLog, random: Math.random, version: '1', searchPath: '', processorExpected: false },
  )
  t.after(() => discovery.close())
  assert.equal((await fetch(`http://127.0.0.1:${discovery.port}/livez`)).status, 200)
})

test('totals of requests, events and the health of instances go on after a restart, in a later term', async (t) => {
  const store = `sqlite:${join(folder(t), 'serverpy.db')}`
  const origin = await startOrigin(t, (request) => request.answer(200))
  const options = { discovery: { store }, servers: [origin.address] }
  const instance = `orders/${origin.address}`
  const first = await start(t, options)
  await waitFor(() => first.registry.current.instances[0]?.health === 'up')
  first.sink.accept(reportOf({ counts: [countOf({ instance })], records: [recordOf({ instance })], shed: 9 }))
  await first.close()
  assert.equal(await isListening(first.port), false)
  await origin.stop()

  const second = await start(t, options)
  assert.ok(second.registry.current.term > first.registry.current.term)
  const { requests, service_statistics } = await ask<{
    requests: { total: number; this_life: { served: number } }
    service_statistics: { requests: number }[]
  }>(second, '/stats')
  assert.equal(requests.total, 10)
  assert.equal(requests.this_life.served, 0)
  assert.equal(service_statistics[0]?.requests, 10)
  second.sink.accept(reportOf({ counts: [countOf({ instance })], shed: 10 }))
  assert.equal((await ask<{ requests: { total: number } }>(second, '/stats')).requests.total, 20)
  const { items } = await ask<{ items: unknown[] }>(second, '/api/v1/requests')
  assert.equal(items.length, 1)
})

test('a restart turns no down instance up: it is down until a poll says otherwise', async (t) => {
  const store = `sqlite:${join(folder(t), 'serverpy.db')}`
  const options = { discovery: { store }, servers: ['127.0.0.1:1'] }
  const first = await start(t, options)
  await waitFor(() => first.registry.current.instances[0]?.health === 'down')
  await first.close()
  const healths: (string | undefined)[] = []
  const second = await start(t, options)
  healths.push(second.registry.current.instances[0]?.health)
  second.registry.subscribe((snapshot) => healths.push(snapshot.instances[0]?.health))
  await waitFor(async () => {
    const { items } = await ask<{ items: { last_checked_at: string | null }[] }>(second, '/api/v1/instances')
    return items[0]?.last_checked_at
  })
  assert.deepEqual([...new Set(healths)], ['down'])
})

test('with a store that cannot be opened it polls, answers and says that it is degraded', async (t) => {
  const blocked = join(folder(t), 'file')
  writeFileSync(blocked, 'not a folder')
  const origin = await startOrigin(t, (request) => request.answer(200))
  const discovery = await start(t, {
    discovery: { store: `sqlite:${join(blocked, 'serverpy.db')}` },
    servers: [origin.address],
  })
  await waitFor(() => discovery.registry.current.instances[0]?.health === 'up')
  assert.ok(discovery.registry.current.term > 0)
  const { status, checks } = await ask<{ status: string; checks: { name: string }[] }>(discovery, '/readyz')
  assert.deepEqual([status, checks.map(({ name }) => name)], ['degraded', ['store']])
  const stats = await ask<{ service_statistics: unknown[]; store: { ok: boolean } }>(discovery, '/stats')
  assert.deepEqual([stats.service_statistics.length, stats.store.ok], [1, false])
})

test('a packet_limit that was lowered holds from the start, also where the next poll is far away', async (t) => {
  const path = join(folder(t), 'serverpy.db')
  // It never answers: with its first packet the limit would hold anyway.
  const hanging = await startOrigin(t, () => undefined)
  const instance = `orders/${hanging.address}`
  const store = await createSqliteStore(path, { clock: systemClock, log: silentLog })
  const packet = { instance, endedAt: 2, status: 'active', response: '', latencyMs: 1, tries: 1 } as const
  for (let n = 1; n <= 1300; n++) store.history.appendPacket({ ...packet, startedAt: n }, 1300)
  await store.close()

  const life = await start(t, {
    discovery: { store: `sqlite:${path}` },
    servers: [hanging.address],
    polling: { packet_limit: 5, frequency: 3600, timeout: 60 },
  })
  await waitFor(async () => {
    const { items } = await ask<{ items: unknown[] }>(life, `/api/v1/instances/${instance}/packets?limit=100`)
    return items.length === 5
  })
})

test('files of the store are for its user and group alone', async (t) => {
  const path = folder(t)
  const umask = process.umask(0)
  t.after(() => process.umask(umask))
  await start(t, { discovery: { store: `sqlite:${join(path, 'serverpy.db')}` } })
  const modes = readdirSync(path).map((name) => [name, (statSync(join(path, name)).mode & 0o777).toString(8)])
  assert.deepEqual(modes, [
    ['serverpy.db', '640'],
    ['serverpy.db-shm', '640'],
    ['serverpy.db-wal', '640'],
    ['serverpy.db.lock', '640'],
  ])
})

test('readiness waits for the processor that is to come and ends with the draining', async (t) => {
  const discovery = await start(t, { processorExpected: true })
  const ready = async () => (await fetch(`http://127.0.0.1:${discovery.port}/readyz`)).status
  assert.equal(await ready(), 503)
  discovery.attach(processorOf(), () => {
    throw new Error('not asked here')
  })
  assert.equal(await ready(), 200)
  discovery.drain()
  assert.equal(await ready(), 503)
})
