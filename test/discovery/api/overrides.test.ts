// Drain, undrain, down, up: who may, what is published at once, and that nothing is called safe before it is.
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { systemClock } from '../../../shared/clock.js'
import type { EndpointState } from '../../../shared/metrics/report.js'
import { rawRequest } from '../../kit/http.js'
import { waitFor, within } from '../../kit/wait.js'
import { ask, folder, start as startDiscovery } from '../living.js'
import { A, B, ORDERS, endpointOf, processorOf, reportOf, startApi, type ApiOptions, type TestApi } from './server.js'

interface Answer {
  readonly status: number
  readonly state?: string
  readonly override?: string | null
  readonly in_flight?: number
  readonly health?: string
  readonly detail?: string
  readonly field?: string
}

async function post(api: TestApi, path: string, init: RequestInit = {}): Promise<Answer> {
  const answer = await api.fetch(`/api/v1/${path}`, { method: 'POST', ...init })
  return { ...((await answer.json()) as object), status: answer.status }
}

const drainA = `drain?instance=${encodeURIComponent(A)}`

/** An API beside a processor of one worker, whose next flush reports what the test says runs at the instances. */
async function start(t: TestContext, options: ApiOptions = {}) {
  const api = await startApi(t, options)
  const worker: { endpoints: EndpointState[]; seq: () => number; flushes: number } = {
    endpoints: [],
    seq: () => api.registry.current.seq,
    flushes: 0,
  }
  const report = () =>
    api.traffic.accept(reportOf({ endpoints: worker.endpoints, snapshot: { term: 7, seq: worker.seq() } }))
  api.lifecycle.processorExpected = true
  api.lifecycle.processor = processorOf(() => {
    worker.flushes++
    report()
    return Promise.resolve()
  })
  report()
  return { api, worker, report }
}

test('a drain is in the next snapshot before it is answered, and safe when nothing runs there', async (t) => {
  const { api } = await start(t)
  api.poll(A)
  const { seq } = api.registry.current
  const answer = await post(api, drainA)
  assert.deepEqual(answer, {
    status: 200,
    instance: A,
    override: 'drain',
    state: 'safe to stop',
    in_flight: 0,
    health: 'up',
  })
  assert.equal(api.registry.current.seq, seq + 1)
  assert.equal(api.registry.current.instances[0]?.override, 'drain')
})

test('without a wait it says at once that requests still run; with one it waits until they do not', async (t) => {
  const { api, worker } = await start(t)
  worker.endpoints = [endpointOf({ inFlight: 2 }), endpointOf({ instance: B, inFlight: 5 })]
  const first = await post(api, drainA)
  assert.deepEqual([first.state, first.in_flight], ['draining', 2])
  let settled = false
  const waiting = post(api, `${drainA}&wait=30`).finally(() => (settled = true))
  const before = worker.flushes
  await waitFor(() => worker.flushes > before + 3)
  assert.equal(settled, false)
  worker.endpoints = [endpointOf({ instance: B, inFlight: 5 })]
  const { state, in_flight: inFlight } = await within(waiting, 3000, 'the drain')
  assert.deepEqual([state, inFlight], ['safe to stop', 0])
})

test('it is not safe while a worker still routes by an older snapshot, nor before a new one has reported', async (t) => {
  const { api, worker } = await start(t)
  worker.seq = () => 1
  api.poll(A)
  assert.equal((await post(api, drainA)).state, 'draining')
  worker.seq = () => api.registry.current.seq
  assert.equal((await post(api, drainA)).state, 'safe to stop')
  const { processor } = api.lifecycle
  const status = processor?.status()
  assert.ok(processor && status?.workers[0])
  const workers = [...status.workers, { ...status.workers[0], name: 'w-2', state: 'starting' as const }]
  api.lifecycle.processor = { ...processor, status: () => ({ ...status, workers }) }
  assert.equal((await post(api, drainA)).state, 'draining')
})

test('the workers of other processes are waited for by what they report', async (t) => {
  const { api } = await start(t)
  const far = (seq: number, inFlight: number) =>
    api.fetch('/api/v1/reports', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(
        reportOf({ worker: 'far', snapshot: { term: 7, seq }, endpoints: [endpointOf({ inFlight })] }),
      ),
    })
  assert.equal((await far(api.registry.current.seq, 0)).status, 204)
  assert.equal((await post(api, drainA)).state, 'draining')
  const waiting = post(api, `${drainA}&wait=20`)
  await far(api.registry.current.seq, 1)
  assert.equal((await post(api, drainA)).in_flight, 1)
  await far(api.registry.current.seq, 0)
  assert.equal((await within(waiting, 3000, 'the drain')).state, 'safe to stop')
})

test('after the wait it is answered that requests still run', async (t) => {
  const { api, worker } = await start(t)
  worker.endpoints = [endpointOf({ inFlight: 1 })]
  const answer = await within(post(api, `${drainA}&wait=1`), 5000, 'the answer')
  assert.deepEqual([answer.status, answer.state, answer.in_flight], [200, 'draining', 1])
})

test('a client that goes away ends the wait, and so does an operator who ends the drain', async (t) => {
  const { api, worker } = await start(t)
  worker.endpoints = [endpointOf({ inFlight: 1 })]
  const gone = new AbortController()
  const left = post(api, `${drainA}&wait=600`, { signal: gone.signal }).catch(() => 'left')
  await waitFor(() => worker.flushes > 2)
  gone.abort()
  assert.equal(await left, 'left')
  let last = -1
  await waitFor(
    () => {
      const still = worker.flushes === last
      last = worker.flushes
      return still
    },
    { intervalMs: 150, what: 'an end of the looks at what runs' },
  )
  const waiting = post(api, `${drainA}&wait=600`)
  await waitFor(() => worker.flushes > last)
  assert.equal((await post(api, `undrain?instance=${encodeURIComponent(A)}`)).state, 'up')
  const { state, override } = await within(waiting, 3000, 'the drain')
  assert.deepEqual([state, override], ['up', null])
})

