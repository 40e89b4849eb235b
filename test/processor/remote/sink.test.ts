// The remote sink: every count arrives exactly once, however often the way is broken; records are bounded.
import assert from 'node:assert/strict'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test, type TestContext } from 'node:test'
import { readReport } from '../../../discovery/api/reports.js'
import { createPendingReports } from '../../../processor/supervisor/pending-report.js'
import { createRemoteSink, type RemoteSink } from '../../../processor/supervisor/remote-sink.js'
import { systemClock, type Clock } from '../../../shared/clock.js'
import { silentLog, type Log } from '../../../shared/log.js'
import type { Report } from '../../../shared/metrics/report.js'
import { total } from '../../../shared/metrics/sum.js'
import { fakeClock } from '../../kit/clock.js'
import { waitFor, within } from '../../kit/wait.js'
import { A, B, ORDERS, countOf, endpointOf, recordOf, reportOf, startApi, triedOf } from '../../discovery/api/server.js'

function sinkTo(t: TestContext, url: string, deps: { clock?: Clock; log?: Log; token?: string } = {}): RemoteSink {
  const sink = createRemoteSink(url, { clock: systemClock, log: silentLog, random: () => 0, ...deps })
  t.after(() => sink.close())
  return sink
}

/** A discovery server whose answers are scripted; `take` has counted the report by then, as the real one would. */
async function scripted(t: TestContext, answer: (res: ServerResponse, attempt: number) => void) {
  const bodies: { id: string; report: Report }[] = []
  const server = createServer((req, res) => {
    const parts: Buffer[] = []
    req.on('data', (part: Buffer) => parts.push(part))
    req.on('end', () => {
      const report = readReport(JSON.parse(Buffer.concat(parts).toString()))
      bodies.push({ id: String(req.headers['x-serverpy-report']), report })
      answer(res, bodies.length)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, bodies }
}

test('what the workers counted arrives at the discovery server, with the token', async (t) => {
  const api = await startApi(t, { document: { discovery: { token: 'sesame' }, services: { orders: ORDERS } } })
  const sink = sinkTo(t, api.url, { token: 'sesame' })
  sink.accept(
    reportOf({
      worker: 'far-1',
      records: [recordOf()],
      shed: 9,
      counts: [countOf()],
      retries: 2,
      codes: { overload: 1 },
      refusals: { overload: 1 },
    }),
  )
  sink.accept(reportOf({ worker: 'far-2', counts: [countOf()] }))
  await waitFor(() => total(api.traffic.counts()).requests === 20)
  const life = api.traffic.life()
  assert.deepEqual([life.served, life.recorded, life.shed, life.retries, life.codes], [10, 1, 9, 2, { overload: 1 }])
  assert.deepEqual(life.refusals, { overload: 1 })
  assert.deepEqual(
    api.traffic.workers().map(({ worker }) => worker),
    ['far-1', 'far-2'],
  )
})

test('an answer that is lost makes the same report come again under the same number, and it counts once', async (t) => {
  const api = await startApi(t)
  const lossy = await scripted(t, (res, attempt) => {
    const last = lossy.bodies.at(-1)
    void fetch(`${api.url}/api/v1/reports`, {
      method: 'POST',
      body: JSON.stringify(last?.report),
      headers: { 'content-type': 'application/json', 'x-serverpy-report': last?.id ?? '' },
    }).then(() => (attempt < 3 ? res.destroy() : res.writeHead(204).end()))
  })
  const sink = sinkTo(t, lossy.url)
  sink.accept(reportOf({ counts: [countOf()] }))
  await waitFor(() => lossy.bodies.length === 3)
  assert.equal(new Set(lossy.bodies.map(({ id }) => id)).size, 1)
  sink.accept(reportOf({ counts: [countOf()] }))
  await waitFor(() => total(api.traffic.counts()).requests === 20)
  assert.equal(lossy.bodies.length, 4)
})

test('while discovery is away counts add up into few reports and none is lost', async (t) => {
  let away = true
  const { url, bodies } = await scripted(t, (res) => (away ? res.writeHead(503).end() : res.writeHead(204).end()))
  const sink = sinkTo(t, url)
  for (let i = 0; i < 500; i++) {
    sink.accept(
      reportOf({
        worker: `w-${i % 2}`,
        counts: [countOf()],
        records: [recordOf()],
        shed: 9,
        codes: { loop: 1 },
        refusals: { 'bare-lf': 2 },
      }),
    )
  }
  await waitFor(() => bodies.length >= 2)
  away = false
  const delivered = () => new Map(bodies.map(({ id, report }) => [id, report]))
  const sum = (of: (report: Report) => number) => [...delivered().values()].reduce((n, report) => n + of(report), 0)
  await waitFor(() => sum((report) => total(report.counts).requests) === 5000)
  await sink.close()
  assert.equal(
    sum((report) => total(report.counts).requests),
    5000,
  )
  assert.equal(
    sum((report) => report.served),
    5000,
  )
  assert.equal(
    sum((report) => report.records.length),
    500,
  )
  assert.equal(
    sum((report) => report.codes.loop ?? 0),
    500,
  )
  assert.equal(
    sum((report) => report.refusals['bare-lf'] ?? 0),
    1000,
  )
  assert.ok(delivered().size <= 4, `${delivered().size} reports`)
})

test('a report that is refused for good is given up and does not stop the next', async (t) => {
  const errors: string[] = []
  const { url, bodies } = await scripted(t, (res, attempt) => res.writeHead(attempt === 1 ? 400 : 204).end())
  const sink = sinkTo(t, url, { log: { ...silentLog, error: (_fields, message) => errors.push(message) } })
  sink.accept(reportOf({ worker: 'first' }))
  sink.accept(reportOf({ worker: 'second' }))
  await waitFor(() => bodies.length === 2)
  await sink.close()
  assert.equal(bodies.length, 2)
  assert.match(errors.join(), /refused/)
})

test('closing sends what waits', async (t) => {
  const { url, bodies } = await scripted(t, (res) => res.writeHead(204).end())
  const sink = sinkTo(t, url)
  for (let i = 0; i < 10; i++) sink.accept(reportOf({ worker: `w-${i}`, counts: [countOf()] }))
  await sink.close()
  assert.equal(bodies.length, 10)
  sink.accept(reportOf())
  await sink.close()
  assert.equal(bodies.length, 10)
})

test('closing while nobody takes anything ends after two seconds', async (t) => {
  const clock = fakeClock()
  const { url, bodies } = await scripted(t, () => undefined)
  const sink = sinkTo(t, url, { clock })
  sink.accept(reportOf())
  await waitFor(() => bodies.length === 1)
  const closed = sink.close()
  await clock.advance(2000)
  await within(closed, 2000, 'closing')
})

test('an answer that does not come within ten seconds is not waited for', async (t) => {
  const clock = fakeClock()
  const { url, bodies } = await scripted(t, (res, attempt) => void (attempt > 1 && res.writeHead(204).end()))
  const sink = sinkTo(t, url, { clock })
  sink.accept(reportOf())
  await waitFor(() => bodies.length === 1)
  await clock.advance(10_000)
  await clock.advance(50)
  await waitFor(() => bodies.length === 2)
  assert.equal(bodies[0]?.id, bodies[1]?.id)
})

test('a token over plain http to elsewhere is warned about, to this machine it is not', async (t) => {
  const warnings: string[] = []
  const log: Log = { ...silentLog, warn: (_fields, message) => warnings.push(message) }
  sinkTo(t, 'http://registry.invalid:8008', { log, token: 'x' })
  assert.match(warnings.join(), /plain http/)
  warnings.length = 0
  sinkTo(t, 'http://127.0.0.1:8008', { log, token: 'x' })
  sinkTo(t, 'http://[::1]:8008', { log, token: 'x' })
  sinkTo(t, 'https://registry.invalid:8008', { log, token: 'x' })
  sinkTo(t, 'http://registry.invalid:8008', { log })
  assert.deepEqual(warnings, [])
})

test('reports are cut to what the other side takes, and records beyond the bound are shed, never lost', () => {
  const pending = createPendingReports()
  const path = `/${'x'.repeat(8000)}`
  const counts = Array.from({ length: 5000 }, (_, i) => countOf({ instance: `orders/h:${i}`, requests: 1 }))
  pending.add(
    reportOf({
      records: Array.from({ length: 2500 }, () => recordOf({ path })),
      counts,
      shed: 5,
      retries: 1,
      codes: { loop: 7 },
      refusals: { 'bare-lf': 3 },
    }),
  )
  for (let i = 0; i < 30; i++) {
    pending.add(reportOf({ worker: 'w-2', records: Array.from({ length: 1000 }, () => recordOf()), retries: 1 }))
  }
  assert.equal(pending.records, 20_000)
  const taken: Report[] = []
  for (let report = pending.take(); report !== undefined; report = pending.take()) {
    assert.ok(Buffer.byteLength(JSON.stringify(report)) < 4 * 1024 * 1024)
    assert.deepEqual(readReport(JSON.parse(JSON.stringify(report))), report)
    taken.push(report)
  }
  const sum = (of: (report: Report) => number) => taken.reduce((n, report) => n + of(report), 0)
  assert.equal(
    sum((report) => report.served),
    2505 + 30_000,
  )
  assert.equal(
    sum((report) => report.records.length),
    20_000,
  )
  assert.equal(
    sum((report) => report.shed),
    5 + 12_500,
  )
  assert.equal(
    sum((report) => total(report.counts).requests),
    5000,
  )
  assert.equal(
    sum((report) => report.retries),
    31,
  )
  // In one of the pieces, not in each.
  assert.equal(
    sum((report) => report.codes.loop ?? 0),
    7,
  )
  assert.equal(
    sum((report) => report.refusals['bare-lf'] ?? 0),
    3,
  )
  assert.equal(pending.records, 0)
  assert.equal(taken[0]?.records[0]?.instance, A)
})

test('what was tried adds up over the reports that wait, and what they say of now is the newest', () => {
  const pending = createPendingReports()
  const services = [{ service: 'orders', queued: 1, shed: 1, budgetSpent: 1 }]
  const first = [endpointOf({ inFlight: 1 })]
  const waiting = [{ service: 'orders', queued: 2 }]
  pending.add(
    reportOf({ tried: [triedOf({ success: 1 })], services, endpoints: first, waiting, snapshot: { term: 7, seq: 1 } }),
  )
  const tried = [triedOf({ success: 2, retries: 1 }), triedOf({ instance: B, failure: 1 })]
  const second = [endpointOf({ instance: B, guard: 'open', reason: 'refused' })]
  pending.add(reportOf({ tried, services, endpoints: second, waiting: [], snapshot: { term: 7, seq: 2 } }))
  const report = pending.take()
  assert.deepEqual(report?.tried, [triedOf({ success: 3, retries: 1 }), triedOf({ instance: B, failure: 1 })])
  assert.deepEqual(report?.services, [{ service: 'orders', queued: 2, shed: 2, budgetSpent: 2 }])
  assert.deepEqual([report?.endpoints, report?.waiting, report?.snapshot.seq], [second, [], 2])
  assert.equal(pending.take(), undefined)
})

test('what pipes counted adds up, and of more than a report may hold every count arrives', () => {
  const pending = createPendingReports()
  const pipes = Array.from({ length: 400 }, (_, i) => ({ pipe: `p${i}`, counts: { failed: 1, refused: 0.5 } }))
  pending.add(reportOf({ pipes, pipeStates: [{ pipe: 'p1', values: { open: 1 } }] }))
  pending.add(reportOf({ pipes, pipeStates: [{ pipe: 'p1', values: { open: -2 } }] }))
  const taken: Report[] = []
  for (let report = pending.take(); report !== undefined; report = pending.take()) {
    assert.deepEqual(readReport(JSON.parse(JSON.stringify(report))), report)
    taken.push(report)
  }
  assert.ok(taken.length > 1)
  const sums = new Map(taken.flatMap((report) => report.pipes).map(({ pipe, counts }) => [pipe, counts]))
  assert.equal(sums.size, 400)
  for (const [pipe, counts] of sums) assert.deepEqual(counts, { failed: 2, refused: 1 }, pipe)
  assert.deepEqual(
    taken.map((report) => report.pipeStates),
    [[{ pipe: 'p1', values: { open: -2 } }], ...taken.slice(1).map(() => undefined)],
  )
})

test('endpoints travel with the snapshot that they were seen under, and what was not said is left out', () => {
  const pending = createPendingReports()
  const endpoints = [endpointOf({ inFlight: 1 })]
  pending.add(reportOf({ endpoints, snapshot: { term: 7, seq: 1 } }))
  pending.add(reportOf({ snapshot: { term: 7, seq: 2 } }))
  const report = pending.take()
  assert.deepEqual([report?.endpoints, report?.snapshot.seq], [endpoints, 1])
  pending.add(reportOf({ snapshot: { term: 7, seq: 2 } }))
  const next = pending.take()
  assert.ok(next)
  assert.deepEqual(['endpoints' in next, 'waiting' in next, next.snapshot.seq], [false, false, 2])
})

test('of more tries and endpoints than a report may hold every try arrives, and no request in flight is kept back', () => {
  const pending = createPendingReports()
  const id = (i: number) => `orders/${'h'.repeat(200)}:${i}`
  const tried = Array.from({ length: 3000 }, (_, i) => triedOf({ instance: id(i), success: 1 }))
  const endpoints = Array.from({ length: 12_000 }, (_, i) =>
    endpointOf({ instance: id(i), connections: 1, inFlight: i % 4 === 0 ? 1 : 0 }),
  )
  pending.add(reportOf({ tried, endpoints }))
  const taken: Report[] = []
  for (let report = pending.take(); report !== undefined; report = pending.take()) {
    assert.ok(Buffer.byteLength(JSON.stringify(report)) < 4 * 1024 * 1024)
    assert.deepEqual(readReport(JSON.parse(JSON.stringify(report))), report)
    taken.push(report)
  }
  assert.equal(taken.flatMap((report) => report.tried).length, 3000)
  const sent = taken.flatMap((report) => report.endpoints ?? [])
  assert.ok(sent.length < 12_000)
  assert.equal(sent.filter(({ inFlight }) => inFlight > 0).length, 3000)
  assert.equal(taken.filter((report) => report.endpoints !== undefined).length, 1)
})
