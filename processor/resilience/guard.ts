// Keeps requests away from an instance that fails them: a small state machine an endpoint, fed by what its tries tell.
import type { BreakerConfig, OutlierConfig } from '../../shared/config/model.js'
import type { EjectionReason, GuardKind } from '../../shared/metrics/report.js'
import { Deadline, type Wheel } from '../engine/wheel.js'
import { ShareWindow } from './share-window.js'

export interface GuardConfig {
  readonly outlier: OutlierConfig
  /** Undefined: no breaker. */
  readonly breaker: BreakerConfig | undefined
}

export interface GuardDeps {
  readonly wheel: Wheel
  /** Whether the service can spare one more instance: asked when a closed guard is about to open as an outlier. */
  readonly mayEject: () => boolean
  /** Called after each change of `kind`, and where `barred` changes because a trial begins or ends. */
  readonly changed: (guard: Guard) => void
}

/**
 * `refused`: no connection could be made. `failure`: reset, timeout or nonsense in place of an answer. `truncated`: the
 * same after an answer's head, which `succeeded` has been told of.
 */
export type TryFailure = 'refused' | 'failure' | 'truncated'

/** A trial that nobody has said anything about for so long gives its place to another. */
const TRIAL_MS = 60_000
/** Doubling beyond it changes nothing: a number stays a number. */
const HIGHEST_LEVEL = 32

/**
 * closed → open → half-open → closed.
 *
 * - Closed: everything passes. It opens as an outlier at a refused connection, at `outlier.failures` failures in a row, or
 *   at `outlier.answers` answers in a row with one of `outlier.statuses`; and by the breaker, where there is one, at
 *   `breaker.consecutive` errors in a row or a share of errors of `breaker.rate`. To the breaker failures and those
 *   statuses are errors. Where both are due it is the breaker, which no cap bounds. Where the cap forbids an ejection the
 *   guard stays closed, and the next failure asks again.
 * - An answer's head ends a row of failures. An answer may still be cut off after it: those are a row of their own, which
 *   only a `whole` answer ends, and which counts together with the other.
 * - Open: nothing passes, for `baseMs` (of the breaker: `openMs`), doubled for each opening that followed on another, up to
 *   `mostMs`. An opening follows on the one before when the guard was closed for less time than that one was to last:
 *   so a trial that fails doubles it, and so does an instance that fails again soon. After a longer time of peace the first
 *   length holds again, and so it does once polls have found that the instance is up again.
 * - Half-open: one request passes as a trial. An answer closes the guard, a failure opens it again, and so does one
 *   of those statuses, where they count at all. It keeps its place under the cap until it is closed. An answer that is
 *   cut off soon after it has closed the guard opens it again, as an outlier.
 * - What tries tell that began before it closed for the last time is old news and changes nothing, trials apart: three
 *   hundred requests in flight at an instance that dies make one ejection, not three hundred, and none that is late makes
 *   a second.
 */
export class Guard {
  kind: GuardKind = 'closed'
  /** Why it is not closed; undefined while it is. */
  reason: EjectionReason | undefined
  /** No request may go there: it is open, or half-open with its trial out. */
  barred = false
  /** Openings since the beginning. */
  ejections = 0
  private config: GuardConfig
  /** No status below counts as an error. */
  private lowestStatus = Infinity
  /** Rows: failures, answers that were cut off, answers with a status that counts, errors in the sense of the breaker. */
  private failures = 0
  private cuts = 0
  private answers = 0
  private errors = 0
  private window: ShareWindow | undefined
  /** Openings that followed on each other. */
  private level = 0
  /** How long the last opening was to last. */
  private lastMs = 0
  private openedAt = -Infinity
  private closedAt = -Infinity
  private trialAt = 0
  private shut = false
  /** Ends the time of being open, or the patience with a trial. */
  private readonly timer = new Deadline(() => this.timeUp())

  constructor(
    config: GuardConfig,
    private readonly deps: GuardDeps,
  ) {
    this.config = config
    this.configure(config)
  }

  /** It takes one of the places that the cap leaves for ejections. */
  get ejected(): boolean {
    return this.kind !== 'closed' && this.reason !== 'breaker'
  }

  /** Its last tries have failed, or it is not closed. */
  get troubled(): boolean {
    return this.kind !== 'closed' || this.failures + this.cuts > 0
  }

  /** Later results count by the new config. What was opened by a rule that is gone closes. */
  configure(config: GuardConfig): void {
    const { outlier, breaker } = config
    const windowMs = this.config.breaker?.windowMs
    this.config = config
    this.lowestStatus = Infinity
    for (const [from] of outlier.statuses) this.lowestStatus = Math.min(this.lowestStatus, from)
    if (breaker === undefined || breaker.rate === 0) this.window = undefined
    else if (this.window === undefined || windowMs !== breaker.windowMs) this.window = new ShareWindow(breaker.windowMs)
    const ruled = this.reason === 'breaker' ? breaker !== undefined : outlier.enabled
    if (this.kind !== 'closed' && !ruled) this.toClosed()
  }

  /** A request goes to the endpoint. True: it is the trial, which one of the three below must be told of later on. */
  begin(): boolean {
    if (this.kind !== 'half-open' || this.barred) return false
    const { wheel } = this.deps
    this.barred = true
    this.trialAt = wheel.now()
    wheel.set(this.timer, TRIAL_MS)
    this.deps.changed(this)
    return true
  }

