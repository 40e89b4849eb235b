// How it ends, and how it comes back: drains, crashes, dead and hung workers, on the built product under load.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import net from 'node:net'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { Database } from '../../discovery/store/sqlite/driver.js'
import { request } from '../kit/http.js'
import { startLoad } from '../kit/load.js'
import { startOrigin } from '../kit/origin.js'
import { freePort, isListening } from '../kit/ports.js'
import { fastPolling, type Serverpy, startServerpy, type Stats } from '../kit/serverpy.js'
import { waitFor } from '../kit/wait.js'

interface Workers {
  readonly items: readonly { name: string; pid: number; state: string }[]
}

const workersOf = async (serverpy: Serverpy) => (await serverpy.ask<Workers>('/api/v1/workers')).items
const serving = async (serverpy: Serverpy) => (await workersOf(serverpy)).filter(({ state }) => state === 'serving')

test(
  'SIGTERM with ten slow requests in flight: ten answers, no new connection, not ready meanwhile, exit 0',
  { timeout: 60_000 },
  async (t) => {
    const origin = await startOrigin(t, (r) => {
      if (r.target === '/health') return r.answer(200)
      setTimeout(() => r.answer(200, 'late'), 2000)
    })
    const serverpy = await startServerpy(t, {
      services: { s: { servers: [origin.address], polling: fastPolling, apis: ['/s'] } },
    })
    const running = Array.from({ length: 10 }, () => request(serverpy.processorPort, 'GET', '/s'))
    await waitFor(() => origin.requests.filter(({ target }) => target === '/s').length === 10)
    serverpy.kill('SIGTERM')
    await waitFor(async () => !(await isListening(serverpy.processorPort)))
    assert.equal((await request(serverpy.discoveryPort, 'GET', '/readyz')).status, 503)
    const answers = await Promise.all(running)
    assert.deepEqual(
      answers.map((answer) => answer.text()),
      Array.from({ length: 10 }, () => 'late'),
    )
    assert.deepEqual(await serverpy.exited, { code: 0, signal: null })
  },
)

test('a second signal ends at once', { timeout: 60_000 }, async (t) => {
  const origin = await startOrigin(t, (r) => (r.target === '/health' ? r.answer(200) : undefined))
  const serverpy = await startServerpy(t, {
    services: { s: { servers: [origin.address], polling: fastPolling, apis: ['/s'] } },
  })
  const socket = net.connect(serverpy.processorPort, '127.0.0.1')
  socket.on('error', () => undefined)
  socket.write('GET /s HTTP/1.1\r\nHost: h\r\n\r\n')
  await waitFor(() => origin.requests.some(({ target }) => target === '/s'))
  serverpy.kill('SIGTERM')
  await waitFor(() => serverpy.output().includes('draining'))
  serverpy.kill('SIGTERM')
  const { code } = await serverpy.exited
  assert.equal(code, 143)
})

test(
  'kill -9 of one worker under load: the other goes on, and a new one serves within a second',
  { timeout: 60_000 },
  async (t) => {
    const origin = await startOrigin(t, (r) => r.answer(200, 'ok'))
    const serverpy = await startServerpy(t, {
      services: { s: { servers: [origin.address], polling: fastPolling, apis: ['/s'] } },
    })
    const load = startLoad(serverpy.processorPort, '/s', 8)
    await waitFor(() => (load.outcomes.get('200') ?? 0) > 200)
    const [victim] = await workersOf(serverpy)
    assert.ok(victim)
    process.kill(victim.pid, 'SIGKILL')
    const killedAt = performance.now()
    await waitFor(async () => {
      const alive = await serving(serverpy)
      return alive.length === 2 && alive.every(({ pid }) => pid !== victim.pid)
    })
    assert.ok(performance.now() - killedAt < 1000 + 500, 'a worker was back in time')
    await load.stop()
    // Only what was in that worker: at most one request for each of the eight clients, and none refused.
    const failed = [...load.outcomes].filter(([outcome]) => outcome !== '200')
    assert.ok(failed.reduce((sum, [, n]) => sum + n, 0) <= 8, JSON.stringify(failed))
    assert.equal(load.outcomes.get('ECONNREFUSED'), undefined)
  },
)

