// What caches of several workers say to each other, by way of their supervisor; plain data over the process channel.
import type { Terms } from './policy.js'

/** An answer that a request could have, as far as it is known which fields tell the answers of its URL apart. */
export interface Wanted {
  /** Place in the config of the pipe whose store is meant. */
  readonly pipe: string
  readonly key: string
  readonly route: string
  readonly service: string
  readonly target: string
  /** Selecting fields, and what they mean; null: the request has no such field. */
  readonly names: readonly string[]
  readonly values: readonly (string | null)[]
}

/** A stored answer on its way from one worker to another. */
export interface Sent {
  readonly status: number
  readonly lines: string
  /** In base64. */
  readonly body: string
  /** Times in milliseconds from when it was sent; null: minus infinity. */
  readonly times: readonly (number | null)[]
  readonly strict: boolean
  readonly checked: boolean
  readonly dropped: Terms['dropped']
  readonly asIs: boolean
  /** Epoch milliseconds: the clocks of two processes have this in common. */
  readonly sentAt: number
  /** It needs no refresh yet. */
  readonly fresh: boolean
}

/**
 * How a fetch has ended. `large`: stored where it is, and too large to be handed on. `alone`: for one request only. `failed`:
 * no good answer. `gone`: who asked did not stay.
 */
export type Ending = 'stored' | 'large' | 'alone' | 'failed' | 'gone'

/** From a worker. `slot` is a digest of what is wanted. */
export type CacheNote =
  /** `peek`: only what somebody has. `fresh`: a stale one is here already. */
  | {
      readonly say: 'want'
      readonly q: number
      readonly slot: string
      readonly wanted: Wanted
      readonly peek: boolean
      readonly fresh: boolean
    }
  | { readonly say: 'held'; readonly slot: string }
  /** `names`: of the fields that tell the answers apart, where they are others than those that were asked by. */
  | { readonly say: 'landed'; readonly slot: string; readonly how: Ending; readonly names?: readonly string[] }
  /** Answers `give`. */
  | { readonly say: 'given'; readonly id: number; readonly sent?: Sent }

/** To a worker. */
export type CacheWord =
  /** Nobody else does, or has it. */
  | { readonly say: 'fetch'; readonly q: number; readonly slot: string }
  /** Another word follows. */
  | { readonly say: 'wait'; readonly q: number }
  | { readonly say: 'alone' | 'failed'; readonly q: number }
  | { readonly say: 'names'; readonly q: number; readonly names: readonly string[] }
  | { readonly say: 'entry'; readonly q: number; readonly sent: Sent }
  | { readonly say: 'give'; readonly id: number; readonly wanted: Wanted }
