// What every load is to the bench: one burst against a port, and what it says about it.
import type { Cleanup } from '../../../test/kit/process.js'

export interface Burst {
  readonly port: number
  readonly seconds: number
  /** A folder for the files that the burst is told by. */
  readonly folder: string
  /** Ends the load too when the bench is stopped. */
  readonly cleanup: Cleanup
  /** Called when connections stand and requests begin. */
  begin(): void
}

export interface LoadResult {
  /** Answered well. */
  readonly requests: number
  readonly requestsPerSecond: number
  readonly p50Ms: number
  readonly p90Ms: number
  readonly p99Ms: number
  readonly p999Ms: number
  /** Answers with a bad status, broken connections, requests that were never answered. */
  readonly errors: number
  /** Median of the slow requests, which are not in the latencies above. */
  readonly slowP50Ms?: number
  /** What the load itself was late by. */
  readonly lagP99Ms?: number
}

export type Load = (burst: Burst) => Promise<LoadResult>
