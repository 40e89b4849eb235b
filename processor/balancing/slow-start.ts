// An instance that has just returned gets its share bit by bit: its caches are cold, its code is not compiled, its pools are
// empty.

/** From the first moment: without any request nothing would warm up. */
const LEAST_SHARE = 0.1

/**
 * What a weight counts for at `nowMs`, `sinceMs` being when the instance returned, by the same clock. The share of the time
 * that has passed, and at least a tenth: Envoy's rule with its defaults. A straight line, since what a steeper one would be
 * good for depends on the service; a ramp that is too fast is cured with a longer one.
 */
export function rampedWeight(weight: number, sinceMs: number, slowStartMs: number, nowMs: number): number {
  const passedMs = nowMs - sinceMs
  return passedMs >= slowStartMs ? weight : weight * Math.max(LEAST_SHARE, passedMs / slowStartMs)
}
