// The registry's and the traffic's data in the words of the API: snake_case keys, ISO 8601 times.
import { pipeNames } from '../../shared/config/all-pipes.js'
import type { ListenerConfig, ServiceConfig } from '../../shared/config/model.js'
import { REPORT_LIMITS } from '../../shared/metrics/limits.js'
import { quantile } from '../../shared/metrics/histogram.js'
import type { TrafficCount } from '../../shared/metrics/report.js'
import { emptySum, sumBy, total } from '../../shared/metrics/sum.js'
import type { Health } from '../../shared/registry/instance.js'
import type { InstanceStatus } from '../registry/status.js'
import type { ApiDeps } from './deps.js'
import { iso } from './endpoint.js'

export type ServiceHealth = Health | 'degraded'

/** All services of the config, each with the health of its instances and its requests. */
export function serviceViews(deps: ApiDeps) {
  const counts = sumBy(deps.traffic.counts(), (count) => count.service)
  const instances = byService(deps.registry.statuses())
  return deps.config.services.map((service) =>
    serviceView(service, instances.get(service.name) ?? [], counts.get(service.name) ?? emptySum(), deps),
  )
}

function byService(statuses: readonly InstanceStatus[]): ReadonlyMap<string, InstanceStatus[]> {
  const groups = new Map<string, InstanceStatus[]>()
  for (const status of statuses) {
    const group = groups.get(status.instance.service)
    if (group === undefined) groups.set(status.instance.service, [status])
    else group.push(status)
  }
  return groups
}

function serviceView(
  service: ServiceConfig,
  statuses: readonly InstanceStatus[],
  count: TrafficCount,
  { traffic }: Pick<ApiDeps, 'traffic'>,
) {
  const counted = (test: (status: InstanceStatus) => boolean) => statuses.filter(test).length
  const having = (health: Health) => counted(({ instance }) => instance.health === health)
  const [up, down, unknown] = [having('up'), having('down'), having('unknown')]
  return {
    name: service.name,
    health: serviceHealth(up, down, statuses.length),
    instances: statuses.length,
    up,
    down,
    unknown,
    overridden: counted(({ instance }) => instance.override !== undefined),
    drained: counted(({ instance }) => instance.override === 'drain'),
    ejected: counted(({ instance }) => traffic.live(instance.id).ejectedBy.length > 0),
    disputed: counted(({ disputed }) => disputed),
    requests: count.requests,
    errors: count.errors,
    latency_ms: latencyView(count),
    strategy: service.balance.strategy,
    apis: service.apis,
  }
}

function serviceHealth(up: number, down: number, all: number): ServiceHealth {
  if (up > 0) return up === all ? 'up' : 'degraded'
  return down > 0 ? 'down' : 'unknown'
}

/** What `/stats` and `/api/v1/instances` say alike of an instance. */
export function instanceFacts(
  status: InstanceStatus,
  count: TrafficCount | undefined,
  { traffic }: Pick<ApiDeps, 'traffic'>,
) {
  const { instance } = status
  const live = traffic.live(instance.id)
  return {
    id: instance.id,
    health: instance.health,
    status: status.status,
    since: iso(instance.since),
    override: instance.override ?? null,
    priority: instance.priority,
    reason: status.response,
    latency_ms: rounded(status.latencyMs),
    requests: count?.requests ?? 0,
    errors: count?.errors ?? 0,
    in_flight: live.inFlight,
    connections: live.connections,
    ejected_by: live.ejectedBy,
    polling_disputed: status.disputed,
    flapping: status.flapping,
  }
}

export function instanceView(status: InstanceStatus, count: TrafficCount | undefined, deps: Pick<ApiDeps, 'traffic'>) {
  const { instance, polling } = status
  const { damping } = polling
  return {
    ...instanceFacts(status, count, deps),
    service: instance.service,
    url: instance.url,
    weight: instance.weight,
    zone: instance.zone ?? null,
    metadata: instance.metadata,
    check_started_at: isoOrNull(status.checkStartedAt),
    last_checked_at: isoOrNull(status.lastCheckedAt),
    last_failure_at: isoOrNull(status.lastFailureAt),
    polling: {
      method: polling.method,
      frequency: polling.frequency.kind === 'every' ? polling.frequency.ms / 1000 : polling.frequency.expression,
      timeout_ms: polling.timeoutMs,
      retries: polling.retries,
      retry_delay_ms: polling.retryDelayMs,
      rise: polling.rise,
      fall: polling.fall,
      damping:
        damping === undefined
          ? null
          : { changes: damping.changes, window_ms: damping.windowMs, steady_ms: damping.steadyMs },
      packet_limit: polling.packetLimit,
    },
  }
}

