// Traffic counts on the main thread until the next batch: summed per minute, service and instance.
import type { TrafficCount } from '../../../shared/metrics/report.js'
import { addCount, COUNT_WIDTH, MINUTE_MS } from '../counts.js'
import type { CountRows } from './protocol.js'

export interface Tally {
  add(at: number, counts: readonly TrafficCount[]): void
  /** The oldest sums, at most as many as a batch may hold, leaving the rest. */
  take(): CountRows
  readonly size: number
  /** Counts that found no room. */
  readonly dropped: number
}

interface Sum {
  readonly minute: number
  readonly service: string
  readonly instance: string
  readonly numbers: Float64Array
}

/** Sums of a batch: each is three upserts, about 60 ms of the thread in all. */
export const BATCH_SUMS = 2000

// Some 40 MB; only reached when the file cannot be written for long while thousands of instances have traffic.
const MOST_SUMS = 50_000

export function createTally(): Tally {
  const sums = new Map<string, Sum>()
  let dropped = 0

  function sumOf(minute: number, { service, instance }: TrafficCount): Sum | undefined {
    const key = `${minute}\n${service}\n${instance}`
    const known = sums.get(key)
    if (known) return known
    if (sums.size >= MOST_SUMS) return undefined
    const sum = { minute, service, instance, numbers: new Float64Array(COUNT_WIDTH) }
    sums.set(key, sum)
    return sum
  }

  return {
    add(at, counts) {
      const minute = Math.floor(at / MINUTE_MS) * MINUTE_MS
      for (const count of counts) {
        const sum = Number.isFinite(minute) ? sumOf(minute, count) : undefined
        if (sum) addCount(sum.numbers, count)
        else dropped++
      }
    },
    take() {
      const names: string[] = []
      const minutes: number[] = []
      const numbers = new Float64Array(Math.min(sums.size, BATCH_SUMS) * COUNT_WIDTH)
      for (const [key, sum] of sums) {
        if (minutes.length >= BATCH_SUMS) break
        numbers.set(sum.numbers, minutes.length * COUNT_WIDTH)
        names.push(sum.service, sum.instance)
        minutes.push(sum.minute)
        sums.delete(key)
      }
      return { names, minutes, numbers }
    },
    get size() {
      return sums.size
    },
    get dropped() {
      return dropped
    },
  }
}