test('a server that ends answers those who wait', async (t) => {
  const { api, worker } = await start(t)
  worker.endpoints = [endpointOf({ inFlight: 1 })]
  const waiting = post(api, `${drainA}&wait=600`)
  await waitFor(() => worker.flushes > 2)
  await api.close()
  assert.equal((await waiting).state, 'draining')
})

test('undrain ends a drain only, up ends whatever was said, and the last word counts', async (t) => {
  const { api } = await start(t)
  const said = async (verb: string) => {
    const { state, override } = await post(api, `${verb}?instance=${encodeURIComponent(A)}`)
    return [state, override]
  }
  assert.deepEqual(await said('down'), ['down', 'out-of-service'])
  assert.deepEqual(await said('undrain'), ['down', 'out-of-service'])
  assert.deepEqual(await said('up'), ['up', null])
  assert.deepEqual(await said('down'), ['down', 'out-of-service'])
  assert.deepEqual(await said('drain'), ['safe to stop', 'drain'])
  assert.deepEqual(await said('undrain'), ['up', null])
  assert.deepEqual(await said('drain'), ['safe to stop', 'drain'])
  assert.deepEqual(await said('up'), ['up', null])
  const { items } = await api.json<{ items: { kind: string; to: string }[] }>('/api/v1/events?limit=10')
  assert.deepEqual(
    items.filter(({ kind }) => kind === 'override').map(({ to }) => to),
    ['none', 'drain', 'none', 'drain', 'out-of-service', 'none', 'out-of-service'],
  )
})

test('an instance that is not known is a 404 that names what was meant; a wrong query is a 400', async (t) => {
  const { api } = await start(t)
  const refused = async (path: string) => {
    const { status, detail, field } = await post(api, path)
    return [status, field ?? detail]
  }
  const meant = (id: string) => `there is no such instance; did you mean ${id}?`
  assert.deepEqual(await refused('drain?instance=127.0.0.1:9002'), [404, meant(B)])
  assert.deepEqual(await refused('drain?instance=http://127.0.0.1:9002/'), [404, meant(B)])
  assert.deepEqual(await refused('down?instance=order/127.0.0.1:9001'), [404, meant(A)])
  assert.deepEqual(await refused('up?instance=nothing-like-it'), [404, 'there is no such instance'])
  assert.deepEqual(await refused('drain'), [400, 'instance'])
  for (const wait of ['-1', 'long', '1.5', '3601'])
    assert.deepEqual(await refused(`${drainA}&wait=${wait}`), [400, 'wait'])
  assert.deepEqual(await refused(`up?instance=${A}&wait=1`), [400, 'wait'])
  assert.equal(api.registry.current.instances[0]?.override, undefined)
})

test('only who may change something may do it, never by a GET, and a body means nothing', async (t) => {
  const { api } = await start(t, { document: { discovery: { token: 'sesame' }, services: { orders: ORDERS } } })
  for (const verb of ['drain', 'undrain', 'down', 'up']) {
    const path = `${verb}?instance=${encodeURIComponent(A)}`
    assert.equal((await post(api, path)).status, 401, verb)
    assert.equal((await api.fetch(`/api/v1/${path}`)).status, 405, verb)
    const headers = { authorization: 'Bearer sesame', 'content-type': 'text/plain' }
    assert.equal((await post(api, path, { headers, body: '{"instance":"x"' })).status, 200, verb)
  }
  const open = await start(t)
  assert.equal((await post(open.api, drainA, { headers: { origin: 'http://evil.example' } })).status, 403)
})

test('two requests over one connection are both answered, however long the first one waited', async (t) => {
  const { api, worker } = await start(t)
  worker.endpoints = [endpointOf({ inFlight: 1 })]
  const head = (path: string) => `POST /api/v1/${path} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n`
  const raw = await rawRequest(api.port, head(`${drainA}&wait=1`) + head(`up?instance=${B}`), { answers: 2 })
  assert.match(raw.toString(), /"state":"draining"[^]*"state":"up"/)
})

test('a server that has just started without workers of its own does not call safe what it cannot know', async (t) => {
  let ahead = 0
  const clock = { ...systemClock, now: () => systemClock.now() + ahead }
  const api = await startApi(t, { clock })
  assert.equal((await post(api, drainA)).state, 'draining')
  ahead = 6000
  assert.equal((await post(api, drainA)).state, 'safe to stop')
})

test('what an operator said survives a restart of the server', async (t) => {
  const store = `sqlite:${folder(t)}/serverpy.db`
  const options = {
    discovery: { store },
    servers: ['127.0.0.1:1', '127.0.0.1:2', '127.0.0.1:3'],
    polling: { frequency: 60 },
  }
  const first = await startDiscovery(t, options)
  const say = async (verb: string, port: number) => {
    const url = `http://127.0.0.1:${first.port}/api/v1/${verb}?instance=orders/127.0.0.1:${port}`
    assert.equal((await fetch(url, { method: 'POST' })).status, 200)
  }
  await say('drain', 1)
  await say('down', 2)
  await say('down', 3)
  await say('up', 3)
  await first.close()
  const second = await startDiscovery(t, options)
  assert.deepEqual(
    second.registry.current.instances.map(({ override }) => override),
    ['drain', 'out-of-service', undefined],
  )
  const { items } = await ask<{ items: { override: string | null }[] }>(second, '/api/v1/instances')
  assert.deepEqual(
    items.map(({ override }) => override),
    ['drain', 'out-of-service', null],
  )
})