  /** The head of an answer has come, to a try that began at `startedAt` by the wheel. */
  succeeded(status: number, trial: boolean, startedAt = Infinity): void {
    if (this.kind !== 'closed') {
      if (trial) this.trialAnswered(status, startedAt)
      return
    }
    if (startedAt < this.closedAt) return
    this.failures = 0
    if (status >= this.lowestStatus && this.counts(status)) return this.badAnswer()
    this.answers = 0
    this.errors = 0
    this.window?.add(this.deps.wheel.now(), 1, 0)
  }

  /** The whole answer has come. */
  whole(): void {
    this.cuts = 0
  }

  failed(failure: TryFailure, trial: boolean, startedAt = Infinity): void {
    if (this.kind !== 'closed') {
      if (this.isTrial(trial, startedAt)) this.open(this.reasonAgain(failure === 'refused' ? 'refused' : 'failures'))
      return
    }
    // The trial that has closed it is the one that began before and still counts.
    const closer = trial && startedAt >= this.trialAt
    if (startedAt < this.closedAt && !closer) return
    const now = this.deps.wheel.now()
    // An answer that was cut off is in the window already.
    if (failure === 'truncated') this.cuts++
    else {
      this.failures++
      this.errors++
    }
    this.window?.add(now, failure === 'truncated' ? 0 : 1, 1)
    if (this.breaks()) return this.open('breaker')
    const { enabled, failures } = this.config.outlier
    if (!enabled) return
    if (failure === 'refused') this.eject('refused')
    else if (closer && now - this.closedAt < this.lastMs) this.eject('failures')
    else if (failures > 0 && this.failures + this.cuts >= failures) this.eject('failures')
  }

  /** The try has ended without telling anything: its client left, or a second try beside it was faster. */
  abandoned(trial: boolean, startedAt = Infinity): void {
    if (this.isTrial(trial, startedAt)) this.freeTrial()
  }

  /** Polls, which had it down, have it up again. */
  recovered(): void {
    if (this.reason === 'breaker') return
    this.level = 0
    if (this.kind === 'open') this.halfOpen()
  }

  /** The endpoint is no longer needed: nothing changes any more. */
  close(): void {
    this.shut = true
    this.deps.wheel.clear(this.timer)
  }

  /** A trial that has lost its place to another may still bring good news, but no bad ones. */
  private isTrial(trial: boolean, startedAt: number): boolean {
    return trial && this.kind === 'half-open' && this.barred && startedAt >= this.trialAt
  }

  private trialAnswered(status: number, startedAt: number): void {
    const { outlier, breaker } = this.config
    const bad = (outlier.answers > 0 || breaker !== undefined) && this.counts(status)
    if (bad) {
      if (this.isTrial(true, startedAt)) this.open(this.reasonAgain('answers'))
    } else if (this.kind === 'half-open' && startedAt >= this.openedAt) this.toClosed()
  }

  /** Of an opening after a trial. What the breaker opened stays the breaker's: it has no place under the cap. */
  private reasonAgain(reason: EjectionReason): EjectionReason {
    return this.reason === 'breaker' ? 'breaker' : reason
  }

  private counts(status: number): boolean {
    for (const [from, to] of this.config.outlier.statuses) if (status >= from && status <= to) return true
    return false
  }

  private badAnswer(): void {
    const { enabled, answers } = this.config.outlier
    this.answers++
    this.errors++
    this.window?.add(this.deps.wheel.now(), 1, 1)
    if (this.breaks()) this.open('breaker')
    else if (enabled && answers > 0 && this.answers >= answers) this.eject('answers')
  }

  private breaks(): boolean {
    const { window } = this
    const { breaker } = this.config
    if (breaker === undefined) return false
    if (breaker.consecutive > 0 && this.errors + this.cuts >= breaker.consecutive) return true
    return window !== undefined && window.all >= breaker.volume && window.some >= breaker.rate * window.all
  }

  private eject(reason: EjectionReason): void {
    if (this.deps.mayEject()) this.open(reason)
  }

  private open(reason: EjectionReason): void {
    if (this.shut) return
    const { outlier, breaker } = this.config
    const { wheel } = this.deps
    const follows = this.kind === 'half-open' || wheel.now() - this.closedAt < this.lastMs
    const baseMs = reason === 'breaker' && breaker !== undefined ? breaker.openMs : outlier.baseMs
    this.level = follows ? Math.min(this.level + 1, HIGHEST_LEVEL) : 1
    this.lastMs = Math.min(baseMs * 2 ** (this.level - 1), Math.max(baseMs, outlier.mostMs))
    this.openedAt = wheel.now()
    this.ejections++
    this.barred = true
    this.reason = reason
    this.kind = 'open'
    // The wheel takes 0 for never.
    wheel.set(this.timer, Math.max(1, this.lastMs))
    this.deps.changed(this)
  }

  private timeUp(): void {
    if (this.kind === 'open') this.halfOpen()
    else if (this.kind === 'half-open' && this.barred) this.freeTrial()
  }

  private halfOpen(): void {
    if (this.shut) return
    this.deps.wheel.clear(this.timer)
    this.kind = 'half-open'
    this.barred = false
    this.deps.changed(this)
  }

  private freeTrial(): void {
    this.deps.wheel.clear(this.timer)
    this.barred = false
    this.deps.changed(this)
  }

  private toClosed(): void {
    if (this.shut) return
    const { wheel } = this.deps
    wheel.clear(this.timer)
    this.failures = this.cuts = this.answers = this.errors = 0
    this.window?.clear()
    this.closedAt = wheel.now()
    this.kind = 'closed'
    this.reason = undefined
    this.barred = false
    this.deps.changed(this)
  }
}
