// An API on a real socket for tests, over a real registry, store and traffic that the tests can reach.
import type { TestContext } from 'node:test'
import { createApi } from '../../../discovery/api/api.js'
import type { ConfigReloads, Control } from '../../../discovery/api/deps.js'
import { openListener } from '../../../discovery/api/listener.js'
import type { PollerStats } from '../../../discovery/polling/meter.js'
import { createRegistry } from '../../../discovery/registry/registry.js'
import type { Observation, Registry } from '../../../discovery/registry/status.js'
import { createMemoryStore } from '../../../discovery/store/memory.js'
import type { Store } from '../../../discovery/store/store.js'
import { createTraffic, type Traffic } from '../../../discovery/traffic.js'
import { systemClock, type Clock } from '../../../shared/clock.js'
import { pipeNames } from '../../../shared/config/all-pipes.js'
import type { Config } from '../../../shared/config/model.js'
import { silentLog, type Log } from '../../../shared/log.js'
import { LATENCY_BUCKETS } from '../../../shared/metrics/histogram.js'
import type {
  AttemptCount,
  EndpointState,
  Report,
  RequestRecord,
  TrafficCount,
} from '../../../shared/metrics/report.js'
import type { Explain, ProcessorView } from '../../../shared/processor.js'
import { parseTestConfig } from '../../kit/config.js'

export interface Lifecycle {
  processor: ProcessorView | undefined
  explain: Explain | undefined
  processorExpected: boolean
  draining: boolean
  configReloads: ConfigReloads
  control: Control | undefined
}

export interface TestApi {
  readonly url: string
  readonly port: number
  readonly config: Config
  readonly registry: Registry
  readonly store: Store
  readonly traffic: Traffic
  readonly lifecycle: Lifecycle
  close(): Promise<void>
  fetch(path: string, init?: RequestInit): Promise<Response>
  json<T = Record<string, unknown>>(path: string): Promise<T>
  /** The instance's newest poll, as the poller would report it; also stored as a packet. */
  poll(id: string, observation?: Partial<Observation>): void
}

export interface ApiOptions {
  readonly document?: Record<string, unknown>
  readonly clock?: Clock
  readonly log?: Log
  /** Changes the store before anything uses it. */
  readonly store?: (store: Store) => Store
}

export const ORDERS = {
  servers: ['127.0.0.1:9001', '127.0.0.1:9002'],
  polling: { method: 'tcp', frequency: 1, packet_limit: 3000 },
  apis: ['/orders'],
}
export const A = 'orders/127.0.0.1:9001'
export const B = 'orders/127.0.0.1:9002'

