// One truth: what requests meet, what polls say and what operators say, on the built product with two workers.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Explanation } from '../../shared/processor.js'
import { request } from '../kit/http.js'
import { startLoad } from '../kit/load.js'
import { startOrigin } from '../kit/origin.js'
import { type Serverpy, startServerpy } from '../kit/serverpy.js'
import { waitFor } from '../kit/wait.js'

interface Shown {
  readonly id: string
  readonly health: string
  readonly override: string | null
  readonly reason: string
  readonly in_flight: number
  readonly polling_disputed: boolean
  readonly ejected_by: readonly { worker: string; reason: string; guard: string }[]
}

async function shown(serverpy: Serverpy, port: number): Promise<Shown> {
  const { service_statistics: all } = await serverpy.ask<{ service_statistics: Shown[] }>('/stats?packets=0')
  const found = all.find(({ id }) => id.endsWith(`:${port}`))
  assert.ok(found)
  return found
}

/** So rarely that no poll comes in its turn while a test runs. */
const rarely = { method: 'health', endpoint: '/health', frequency: '10m', timeout: '500ms', fall: 3, retries: 1 }

async function start(
  t: Parameters<typeof startServerpy>[0],
  ports: readonly number[],
  polling: object,
  more: object = {},
) {
  const serverpy = await startServerpy(t, {
    services: { s: { servers: ports.map((port) => `127.0.0.1:${port}`), polling, apis: ['/s'], ...more } },
  })
  for (const port of ports) await waitFor(async () => (await shown(serverpy, port)).health === 'up')
  return serverpy
}

test('an instance that refuses connections is down for all within a moment, long before its next poll', async (t) => {
  const [dying, other] = [await startOrigin(t, (r) => r.answer(200)), await startOrigin(t, (r) => r.answer(200))]
  const serverpy = await start(t, [dying.port, other.port], rarely)
  await dying.stop()
  await waitFor(async () => {
    assert.equal((await request(serverpy.processorPort, 'GET', '/s')).status, 200)
    return (await shown(serverpy, dying.port)).health === 'down'
  })
  const { reason } = await shown(serverpy, dying.port)
  assert.match(reason, /refused/)
})

test('polls pass and requests fail: up, ejected, and explained so; what a worker said ends with it', async (t) => {
  const broken = await startOrigin(t, (r) => (r.target === '/health' ? r.answer(200) : r.reset()))
  const sound = await startOrigin(t, (r) => r.answer(200))
  // Long enough for a test to look at it.
  const outlier = { base: '30s', max: '60s' }
  const serverpy = await start(t, [broken.port, sound.port], rarely, { outlier })
  const ejected = async () => {
    assert.equal((await request(serverpy.processorPort, 'GET', '/s')).status, 200)
    return (await shown(serverpy, broken.port)).ejected_by
  }
  await waitFor(async () => (await ejected()).length === 2)
  const { health, ejected_by: by } = await shown(serverpy, broken.port)
  assert.equal(health, 'up')
  assert.deepEqual(
    by.map(({ reason, guard }) => `${reason} ${guard}`),
    ['failures open', 'failures open'],
  )
  const { candidates } = await serverpy.ask<Explanation>('/api/v1/explain?url=/s')
  const candidate = candidates.find(({ instance }) => instance.endsWith(`:${broken.port}`))
  assert.equal(candidate?.picked, false)
  assert.match(candidate?.reason ?? '', /ejected by w\d \(failures in a row\); ejected by w\d/)

  const { items } = await serverpy.ask<{ items: { name: string; pid: number }[] }>('/api/v1/workers')
  const [first] = items
  assert.ok(first)
  process.kill(first.pid, 'SIGKILL')
  await waitFor(
    async () => !(await shown(serverpy, broken.port)).ejected_by.some(({ worker }) => worker === first.name),
  )
})

test('polls fail and requests succeed: served, disputed and explained so, until polls pass again', async (t) => {
  let healthy = true
  const origin = await startOrigin(t, (r) => r.answer(r.target !== '/health' || healthy ? 200 : 500))
  const polling = { method: 'health', endpoint: '/health', frequency: '100ms', timeout: '90ms', fall: 2 }
  const serverpy = await start(t, [origin.port], polling)
  healthy = false
  await waitFor(async () => {
    assert.equal((await request(serverpy.processorPort, 'GET', '/s')).status, 200)
    const { health, polling_disputed: disputed } = await shown(serverpy, origin.port)
    return health === 'down' && disputed
  })
  const { candidates, outcome } = await serverpy.ask<Explanation>('/api/v1/explain?url=/s')
  assert.equal(outcome.kind, 'forward')
  assert.match(candidates[0]?.reason ?? '', /^down, polling disputed: tried all the same/)
  healthy = true
  await waitFor(async () => {
    const { health, polling_disputed: disputed } = await shown(serverpy, origin.port)
    return health === 'up' && !disputed
  })
  interface Events {
    readonly items: readonly { kind: string; to: string }[]
  }
  const { items } = await serverpy.ask<Events>('/api/v1/events?limit=50')
  const disputes = items.filter(({ kind }) => kind === 'dispute').map(({ to }) => to)
  assert.deepEqual(disputes.slice(-2), ['none', 'polling disputed'])
})

test('a drain under load loses nothing and is safe only when the last request has ended', async (t) => {
  const held: (() => void)[] = []
  const slow = await startOrigin(t, (r) => {
    if (r.target !== '/s/slow') return r.answer(200)
    held.push(() => r.answer(200, 'late'))
  })
  const other = await startOrigin(t, (r) => r.answer(200))
  const serverpy = await start(t, [slow.port, other.port], rarely)
  // Until the slow instance has got the request that takes long; the other one answers it at once.
  const long: Promise<{ status: number }>[] = []
  await waitFor(() => {
    long.push(request(serverpy.processorPort, 'GET', '/s/slow'))
    return held.length > 0
  })
  const load = startLoad(serverpy.processorPort, '/s', 4)
  t.after(() => load.stop())
  const id = encodeURIComponent(`s/127.0.0.1:${slow.port}`)
  const draining = request(serverpy.discoveryPort, 'POST', `/api/v1/drain?instance=${id}&wait=30`)
  let done = false
  void draining.then(() => (done = true))
  await waitFor(async () => (await shown(serverpy, slow.port)).override === 'drain')
  const count = () => slow.requests.filter(({ target }) => target === '/s').length
  let last = -1
  await waitFor(
    () => {
      const still = count() === last
      last = count()
      return still
    },
    { intervalMs: 100, what: 'an end of new requests' },
  )
  assert.equal(done, false)
  for (const answer of held) answer()
  const { state, in_flight: inFlight } = (await draining).json() as { state: string; in_flight: number }
  assert.deepEqual([state, inFlight], ['safe to stop', 0])
  await slow.stop()
  const sent = await load.stop()
  assert.deepEqual([...load.outcomes], [['200', sent]])
  assert.equal(count(), last)
  for (const { status } of await Promise.all(long)) assert.equal(status, 200)
})
