// /stats: the seed's fields, the packets that were asked for, exact totals, and memory that no reader can make grow.
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { test } from 'node:test'
import type { Packet, Store } from '../../../discovery/store/store.js'
import { waitFor, within } from '../../kit/wait.js'
import { A, B, countOf, processorOf, reportOf, startApi, type TestApi } from './server.js'

interface Stats {
  service_statistics: { instance_url: string; stats_packets: { start_time: string }[]; [key: string]: unknown }[]
  services: Record<string, unknown>[]
  requests: { total: number; errors: number; this_life: Record<string, unknown> }
}

const SEED_FIELDS = [
  'instance_url',
  'service_name',
  'check_start_time',
  'last_checked_at',
  'last_failure',
  'stats_packets',
  'packet_limit',
]

function fillPackets(api: TestApi, id: string, count: number): void {
  for (let i = 0; i < count; i++) api.store.history.appendPacket(packetAt(id, i), 3000)
}

function packetAt(instance: string, i: number): Packet {
  const startedAt = Date.UTC(2030, 0, 1) + i * 1000
  return { instance, startedAt, endedAt: startedAt + 5, status: 'active', response: 'HTTP 200', latencyMs: 5, tries: 1 }
}

function numbers(stats: Stats, at = 0): number[] {
  const packets = stats.service_statistics[at]?.stats_packets ?? []
  return packets.map((packet) => (Date.parse(packet.start_time) - Date.UTC(2030, 0, 1)) / 1000)
}

test("every instance has the seed's fields, with the health of its last poll beside them", async (t) => {
  const api = await startApi(t)
  api.poll(A, { startedAt: Date.UTC(2030, 0, 1), endedAt: Date.UTC(2030, 0, 1, 0, 0, 1) })
  api.poll(B, { verdict: 'failed', status: 'service unreachable', response: 'connection refused' })
  const { service_statistics: both, services } = await api.json<Stats>('/stats')
  for (const one of both) for (const field of SEED_FIELDS) assert.ok(field in one, field)
  assert.equal(both[0]?.instance_url, '127.0.0.1:9001')
  assert.equal(both[0]?.check_start_time, '2030-01-01T00:00:00.000Z')
  assert.equal(both[0]?.last_checked_at, '2030-01-01T00:00:01.000Z')
  assert.equal(both[0]?.last_failure, null)
  assert.equal(both[0]?.packet_limit, 3000)
  assert.deepEqual(both[0]?.stats_packets, [
    {
      start_time: '2030-01-01T00:00:00.000Z',
      end_time: '2030-01-01T00:00:01.000Z',
      final_status: 'active',
      response: 'connected',
      latency_ms: 1.5,
      tries: 1,
    },
  ])
  assert.notEqual(both[1]?.last_failure, null)
  assert.equal(both[1]?.status, 'service unreachable')
  assert.equal(both[1]?.reason, 'connection refused')
  assert.equal(services[0]?.health, 'degraded')
})

test('an instance that was never polled has null times, the status unknown and no packets', async (t) => {
  const api = await startApi(t)
  const [one] = (await api.json<Stats>('/stats')).service_statistics
  assert.equal(one?.check_start_time, null)
  assert.equal(one?.last_checked_at, null)
  assert.equal(one?.status, 'unknown')
  assert.deepEqual(one?.stats_packets, [])
})

test('packets come oldest first: the newest hundred, as many as were asked for, or all over several pages', async (t) => {
  const api = await startApi(t)
  fillPackets(api, A, 2500)
  const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i)
  assert.deepEqual(numbers(await api.json('/stats')), range(2400, 2500))
  assert.deepEqual(numbers(await api.json('/stats?packets=3')), range(2497, 2500))
  assert.deepEqual(numbers(await api.json('/stats?packets=0')), [])
  assert.deepEqual(numbers(await api.json('/stats?packets=1000')), range(1500, 2500))
  assert.deepEqual(numbers(await api.json('/stats?packets=1001')), range(1499, 2500))
  assert.deepEqual(numbers(await api.json('/stats?packets=2000')), range(500, 2500))
  assert.deepEqual(numbers(await api.json('/stats?packets=all')), range(0, 2500))
})

test('never more packets than packet_limit are shown, however many the store holds', async (t) => {
  const api = await startApi(t, {
    document: {
      services: { orders: { servers: ['127.0.0.1:9001'], polling: { method: 'tcp', packet_limit: 5 }, apis: ['/o'] } },
    },
  })
  fillPackets(api, A, 50)
  assert.deepEqual(numbers(await api.json('/stats?packets=all')), [45, 46, 47, 48, 49])
})

test('a number of packets that cannot be is refused by name', async (t) => {
  const api = await startApi(t)
  for (const value of ['-1', 'many', '1.5', '', '99999999999999999999', 'ALL']) {
    const answer = await api.fetch(`/stats?packets=${value}`)
    assert.equal(answer.status, 400, value)
    assert.equal(((await answer.json()) as { field: string }).field, 'packets')
  }
})

