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

export interface Report {
  /** Name of the worker, unique on its machine while it lives. */
  readonly worker: string
  readonly records: readonly RequestRecord[]
  readonly counts: readonly TrafficCount[]
  /** Attempts since the last report. */
  readonly attempts: Readonly<Record<AttemptResult, number>>
  readonly retries: number
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
