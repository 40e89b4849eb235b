// When a slow request is worth a second try beside the first, and how many of them a service has to bear.
import type { HedgeConfig } from '../../shared/config/model.js'

/** Fewer answers say nothing about how slow is slow. */
const LEAST_SAMPLES = 100
/** When so many are counted all counts are halved: answers of long ago weigh ever less. */
const FORGET_AT = 2000
/** The quantile is looked up anew after so many answers. */
const REFRESH_EVERY = 32
/** Buckets for each doubling: a bucket's ends are 9 % apart. */
const PER_DOUBLING = 8
const FIRST_MS = 1 / 16
/** Up to 2^20 ms, a quarter of an hour. */
const BUCKETS = 24 * PER_DOUBLING
/** Second tries that may be saved up: a burst of slow ones is what they are for, a long row of them is not. */
const MOST_SAVED = 10

/**
 * One per service and worker. Each request earns `most` of a second try, so second tries are never more than that share of
 * the requests. The quantile is taken over all answers of late in buckets that grow with the latency, and is the upper
 * end of its bucket: at most the share of requests that it says are slower.
 */
export class Hedging {
  private readonly counts = new Float64Array(BUCKETS)
  private total = 0
  private seen = 0
  private sinceLookup = 0
  private quantileMs: number | undefined
  private saved = 0

  constructor(private readonly config: HedgeConfig) {}

  /** Time from a request's first try to the head of its answer, whichever try gave it. */
  observe(ms: number): void {
    if (this.config.after.kind === 'ms') return
    const at = Math.floor(Math.log2(ms / FIRST_MS) * PER_DOUBLING)
    const bucket = at > 0 ? Math.min(at, BUCKETS - 1) : 0
    this.counts[bucket] = (this.counts[bucket] as number) + 1
    this.total++
    this.sinceLookup++
    if (this.seen < LEAST_SAMPLES) this.seen++
    if (this.total >= FORGET_AT) this.forget()
  }

  /** How long to wait for the first try; undefined: too little is known to say. */
  delayMs(): number | undefined {
    const { after } = this.config
    if (after.kind === 'ms') return after.ms
    if (this.seen < LEAST_SAMPLES) return undefined
    if (this.quantileMs === undefined || this.sinceLookup >= REFRESH_EVERY) {
      this.quantileMs = this.lookup(after.q)
      this.sinceLookup = 0
    }
    return this.quantileMs
  }

  /** A request has begun. */
  began(): void {
    this.saved = Math.min(MOST_SAVED, this.saved + this.config.most)
  }

  /** Whether a second try may go out now; if so, that is counted. */
  take(): boolean {
    if (this.saved < 1) return false
    this.saved--
    return true
  }

  private lookup(q: number): number {
    const wanted = q * this.total
    let below = 0
    let bucket = 0
    while (bucket < BUCKETS - 1) {
      below += this.counts[bucket] as number
      if (below >= wanted) break
      bucket++
    }
    return FIRST_MS * 2 ** ((bucket + 1) / PER_DOUBLING)
  }

  private forget(): void {
    for (let at = 0; at < BUCKETS; at++) this.counts[at] = (this.counts[at] as number) / 2
    this.total /= 2
  }
}