/** Serves the given config, by default one service `orders` of two instances, A and B, that nobody polls. */
export async function startApi(t: TestContext, options: ApiOptions = {}): Promise<TestApi> {
  const clock = options.clock ?? systemClock
  const log = options.log ?? silentLog
  const config = parseTestConfig({ version: 1, services: { orders: ORDERS }, ...options.document })
  const memory = createMemoryStore({ clock })
  const store = options.store?.(memory) ?? memory
  const registry = createRegistry({ clock, log, term: 7, onEvent: (event) => store.history.appendEvent(event) })
  registry.replace(config.services.flatMap((service) => service.servers))
  const traffic = createTraffic([], {
    onSuspect: () => undefined,
    onDispute: (instance, disputed) => registry.setContradicted(instance, disputed),
    ownWorkers: () => lifecycle.processor?.status().workers.map(({ name }) => name),
    history: store.history,
    clock,
    requestLimit: 100,
    known: {
      service: (name) => name === 'orders',
      instance: (id) => registry.status(id) !== undefined,
      route: (id) => config.routes.some((route) => route.id === id),
      pipe: (name) => pipeNames(config).has(name),
      listener: (name) => name === '' || name === 'db',
    },
  })
  const lifecycle: Lifecycle = {
    processor: undefined,
    explain: undefined,
    processorExpected: false,
    draining: false,
    configReloads: { ok: 0, failed: 0, lastOk: true, lastAt: undefined, problems: [] },
    control: undefined,
  }
  const polling = { stats: () => STATS }
  const recall = { missing: [] }
  const api = createApi({ config, version: '1.2.3', registry, store, recall, traffic, polling, lifecycle, clock, log })
  const listener = await openListener({
    host: '127.0.0.1',
    port: 0,
    hostKey: 'discovery.host',
    portKey: 'discovery.port',
  })
  listener.serve(api.app)
  const close = async () => {
    await api.close()
    await listener.close()
  }
  t.after(close)
  const url = `http://127.0.0.1:${listener.port}`
  const get = (path: string, init?: RequestInit) => fetch(`${url}${path}`, init)
  return {
    url,
    port: listener.port,
    config,
    registry,
    store,
    traffic,
    lifecycle,
    close,
    fetch: get,
    async json<T>(path: string) {
      const answer = await get(path)
      if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`)
      return (await answer.json()) as T
    },
    poll(id, patch = {}) {
      const at = clock.wall()
      const observation: Observation = {
        startedAt: at - 2,
        endedAt: at,
        verdict: 'passed',
        status: 'active',
        response: 'connected',
        latencyMs: 1.5,
        tries: 1,
        ...patch,
      }
      registry.started(id, observation.startedAt)
      registry.observe(id, observation)
      registry.flush()
      const { verdict: _, ...packet } = observation
      store.history.appendPacket({ instance: id, ...packet }, 3000)
    },
  }
}

const STATS: PollerStats = {
  instances: 2,
  inFlight: 1,
  waiting: 0,
  polls: { passed: 5, failed: 2, inconclusive: 1 },
  probes: 9,
  skipped: 0,
  lateness: { buckets: new Array<number>(LATENCY_BUCKETS).fill(0).with(3, 8), sumMs: 24, maxMs: 4 },
}

export function countOf(patch: Partial<TrafficCount> = {}): TrafficCount {
  const buckets = new Array<number>(LATENCY_BUCKETS).fill(0).with(4, 10)
  return {
    service: 'orders',
    instance: A,
    requests: 10,
    errors: 1,
    classes: [0, 0, 8, 0, 1, 1],
    latencySumMs: 60,
    latencyMaxMs: 8,
    buckets,
    bytesIn: 100,
    bytesOut: 2000,
    ...patch,
  }
}

export function recordOf(patch: Partial<RequestRecord> = {}): RequestRecord {
  return {
    at: Date.now(),
    id: 'r-1',
    service: 'orders',
    instance: A,
    route: 'orders:/orders',
    method: 'GET',
    path: '/orders/1',
    status: 200,
    durationMs: 5.25,
    attempts: 1,
    bytesIn: 0,
    bytesOut: 200,
    error: '',
    client: '127.0.0.1',
    ...patch,
  }
}

export function reportOf(patch: Partial<Report> = {}): Report {
  const records = patch.records ?? []
  const shed = patch.shed ?? 0
  return {
    worker: 'w-1',
    records,
    counts: [],
    attempts: { success: 0, failure: 0, timeout: 0 },
    retries: 0,
    tried: [],
    services: [],
    pipes: [],
    listeners: [],
    snapshot: { term: 7, seq: 1 },
    suspects: [],
    codes: {},
    refusals: {},
    served: records.length + shed,
    shed,
    gauges: { connections: 3, inFlight: 2, upgraded: 1, loopLagMs: 0.5, rssBytes: 50_000_000 },
    ...patch,
  }
}

export function triedOf(patch: Partial<AttemptCount> = {}): AttemptCount {
  const none = { success: 0, failure: 0, timeout: 0, retries: 0, hedges: 0, ejections: 0 }
  return { service: 'orders', instance: A, ...none, ...patch }
}

/** An endpoint to which nothing is wrong. */
export function endpointOf(patch: Partial<EndpointState> = {}): EndpointState {
  return { instance: A, inFlight: 0, connections: 0, guard: 'closed', disputed: false, ...patch }
}

/** A processor that serves with one worker. */
export function processorOf(flush: () => Promise<void> = () => Promise.resolve()): ProcessorView {
  return {
    purge: () => Promise.resolve({ answers: 0, workers: 1, silent: 0 }),
    status: () => ({
      name: 'Request Processor',
      state: 'serving',
      port: 8001,
      listeners: [],
      replaced: 0,
      workers: [
        {
          name: 'w-1',
          pid: 4242,
          state: 'serving',
          startedAt: Date.UTC(2030, 0, 1),
          connections: 3,
          inFlight: 2,
          upgraded: 1,
          loopLagMs: 0.5,
          rssBytes: 50_000_000,
          snapshotSeq: 1,
        },
      ],
    }),
    flush,
  }
}
