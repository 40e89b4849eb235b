// Something that lies elsewhere and changes seldom: asked for when needed, kept while it cannot be had anew.
import type { Log } from '../pipe.js'

export interface Refreshed<T> {
  /** What there is; where there is nothing yet, the outcome of asking. Undefined: it cannot be had. */
  get(): T | Promise<T | undefined>
  /** Asks anew, unless that was done a moment ago; resolves with what there is then. */
  renew(): Promise<T | undefined>
}

export interface RefreshedDeps {
  readonly log: Log
  now(): number
  /** Who is asked, for the log. */
  readonly from: string
}

export interface RefreshTimes {
  /** After so long it is asked for anew, in the background. */
  readonly ttlMs: number
  /** Between two askings that `renew` causes. */
  readonly cooldownMs: number
}

/** Between two askings where the first has failed. */
const RETRY_MS = 1000
/** What could not be confirmed for so long is believed no more. */
const LONGEST_STALE_MS = 24 * 3_600_000

/** `load` rejects with an Error whose message may be logged. `changed` is called for each new value but the first. */
export function createRefreshed<T>(
  load: () => Promise<T>,
  same: (a: T, b: T) => boolean,
  changed: () => void,
  { ttlMs, cooldownMs }: RefreshTimes,
  { log, now, from }: RefreshedDeps,
): Refreshed<T> {
  let value: T | undefined
  let loadedAt = -Infinity
  let triedAt = -Infinity
  let loading: Promise<T | undefined> | undefined

  async function ask(): Promise<T | undefined> {
    triedAt = now()
    try {
      const loaded = await load()
      if (value !== undefined && !same(value, loaded)) changed()
      value = loaded
      loadedAt = now()
    } catch (error) {
      const reason = error instanceof Error ? error.message : 'unknown'
      log.warn({ from, reason, known: value !== undefined }, FAILED)
    } finally {
      loading = undefined
    }
    return value
  }

  return {
    get() {
      const at = now()
      const age = at - loadedAt
      if (value !== undefined && age > LONGEST_STALE_MS) {
        value = undefined
        changed()
      }
      if (value !== undefined && age < ttlMs) return value
      if (loading === undefined && at - triedAt >= RETRY_MS) loading = ask()
      return value ?? loading ?? Promise.resolve(undefined)
    },
    renew() {
      if (loading !== undefined) return loading
      const failed = triedAt > loadedAt
      if (now() - triedAt < (failed ? Math.min(RETRY_MS, cooldownMs) : cooldownMs)) return Promise.resolve(value)
      loading = ask()
      return loading
    },
  }
}

const FAILED = 'the keys that tokens are checked with could not be had'
