// Says in the log that clients are refused, and how often is not theirs to decide: at most one line a second.
import type { Log } from '../shared/log.js'
import type { Refusal } from '../shared/metrics/refusals.js'

const EVERY_MS = 1000

export interface RefusalLogDeps {
  readonly log: Log
  /** Of which monotonic milliseconds are asked. */
  readonly wheel: { now(): number }
}

/** `client`: its address. Nothing of what it sent is told: that may hold secrets. */
export function createRefusalLog({ log, wheel }: RefusalLogDeps): (reason: Refusal, client: string) => void {
  let nextAt = -Infinity
  /** Lines left out since the last one. */
  let suppressed = 0
  return (reason, client) => {
    const now = wheel.now()
    if (now < nextAt) {
      suppressed++
      return
    }
    log.info({ reason, client, suppressed }, 'a request was refused')
    nextAt = now + EVERY_MS
    suppressed = 0
  }
}
