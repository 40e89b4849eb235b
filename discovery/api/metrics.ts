// /metrics: traffic, health, polling, store and processes as Prometheus reads them.
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { LATENCY_BOUNDS_MS } from '../../shared/metrics/histogram.js'
import { sumBy, total, type Sum } from '../../shared/metrics/sum.js'
import type { Health } from '../../shared/registry/instance.js'
import type { PollerStats } from '../polling/meter.js'
import type { ApiDeps } from './deps.js'
import type { Endpoint } from './endpoint.js'
import { createExposition, EXPOSITION_TYPE, type Exposition, type Histogram, type Labels } from './exposition.js'
import { readQuery } from './query.js'
import type { Settle } from './settle.js'

const BOUNDS_SECONDS = LATENCY_BOUNDS_MS.map((ms) => ms / 1000)
const CLASSES = ['client_gone', '1xx', '2xx', '3xx', '4xx', '5xx']
const HEALTH_VALUE: Readonly<Record<Health, number>> = { up: 1, down: 0, unknown: -1 }
const HEALTHS: readonly Health[] = ['up', 'down', 'unknown']
const NONE: Labels = {}

export interface Metrics {
  readonly endpoint: Endpoint
  close(): void
}

export function createMetrics(deps: ApiDeps, settle: Settle): Metrics {
  // 20 ms: fine enough to see a stall, coarse enough to cost nothing.
  const loop = monitorEventLoopDelay({ resolution: 20 })
  loop.enable()
  return {
    async endpoint(req, res) {
      readQuery(req, [])
      await settle.counts()
      const to = createExposition()
      writeTraffic(to, deps)
      writeRegistry(to, deps)
      writeStore(to, deps)
      writeWorkers(to, deps)
      writeProcess(to, deps, loop.percentile(99) / 1e9)
      res.set('Content-Type', EXPOSITION_TYPE).send(Buffer.from(to.text()))
    },
    close: () => loop.disable(),
  }
}

function writeTraffic(to: Exposition, { traffic }: ApiDeps): void {
  const counts = traffic.counts()
  const all = total(counts)
  const life = traffic.life()
  const services = [...sumBy(counts, (count) => count.service)]
  const timeouts = (life.codes['connect-timeout'] ?? 0) + (life.codes['answer-timeout'] ?? 0)
  const failed = all.errors + (all.classes[0] ?? 0)

  to.counter('proxy_request_total', 'Requests; error: answered with 5xx, or the client had gone before an answer.', [
    [{ status: 'success' }, all.requests - failed],
    [{ status: 'error' }, failed],
  ])
  to.counter(
    'proxy_attempt_total',
    'Tries at instances, retries included, since the start.',
    Object.entries(life.attempts).map(([result, n]) => [{ result }, n] as const),
  )
  to.counter('proxy_timeout_total', 'Requests that ended in a timeout, since the start.', [[NONE, timeouts]])
  to.histogram(
    'proxy_request_duration_seconds',
    'From the head of a request to the end of its answer.',
    BOUNDS_SECONDS,
    [histogramOf(all, NONE)],
  )
  to.counter(
    'serverpy_requests_total',
    'Requests by service (empty: no service) and class of the answer.',
    services.flatMap(([service, sum]) =>
      CLASSES.map((name, i) => [{ service, class: name }, sum.classes[i] ?? 0] as const),
    ),
  )
  to.histogram(
    'serverpy_request_duration_seconds',
    'From the head of a request to the end of its answer, by service.',
    BOUNDS_SECONDS,
    services.map(([service, sum]) => histogramOf(sum, { service })),
  )
  to.counter(
    'serverpy_bytes_total',
    'Bytes of bodies by service and direction.',
    services.flatMap(([service, sum]) => [
      [{ service, direction: 'in' }, sum.bytesIn] as const,
      [{ service, direction: 'out' }, sum.bytesOut] as const,
    ]),
  )
  to.counter(
    'serverpy_errors_total',
    'Failures of requests by code, since the start.',
    Object.entries(life.codes).map(([code, n]) => [{ code }, n] as const),
  )
  to.counter(
    'serverpy_refusals_total',
    'Clients refused by reason: for what they sent, how slowly, or how often they connected; since the start.',
    Object.entries(life.refusals).map(([reason, n]) => [{ reason }, n] as const),
  )
  to.counter('serverpy_retries_total', 'Tries after the first one, since the start.', [[NONE, life.retries]])
  to.counter('serverpy_requests_recorded_total', 'Requests kept one by one, since the start.', [[NONE, life.recorded]])
  to.counter('serverpy_requests_shed_total', 'Requests counted but not kept one by one, since the start.', [
    [NONE, life.shed],
  ])
}

function histogramOf(sum: Sum, labels: Labels): Histogram {
  return { labels, buckets: sum.buckets, sum: sum.latencySumMs / 1000 }
}

