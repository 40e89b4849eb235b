// What the workers report, added up: exact totals for /stats and /metrics, and history for the store.
import type { Clock } from '../shared/clock.js'
import type { Code } from '../shared/errors.js'
import type { Refusal } from '../shared/metrics/refusals.js'
import { REPORT_LIMITS } from '../shared/metrics/limits.js'
import { NamedSums } from '../shared/metrics/named-sums.js'
import { PipeSums } from '../shared/metrics/pipe-sums.js'
import type {
  AttemptCount,
  AttemptResult,
  ListenerCount,
  PipeCount,
  PipeState,
  Report,
  RequestRecord,
  ServiceCount,
  TrafficCount,
  TrafficSink,
} from '../shared/metrics/report.js'
import { addTally, addTo, emptySum, type Sum } from '../shared/metrics/sum.js'
import type { LiveInstance } from '../shared/processor.js'
import { createHeldCounts } from './held-counts.js'
import { createLiveStates, type Flow, type LiveStatesDeps, type WorkerGauges } from './live-states.js'
import type { HistoryStore } from './store/store.js'

export type { WorkerGauges }

/** Sums since this process began. `served` is always `recorded + shed`. */
export interface LifeTotals {
  readonly attempts: Readonly<Record<AttemptResult, number>>
  readonly retries: number
  readonly codes: Readonly<Partial<Record<Code, number>>>
  readonly refusals: Readonly<Partial<Record<Refusal, number>>>
  readonly served: number
  readonly recorded: number
  readonly shed: number
}

export interface Traffic extends TrafficSink {
  /** Of a worker of this process. */
  accept(report: Report): void
  /** Of a worker of another one. */
  acceptRemote(report: Report): void
  /** The sums of earlier lives, once, where they were not known at the start. */
  recall(earlier: readonly TrafficCount[]): void
  /** Lets the history have what was held back; the store adds it to its sums, whether this process could read them or not. */
  close(): void
  /** Sums by service and instance, those of earlier lives included; live objects, to be read at once. */
  counts(): readonly TrafficCount[]
  life(): LifeTotals
  /** Tries by service and instance since this process began. Those at instances that have left go to an empty name. */
  tried(): readonly AttemptCount[]
  /** What requests met before any try, by service, since this process began. */
  services(): readonly ServiceCount[]
  /** What pipes of the config have counted, by their names, since this process began. */
  pipes(): readonly PipeCount[]
  /** What they hold now. */
  pipeStates(): readonly PipeState[]
  /** What came through listeners of the config since this process began; the processor's own port has the empty name. */
  listeners(): readonly ListenerCount[]
  /** Connections that a listener has now. */
  connections(listener: string): number
  workers(): readonly WorkerGauges[]
  /** What the workers say of an instance now. */
  live(instance: string): LiveInstance
  /** Requests that still run at an instance, and workers that do not route by the snapshot `since` yet. */
  inFlight(instance: string, since: Report['snapshot']): Flow
  /** Requests of a service that wait for a place now. */
  waiting(service: string): number
}

export interface TrafficDeps extends Pick<LiveStatesDeps, 'ownWorkers' | 'onDispute'> {
  readonly history: HistoryStore
  readonly clock: Clock
  /** Records kept per instance; 0 keeps none. */
  readonly requestLimit: number
  /** Traffic failed at a known instance; called once for each report that says so. */
  readonly onSuspect: (instance: string) => void
  /** Only these become labels and rings of their own; the traffic of others is counted under an empty name. */
  readonly known: Readonly<Record<'service' | 'instance' | 'route' | 'pipe' | 'listener', (name: string) => boolean>>
}

/**
 * `earlier`: what the history's `totals()` gave at the start, so that totals go on where they ended. Undefined where it
 * could not be read: counts are then held back from the history until `recall`, for what is written would come back in
 * `totals()` and be counted twice.
 */
