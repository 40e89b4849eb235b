// Traffic counts as one row of numbers, the form in which every engine sums them up.
import { LATENCY_BUCKETS } from '../../shared/metrics/histogram.js'
import type { TrafficCount } from '../../shared/metrics/report.js'

export const MINUTE_MS = 60_000
export const HOUR_MS = 3_600_000

const CLASSES = 6
const CLASS = 6
const BUCKET = CLASS + CLASSES

/** Numbers in a row: requests, errors, latency sum and maximum, bytes in and out, classes, buckets. */
export const COUNT_WIDTH = BUCKET + LATENCY_BUCKETS

/** Where the one number stands that is a maximum and no sum. */
const LATENCY_MAX = 3

export function addCount(sum: Float64Array, count: TrafficCount): void {
  add(sum, 0, count.requests)
  add(sum, 1, count.errors)
  add(sum, 2, count.latencySumMs)
  if (count.latencyMaxMs > (sum[LATENCY_MAX] ?? 0)) sum[LATENCY_MAX] = count.latencyMaxMs
  add(sum, 4, count.bytesIn)
  add(sum, 5, count.bytesOut)
  for (let i = 0; i < CLASSES; i++) add(sum, CLASS + i, count.classes[i])
  for (let i = 0; i < LATENCY_BUCKETS; i++) add(sum, BUCKET + i, count.buckets[i])
}

/** The count whose numbers begin at `from`. */
export function countOf(service: string, instance: string, numbers: ArrayLike<number>, from = 0): TrafficCount {
  const list = (start: number, length: number) => Array.from({ length }, (_, i) => numbers[from + start + i] ?? 0)
  const [requests = 0, errors = 0, latencySumMs = 0, latencyMaxMs = 0, bytesIn = 0, bytesOut = 0] = list(0, CLASS)
  return {
    service,
    instance,
    requests,
    errors,
    classes: list(CLASS, CLASSES),
    latencySumMs,
    latencyMaxMs,
    buckets: list(BUCKET, LATENCY_BUCKETS),
    bytesIn,
    bytesOut,
  }
}

function add(sum: Float64Array, i: number, n: number | undefined): void {
  if (n !== undefined && Number.isFinite(n)) sum[i] = (sum[i] ?? 0) + n
}
