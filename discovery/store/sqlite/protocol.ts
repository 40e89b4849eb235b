// What the store's main-thread half may ask of its database thread, and how it travels.
import type { RequestRecord, TrafficCount } from '../../../shared/metrics/report.js'
import type {
  Packet,
  PacketLimit,
  RegistryEvent,
  RequestFilter,
  Rollup,
  RollupFilter,
  StoredInstance,
} from '../store.js'

export type Cell = string | number

/** Rows as flat lists of cells (see rows.ts): cloned between threads several times faster than objects. */
export interface Rows {
  readonly packets: Cell[]
  readonly requests: Cell[]
  readonly events: Cell[]
}

export interface CountRows {
  /** Service and instance of each row, in turn. */
  readonly names: readonly string[]
  /** Minute of each row, epoch milliseconds. */
  readonly minutes: readonly number[]
  /** `COUNT_WIDTH` numbers of each row. */
  readonly numbers: Float64Array
}

/** All that is written in one transaction; sent again as it is when its fate is not known. */
export interface Batch {
  /** Unique over all lives of the store: a batch that was committed before is not written twice. */
  readonly id: string
  readonly rows: Rows
  readonly counts: CountRows
}

/** A piece of a page: found items with their positions, newest first. */
export interface Slice<T> {
  readonly items: readonly T[]
  readonly places: readonly number[]
  /** Position of the last row that was looked at, to go on below; undefined when the end was reached. */
  readonly last: number | undefined
}

export interface RollupPlace {
  readonly start: number
  readonly service: number
  readonly instance: number
}

export type PrunedTable = 'request' | 'event' | 'minute' | 'hour'

/** A step of a walk; `next` is where the next one begins, undefined at the end. */
export interface Step<T> {
  readonly done: T
  readonly next: number | undefined
}

/** A name under which rows may be stored, and when one last was. */
export interface Trace {
  readonly no: number
  readonly name: string
  readonly lastWrittenAt: number
}

/**
 * Run by the thread, in order, one at a time. Each is bounded to a few milliseconds of work, so that batches, which
 * wait in the same line, are never late.
 */
export interface Operations {
  /** Opens the file unless it is open. */
  open(): void
  write(batch: Batch): void
  load(): StoredInstance[]
  put(instances: readonly StoredInstance[], at: number): string[]
  remove(ids: readonly string[]): void
  nextTerm(atLeast: number): number
  /** Of a bounded number of instances, beginning with the one at `from`. */
  trimPackets(limits: readonly PacketLimit[], from: number): Step<number>
  packets(instance: string, below: number, want: number): Slice<Packet>
  requests(filter: RequestFilter, below: number, want: number): Slice<RequestRecord>
  events(filter: Pick<RequestFilter, 'service' | 'instance'>, below: number, want: number): Slice<RegistryEvent>
  rollups(
    filter: RollupFilter,
    after: RollupPlace | undefined,
  ): { readonly rows: readonly Rollup[]; readonly next: RollupPlace | undefined }
  totals(after: number): Step<readonly TrafficCount[]>
  prune(table: PrunedTable, from: number, before: number): Step<number>
  traces(after: number): Step<readonly Trace[]>
  /** Removes some of what is stored under a name; 0 when nothing is left. */
  forget(no: number): number
  close(): void
}

export type OperationName = keyof Operations

export interface Call {
  readonly id: number
  readonly name: OperationName
  readonly args: readonly unknown[]
}

/** `unavailable`: the engine is out of order and may recover. `rejected`: this call can never succeed. */
interface Failure {
  readonly kind: 'unavailable' | 'rejected'
  readonly reason: string
}

export type FromThread =
  | { readonly kind: 'answer'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'failure'; readonly id: number; readonly failure: Failure }
  | {
      readonly kind: 'log'
      readonly level: 'info' | 'warn' | 'error'
      readonly fields: Record<string, unknown>
      readonly message: string
    }
