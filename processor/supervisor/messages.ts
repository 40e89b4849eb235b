// What the supervisor and its workers say to each other; plain data over the process channel.
import type { Config } from '../../shared/config/model.js'
import type { LogLevel } from '../../shared/log.js'
import type { Report } from '../../shared/metrics/report.js'
import type { Purge } from '../../shared/processor.js'
import type { Change } from '../../shared/registry/delta.js'
import type { CacheNote, CacheWord } from '../pipes/cache/share-messages.js'
import type { Ask, Decided } from '../pipes/machine-state.js'

/** As bound: never 0. */
export interface ListenerPort {
  readonly name: string
  readonly port: number
}

export type ToWorker =
  /** Comes first, with the listening handle of the processor's own port beside it. */
  | {
      readonly kind: 'start'
      readonly name: string
      readonly config: Config
      /** This gateway's name in Via. */
      readonly via: string
      readonly port: number
      /** Their handles follow, one by one. */
      readonly listeners: readonly ListenerPort[]
      /** In base64: the same in all workers, so that a client may resume its TLS session with any of them. */
      readonly ticketKeys: string
      /** In base64: signs the cookies by which clients come back to their instance; the same in all workers. */
      readonly stickySecret: string
      readonly level: LogLevel
      readonly change: Change
    }
  /** With a listening handle beside it. */
  | { readonly kind: 'listener'; readonly name: string }
  /** Do not listen for these any more: their ports are wanted for others. Their handles, or a config without them, follow. */
  | { readonly kind: 'release'; readonly names: readonly string[] }
  | { readonly kind: 'change'; readonly change: Change }
  /**
   * Another config, and the change of the registry that belongs to it. The handles of listeners that do not stay open, see
   * `staysOpen`, follow.
   */
  | {
      readonly kind: 'config'
      readonly config: Config
      readonly listeners: readonly ListenerPort[]
      readonly change: Change
    }
  /** Report now; answered by `flushed` after the report. */
  | { readonly kind: 'flush'; readonly id: number }
  /** Throw stored answers away; answered by `purged`. */
  | { readonly kind: 'purge'; readonly id: number; readonly purge: Purge }
  /** What these keys of caches name has changed: another worker has seen that. Answered by `heard`. */
  | { readonly kind: 'changed'; readonly id: number; readonly keys: readonly string[] }
  /** All others have heard of what this worker has seen changed. */
  | { readonly kind: 'heard'; readonly id: number }
  | { readonly kind: 'decided'; readonly decided: Decided }
  | { readonly kind: 'cache'; readonly words: readonly CacheWord[] }
  /** Take no new connection, finish what runs, end. `gentle`: idle connections may ask once more, and are told to leave. */
  | { readonly kind: 'drain'; readonly gentle: boolean }

export type FromWorker =
  | { readonly kind: 'serving' }
  | { readonly kind: 'failed'; readonly message: string }
  | { readonly kind: 'report'; readonly report: Report; readonly snapshotSeq: number }
  | { readonly kind: 'flushed'; readonly id: number }
  | { readonly kind: 'purged'; readonly id: number; readonly answers: number }
  /** For all other workers. Answered by `heard` when they know of it. */
  | { readonly kind: 'changed'; readonly id: number; readonly keys: readonly string[] }
  | { readonly kind: 'heard'; readonly id: number }
  /** Answered by `decided`. */
  | { readonly kind: 'ask'; readonly ask: Ask }
  | { readonly kind: 'cache'; readonly notes: readonly CacheNote[] }
  /** A change did not follow on what the worker holds: it needs a whole snapshot. */
  | { readonly kind: 'resync' }
  | {
      readonly kind: 'log'
      readonly level: 'debug' | 'info' | 'warn' | 'error'
      readonly fields: Record<string, unknown>
      readonly message: string
    }
