// What the discovery server remembers, behind two contracts split by consistency; every engine passes one test suite.
import type { Health, Override, Status } from '../../shared/registry/instance.js'
import type { RequestRecord, TrafficCount } from '../../shared/metrics/report.js'

/** Durable state of an instance. `version` rises with each write: a writer that holds an old one has lost the race. */
export interface StoredInstance {
  readonly id: string
  readonly service: string
  readonly url: string
  readonly health: Health
  /** Epoch milliseconds of the last change of health. */
  readonly since: number
  readonly override?: Override
  readonly version: number
}

/** One stored poll; the seed's word. Times are epoch milliseconds. */
export interface Packet {
  readonly instance: string
  readonly startedAt: number
  readonly endedAt: number
  readonly status: Status
  /** What came back, in short: `HTTP 200`, `HTTP 503: body does not match`, `timeout after 5000 ms`. At most 512 characters. */
  readonly response: string
  readonly latencyMs: number
  readonly tries: number
}

export interface RegistryEvent {
  readonly at: number
  readonly instance: string
  readonly service: string
  readonly kind: 'health' | 'override' | 'dispute' | 'added' | 'removed'
  readonly from: string
  readonly to: string
  readonly reason: string
}

/** Writes are compare-and-set and durable once the promise resolves. */
export interface StateStore {
  load(): Promise<readonly StoredInstance[]>
  /**
   * Writes each instance whose stored version is still `version - 1` (or which is not stored while `version` is 1), all
   * in one transaction, and returns the ids that lost: their newer state must be loaded before another try.
   */
  put(instances: readonly StoredInstance[]): Promise<readonly string[]>
  remove(ids: readonly string[]): Promise<void>
  /**
   * A number greater than any it returned before, over all restarts: the registry's `term`. Never rejects: it follows
   * the wall clock in milliseconds, which also serves while the engine is out of order.
   */
  nextTerm(): Promise<number>
}

/**
 * A page, newest first in the order of recording; `cursor` fetches the next one and is absent on the last. A page with
 * a cursor may hold fewer items than `limit`, even none: a filter that matches next to nothing is searched in pieces.
 */
export interface Page<T> {
  readonly items: readonly T[]
  readonly cursor?: string
}

export interface PageRequest {
  /** 1 to 1000; what lies outside is taken as the nearest. */
  readonly limit: number
  readonly cursor?: string
}

/** Rejects a query whose cursor the store did not write for this very filter. */
export class BadCursor extends Error {}

/**
 * Rejects reads and writes of state while the engine is out of order; `message` says why, for people. The caller of
 * `put` keeps what it wanted to write and tries again.
 */
export class StoreUnavailable extends Error {}

export interface RequestFilter {
  readonly service?: string
  readonly instance?: string
  readonly route?: string
  readonly method?: string
  /** `404`, or a class: `5xx`. */
  readonly status?: string
}

/** Counts of one span of time for one service and instance (empty: requests that reached none). */
export interface Rollup extends TrafficCount {
  /** Epoch milliseconds at which the minute or the hour begins. */
  readonly start: number
}

export interface RollupFilter {
  readonly span: 'minute' | 'hour'
  readonly service?: string
  readonly instance?: string
  /** Epoch milliseconds, inclusive. */
  readonly from: number
  /** Exclusive. */
  readonly to: number
}

/**
 * Appends return at once and never throw: they go to a bounded buffer that is written in batches at most 100 ms apart.
 * What the buffer cannot hold is dropped and counted in `dropped`.
 */
export interface HistoryStore {
  /** `limit` packets are kept for the instance, the newest; also when a restart lowers it. */
  appendPacket(packet: Packet, limit: number): void
  appendEvent(event: RegistryEvent): void
  /** `limit` requests are kept for each instance (and for each service without one). */
  appendRequests(records: readonly RequestRecord[], limit: number): void
  /** Adds to the minute and the hour that hold `at`. */
  addCounts(at: number, counts: readonly TrafficCount[]): void

  /**
   * Removes in small chunks what each instance holds beyond its limit, which may have been lowered since; resolves with
   * the number of packets removed.
   */
  trimPackets(limits: readonly PacketLimit[]): Promise<number>
  /** Newest first, of one instance. */
  packets(instance: string, page: PageRequest): Promise<Page<Packet>>
  requests(filter: RequestFilter, page: PageRequest): Promise<Page<RequestRecord>>
  events(
    filter: { readonly service?: string; readonly instance?: string },
    page: PageRequest,
  ): Promise<Page<RegistryEvent>>
  /** Oldest first. Rejects with a RangeError beyond 100,000 rows: narrow the filter. */
  rollups(filter: RollupFilter): Promise<readonly Rollup[]>
  /** Sums over the whole life of the store, which outlive every roll-up's retention. */
  totals(): Promise<readonly TrafficCount[]>
  /** Removes what is older than the retention, in small chunks; resolves with the number of rows removed. */
  prune(before: PruneLimits): Promise<number>
}

/** An instance and the number of packets that are kept for it. */
export type PacketLimit = readonly [instance: string, limit: number]

/** Epoch milliseconds: older rows go. */
export interface PruneLimits {
  readonly events: number
  readonly minutes: number
  readonly hours: number
  readonly requests: number
  /** Packets, requests and state of instances that are not in `known` and were last written before this. */
  readonly gone: number
  readonly known: readonly string[]
}

export type StoreHealth =
  { readonly ok: true } | { readonly ok: false; readonly reason: string; readonly since: number }

export interface Store {
  readonly state: StateStore
  readonly history: HistoryStore
  /** Whether what is appended now is being written. */
  health(): StoreHealth
  /** Rows given up so far, because the buffer was full or the engine failed. */
  readonly dropped: number
  /** Writes what the buffers hold, e.g. before a dump; resolves also when that failed, as `health` then says. */
  flush(): Promise<void>
  close(): Promise<void>
}