function writeRegistry(to: Exposition, { registry, polling, config }: ApiDeps): void {
  const { term, seq, instances } = registry.current
  to.gauge(
    'serverpy_instance_health',
    'Health of an instance: 1 up, 0 down, -1 unknown.',
    instances.map((one) => [{ service: one.service, instance: one.id }, HEALTH_VALUE[one.health]] as const),
  )
  const tally = new Map<string, number>()
  for (const { service, health } of instances) {
    tally.set(`${health} ${service}`, (tally.get(`${health} ${service}`) ?? 0) + 1)
  }
  to.gauge(
    'serverpy_instances',
    'Instances by service and health.',
    config.services.flatMap(({ name: service }) =>
      HEALTHS.map((health) => [{ service, health }, tally.get(`${health} ${service}`) ?? 0] as const),
    ),
  )
  to.gauge('serverpy_registry_term', 'Life of the registry; rises with each start.', [[NONE, term]])
  to.gauge('serverpy_registry_seq', 'Number of the current snapshot in its term.', [[NONE, seq]])
  writePolling(to, polling.stats())
}

function writePolling(to: Exposition, stats: PollerStats): void {
  to.counter(
    'serverpy_polls_total',
    'Polls ended, by verdict, since the start.',
    Object.entries(stats.polls).map(([verdict, n]) => [{ verdict }, n] as const),
  )
  to.counter('serverpy_probes_total', 'Probes begun, those of retries included, since the start.', [
    [NONE, stats.probes],
  ])
  to.counter('serverpy_polls_skipped_total', 'Turns given up because the poll before still ran.', [
    [NONE, stats.skipped],
  ])
  to.gauge('serverpy_polls_in_flight', 'Probes running now.', [[NONE, stats.inFlight]])
  to.gauge('serverpy_polls_waiting', 'Probes that wait for one of those to end.', [[NONE, stats.waiting]])
  const { buckets, sumMs } = stats.lateness
  to.histogram('serverpy_poll_lateness_seconds', 'How late polls began after they were due.', BOUNDS_SECONDS, [
    { labels: NONE, buckets, sum: sumMs / 1000 },
  ])
}

function writeStore(to: Exposition, { store }: ApiDeps): void {
  to.gauge('serverpy_store_ok', 'Whether history is being written: 1 or 0.', [[NONE, store.health().ok ? 1 : 0]])
  to.counter('serverpy_store_dropped_total', 'Rows of history given up, since the start.', [[NONE, store.dropped]])
}

function writeWorkers(to: Exposition, { traffic, lifecycle }: ApiDeps): void {
  const status = lifecycle.processor?.status()
  if (status !== undefined) {
    to.gauge(
      'serverpy_workers',
      'Workers of this process by state.',
      (['starting', 'serving', 'draining', 'gone'] as const).map(
        (state) => [{ state }, status.workers.filter((worker) => worker.state === state).length] as const,
      ),
    )
    to.counter('serverpy_workers_replaced_total', 'Workers replaced because they died or hung.', [
      [NONE, status.replaced],
    ])
  }
  const workers = traffic.workers().map(({ worker, gauges }) => [{ worker }, gauges] as const)
  to.gauge(
    'serverpy_worker_connections',
    'Client connections.',
    workers.map(([labels, g]) => [labels, g.connections] as const),
  )
  to.gauge(
    'serverpy_worker_in_flight',
    'Requests being served.',
    workers.map(([labels, g]) => [labels, g.inFlight] as const),
  )
  to.gauge(
    'serverpy_worker_upgraded',
    'Client connections that have switched protocols.',
    workers.map(([labels, g]) => [labels, g.upgraded] as const),
  )
  to.gauge(
    'serverpy_worker_loop_lag_seconds',
    'How late the event loop of a worker runs.',
    workers.map(([labels, g]) => [labels, g.loopLagMs / 1000] as const),
  )
  to.gauge(
    'serverpy_worker_resident_memory_bytes',
    'Resident memory of a worker.',
    workers.map(([labels, g]) => [labels, g.rssBytes] as const),
  )
}

function writeProcess(to: Exposition, { version, clock }: ApiDeps, loopLagSeconds: number): void {
  const cpu = process.cpuUsage()
  to.gauge('serverpy_build_info', 'Always 1; the labels tell the version.', [
    [{ version, node: process.versions.node }, 1],
  ])
  to.gauge(
    'serverpy_discovery_loop_lag_seconds',
    'Event loop delay of the discovery server, 99th percentile since the start.',
    [[NONE, Number.isFinite(loopLagSeconds) ? loopLagSeconds : 0]],
  )
  to.counter('process_cpu_seconds_total', 'CPU time of the discovery server.', [[NONE, (cpu.user + cpu.system) / 1e6]])
  to.gauge('process_resident_memory_bytes', 'Resident memory of the discovery server.', [
    [NONE, process.memoryUsage.rss()],
  ])
  to.gauge('process_start_time_seconds', 'When the discovery server began, in seconds since the epoch.', [
    [NONE, Math.round(clock.wall() / 1000 - process.uptime())],
  ])
}
