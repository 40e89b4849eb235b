// What each worker says of the instances right now: kept by worker, gone with it.
import type { Clock } from '../shared/clock.js'
import { PipeSums } from '../shared/metrics/pipe-sums.js'
import type { EndpointState, PipeState, Report } from '../shared/metrics/report.js'
import type { Ejection, LiveInstance } from '../shared/processor.js'
import { isNewer } from '../shared/registry/instance.js'

/** A worker that has not reported for so long is shown no more. */
const GAUGE_LIFE_MS = 30_000
const MOST_WORKERS = 1_024

export interface WorkerGauges {
  readonly worker: string
  readonly gauges: Report['gauges']
  /** Epoch milliseconds of its last report. */
  readonly at: number
}

type SnapshotNumber = Report['snapshot']

/** How far the workers are with an instance that takes no new requests. */
export interface Flow {
  /** Requests that still run there. */
  readonly inFlight: number
  /** Workers that route by an older snapshot, or have not been heard of. */
  readonly behind: number
}

export interface LiveStates {
  /** `own`: from a worker of this process, which is known to be gone as soon as the processor says so. */
  accept(report: Report, own: boolean): void
  of(instance: string): LiveInstance
  flow(instance: string, since: SnapshotNumber): Flow
  /** Requests of a service that wait for a place. */
  waiting(service: string): number
  /** What the pipes hold, over all workers. */
  pipes(): readonly PipeState[]
  /** Connections of a listener, over all workers. */
  connections(listener: string): number
  workers(): readonly WorkerGauges[]
}

export interface LiveStatesDeps {
  readonly clock: Clock
  readonly knownInstance: (id: string) => boolean
  readonly knownPipe: (name: string) => boolean
  /** Names of the workers of this process; undefined while no processor runs in it. */
  readonly ownWorkers: () => readonly string[] | undefined
  /** The first worker says that polls are wrong about an instance, or the last one does so no more. */
  readonly onDispute: (instance: string, disputed: boolean) => void
}

interface Entry extends WorkerGauges {
  readonly own: boolean
  /** Monotonic milliseconds of its last report. */
  readonly seen: number
  /** That `endpoints` are as of: reports in between bring none, and say nothing of what runs there. */
  readonly snapshot: SnapshotNumber
  readonly endpoints: ReadonlyMap<string, EndpointState>
  readonly waiting: ReadonlyMap<string, number>
  readonly pipes: readonly PipeState[]
  readonly listening: ReadonlyMap<string, number>
}

const NO_SNAPSHOT: SnapshotNumber = { term: 0, seq: 0 }

export function createLiveStates(deps: LiveStatesDeps): LiveStates {
  const { clock, knownInstance, knownPipe, ownWorkers, onDispute } = deps
  const entries = new Map<string, Entry>()
  const disputed = new Set<string>()
  let prunedThisTurn = false

  /** Drops the workers that are gone. Once a turn of the event loop: an answer may ask for each of 10,000 instances. */
  function prune(): void {
    if (prunedThisTurn) return
    prunedThisTurn = true
    setImmediate(() => (prunedThisTurn = false))
    const now = clock.now()
    const own = ownWorkers()
    const present = own && new Set(own)
    let dropped = false
    for (const [worker, entry] of entries) {
      const gone = entry.own && present !== undefined ? !present.has(worker) : now - entry.seen > GAUGE_LIFE_MS
      if (gone) dropped = entries.delete(worker)
    }
    if (dropped) judge([...disputed])
  }

  /** Tells whose dispute has begun or ended, of those where it may have. */
  function judge(instances: Iterable<string>): void {
    for (const instance of instances) {
      const is = some((entry) => entry.endpoints.get(instance)?.disputed === true)
      if (is === disputed.has(instance)) continue
      if (is) disputed.add(instance)
      else disputed.delete(instance)
      onDispute(instance, is)
    }
  }

  function some(test: (entry: Entry) => boolean): boolean {
    for (const entry of entries.values()) if (test(entry)) return true
    return false
  }

  return {
    accept(report, own) {
      const { worker, gauges, snapshot, endpoints, waiting, pipeStates, listening } = report
      prune()
      // What comes after its worker's end is counted, but says nothing of now.
      if (own && ownWorkers()?.includes(worker) === false) return
      const before = entries.get(worker)
      if (before === undefined && entries.size >= MOST_WORKERS) return
      const states = endpoints?.filter(({ instance }) => knownInstance(instance))
      const byId = states && new Map(states.map((state) => [state.instance, state]))
      entries.set(worker, {
        worker,
        gauges,
        own,
        at: clock.wall(),
        seen: clock.now(),
        snapshot: byId === undefined ? (before?.snapshot ?? NO_SNAPSHOT) : snapshot,
        endpoints: byId ?? before?.endpoints ?? new Map(),
        waiting: waiting
          ? new Map(waiting.map(({ service, queued }) => [service, queued]))
          : (before?.waiting ?? new Map()),
        pipes: pipeStates?.filter(({ pipe }) => knownPipe(pipe)) ?? before?.pipes ?? [],
        listening: listening
          ? new Map(listening.map(({ listener, connections }) => [listener, connections]))
          : (before?.listening ?? new Map()),
      })
      if (states) judge([...disputed, ...states.filter((state) => state.disputed).map(({ instance }) => instance)])
    },

    of(instance) {
      prune()
      let inFlight = 0
      let connections = 0
      const inFlightBy: LiveInstance['inFlightBy'][number][] = []
      const ejectedBy: Ejection[] = []
      const disputedBy: string[] = []
      for (const { worker, endpoints } of entries.values()) {
        const state = endpoints.get(instance)
        if (state === undefined) continue
        inFlight += state.inFlight
        if (state.inFlight > 0) inFlightBy.push({ worker, inFlight: state.inFlight })
        connections += state.connections
        const { guard, reason = 'failures' } = state
        if (guard !== 'closed') ejectedBy.push({ worker, reason, guard })
        if (state.disputed) disputedBy.push(worker)
      }
      return { inFlight, inFlightBy, connections, ejectedBy, disputedBy }
    },

    flow(instance, since) {
      prune()
      let inFlight = 0
      // Workers of this process that have not reported yet route by something, too.
      let behind = ownWorkers()?.filter((worker) => !entries.has(worker)).length ?? 0
      for (const { endpoints, snapshot } of entries.values()) {
        inFlight += endpoints.get(instance)?.inFlight ?? 0
        if (isNewer(since, snapshot)) behind++
      }
      return { inFlight, behind }
    },

    waiting(service) {
      prune()
      let sum = 0
      for (const entry of entries.values()) sum += entry.waiting.get(service) ?? 0
      return sum
    },

    pipes() {
      prune()
      const sums = new PipeSums()
      for (const { pipes } of entries.values()) {
        for (const { pipe, values } of pipes) if (knownPipe(pipe)) sums.add(pipe, Object.entries(values))
      }
      return sums.values().map(({ pipe, counts }) => ({ pipe, values: counts }))
    },

    connections(listener) {
      prune()
      let sum = 0
      for (const entry of entries.values()) sum += entry.listening.get(listener) ?? 0
      return sum
    },

    workers() {
      prune()
      return [...entries.values()].map(({ worker, gauges, at }) => ({ worker, gauges, at }))
    },
  }
}
