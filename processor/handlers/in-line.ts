// A request that waits for a place at its service, in however many turns for no longer than the line's own time.
import type { Importance } from '../../shared/config/model.js'
import type { Wheel } from '../engine/wheel.js'
import type { LiveService } from '../resilience/live-service.js'
import type { Place, Waiting } from '../resilience/waiting-line.js'

/** Hears what becomes of it. */
export interface Waiter {
  called(): void
  dropped(): void
}

export class InLine implements Waiting {
  place: Place | undefined
  private readonly until: number

  /** `until`: when the request's own time is over, by the wheel; Infinity: never. */
  constructor(
    private readonly live: LiveService,
    readonly importance: Importance,
    until: number,
    private readonly wheel: Wheel,
    private readonly waiter: Waiter,
  ) {
    this.until = Math.min(until, wheel.now() + live.config.concurrency.queueMs)
  }

  get leftMs(): number {
    return this.until - this.wheel.now()
  }

  /** False: there is no place in the line, or no time left. */
  join(): boolean {
    return this.live.join(this)
  }

  leave(): void {
    this.live.leave(this)
  }

  called(): void {
    this.waiter.called()
  }

  dropped(): void {
    this.waiter.dropped()
  }
}
