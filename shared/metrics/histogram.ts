// One set of latency buckets everywhere, so that workers, roll-ups, /metrics and /stats add up without loss.

/** Upper bounds in milliseconds, doubling from 0.5; what is slower falls in one more bucket at the end. */
export const LATENCY_BOUNDS_MS: readonly number[] = Array.from({ length: 17 }, (_, i) => 0.5 * 2 ** i)

export const LATENCY_BUCKETS = LATENCY_BOUNDS_MS.length + 1

/** Index of the bucket that holds `ms`: bounds are inclusive, as Prometheus' `le`. */
export function bucketOf(ms: number): number {
  if (ms <= 0.5) return 0
  if (!(ms <= 32768)) return LATENCY_BUCKETS - 1
  return Math.ceil(Math.log2(ms)) + 1
}

/** The latency below which a share `q` (0 to 1) of the samples lies, interpolated inside its bucket; null without samples. */
export function quantile(buckets: readonly number[], q: number): number | null {
  const total = buckets.reduce((sum, n) => sum + n, 0)
  if (total === 0) return null
  let left = q * total
  for (let i = 0; i < buckets.length; i++) {
    const n = buckets[i] ?? 0
    if (n > 0 && left <= n) {
      const low = i === 0 ? 0 : (LATENCY_BOUNDS_MS[i - 1] ?? 0)
      const high = LATENCY_BOUNDS_MS[i] ?? low
      return low + (high - low) * (left / n)
    }
    left -= n
  }
  return LATENCY_BOUNDS_MS[LATENCY_BOUNDS_MS.length - 1] ?? null
}
