// Adding up counts of traffic: by the process that shows them, and by a sender that could not deliver them yet.
import { LATENCY_BUCKETS } from './histogram.js'
import type { TrafficCount } from './report.js'

/** A sum that is still growing. */
export type Sum = {
  -readonly [K in keyof TrafficCount]: TrafficCount[K] extends readonly number[] ? number[] : TrafficCount[K]
}

export function emptySum(service = '', instance = ''): Sum {
  return {
    service,
    instance,
    requests: 0,
    errors: 0,
    classes: new Array<number>(6).fill(0),
    latencySumMs: 0,
    latencyMaxMs: 0,
    buckets: new Array<number>(LATENCY_BUCKETS).fill(0),
    bytesIn: 0,
    bytesOut: 0,
  }
}

export function addTo(sum: Sum, count: TrafficCount): void {
  sum.requests += count.requests
  sum.errors += count.errors
  sum.latencySumMs += count.latencySumMs
  sum.latencyMaxMs = Math.max(sum.latencyMaxMs, count.latencyMaxMs)
  sum.bytesIn += count.bytesIn
  sum.bytesOut += count.bytesOut
  addEach(sum.classes, count.classes)
  addEach(sum.buckets, count.buckets)
}

/** One sum for each value of `key`, in the order in which the values come first. */
export function sumBy(counts: Iterable<TrafficCount>, key: (count: TrafficCount) => string): Map<string, Sum> {
  const sums = new Map<string, Sum>()
  for (const count of counts) {
    const name = key(count)
    let sum = sums.get(name)
    if (sum === undefined) sums.set(name, (sum = emptySum(count.service, count.instance)))
    addTo(sum, count)
  }
  return sums
}

export function total(counts: Iterable<TrafficCount>): Sum {
  const sum = emptySum()
  for (const count of counts) addTo(sum, count)
  return sum
}

/** Adds numbers that have names, such as failures by code. */
export function addTally<T extends Record<string, number | undefined>>(into: T, from: Readonly<T>): void {
  const sums: Record<string, number | undefined> = into
  for (const [name, n = 0] of Object.entries(from)) sums[name] = (sums[name] ?? 0) + n
}

function addEach(into: number[], from: readonly number[]): void {
  for (let i = 0; i < into.length; i++) into[i] = (into[i] ?? 0) + (from[i] ?? 0)
}
