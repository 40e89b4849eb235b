// The workers, and the process of the discovery server itself.
import type { ApiDeps } from '../deps.js'
import type { Exposition, Sample } from '../exposition.js'
import type { WorkerGauges } from '../../traffic.js'
import type { LoopLag } from './loop-lag.js'
import { NONE } from './scrape.js'

const STATES = ['starting', 'serving', 'draining', 'gone'] as const

export function writeWorkers(to: Exposition, { traffic, lifecycle }: ApiDeps): void {
  const status = lifecycle.processor?.status()
  if (status !== undefined) {
    to.gauge(
      'serverpy_workers',
      'Workers of this process by state.',
      STATES.map((state) => [{ state }, status.workers.filter((worker) => worker.state === state).length]),
    )
    to.counter('serverpy_workers_replaced_total', 'Workers replaced because they died or hung.', [
      [NONE, status.replaced],
    ])
  }
  const workers = traffic.workers()
  const of = (value: (gauges: WorkerGauges['gauges']) => number) =>
    workers.map(({ worker, gauges }): Sample => [{ worker }, value(gauges)])
  to.gauge(
    'serverpy_worker_connections',
    'Client connections.',
    of((gauges) => gauges.connections),
  )
  to.gauge(
    'serverpy_worker_in_flight',
    'Requests being served.',
    of((gauges) => gauges.inFlight),
  )
  to.gauge(
    'serverpy_worker_upgraded',
    'Client connections that have switched protocols.',
    of((gauges) => gauges.upgraded),
  )
  to.gauge(
    'serverpy_worker_loop_lag_seconds',
    'How late the event loop of a worker runs.',
    of((gauges) => gauges.loopLagMs / 1000),
  )
  to.gauge(
    'serverpy_worker_resident_memory_bytes',
    'Resident memory of a worker.',
    of((gauges) => gauges.rssBytes),
  )
}

export function writeProcess(to: Exposition, { version, clock }: ApiDeps, lag: LoopLag): void {
  const cpu = process.cpuUsage()
  const memory = process.memoryUsage()
  to.gauge('serverpy_build_info', 'Always 1; the labels tell the version.', [
    [{ version, node: process.versions.node }, 1],
  ])
  to.gauge(
    'serverpy_discovery_loop_lag_seconds',
    'How late the event loop of the discovery server runs: 99th percentile of the last 10 to 20 seconds.',
    [[NONE, lag.seconds()]],
  )
  to.counter('process_cpu_seconds_total', 'CPU time of the discovery server.', [[NONE, (cpu.user + cpu.system) / 1e6]])
  to.gauge('process_resident_memory_bytes', 'Resident memory of the discovery server.', [[NONE, memory.rss]])
  to.gauge('process_heap_bytes', 'Heap of the discovery server that is in use.', [[NONE, memory.heapUsed]])
  to.gauge('process_start_time_seconds', 'When the discovery server began, in seconds since the epoch.', [
    [NONE, Math.round(clock.wall() / 1000 - process.uptime())],
  ])
}
