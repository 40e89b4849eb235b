// The short line of one service's requests that wait for a place: first come, first served, and whom it cannot serve in time
// it refuses at once.
import type { ConcurrencyConfig, Importance } from '../../shared/config/model.js'
import { Deadline, type Wheel } from '../engine/wheel.js'

/** A request that waits. */
export interface Waiting {
  readonly importance: Importance
  /** What is left of the request's own time when it joins; Infinity: there is no limit. */
  readonly leftMs: number
  /** The line's own: where it stands; undefined while it does not wait. */
  place: Place | undefined
  /** Its turn has come. The line does not call it: who takes the `next` one does. */
  called(): void
  /** It has waited too long, or a more important one needs its place. It is no longer in the line. */
  dropped(): void
}

/** A link of the line. */
export class Place {
  before: Place | undefined
  after: Place | undefined
  readonly deadline: Deadline

  constructor(
    readonly waiting: Waiting,
    readonly row: Row,
    timeUp: () => void,
  ) {
    this.deadline = new Deadline(timeUp)
  }
}

/** Those of one importance, oldest first. */
interface Row {
  oldest: Place | undefined
  newest: Place | undefined
}

const IMPORTANCES: readonly Importance[] = ['high', 'normal', 'low']

/** Part of the places that are left while the line does not get empty. */
const PRESSED_SHARE = 0.1

/**
 * A line evens out bursts: it is worth its wait when it gets empty again and again. Where it has not been empty for longer
 * than `queueMs` the load is more than the service can do, and a long line adds its wait to every answer without one answer
 * more. Then only a tenth of its places are given out, until it has been empty once. Newcomers are refused and not the
 * oldest dropped: these have waited already, a refusal at once is worth more to a client than a late one. (CoDel drops at
 * the head, to tell senders to slow down; the clients of a gateway do not listen to that, and last-in-first-out would let
 * some wait in vain until they time out.)
 *
 * The more important are served first. When no place is left a newcomer takes that of the newest of the least important,
 * if it is more important; else it is refused. All operations take a constant time.
 */
export class WaitingLine {
  length = 0
  private readonly rows: Readonly<Record<Importance, Row>> = { high: row(), normal: row(), low: row() }
  private config: Pick<ConcurrencyConfig, 'queue' | 'queueMs'>
  /** When it was empty for the last time. */
  private emptyAt = 0

  constructor(
    config: Pick<ConcurrencyConfig, 'queue' | 'queueMs'>,
    private readonly deps: { readonly wheel: Wheel },
  ) {
    this.config = config
  }

  /** For those who join from now on. */
  configure(config: Pick<ConcurrencyConfig, 'queue' | 'queueMs'>): void {
    this.config = config
  }

  /** False: there is no place for it, or no time; it is not in the line then, and is not told. */
  join(waiting: Waiting): boolean {
    const { wheel } = this.deps
    const ms = Math.min(this.config.queueMs, waiting.leftMs)
    if (!(ms > 0) || waiting.place !== undefined) return false
    if (this.length >= this.places && !this.displace(waiting.importance)) return false
    if (this.length === 0) this.emptyAt = wheel.now()
    const joined = this.rows[waiting.importance]
    const place = new Place(waiting, joined, () => this.drop(place))
    waiting.place = place
    place.before = joined.newest
    if (joined.newest === undefined) joined.oldest = place
    else joined.newest.after = place
    joined.newest = place
    this.length++
    wheel.set(place.deadline, ms)
    return true
  }

  /** Takes the one whose turn it is out of the line. */
  next(): Waiting | undefined {
    for (const importance of IMPORTANCES) {
      const place = this.rows[importance].oldest
      if (place === undefined) continue
      this.remove(place)
      return place.waiting
    }
    return undefined
  }

  /** It does not wait any more; nothing happens if it did not. */
  leave(waiting: Waiting): void {
    if (waiting.place !== undefined) this.remove(waiting.place)
  }

  /** How many may stand in the line now. */
  private get places(): number {
    const { queue, queueMs } = this.config
    const pressed = this.length > 0 && this.deps.wheel.now() - this.emptyAt > queueMs
    return pressed ? Math.ceil(queue * PRESSED_SHARE) : queue
  }

  private displace(newcomer: Importance): boolean {
    for (let rank = IMPORTANCES.length - 1; rank >= 0; rank--) {
      const importance = IMPORTANCES[rank] as Importance
      if (importance === newcomer) return false
      const { newest } = this.rows[importance]
      if (newest === undefined) continue
      this.drop(newest)
      return true
    }
    return false
  }

  private drop(place: Place): void {
    this.remove(place)
    place.waiting.dropped()
  }

  private remove(place: Place): void {
    const { row, before, after, waiting } = place
    if (before === undefined) row.oldest = after
    else before.after = after
    if (after === undefined) row.newest = before
    else after.before = before
    place.before = place.after = undefined
    waiting.place = undefined
    this.length--
    this.deps.wheel.clear(place.deadline)
  }
}

function row(): Row {
  return { oldest: undefined, newest: undefined }
}
