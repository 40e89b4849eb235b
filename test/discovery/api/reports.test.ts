// POST /api/v1/reports: who may, what is taken, and that nothing is counted twice.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isLoopback } from '../../../discovery/api/access.js'
import { readReport } from '../../../discovery/api/reports.js'
import { ApiProblem } from '../../../discovery/api/problem.js'
import { REFUSALS } from '../../../shared/metrics/refusals.js'
import { rawRequest } from '../../kit/http.js'
import { A, B, ORDERS, countOf, endpointOf, recordOf, reportOf, startApi, triedOf, type TestApi } from './server.js'

const FULL = reportOf({
  records: [recordOf()],
  shed: 9,
  counts: [countOf()],
  codes: { overload: 1 },
  refusals: { 'bare-lf': 3, 'tls-handshake': 2 },
  retries: 1,
  tried: [triedOf({ success: 9, failure: 1, retries: 1, hedges: 1, ejections: 1 })],
  services: [{ service: 'orders', queued: 1, shed: 1, budgetSpent: 1 }],
  pipes: [{ pipe: 'fair', counts: { failed: 1, refused: 2.5 } }],
  pipeStates: [{ pipe: 'store', values: { entries: 3, drift: -1 } }],
  endpoints: [
    endpointOf({ inFlight: 1, connections: 2 }),
    endpointOf({ instance: B, guard: 'open', reason: 'breaker' }),
  ],
  waiting: [{ service: 'orders', queued: 3 }],
  listeners: [{ listener: 'db', accepted: 2, refused: 1, bytesIn: 3, bytesOut: 4 }],
  listening: [{ listener: 'db', connections: 1 }],
  snapshot: { term: 7, seq: 3 },
})

function post(api: TestApi, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return api.fetch('/api/v1/reports', {
    method: 'POST',
    body: text,
    headers: { 'content-type': 'application/json', ...headers },
  })
}

function counted(api: TestApi): number {
  return api.traffic.counts().reduce((sum, { requests }) => sum + requests, 0)
}

test('a report of this machine is counted and recorded while no token is set', async (t) => {
  const api = await startApi(t)
  const answer = await post(api, FULL)
  assert.equal(answer.status, 204)
  assert.equal(counted(api), 10)
  assert.deepEqual(api.traffic.life(), {
    attempts: { success: 0, failure: 0, timeout: 0 },
    retries: 1,
    codes: { overload: 1 },
    refusals: { 'bare-lf': 3, 'tls-handshake': 2 },
    served: 10,
    recorded: 1,
    shed: 9,
  })
  const { items } = await api.store.history.requests({}, { limit: 10 })
  assert.deepEqual(items, FULL.records)
})

test('a browser or a proxy on this machine does not count as this machine', async (t) => {
  const api = await startApi(t)
  for (const field of ['origin', 'forwarded', 'x-forwarded-for', 'via']) {
    const answer = await post(api, FULL, { [field]: 'http://evil.example' })
    assert.equal(answer.status, 403, field)
  }
  assert.equal(counted(api), 0)
})

test('with a token only the token counts, wherever the peer is', async (t) => {
  const api = await startApi(t, { document: { discovery: { token: 'sesame' }, services: { orders: ORDERS } } })
  for (const authorization of ['', 'Bearer', 'Bearer ', 'Bearer sesam', 'Bearer sesamee', 'Basic sesame', 'sesame']) {
    const answer = await post(api, FULL, { authorization })
    assert.equal(answer.status, 401, authorization)
    assert.match(answer.headers.get('www-authenticate') ?? '', /^Bearer/)
  }
  assert.equal(counted(api), 0)
  assert.equal((await post(api, FULL, { authorization: 'bearer sesame', via: '1.1 x' })).status, 204)
  assert.equal(counted(api), 10)
})

test('only addresses of this machine are loopback', () => {
  for (const address of ['127.0.0.1', '127.8.9.1', '::1', '::ffff:127.0.0.1']) assert.ok(isLoopback(address), address)
  for (const address of [undefined, '', '10.0.0.1', '128.0.0.1', '::2', '::ffff:10.0.0.1', '127.0.0.1.evil.example']) {
    assert.ok(!isLoopback(address), address)
  }
})

