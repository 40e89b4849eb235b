// The discovery half as a whole: its port, its restarts and its troubles.
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { startDiscovery, type Discovery } from '../../discovery/server.js'
import { systemClock } from '../../shared/clock.js'
import { silentLog } from '../../shared/log.js'
import { parseTestConfig } from '../kit/config.js'
import { isListening } from '../kit/ports.js'
import { startOrigin } from '../kit/origin.js'
import { waitFor } from '../kit/wait.js'
import { countOf, processorOf, recordOf, reportOf } from './api/server.js'

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'serverpy-discovery-'))
  t.after(() => rmSync(path, { recursive: true, force: true }))
  return path
}

interface Options {
  readonly discovery?: Record<string, unknown>
  readonly servers?: readonly string[]
  readonly processorExpected?: boolean
}

function configOf({ discovery = {}, servers = ['127.0.0.1:1'] }: Options) {
  return parseTestConfig({
    version: 1,
    discovery: { host: '127.0.0.1', port: 0, store: 'memory', ...discovery },
    services: { orders: { servers, polling: { method: 'health', endpoint: '/up', frequency: 1 }, apis: ['/orders'] } },
  })
}

async function start(t: TestContext, options: Options = {}): Promise<Discovery> {
  const discovery = await startDiscovery(configOf(options), {
    clock: systemClock,
    log: silentLog,
    random: Math.random,
    version: '1.2.3',
    searchPath: '',
    processorExpected: options.processorExpected ?? false,
  })
  t.after(() => discovery.close())
  return discovery
}

async function ask<T = Record<string, unknown>>(discovery: Discovery, path: string): Promise<T> {
  return (await (await fetch(`http://127.0.0.1:${discovery.port}${path}`)).json()) as T
}

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
  await assert.rejects(start(t, { discovery: { host: '192.0.2.1' } }), /192\.0\.2\.1 is no address of this machine/)
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
