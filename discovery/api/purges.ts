// What has been purged of late, for processors that run apart: one that was out of reach for a while hears of it afterwards.
import type { Purge } from '../../shared/processor.js'

/** Beyond these, whoever was away throws everything away. */
const MOST_KEPT = 100

export interface Purges {
  /** Number of the newest; it grows from one life of this process to the next. */
  readonly last: number
  add(purge: Purge): void
  /** What came after the purge with this number. Nothing, where the number is not of this life. */
  since(number: number): readonly Purge[]
}

/** `startedAt`: epoch milliseconds. */
export function createPurges(startedAt: number): Purges {
  const kept: Purge[] = []
  let last = startedAt
  return {
    get last() {
      return last
    },
    add(purge) {
      last++
      if (kept.push(purge) > MOST_KEPT) kept.shift()
    },
    since(number) {
      const missed = last - number
      if (number < startedAt || missed <= 0) return []
      return missed > kept.length ? [{ kind: 'all' }] : kept.slice(-missed)
    },
  }
}