test('a report that comes again under its number is acknowledged and not counted again', async (t) => {
  const api = await startApi(t)
  const send = async (id: string) => (await post(api, FULL, { 'x-serverpy-report': id })).status
  assert.equal(await send('sender-a:0'), 204)
  assert.equal(await send('sender-a:0'), 204)
  assert.equal(counted(api), 10)
  assert.equal(await send('sender-b:0'), 204)
  assert.equal(await send('sender-a:1'), 204)
  assert.equal(counted(api), 30)
  assert.equal(await send('sender-a'), 400)
  assert.equal(await send(`${'x'.repeat(65)}:1`), 400)
})

test('what is no JSON, too large, compressed or not a report is refused before anything is counted', async (t) => {
  const api = await startApi(t)
  const status = async (answer: Promise<Response>) => (await answer).status
  assert.equal(await status(post(api, '{')), 400)
  assert.equal(await status(post(api, '"text"')), 400)
  assert.equal(await status(post(api, FULL, { 'content-type': 'text/plain' })), 415)
  assert.equal(await status(post(api, FULL, { 'content-encoding': 'gzip' })), 415)
  assert.equal(await status(post(api, { ...FULL, worker: 'x'.repeat(5 * 1024 * 1024) })), 413)
  assert.equal(await status(post(api, { ...FULL, served: 11 })), 400)
  assert.equal(counted(api), 0)
})

test('a body that never comes does not hold the others up', async (t) => {
  const api = await startApi(t)
  const head =
    'POST /api/v1/reports HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n'
  const waiting = rawRequest(api.port, head, { timeoutMs: 60_000 }).catch(() => undefined)
  assert.equal((await post(api, FULL)).status, 204)
  await api.close()
  await waiting
})

test('traffic of services and instances that are not known is counted under no name', async (t) => {
  const api = await startApi(t)
  const strange = { service: 'made-up', instance: 'made-up/1:1' }
  await post(api, reportOf({ records: [recordOf(strange)], counts: [countOf(strange), countOf({ instance: 'x' })] }))
  assert.deepEqual(
    api.traffic.counts().map(({ service, instance, requests }) => [service, instance, requests]),
    [
      ['', '', 10],
      ['orders', '', 10],
    ],
  )
  const { items } = await api.store.history.requests({}, { limit: 10 })
  assert.deepEqual([items[0]?.service, items[0]?.instance], ['', ''])
})