test('a connection made while the only worker is replaced waits and is served', { timeout: 60_000 }, async (t) => {
  const origin = await startOrigin(t, (r) => r.answer(200, 'ok'))
  const serverpy = await startServerpy(t, {
    processor: { workers: 1 },
    services: { s: { servers: [origin.address], polling: fastPolling, apis: ['/s'] } },
  })
  const [only] = await workersOf(serverpy)
  assert.ok(only)
  process.kill(only.pid, 'SIGKILL')
  assert.equal((await request(serverpy.processorPort, 'GET', '/s')).status, 200)
})

test('a worker that hangs is replaced', { timeout: 60_000 }, async (t) => {
  const origin = await startOrigin(t, (r) => r.answer(200, 'ok'))
  const serverpy = await startServerpy(t, {
    processor: { workers: 1, hang: '2s' },
    services: { s: { servers: [origin.address], polling: fastPolling, apis: ['/s'] } },
  })
  const [only] = await workersOf(serverpy)
  assert.ok(only)
  process.kill(only.pid, 'SIGSTOP')
  await waitFor(async () => (await serving(serverpy)).some(({ pid }) => pid !== only.pid), { timeoutMs: 10_000 })
  assert.equal((await request(serverpy.processorPort, 'GET', '/s')).status, 200)
})

test(
  'kill -9 of the whole under load: ready again in two seconds, the store whole, down stays down',
  { timeout: 90_000 },
  async (t) => {
    const origin = await startOrigin(t, (r) => r.answer(200, 'ok'))
    const dead = `127.0.0.1:${await freePort()}`
    const begun = performance.now()
    const serverpy = await startServerpy(t, {
      services: {
        s: { servers: [origin.address], polling: fastPolling, apis: ['/s'] },
        gone: { servers: [dead], polling: { ...fastPolling, frequency: 60 }, apis: ['/gone'] },
      },
    })
    await waitFor(
      async () =>
        (await serverpy.ask<Stats>('/stats')).service_statistics.find((i) => i.service_name === 'gone')?.health ===
        'down',
    )
    const firstMs = performance.now() - begun
    const load = startLoad(serverpy.processorPort, '/s', 4)
    await waitFor(() => (load.outcomes.get('200') ?? 0) > 300)
    const before = await serverpy.ask<Stats>('/stats?packets=0')
    await new Promise((resolve) => setTimeout(resolve, 400))
    serverpy.kill('SIGKILL')
    await serverpy.exited
    await load.stop()

    const file = join(serverpy.folder, 'serverpy.db')
    const startedAt = performance.now()
    const again = await serverpy.again()
    const readyMs = performance.now() - startedAt
    // On a machine that is slow or busy: no later than a first start, give or take.
    assert.ok(readyMs < Math.max(2000 + 1000, 2 * firstMs), `ready after ${readyMs} ms, the first time ${firstMs} ms`)
    const db = new Database(file, { readonly: true })
    t.after(() => db.close())
    assert.deepEqual(db.pragma('integrity_check'), [{ integrity_check: 'ok' }])

    const after = await again.ask<Stats>('/stats?packets=all')
    // What had been counted a quarter of a second before the end has survived it.
    assert.ok((after.requests['total'] ?? 0) >= (before.requests['total'] ?? Infinity))
    const down = after.service_statistics.find((instance) => instance.service_name === 'gone')
    assert.equal(down?.health, 'down')
    assert.equal((await request(again.processorPort, 'GET', '/gone')).status, 503)
  },
)

test('no process of serverpy outlives its main process', { timeout: 60_000 }, async (t) => {
  const origin = await startOrigin(t, (r) => r.answer(200, 'ok'))
  const serverpy = await startServerpy(t, {
    services: { s: { servers: [origin.address], polling: fastPolling, apis: ['/s'] } },
  })
  const pids = (await workersOf(serverpy)).map(({ pid }) => pid)
  serverpy.kill('SIGKILL')
  await waitFor(async () => {
    const alive = await Promise.all(
      pids.map((pid) => promisify(execFile)('ps', ['-o', 'stat=', '-p', String(pid)]).catch(() => undefined)),
    )
    return alive.every((found) => found === undefined || /^Z/.test(found.stdout))
  })
})
