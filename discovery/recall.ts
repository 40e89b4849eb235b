// What this life goes on from is read out of the store: at the start if that works, else again and again until it does.
import { pause, type Clock } from '../shared/clock.js'
import type { Log } from '../shared/log.js'

export interface Recall {
  /** Tries once. Resolves with undefined where that fails: from `start` on it is tried again, and `late` gets the value. */
  first<T>(what: string, read: () => Promise<T>, late: (value: T) => void): Promise<T | undefined>
  start(): void
  /** In words, what could not be read yet. */
  readonly missing: readonly string[]
  close(): void
}

const FIRST_RETRY_MS = 100
// A try costs next to nothing, and soon after the store has recovered all is as it was.
const LONGEST_RETRY_MS = 1000

export function createRecall(deps: { readonly clock: Clock; readonly log: Log }): Recall {
  const { clock, log } = deps
  /** The next try of each; rejects when it fails once more. */
  const missing = new Map<string, () => Promise<void>>()
  const closing = new AbortController()
  const { signal } = closing

  async function tryAgain(): Promise<void> {
    for (let waitMs = FIRST_RETRY_MS; missing.size > 0; waitMs = Math.min(waitMs * 2, LONGEST_RETRY_MS)) {
      await pause(waitMs, signal, clock)
      for (const [what, attempt] of missing) {
        if (signal.aborted) return
        await attempt().catch((error: unknown) => log.debug({ reason: String(error) }, `${what} cannot be read yet`))
      }
    }
  }

  return {
    async first(what, read, late) {
      try {
        return await read()
      } catch (error) {
        log.error({ reason: String(error) }, `${what} cannot be read from the store; trying again`)
        missing.set(what, async () => {
          const value = await read()
          if (signal.aborted) return
          missing.delete(what)
          log.info({}, `${what} is read from the store at last`)
          late(value)
        })
        return undefined
      }
    },
    start() {
      void tryAgain().catch((error: unknown) => log.error({ err: error }, 'what the store gave late cannot be used'))
    },
    get missing() {
      return [...missing.keys()]
    },
    close: () => closing.abort(),
  }
}
