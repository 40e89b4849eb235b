// Finds out how many requests an instance can do at once, from what its latency says when there are more of them.

const LEAST = 4
const MOST = 1000
const FIRST = 20
/** Latency may rise so far above its usual value before the limit falls: noise, and a queue short enough to be of use. */
const TOLERANCE = 1.25
/** A window holds at least so many answers, and as many as were in flight: in the next one a change of the limit shows. */
const LEAST_SAMPLES = 50
/** After so many windows at the limit one is measured at half of it; each time after twice as many, up to the last number. */
const FIRST_PROBE = 5
const RAREST_PROBE = 100
/** The clock of a worker stands still within one event, so that 0 can be measured; its logarithm cannot be used. */
const LEAST_LATENCY_MS = 0.1

/**
 * The gradient of Netflix's concurrency-limits and Envoy's adaptive concurrency: after each window of answers
 * `limit × usual latency × tolerance / latency now` (never less than half of it, nor more than all), plus the square root
 * of the limit as room to grow. With N places in the instance the latency doubles at 2N requests, so the limit settles at
 * about 1.25 N + √N, just above the knee: all places are used, and the line in the instance stays short.
 *
 * Two things differ from them, as both are known to go wrong:
 * - Latency is the geometric mean of a window, neither the lowest value (which noise makes far too low, so that the limit
 *   falls to its floor) nor the arithmetic mean (which one slow answer among fifty moves).
 * - The usual latency is learnt where a queue cannot be what slows it: while fewer than half of the limit are in flight,
 *   and in probes, windows at half the limit: soon after the latency has risen much, else in the end after every hundred
 *   windows at the limit. A long average would learn the overload itself and drift up with it; Envoy goes down to 3 requests
 *   to measure, which costs the throughput of that time.
 *
 * AIMD is for windows where most answers are errors: they say nothing about latency, so the limit shrinks by a tenth.
 * Single errors are left out: they are often fast, and the guard sees to them.
 */
export class AdaptiveLimit {
  /** Whole requests at once. */
  limit = FIRST
  private exact = FIRST
  /** Undefined before the first window. */
  private usualMs: number | undefined
  private logSum = 0
  private answers = 0
  private errors = 0
  private highest = 0
  private wanted = LEAST_SAMPLES
  /** Windows at the limit since the last probe. */
  private busy = 0
  private probeAfter = FIRST_PROBE
  /** Windows until a probe has been measured: the first shows what was in flight before it. */
  private probing = 0
  private beforeProbe = 0
  private beforeMs = 0

  /**
   * An answer's head has come. `inFlight`: requests at the instance, this one included. `ok`: it is no error of the
   * instance.
   */
  observe(latencyMs: number, inFlight: number, ok: boolean): void {
    if (inFlight > this.highest) this.highest = inFlight
    if (ok) {
      this.logSum += Math.log(Math.max(latencyMs, LEAST_LATENCY_MS))
      this.answers++
    } else this.errors++
    if (this.answers + this.errors >= this.wanted) this.endWindow()
  }

  private endWindow(): void {
    const { answers, errors, highest } = this
    const latencyMs = Math.exp(this.logSum / answers)
    this.logSum = this.answers = this.errors = this.highest = 0
    if (this.probing > 0) this.probe(latencyMs, answers > errors)
    else if (errors > answers) this.set(this.exact * 0.9)
    else this.adjust(latencyMs, highest)
    this.wanted = Math.max(LEAST_SAMPLES, this.limit, highest)
  }

  private adjust(latencyMs: number, highest: number): void {
    const { exact } = this
    const idle = highest < exact / 2
    const usualMs = this.learn(latencyMs, idle)
    const gradient = Math.max(0.5, Math.min(1, (TOLERANCE * usualMs) / latencyMs))
    // Nobody has tried the limit out: no reason to raise it.
    this.set(exact * gradient + (idle ? 0 : Math.sqrt(exact)))
    // So much slower at once: has the instance itself become slow, or is it the load? A probe tells.
    if (gradient === 0.5) this.probeAfter = FIRST_PROBE
    this.busy = idle ? 0 : this.busy + 1
    if (this.busy < this.probeAfter) return
    this.busy = 0
    this.probeAfter = Math.min(RAREST_PROBE, this.probeAfter * 2)
    this.probing = 2
    this.beforeProbe = this.exact
    this.beforeMs = latencyMs
    this.set(this.exact / 2)
  }

  private probe(latencyMs: number, known: boolean): void {
    this.probing--
    if (this.probing > 0) return
    if (known) {
      // As slow with half as many: no queue. Much faster than usual: what was taken for usual was one.
      const noQueue = latencyMs * TOLERANCE > this.beforeMs
      const usualMs = noQueue ? (this.usualMs = latencyMs) : this.learn(latencyMs, true)
      if (latencyMs * TOLERANCE < usualMs) this.probeAfter = FIRST_PROBE
    }
    this.set(this.beforeProbe)
  }

  /** `unloaded`: what it takes now is no queue's doing. */
  private learn(latencyMs: number, unloaded: boolean): number {
    const usualMs = (this.usualMs ??= latencyMs)
    // One window may be fast by chance, so news count for a part only.
    if (latencyMs < usualMs || unloaded) this.usualMs = usualMs + (latencyMs - usualMs) * 0.3
    return this.usualMs
  }

  private set(limit: number): void {
    this.exact = Math.max(LEAST, Math.min(MOST, limit))
    this.limit = Math.floor(this.exact)
  }
}