test('each member is checked, and the one that is wrong is named', () => {
  const wrong = (field: string, patch: object) =>
    assert.throws(
      () => readReport({ ...structuredClone(FULL), ...patch }),
      (error: ApiProblem) => error instanceof ApiProblem && error.status === 400 && error.extra.field === field,
      field,
    )
  wrong('worker', { worker: 5 })
  wrong('records', { records: {} })
  wrong('records[0]', { records: [null] })
  wrong('records[0].path', { records: [{ ...recordOf(), path: 'x'.repeat(20_000) }] })
  wrong('records[0].error', { records: [{ ...recordOf(), error: 'boom' }] })
  wrong('records[0].status', { records: [{ ...recordOf(), status: 1e6 }] })
  wrong('records[0].durationMs', { records: [{ ...recordOf(), durationMs: null }] })
  wrong('counts[0].buckets', { counts: [countOf({ buckets: [1] })] })
  wrong('counts[0].classes[2]', { counts: [countOf({ classes: [0, 0, -1, 0, 0, 0] })] })
  wrong('counts[0].requests', { counts: [countOf({ requests: 0.5 })] })
  wrong('counts', { counts: new Array(5000).fill(countOf()) })
  wrong('attempts', { attempts: [] })
  wrong('attempts.timeout', { attempts: { success: 1, failure: 1 } })
  wrong('codes', { codes: { boom: 1 } })
  wrong('codes.overload', { codes: { overload: -1 } })
  wrong('refusals', { refusals: undefined })
  wrong('refusals', { refusals: { 'made-up': 1 } })
  wrong('refusals', { refusals: JSON.parse('{"__proto__":1}') as object })
  wrong('refusals.bare-lf', { refusals: { 'bare-lf': 1.5 } })
  wrong('tried', { tried: undefined })
  wrong('tried[0].hedges', { tried: [{ ...triedOf(), hedges: '1' }] })
  wrong('tried[0].instance', { tried: [{ ...triedOf(), instance: 'x'.repeat(2000) }] })
  wrong('services[0].budgetSpent', { services: [{ service: 'orders', queued: 1, shed: 1 }] })
  wrong('services', { services: new Array(5000).fill(FULL.services[0]) })
  const counts = (given: object) => ({ pipes: [{ pipe: 'fair', counts: given }] })
  wrong('pipes', { pipes: undefined })
  wrong('pipes', { pipes: new Array(501).fill(FULL.pipes[0]) })
  wrong('pipes[0].pipe', { pipes: [{ pipe: 'x'.repeat(2000), counts: {} }] })
  wrong('pipes[0].counts', { pipes: [{ pipe: 'fair' }] })
  wrong('pipes[0].counts', counts({ Refused: 1 }))
  wrong('pipes[0].counts', counts({ ['x'.repeat(41)]: 1 }))
  wrong('pipes[0].counts', counts(JSON.parse('{"__proto__":1}') as object))
  wrong('pipes[0].counts', counts(Object.fromEntries(Array.from({ length: 65 }, (_, i) => ['a'.repeat(i + 1), 1]))))
  wrong('pipes[0].counts.refused', counts({ refused: -1 }))
  wrong('pipes[0].counts.refused', counts({ refused: null }))
  wrong('pipeStates', { pipeStates: null })
  wrong('pipeStates[0].values.x', { pipeStates: [{ pipe: 'fair', values: { x: '1' } }] })
  wrong('listeners', { listeners: new Array(4001).fill(FULL.listeners[0]) })
  wrong('listeners[0].refused', { listeners: [{ ...FULL.listeners[0], refused: -1 }] })
  wrong('listeners[0].listener', { listeners: [{ ...FULL.listeners[0], listener: 'x'.repeat(2000) }] })
  wrong('listening', { listening: 'db' })
  wrong('listening[0].connections', { listening: [{ listener: 'db', connections: 0.5 }] })
  wrong('endpoints', { endpoints: null })
  wrong('endpoints', { endpoints: new Array(12_001).fill(endpointOf()) })
  wrong('endpoints[0].guard', { endpoints: [{ ...endpointOf(), guard: 'ajar' }] })
  wrong('endpoints[0].reason', { endpoints: [{ ...endpointOf(), reason: 'mood' }] })
  wrong('endpoints[0].disputed', { endpoints: [{ ...endpointOf(), disputed: 1 }] })
  wrong('endpoints[0].inFlight', { endpoints: [{ ...endpointOf(), inFlight: -1 }] })
  wrong('waiting[0].queued', { waiting: [{ service: 'orders' }] })
  wrong('snapshot', { snapshot: undefined })
  wrong('snapshot.seq', { snapshot: { term: 1 } })
  wrong('shed', { shed: Number.MAX_VALUE })
  wrong('gauges.upgraded', { gauges: { connections: 1, inFlight: 1, loopLagMs: 1, rssBytes: 1 } })
  wrong('gauges.rssBytes', { gauges: { ...FULL.gauges, rssBytes: '1' } })
})

test('whatever JSON comes, the reader returns a report of the right shape or names a member', () => {
  const paths = Object.keys(FULL)
  fc.assert(
    fc.property(fc.constantFrom(...paths), fc.jsonValue(), (path, value) => {
      try {
        const report = readReport({ ...structuredClone(FULL), [path]: value })
        assert.deepEqual(Object.keys(report).sort(), Object.keys(FULL).sort())
        assert.equal(report.served, report.records.length + report.shed)
        for (const reason of Object.keys(report.refusals))
          assert.ok(
            REFUSALS.some((known) => known === reason),
            reason,
          )
      } catch (error) {
        assert.ok(error instanceof ApiProblem && error.extra.field !== undefined, String(error))
      }
    }),
  )
  assert.deepEqual(readReport(structuredClone(FULL)), FULL)
  // What is left out stays as it was in the report before.
  const { endpoints: _, waiting: __, pipeStates: ___, ...rest } = FULL
  assert.deepEqual(readReport(structuredClone(rest)), rest)
  assert.equal(readReport({ ...FULL, records: [{ ...recordOf(), extra: 1 }] }).records[0]?.instance, A)
})
