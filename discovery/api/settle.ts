// Exact totals at the moment of a question: what workers and buffers still hold is fetched first, but never waited for long.
import type { ApiDeps } from './deps.js'

const PATIENCE_MS = 250

export interface Settle {
  /** What the workers have counted until now is in the totals. Questions asked together share one round. */
  counts(): Promise<void>
  /** The same, and what the history's buffers hold is in the store. */
  history(): Promise<void>
}

export function createSettle(deps: Pick<ApiDeps, 'lifecycle' | 'store' | 'clock' | 'log'>): Settle {
  const { lifecycle, store, clock, log } = deps

  function bounded(what: string, work: () => Promise<void>): Promise<void> {
    return new Promise((resolve) => {
      const cancel = clock.after(PATIENCE_MS, resolve)
      work()
        .catch((error: unknown) => log.debug({ reason: String(error) }, `${what} could not be brought up to date`))
        .finally(() => {
          cancel()
          resolve()
        })
    })
  }

  /** A round that has begun may have passed a worker already, so it serves only those who asked before it began. */
  function shared(round: () => Promise<void>): () => Promise<void> {
    let next: Promise<void> | undefined
    return () =>
      (next ??= Promise.resolve().then(() => {
        next = undefined
        return round()
      }))
  }

  const counts = shared(() => bounded('the totals', () => lifecycle.processor?.flush() ?? Promise.resolve()))
  const flushed = shared(() => bounded('the history', () => store.flush()))
  return {
    counts,
    async history() {
      await counts()
      await flushed()
    },
  }
}
