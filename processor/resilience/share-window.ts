// How many things happened of late, and how many of them were of one kind: a sliding window of a few buckets.

const BUCKETS = 10

/** Counts two things side by side: all, and some of them. Forgets a tenth of the window at a time. */
export class ShareWindow {
  /** Within the window, as of the last `turn`. */
  all = 0
  some = 0
  private readonly alls = new Float64Array(BUCKETS)
  private readonly somes = new Float64Array(BUCKETS)
  private readonly bucketMs: number
  /** Where the newest bucket is, and when it ends: in between nothing has to be reckoned. */
  private newest = 0
  private endsAt = 0

  constructor(windowMs: number) {
    this.bucketMs = windowMs / BUCKETS
  }

  /** Forgets what is too old by now. Call it before reading. */
  turn(nowMs: number): void {
    if (nowMs < this.endsAt) return
    const { bucketMs } = this
    const endsAt = (Math.floor(nowMs / bucketMs) + 1) * bucketMs
    const ended = Math.round((endsAt - this.endsAt) / bucketMs)
    this.endsAt = endsAt
    if (ended >= BUCKETS) return this.clear()
    for (let n = 0; n < ended; n++) {
      this.newest = (this.newest + 1) % BUCKETS
      this.forget(this.newest)
    }
  }

  add(nowMs: number, all: number, some: number): void {
    this.turn(nowMs)
    const { newest, alls, somes } = this
    this.all += all
    this.some += some
    alls[newest] = (alls[newest] as number) + all
    somes[newest] = (somes[newest] as number) + some
  }

  clear(): void {
    this.all = this.some = 0
    this.alls.fill(0)
    this.somes.fill(0)
  }

  private forget(at: number): void {
    this.all -= this.alls[at] as number
    this.some -= this.somes[at] as number
    this.alls[at] = this.somes[at] = 0
  }
}
