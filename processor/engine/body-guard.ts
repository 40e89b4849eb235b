// Watches a request's body while it arrives: how large it gets, and whether the client keeps a pace that deserves waiting.
import * as fault from './fault.js'

/** For so long a body may be as slow as it likes, as far as `limits.body_rate` goes. */
const GRACE_MS = 10_000

export class BodyGuard {
  private mostBytes = 0
  private since = 0
  private pausedSince = 0

  /** `bodyBytes`: of content; 0 is no limit. */
  begin(bodyBytes: number, now: number): void {
    this.mostBytes = bodyBytes > 0 ? bodyBytes : Infinity
    this.since = now
    this.pausedSince = 0
  }

  /** `bytes` of content have come so far; `rate`: bytes a second, 0 is no limit. Returns 0, or the fault. */
  check(bytes: number, rate: number, now: number): number {
    if (bytes > this.mostBytes) return fault.BODY_TOO_LARGE
    const counted = now - this.since - GRACE_MS
    return counted > 0 && bytes * 1000 < rate * counted ? fault.BODY_TOO_SLOW : 0
  }

  /** The gateway itself does not read on: that is no fault of the client's. */
  paused(now: number): void {
    this.pausedSince = now
  }

  resumed(now: number): void {
    if (this.pausedSince > 0) this.since += now - this.pausedSince
    this.pausedSince = 0
  }
}