test('the workers are asked for what they have counted before the totals are shown', async (t) => {
  const api = await startApi(t)
  api.lifecycle.processor = processorOf(async () => {
    api.traffic.accept(reportOf({ counts: [countOf()], served: 10, shed: 10, refusals: { 'no-host': 2 } }))
  })
  const { requests, services, service_statistics: instances } = await api.json<Stats>('/stats')
  assert.equal(requests.total, 10)
  assert.equal(requests.errors, 1)
  assert.deepEqual(requests.this_life, {
    served: 10,
    recorded: 0,
    shed: 10,
    attempts: { success: 0, failure: 0, timeout: 0 },
    retries: 0,
    errors_by_code: {},
    refused_by_reason: { 'no-host': 2 },
  })
  assert.equal(services[0]?.requests, 10)
  assert.equal(instances[0]?.requests, 10)
  assert.equal(instances[1]?.requests, 0)
})

test('pipes of the config are shown with what they have counted and what they hold', async (t) => {
  const processor = { pipes: [{ use: 'rate-limit', rate: 1, name: 'fair' }, { use: 'cache' }] }
  const api = await startApi(t, { document: { processor } })
  const pipes = [
    { pipe: 'fair', counts: { refused: 3 } },
    { pipe: 'made up', counts: { refused: 3 } },
  ]
  api.traffic.accept(reportOf({ pipes, pipeStates: [{ pipe: 'cache', values: { entries: 4 } }] }))
  assert.deepEqual((await api.json<Stats & { pipes: unknown }>('/stats')).pipes, [
    { name: 'fair', events: { failed: 0, barred: 0, refused: 3 }, values: {} },
    { name: 'cache', events: { failed: 0, barred: 0 }, values: { entries: 4 } },
  ])
})

test('workers that do not report hold the answer back for a moment only', async (t) => {
  const api = await startApi(t)
  api.lifecycle.processor = processorOf(() => new Promise(() => {}))
  await within(api.json('/stats'), 2000, 'the answer')
})

test('a store that cannot be read costs the packets and not the answer', async (t) => {
  const api = await startApi(t, {
    store: (store) => ({
      ...store,
      history: { ...store.history, packets: () => Promise.reject(new Error('disk I/O error')) },
      health: () => ({ ok: false, reason: 'disk I/O error', since: 0 }),
      dropped: 3,
    }),
  })
  api.poll(A)
  const stats = await api.json<Stats & { store: unknown }>('/stats')
  assert.deepEqual(
    stats.service_statistics.map((one) => [one.health, one.stats_packets]),
    [
      ['up', []],
      ['unknown', []],
    ],
  )
  assert.deepEqual(stats.store, { ok: false, reason: 'disk I/O error', since: '1970-01-01T00:00:00.000Z' })
})

test('HEAD has the head of the answer and no body', async (t) => {
  const api = await startApi(t)
  const answer = await api.fetch('/stats', { method: 'HEAD' })
  assert.equal(answer.status, 200)
  assert.match(answer.headers.get('content-type') ?? '', /^application\/json/)
  assert.equal(await answer.text(), '')
})

/** A store whose packets never end, so that an answer is as long as its reader lets it become. */
function endless(read: { pages: number }) {
  return (store: Store): Store => ({
    ...store,
    health: () => store.health(),
    dropped: 0,
    history: {
      ...store.history,
      packets: async (instance, page) => {
        read.pages++
        return { items: Array.from({ length: page.limit }, (_, i) => packetAt(instance, i)), cursor: 'more' }
      },
    },
  })
}

const MANY = {
  services: {
    orders: {
      servers: Array.from({ length: 2000 }, (_, i) => `127.0.0.1:${10_000 + i}`),
      polling: { method: 'tcp', packet_limit: 1000 },
      apis: ['/orders'],
    },
  },
}

test('a reader that stops reading stops the reading of the store, and one that goes away ends it', async (t) => {
  const read = { pages: 0 }
  const api = await startApi(t, { document: MANY, store: endless(read) })
  const socket = connect(api.port, '127.0.0.1')
  t.after(() => socket.destroy())
  socket.pause()
  socket.write('GET /stats?packets=all HTTP/1.1\r\nHost: x\r\n\r\n')
  await waitFor(() => read.pages > 2)
  // Until the buffers of both sockets are full; then nothing may move.
  let before = -1
  await waitFor(
    () => {
      const still = read.pages === before
      before = read.pages
      return still
    },
    { intervalMs: 300, timeoutMs: 10_000, what: 'the store being left alone' },
  )
  // Of 2000 pages of some 150 KB only what the system buffers has been read.
  assert.ok(read.pages < 200, `${read.pages} pages were read for nobody`)
  socket.destroy()
  // All eight places are free again: the answer to the one who left has ended.
  const head = await api.fetch('/stats?packets=0')
  assert.equal(head.status, 200)
  await head.text()
  const stopped = read.pages
  assert.ok(stopped < 200)
})

test('only so many long answers are written at once; the next reader is asked to come back', async (t) => {
  const read = { pages: 0 }
  const api = await startApi(t, { document: MANY, store: endless(read) })
  const sockets = Array.from({ length: 8 }, () => connect(api.port, '127.0.0.1').pause())
  t.after(() => sockets.forEach((socket) => socket.destroy()))
  for (const socket of sockets) socket.write('GET /stats?packets=all HTTP/1.1\r\nHost: x\r\n\r\n')
  const refused = await waitFor(async () => {
    const answer = await api.fetch('/stats?packets=0')
    await answer.text()
    return answer.status === 503 && answer
  })
  assert.equal(refused.headers.get('retry-after'), '1')
  for (const socket of sockets) socket.destroy()
  await waitFor(async () => {
    const answer = await api.fetch('/stats?packets=0')
    await answer.text()
    return answer.status === 200
  })
})
