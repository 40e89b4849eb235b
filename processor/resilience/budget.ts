// Keeps retries from becoming a storm: they may add only so much to what a service has to bear.
import type { RetryConfig } from '../../shared/config/model.js'
import { ShareWindow } from './share-window.js'

const WINDOW_MS = 10_000

/**
 * One per service and worker. A retry is allowed while the retries of the last ten seconds are fewer than `floor` +
 * `share` × requests: those that began in that time, or those in flight where they are more, as with slow ones that began
 * before. So a service that is wholly down gets at most `share` more tries than it has requests, and the floor: that lets
 * a service with little traffic retry at all.
 */
export class RetryBudget {
  private inFlight = 0
  /** Requests; some: their retries. */
  private readonly window = new ShareWindow(WINDOW_MS)

  constructor(
    private readonly config: RetryConfig['budget'],
    private readonly deps: { readonly now: () => number },
  ) {}

  /** A request has begun. */
  began(): void {
    this.inFlight++
    this.window.add(this.deps.now(), 1, 0)
  }

  /** It is over, however it ended. */
  ended(): void {
    // A budget that is new since a reload hears of the end of requests that it does not know.
    if (this.inFlight > 0) this.inFlight--
  }

  /** Whether a request may be tried once more; if so, that is counted. */
  take(): boolean {
    const { window } = this
    const { floor, share } = this.config
    const now = this.deps.now()
    window.turn(now)
    if (window.some >= floor + share * Math.max(window.all, this.inFlight)) return false
    window.add(now, 0, 1)
    return true
  }
}
