// What a worker tells the discovery side about traffic: exact counter deltas and as many records as the rings would keep.
import type { Code } from '../errors.js'
import type { Refusal } from './refusals.js'

/** One served request. Never holds a query, a header value or a body: those may carry secrets. */
export interface RequestRecord {
  /** Epoch milliseconds when the head had arrived. */
  readonly at: number
  /** The `X-Request-Id` of the exchange. */
  readonly id: string
  /** Empty where no route matched. */
  readonly service: string
  /** Id of the instance of the last attempt; empty where there was none. */
  readonly instance: string
  /** Id of the route; empty where none matched. */
  readonly route: string
  readonly method: string
  /** Without the query. */
  readonly path: string
  /** Status sent to the client; 0 where it had gone before an answer. */
  readonly status: number
  readonly durationMs: number
  readonly attempts: number
  readonly bytesIn: number
  readonly bytesOut: number
  /** Why it failed, empty for an answer of the upstream passed on. */
  readonly error: Code | ''
  readonly client: string
}

/** Counts since the last report, for one service and the instance that gave (or failed) the last attempt. */
export interface TrafficCount {
  readonly service: string
  readonly instance: string
  readonly requests: number
  /** Answers with a 5xx status, of the upstream or our own. */
  readonly errors: number
  /** By status class, 1xx to 5xx; index 0 counts clients gone before an answer. */
  readonly classes: readonly number[]
  readonly latencySumMs: number
  readonly latencyMaxMs: number
  /** `LATENCY_BUCKETS` numbers. */
  readonly buckets: readonly number[]
  readonly bytesIn: number
  readonly bytesOut: number
}

export type AttemptResult = 'success' | 'failure' | 'timeout'

/** What was tried at one instance since the last report. */
export interface AttemptCount {
  readonly service: string
  readonly instance: string
  /** Tries by what became of them. A try whose client went away, or whose hedge was faster, is in none of them. */
  readonly success: number
  readonly failure: number
  readonly timeout: number
  /** Of all tries, those after an exchange's first one, and those beside a first one that was slow. */
  readonly retries: number
  readonly hedges: number
  readonly ejections: number
}

/** What requests of one service met since the last report, before any try. */
export interface ServiceCount {
  readonly service: string
  /** Had to wait for a place. */
  readonly queued: number
  /** Were refused for lack of one. */
  readonly shed: number
  /** Could have been tried again, had the budget allowed it. */
  readonly budgetSpent: number
}

/** What came through one listener since the last report. */
export interface ListenerCount {
  /** Empty: the processor's own port. */
  readonly listener: string
  /** Connections that were taken. */
  readonly accepted: number
  /** Connections that were turned away, for there were as many as may be. */
  readonly refused: number
  /** Of connections that carry no requests. */
  readonly bytesIn: number
  readonly bytesOut: number
}

/** What the pipes of one name have counted since the last report. */
export interface PipeCount {
  readonly pipe: string
  /** By event, of those that have happened: `failed` and `barred` of every pipe, and what the pipe itself counts. */
  readonly counts: Readonly<Record<string, number>>
}

/** What the pipes of one name hold, as of now. */
export interface PipeState {
  readonly pipe: string
  readonly values: Readonly<Record<string, number>>
}

/** Why a worker keeps its requests away from an instance. */
export type EjectionReason = 'refused' | 'failures' | 'answers' | 'breaker'

export type GuardKind = 'closed' | 'open' | 'half-open'

/** One instance as a worker sees it, as of now. */
export interface EndpointState {
  readonly instance: string
  readonly inFlight: number
  /** Connections, used and idle. */
  readonly connections: number
  readonly guard: GuardKind
  /** Why it is not closed; undefined while it is. */
  readonly reason?: EjectionReason
  /** Polls say that it is down, and the worker's requests succeed there. */
  readonly disputed: boolean
}

/** One listener as a worker sees it, as of now. */
export interface ListenerState {
  readonly listener: string
  /** Those that a listener of this name had before it moved are among them. */
  readonly connections: number
}

/** One service as a worker sees it, as of now. */
export interface ServiceState {
  readonly service: string
  /** Requests that wait for a place. */
  readonly queued: number
}

export interface Report {
  /** Name of the worker, unique on its machine while it lives. */
  readonly worker: string
  readonly records: readonly RequestRecord[]
  readonly counts: readonly TrafficCount[]
  /** Attempts since the last report. */
  readonly attempts: Readonly<Record<AttemptResult, number>>
  readonly retries: number
  readonly tried: readonly AttemptCount[]
  readonly services: readonly ServiceCount[]
  readonly pipes: readonly PipeCount[]
  readonly listeners: readonly ListenerCount[]
  /**
   * The worker's endpoints that have connections, requests in flight, or are not as usual; all others are not. Undefined:
   * as in the report before. Comes once a second, with `flush`, and at once when a guard changes.
   */
  readonly endpoints?: readonly EndpointState[]
  /** Those with requests that wait; undefined as with `endpoints`. */
  readonly waiting?: readonly ServiceState[]
  /** Of pipes that have something to tell; undefined as with `endpoints`. */
  readonly pipeStates?: readonly PipeState[]
  /** Those with connections; undefined as with `endpoints`. */
  readonly listening?: readonly ListenerState[]
  /** What the worker routes by. */
  readonly snapshot: { readonly term: number; readonly seq: number }
  /** Ids of instances at which an attempt failed since the last report: discovery polls them at once. */
  readonly suspects: readonly string[]
  /** Failures answered (or counted) since the last report, by code. */
  readonly codes: Readonly<Partial<Record<Code, number>>>
  /** Clients refused since the last report, by reason: also where a request had begun, and where none ever came. */
  readonly refusals: Readonly<Partial<Record<Refusal, number>>>
  /** Requests finished since the last report; always `records.length + shed`. */
  readonly served: number
  readonly shed: number
  /** As of now, not since the last report. */
  readonly gauges: {
    readonly connections: number
    readonly inFlight: number
    /** Of the connections, those that have switched protocols. */
    readonly upgraded: number
    readonly loopLagMs: number
    readonly rssBytes: number
  }
}

/** Where reports go: the discovery side of the same process, or its API. Never blocks, never throws. */
export interface TrafficSink {
  accept(report: Report): void
}
