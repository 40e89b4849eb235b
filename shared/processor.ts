// The request processor as the discovery side and the CLI see it, so that neither half imports the other.
import type { Code } from './errors.js'
import type { EjectionReason, GuardKind } from './metrics/report.js'
import type { Health, Override, Priority } from './registry/instance.js'

export interface WorkerStatus {
  readonly name: string
  readonly pid: number
  readonly state: 'starting' | 'serving' | 'draining' | 'gone'
  /** Epoch milliseconds. */
  readonly startedAt: number
  readonly connections: number
  readonly inFlight: number
  /** Of its connections, those that have switched protocols. */
  readonly upgraded: number
  readonly loopLagMs: number
  readonly rssBytes: number
  /** `seq` of the snapshot that it routes by. */
  readonly snapshotSeq: number
}

export interface ProcessorStatus {
  readonly name: string
  readonly state: 'starting' | 'serving' | 'draining' | 'stopped'
  readonly port: number
  /** Its other ports, as bound. */
  readonly listeners: readonly { readonly name: string; readonly port: number }[]
  readonly workers: readonly WorkerStatus[]
  /** Workers replaced because they died or hung. */
  readonly replaced: number
}

/** Why a request would go where it goes. */
export interface Explanation {
  readonly method: string
  readonly host: string
  /** Path and query as given. */
  readonly target: string
  readonly outcome:
    | { readonly kind: 'forward'; readonly route: string; readonly service: string; readonly strategy: string }
    | { readonly kind: 'fixed'; readonly route: string; readonly status: number }
    /** Put together from what these services bring. */
    | { readonly kind: 'merge'; readonly route: string; readonly services: readonly string[] }
    | { readonly kind: 'refused'; readonly code: Code; readonly status: number; readonly detail: string }
  /** Names of the pipes that it passes, in order; any of them may answer or send it elsewhere. */
  readonly pipes: readonly string[]
  /** Every instance of the service, best tier first. */
  readonly candidates: readonly Candidate[]
  /** Ids that share the next request, in turn; the others stand by. */
  readonly picks: readonly string[]
}

export interface Candidate {
  readonly instance: string
  readonly url: string
  readonly priority: Priority
  readonly weight: number
  readonly health: Health
  readonly override?: Override
  readonly zone?: string
  readonly picked: boolean
  /**
   * Why it is picked or not, in words: `up, priority high: the best tier`, `up, priority med: stands by`, `down`,
   * `up, priority high: ejected by w1 (refused)`.
   */
  readonly reason: string
  /** Workers that keep their requests away from it, or let only one through to try. */
  readonly ejections: readonly Ejection[]
  /** Polls say that it is down, and requests succeed there. */
  readonly disputed: boolean
  /** Polls are not believed: its health changes too often. */
  readonly flapping: boolean
  readonly in_flight: number
}

/** A worker keeps its requests away from an instance. */
export interface Ejection {
  readonly worker: string
  readonly reason: EjectionReason
  /** `half-open`: one request at a time may try. */
  readonly guard: Exclude<GuardKind, 'closed'>
}

/** What the workers say of one instance, as of their last reports. */
export interface LiveInstance {
  /** Over all workers. */
  readonly inFlight: number
  /** The same by worker, of those where it is not 0. */
  readonly inFlightBy: readonly { readonly worker: string; readonly inFlight: number }[]
  /** Used and idle, over all workers. */
  readonly connections: number
  readonly ejectedBy: readonly Ejection[]
  /** Names of workers whose requests succeed there, though polls say that it is down. */
  readonly disputedBy: readonly string[]
}

/** What is known of the instances beyond the snapshot, for `explain`. */
export interface LiveView {
  live(instance: string): LiveInstance & { readonly flapping: boolean }
  /** Names of all workers that are known to serve. */
  names(): readonly string[]
}

/** Which stored answers are to go. `host` in lower case, with its port if any; `target`: path and query. */
export type Purge =
  | { readonly kind: 'all' }
  | { readonly kind: 'url'; readonly host: string; readonly target: string }
  /** All whose target begins with `target`. */
  | { readonly kind: 'prefix'; readonly host: string; readonly target: string }

export interface Purged {
  /** Answers that are gone, over all workers. */
  readonly answers: number
  /** Workers that have said so. */
  readonly workers: number
  /** Workers that have not, in time. */
  readonly silent: number
}

export interface ProcessorView {
  status(): ProcessorStatus
  /** Resolves when every worker that answers in time has reported what it counted until now. */
  flush(): Promise<void>
  /** Throws stored answers of the pipe `cache` away, in every worker. */
  purge(purge: Purge): Promise<Purged>
}

export type Explain = (method: string, url: string) => Explanation
