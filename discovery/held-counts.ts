// Counts that must not reach the store yet: what its totals say of earlier lives would no longer be known apart from them.
import type { TrafficCount } from '../shared/metrics/report.js'
import { addTo, emptySum, type Sum } from '../shared/metrics/sum.js'
import { MINUTE_MS } from './store/counts.js'
import type { HistoryStore } from './store/store.js'

export interface HeldCounts {
  add(at: number, counts: readonly TrafficCount[]): void
  /** Hands everything over, each sum with its minute. */
  release(history: Pick<HistoryStore, 'addCounts'>): void
}

// Some 10 MB. Beyond it sums of later minutes go to the last minute that is held: nothing is lost but when it was.
const MOST_SUMS = 20_000

export function createHeldCounts(most = MOST_SUMS): HeldCounts {
  const minutes = new Map<number, Map<string, Sum>>()
  const latest = new Map<string, Sum>()
  let size = 0

  function sumOf(minute: number, { service, instance }: TrafficCount): Sum {
    const key = `${service}\n${instance}`
    const known = minutes.get(minute)?.get(key) ?? (size >= most ? latest.get(key) : undefined)
    if (known) return known
    const sum = emptySum(service, instance)
    const sums = minutes.get(minute) ?? new Map<string, Sum>()
    minutes.set(minute, sums.set(key, sum))
    latest.set(key, sum)
    size++
    return sum
  }

  return {
    add(at, counts) {
      const minute = Math.floor(at / MINUTE_MS) * MINUTE_MS
      for (const count of counts) addTo(sumOf(minute, count), count)
    },
    release(history) {
      for (const [minute, sums] of minutes) history.addCounts(minute, [...sums.values()])
      minutes.clear()
      latest.clear()
      size = 0
    },
  }
}
