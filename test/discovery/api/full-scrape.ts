// An API in whose /metrics every family has a sample.
import type { TestContext } from 'node:test'
import type { AttemptCount } from '../../../shared/metrics/report.js'
import { A, B, countOf, processorOf, recordOf, reportOf, startApi, type TestApi } from './server.js'

export function triedOf(patch: Partial<AttemptCount> = {}): AttemptCount {
  return {
    service: 'orders',
    instance: A,
    success: 9,
    failure: 3,
    timeout: 2,
    retries: 4,
    hedges: 1,
    ejections: 2,
    ...patch,
  }
}

/** One worker has counted something of everything: A gets requests, B is down, ejected and disputed. */
export async function startFullApi(t: TestContext): Promise<TestApi> {
  const processor = {
    pipes: [{ use: 'rate-limit', rate: 1, name: 'fair' }, { use: 'cache' }],
    listeners: [{ name: 'db', port: 5432, tcp: 'orders' }],
  }
  const api = await startApi(t, { document: { processor } })
  api.poll(A)
  api.poll(B, { verdict: 'failed', status: 'service unreachable', response: 'no' })
  api.lifecycle.processor = processorOf()
  api.lifecycle.configReloads = {
    ok: 3,
    failed: 1,
    lastOk: false,
    lastAt: Date.UTC(2030, 0, 1),
    problems: [],
  }
  api.traffic.accept(
    reportOf({
      records: [recordOf()],
      shed: 10,
      counts: [
        countOf(),
        countOf({ service: '', instance: '', requests: 1, errors: 0, classes: [1, 0, 0, 0, 0, 0], buckets: [] }),
      ],
      attempts: { success: 9, failure: 3, timeout: 2 },
      retries: 4,
      tried: [triedOf(), triedOf({ instance: B, success: 0, failure: 1, timeout: 0, retries: 0, hedges: 0 })],
      services: [{ service: 'orders', queued: 7, shed: 6, budgetSpent: 5 }],
      pipes: [{ pipe: 'fair', counts: { failed: 2, refused: 3 } }],
      pipeStates: [{ pipe: 'cache', values: { entries: 4 } }],
      endpoints: [
        { instance: A, inFlight: 4, connections: 8, guard: 'closed', disputed: false },
        { instance: B, inFlight: 0, connections: 1, guard: 'open', reason: 'refused', disputed: true },
      ],
      waiting: [{ service: 'orders', queued: 3 }],
      listeners: [{ listener: 'db', accepted: 4, refused: 1, bytesIn: 30, bytesOut: 50 }],
      listening: [{ listener: 'db', connections: 2 }],
      refusals: { 'bare-lf': 5, overload: 1 },
      codes: { 'connect-timeout': 1, 'answer-timeout': 1, 'no-route': 3 },
    }),
  )
  return api
}
