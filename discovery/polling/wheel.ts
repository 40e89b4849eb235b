// When to probe: a hashed timer wheel that carries every instance with one coarse timer.
import type { Clock } from '../../shared/clock.js'

export interface Wheel {
  /**
   * Turns of each id fall due at `first + k * everyMs`, early or late by at most the jitter, which never adds up. The
   * first turns come at once, a millisecond apart, but none later than its `everyMs`, which null makes the only one.
   */
  add(newcomers: Iterable<readonly [id: string, everyMs: number | null]>): void
  remove(id: string): void
  close(): void
}

export interface WheelOptions {
  /** Share of the frequency by which a turn may be early or late, 0 to 0.5. */
  readonly jitter: number
  /** Called once a turn; `dueAt` in the clock's monotonic milliseconds. */
  readonly onDue: (id: string, dueAt: number) => void
}

interface Turn {
  readonly id: string
  readonly everyMs: number | null
  readonly anchorAt: number
  dueAt: number
  /** Of the slot that holds it. */
  tick: number
}

const TICK_MS = 10
const SLOTS = 1024

// Between the turns of instances that are all to be polled at once.
const SPREAD_MS = 1

// Woken up later than this, the machine slept or the process was stopped: what fell due meanwhile is spread again.
const STALL_MS = 1000

export function createWheel(
  options: WheelOptions,
  deps: { readonly clock: Clock; readonly random: () => number },
): Wheel {
  const { clock, random } = deps
  const { jitter, onDue } = options
  const origin = clock.now()
  const slots = Array.from({ length: SLOTS }, () => new Set<Turn>())
  const turns = new Map<string, Turn>()
  /** Every slot up to this tick has been emptied. */
  let doneTick = 0
  let wakeTick = Infinity
  let cancelWake: (() => void) | undefined

  const tickOf = (at: number): number => (at - origin) / TICK_MS
  const slotOf = (tick: number): Set<Turn> => slots[tick % SLOTS] as Set<Turn>

  function place(turn: Turn, dueAt: number): void {
    turn.dueAt = dueAt
    turn.tick = Math.max(Math.ceil(tickOf(dueAt)), doneTick + 1)
    slotOf(turn.tick).add(turn)
    if (turn.tick < wakeTick) wakeAt(Math.min(turn.tick, doneTick + SLOTS))
  }

  function remove(id: string): void {
    const turn = turns.get(id)
    if (!turn) return
    turns.delete(id)
    slotOf(turn.tick).delete(turn)
  }

  function wakeAt(tick: number): void {
    cancelWake?.()
    wakeTick = tick
    cancelWake = clock.after(origin + tick * TICK_MS - clock.now(), wake)
  }

  function wake(): void {
    const now = clock.now()
    const stalled = now - (origin + wakeTick * TICK_MS) > STALL_MS
    // Until the end nobody else sets the timer.
    wakeTick = -Infinity
    let spreadAt = now
    for (const turn of takeDue(Math.floor(tickOf(now)))) {
      // A callback may have removed it, or put another in its place.
      if (turns.get(turn.id) !== turn) continue
      if (stalled) place(turn, Math.min((spreadAt += SPREAD_MS), regular(turn, now)))
      else fire(turn, now)
    }
    sleep()
  }

  function takeDue(nowTick: number): readonly Turn[] {
    const due: Turn[] = []
    // After a jump of more than a revolution each slot is looked at once.
    for (let tick = Math.max(doneTick + 1, nowTick - SLOTS + 1); tick <= nowTick; tick++) {
      const slot = slotOf(tick)
      for (const turn of slot) {
        if (turn.tick > nowTick) continue
        slot.delete(turn)
        due.push(turn)
      }
    }
    doneTick = Math.max(doneTick, nowTick)
    return due
  }

  function fire(turn: Turn, now: number): void {
    const { id, everyMs, dueAt } = turn
    if (everyMs === null) {
      turns.delete(id)
    } else {
      // The next turn is the first one at least half a period away: turns that were slept through are skipped, and
      // jitter, at most half a period, skips none.
      const from = now - dueAt > everyMs / 2 ? now : dueAt
      place(turn, regular(turn, from + everyMs / 2) + (random() * 2 - 1) * jitter * everyMs)
    }
    onDue(id, dueAt)
  }

  /** The first turn without jitter at `at` or later. */
  function regular({ everyMs, anchorAt }: Turn, at: number): number {
    return everyMs === null ? Infinity : anchorAt + Math.ceil((at - anchorAt) / everyMs) * everyMs
  }

  /** Until the next slot that holds anything, though what it holds may be due only in a later revolution. */
  function sleep(): void {
    wakeTick = Infinity
    if (turns.size === 0) return
    for (let tick = doneTick + 1; tick < doneTick + SLOTS; tick++) if (slotOf(tick).size > 0) return wakeAt(tick)
    wakeAt(doneTick + SLOTS)
  }

  return {
    add(newcomers) {
      const now = clock.now()
      if (turns.size === 0) doneTick = Math.floor(tickOf(now))
      let spreadMs = 0
      for (const [id, everyMs] of newcomers) {
        remove(id)
        const at = now + (spreadMs % (everyMs ?? Infinity))
        const turn = { id, everyMs, anchorAt: at, dueAt: at, tick: 0 }
        turns.set(id, turn)
        place(turn, at)
        spreadMs += SPREAD_MS
      }
    },

    remove,

    close() {
      cancelWake?.()
      turns.clear()
      for (const slot of slots) slot.clear()
    },
  }
}
