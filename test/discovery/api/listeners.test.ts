// The ports of the processor, as the API and the metrics show them.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { processorOf, reportOf, startApi } from './server.js'

test('listeners are shown as they are bound, with what came through them', async (t) => {
  const listeners = [
    { name: 'db', port: 0, host: '127.0.0.1', tcp: 'orders' },
    { name: 'web', port: 8081, service: 'orders' },
  ]
  const document = { processor: { port: 8001, listeners } }
  const api = await startApi(t, { document })
  const none = { connections: 0, accepted: 0, refused: 0, bytes_in: null, bytes_out: null }
  const web = { name: 'web', host: null, port: 8081, kind: 'http', tls: false, service: 'orders', ...none }
  const own = { name: null, host: null, port: 8001, kind: 'http', tls: false, service: null, ...none }
  const db = { name: 'db', host: '127.0.0.1', port: 0, kind: 'tcp', tls: false, service: 'orders', ...none }
  const shown = async () => (await api.json<{ items: unknown[] }>('/api/v1/listeners')).items
  // Without a processor in this process the config alone tells of them.
  assert.deepEqual(await shown(), [own, { ...db, bytes_in: 0, bytes_out: 0 }, web])
  const processor = processorOf()
  api.lifecycle.processor = {
    ...processor,
    status: () => ({ ...processor.status(), listeners: [{ name: 'db', port: 5432 }] }),
  }
  const count = { listener: 'db', accepted: 9, refused: 2, bytesIn: 100, bytesOut: 200 }
  const ownCount = { listener: '', accepted: 5, refused: 0, bytesIn: 0, bytesOut: 0 }
  const listening = [
    { listener: 'db', connections: 4 },
    { listener: '', connections: 3 },
  ]
  api.traffic.accept(reportOf({ listeners: [count, ownCount], listening }))
  assert.deepEqual(await shown(), [
    { ...own, connections: 3, accepted: 5 },
    { ...db, port: 5432, connections: 4, accepted: 9, refused: 2, bytes_in: 100, bytes_out: 200 },
    web,
  ])
  const metrics = await (await api.fetch('/metrics')).text()
  for (const line of [
    'serverpy_listener_connections{listener="db"} 4',
    'serverpy_listener_connections{listener=""} 3',
    'serverpy_listener_accepted_total{listener="db"} 9',
    'serverpy_listener_refused_total{listener="db"} 2',
    'serverpy_listener_bytes_total{listener="db",direction="in"} 100',
    'serverpy_listener_bytes_total{listener="db",direction="out"} 200',
  ])
    assert.ok(metrics.includes(`${line}\n`), line)
  assert.ok(!metrics.includes('serverpy_listener_bytes_total{listener="web"'), 'requests have counts of their own')
  assert.equal((await api.fetch('/api/v1/listeners?x=1')).status, 400)
})
