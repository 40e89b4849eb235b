// A worker's live state for one service: what its requests share, whichever instance they go to. It outlives snapshots and
// reloads.
import type { ServiceConfig } from '../../shared/config/model.js'
import type { ServiceCount } from '../../shared/metrics/report.js'
import type { Wheel } from '../engine/wheel.js'
import { RetryBudget } from './budget.js'
import { Hedging } from './hedge-delay.js'
import { type Waiting, WaitingLine } from './waiting-line.js'

export interface LiveServiceDeps {
  readonly wheel: Wheel
  /** Workers that share limits out among themselves. */
  readonly workers: number
}

export class LiveService {
  readonly name: string
  config: ServiceConfig
  /** Requests that are being tried; those that wait for a place are not. */
  inFlight = 0
  /** Those that the newest snapshot has, and how many of them traffic has ejected. */
  endpoints: readonly { readonly barred: boolean }[] = []
  ejected = 0
  budget: RetryBudget
  hedging: Hedging | undefined
  private line: WaitingLine
  /** Requests at once; Infinity: no limit. */
  private most = Infinity
  private queued = 0
  private shed = 0
  private budgetSpent = 0

  constructor(
    config: ServiceConfig,
    private readonly deps: LiveServiceDeps,
  ) {
    this.name = config.name
    this.config = config
    const { wheel } = deps
    this.budget = new RetryBudget(config.retry.budget, { now: () => wheel.now() })
    this.hedging = config.hedge && new Hedging(config.hedge)
    this.line = new WaitingLine(this.lineOf(config), { wheel })
    this.most = this.shareOf(config.concurrency.service)
  }

  /** A new config for the same service: what has been learnt stays where its own part stays. */
  configure(config: ServiceConfig): void {
    const before = this.config
    const { wheel } = this.deps
    this.config = config
    if (!same(before.retry.budget, config.retry.budget))
      this.budget = new RetryBudget(config.retry.budget, { now: () => wheel.now() })
    if (!same(before.hedge, config.hedge)) this.hedging = config.hedge && new Hedging(config.hedge)
    this.line.configure(this.lineOf(config))
    this.most = this.shareOf(config.concurrency.service)
  }

  /** This worker's part of a limit of the processor; 0 means none. */
  shareOf(limit: number): number {
    return limit === 0 ? Infinity : Math.max(1, Math.floor(limit / this.deps.workers))
  }

  private lineOf({ concurrency: { queue, queueMs } }: ServiceConfig): { queue: number; queueMs: number } {
    return { queue: queue === 0 ? 0 : this.shareOf(queue), queueMs }
  }

  get full(): boolean {
    return this.inFlight >= this.most
  }

  /** Whether one more instance may be ejected: one always stays, and never more than the configured share goes. */
  mayEject(): boolean {
    const { length } = this.endpoints
    return this.ejected < Math.min(length - 1, Math.ceil(this.config.outlier.most * length))
  }

  /** A request has come; it is `admitted` now, or later, or never. */
  began(): void {
    this.budget.began()
  }

  admitted(): void {
    this.inFlight++
  }

  /** It waits for an instance that has less to do: others may need its place at the service. */
  withdrawn(): void {
    this.inFlight--
  }

  /** It has ended, in whatever way. */
  ended(admitted: boolean): void {
    this.budget.ended()
    if (!admitted) return
    this.inFlight--
    this.callNext()
  }

  /** Whether a request may be tried once more; counted where the budget forbids it. */
  mayRetry(): boolean {
    if (this.budget.take()) return true
    this.budgetSpent++
    return false
  }

  /** Has a request wait for a place; false: it is refused. */
  join(waiting: Waiting): boolean {
    if (!this.line.join(waiting)) return false
    this.queued++
    return true
  }

  leave(waiting: Waiting): void {
    this.line.leave(waiting)
  }

  refused(): void {
    this.shed++
  }

  get waiting(): number {
    return this.line.length
  }

  /** Places may have become free: those whose turn it is try, as many as there are places. */
  callNext(): void {
    // One that finds none after all stands in the line once more: nobody is called twice.
    for (let left = this.line.length; left > 0 && this.line.length > 0; left--) {
      if (this.full || !this.endpoints.some(({ barred }) => !barred)) return
      this.line.next()?.called()
    }
  }

  /** What came together since the last call; undefined where nothing did. */
  take(): ServiceCount | undefined {
    const { queued, shed, budgetSpent } = this
    if (queued + shed + budgetSpent === 0) return undefined
    this.queued = this.shed = this.budgetSpent = 0
    return { service: this.name, queued, shed, budgetSpent }
  }
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}