export function createTraffic(earlier: readonly TrafficCount[] | undefined, deps: TrafficDeps): Traffic {
  const { history, clock, known } = deps
  const sums = new Map<string, Sum>()
  let tries = new NamedSums<AttemptCount>()
  const met = new NamedSums<ServiceCount>()
  const piped = new PipeSums()
  const came = new NamedSums<ListenerCount>()
  const states = createLiveStates({ ...deps, knownInstance: known.instance, knownPipe: known.pipe })
  const attempts: Record<AttemptResult, number> = { success: 0, failure: 0, timeout: 0 }
  const codes: Partial<Record<Code, number>> = {}
  const refusals: Partial<Record<Refusal, number>> = {}
  let retries = 0
  let recorded = 0
  let shed = 0
  let held = earlier === undefined ? createHeldCounts() : undefined

  function sumOf(service: string, instance: string): Sum {
    const key = `${service}\n${instance}`
    let sum = sums.get(key)
    if (sum === undefined) sums.set(key, (sum = emptySum(service, instance)))
    return sum
  }

  /** The same item under names that are known: the label sets and the rings are bounded by the registry. */
  function admitted<T extends TrafficCount | RequestRecord | AttemptCount>(item: T): T {
    const service = item.service === '' || known.service(item.service) ? item.service : ''
    const instance = item.instance === '' || known.instance(item.instance) ? item.instance : ''
    return service === item.service && instance === item.instance ? item : { ...item, service, instance }
  }

  /** Its route, too: the store keeps a number for each name that it ever saw. */
  function admittedRecord(record: RequestRecord): RequestRecord {
    const item = admitted(record)
    return item.route === '' || known.route(item.route) ? item : { ...item, route: '' }
  }

  function add(counts: readonly TrafficCount[]): void {
    for (const count of counts) addTo(sumOf(count.service, count.instance), count)
  }

  /** Pipes come and go with the config, their sums do not stay. */
  function addPipes(counts: readonly PipeCount[]): void {
    if (piped.size >= REPORT_LIMITS.pipes) piped.keep(known.pipe)
    for (const { pipe, counts: grown } of counts) if (known.pipe(pipe)) piped.add(pipe, Object.entries(grown))
  }

  function release(): void {
    held?.release(history)
    held = undefined
  }

  function accept(report: Report, own: boolean): void {
    const counts = report.counts.map(admitted)
    add(counts)
    if (held) held.add(clock.wall(), counts)
    else if (counts.length > 0) history.addCounts(clock.wall(), counts)
    if (report.records.length > 0 && deps.requestLimit > 0) {
      history.appendRequests(report.records.map(admittedRecord), deps.requestLimit)
    }
    addTally(attempts, report.attempts)
    addTally(codes, report.codes)
    addTally(refusals, report.refusals)
    retries += report.retries
    for (const count of report.tried) tries.add(admitted(count))
    for (const count of report.services) if (known.service(count.service)) met.add(count)
    addPipes(report.pipes)
    for (const count of report.listeners) if (known.listener(count.listener)) came.add(count)
    recorded += report.records.length
    shed += report.shed
    // First what the worker sees, then what follows from it: who hears of a suspect may ask.
    states.accept(report, own)
    for (const id of report.suspects) if (known.instance(id)) deps.onSuspect(id)
  }

  if (earlier) add(earlier)

  return {
    accept: (report) => accept(report, true),
    acceptRemote: (report) => accept(report, false),
    recall(late) {
      if (!held) return
      add(late)
      release()
    },
    close: release,
    counts: () => [...sums.values()],
    life: () => ({
      attempts: { ...attempts },
      retries,
      codes: { ...codes },
      refusals: { ...refusals },
      served: recorded + shed,
      recorded,
      shed,
    }),
    tried() {
      // Instances come and go for as long as the process lives, their sums do not.
      const before = tries
      tries = new NamedSums()
      for (const count of before.values()) tries.add(admitted(count))
      return tries.values()
    },
    services: () => met.values().filter(({ service }) => known.service(service)),
    pipes() {
      piped.keep(known.pipe)
      return piped.values()
    },
    pipeStates: () => states.pipes(),
    listeners: () => came.values().filter(({ listener }) => known.listener(listener)),
    connections: (listener) => states.connections(listener),
    workers: () => states.workers(),
    live: (instance) => states.of(instance),
    inFlight: (instance, since) => states.flow(instance, since),
    waiting: (service) => states.waiting(service),
  }
}