export function countsByInstance(deps: ApiDeps): ReadonlyMap<string, TrafficCount> {
  return sumBy(deps.traffic.counts(), (count) => count.instance)
}

/** Totals of all requests ever counted, and of this life of the server. */
export function requestTotals(deps: ApiDeps) {
  const sum = total(deps.traffic.counts())
  const life = deps.traffic.life()
  const [gone = 0, c1 = 0, c2 = 0, c3 = 0, c4 = 0, c5 = 0] = sum.classes
  return {
    total: sum.requests,
    errors: sum.errors,
    by_class: { '1xx': c1, '2xx': c2, '3xx': c3, '4xx': c4, '5xx': c5, client_gone: gone },
    bytes_in: sum.bytesIn,
    bytes_out: sum.bytesOut,
    latency_ms: latencyView(sum),
    this_life: {
      served: life.served,
      recorded: life.recorded,
      shed: life.shed,
      attempts: life.attempts,
      retries: life.retries,
      errors_by_code: life.codes,
      refused_by_reason: life.refusals,
    },
    history_dropped: deps.store.dropped,
  }
}

/** What the pipes of each name have counted since the start, and what they hold now. */
export function pipeViews({ config, traffic }: Pick<ApiDeps, 'config' | 'traffic'>) {
  const counted = new Map(traffic.pipes().map(({ pipe, counts }) => [pipe, counts]))
  const states = new Map(traffic.pipeStates().map(({ pipe, values }) => [pipe, values]))
  return [...pipeNames(config)].slice(0, REPORT_LIMITS.pipes).map((name) => {
    const events: Readonly<Record<string, number>> = { failed: 0, barred: 0, ...counted.get(name) }
    const values: Readonly<Record<string, number>> = states.get(name) ?? {}
    return { name, events, values }
  })
}

/** The processor's own port, and those of its listeners in the order of the config. */
export function listenerViews({ config, traffic, lifecycle }: Pick<ApiDeps, 'config' | 'traffic' | 'lifecycle'>) {
  const { host, port, tls, listeners } = config.processor
  const status = lifecycle.processor?.status()
  const bound = new Map(status?.listeners.map((one) => [one.name, one.port]))
  const counted = new Map(traffic.listeners().map((count) => [count.listener, count]))
  const view = (name: string, at: Pick<ListenerConfig, 'host' | 'tls' | 'port'>, takes: ListenerConfig['takes']) => {
    const count = counted.get(name)
    const bare = takes.kind === 'tcp'
    return {
      name: name === '' ? null : name,
      host: at.host ?? null,
      port: at.port,
      kind: bare ? ('tcp' as const) : ('http' as const),
      tls: at.tls !== undefined,
      service: takes.kind === 'routes' ? null : takes.service,
      connections: traffic.connections(name),
      accepted: count?.accepted ?? 0,
      refused: count?.refused ?? 0,
      // Requests have counts of their own.
      bytes_in: bare ? (count?.bytesIn ?? 0) : null,
      bytes_out: bare ? (count?.bytesOut ?? 0) : null,
    }
  }
  const own = { ...(host !== undefined && { host }), ...(tls && { tls }), port: status?.port ?? port }
  return [
    view('', own, { kind: 'routes' }),
    ...listeners.map((one) => view(one.name, { ...one, port: bound.get(one.name) ?? one.port }, one.takes)),
  ]
}

export function latencyView(count: TrafficCount) {
  const at = (q: number) => {
    const ms = quantile(count.buckets, q)
    // Interpolated inside its bucket it can come out above every sample.
    return rounded(ms === null ? null : Math.min(ms, count.latencyMaxMs))
  }
  return {
    mean: count.requests === 0 ? null : rounded(count.latencySumMs / count.requests),
    p50: at(0.5),
    p90: at(0.9),
    p99: at(0.99),
    max: count.requests === 0 ? null : rounded(count.latencyMaxMs),
  }
}

export function isoOrNull(epochMs: number | null): string | null {
  return epochMs === null ? null : iso(epochMs)
}

/** Microseconds are all that is ever measured. */
export function rounded(ms: number | null): number | null {
  return ms === null ? null : Math.round(ms * 1000) / 1000
}
