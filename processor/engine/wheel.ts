// All deadlines of a worker on one coarse wheel: setting one is a few assignments, however many requests are in flight.
import { asTimer } from './turn.js'

/** Resolution: a deadline fires at most two ticks late. */
const TICK_MS = 10
/** Slots of the wheel, a power of two; deadlines further away than one turn wait in their slot for a later one. */
const SLOTS = 1024

/** One deadline, owned by a connection or an exchange and used again and again. */
export class Deadline {
  /** Monotonic milliseconds; Infinity while unset. */
  due = Infinity
  /** Tick at whose slot it waits, -1 while it is on no slot. */
  slot = -1
  before: Deadline | undefined
  after: Deadline | undefined

  constructor(readonly fire: () => void) {}
}

export interface Wheel {
  /** Monotonic milliseconds, as of the last tick: within one event of the loop no time passes. */
  now(): number
  /** Reads the clock. Called at the beginning of every event that may set deadlines or measure. */
  tick(): void
  /** Fires once after `ms`; 0 or less never. Replaces what was set before. */
  set(deadline: Deadline, ms: number): void
  clear(deadline: Deadline): void
  /** Clears it for good: its owner goes, and must not be kept by the slot in which it waits. */
  drop(deadline: Deadline): void
  close(): void
}

export function createWheel(deps: { now: () => number } = { now: () => performance.now() }): Wheel {
  const slots: (Deadline | undefined)[] = new Array<Deadline | undefined>(SLOTS).fill(undefined)
  let waiting = 0
  let tick = 0
  let timer: NodeJS.Timeout | undefined
  let now = deps.now()

  function link(deadline: Deadline, at: number): void {
    const index = at & (SLOTS - 1)
    const first = slots[index]
    deadline.slot = at
    deadline.before = undefined
    deadline.after = first
    if (first !== undefined) first.before = deadline
    slots[index] = deadline
    waiting++
    if (timer === undefined) {
      tick = Math.max(tick, Math.floor(now / TICK_MS))
      timer = setInterval(marked, TICK_MS)
    }
  }

  function unlink(deadline: Deadline): void {
    if (deadline.before === undefined) slots[deadline.slot & (SLOTS - 1)] = deadline.after
    else deadline.before.after = deadline.after
    if (deadline.after !== undefined) deadline.after.before = deadline.before
    deadline.before = deadline.after = undefined
    deadline.slot = -1
    waiting--
  }

  const marked = asTimer(turn)

  function turn(): void {
    now = deps.now()
    const last = Math.floor(now / TICK_MS)
    // After a long stall one turn visits every slot; more would visit them twice.
    if (last - tick > SLOTS) tick = last - SLOTS
    while (tick < last) visit(++tick)
    if (waiting === 0) {
      clearInterval(timer)
      timer = undefined
    }
  }

  function visit(at: number): void {
    let deadline = slots[at & (SLOTS - 1)]
    while (deadline !== undefined) {
      // What fires may set or clear any deadline, also the next of this slot: start over from the head after each.
      if (deadline.due <= now) {
        unlink(deadline)
        deadline.due = Infinity
        deadline.fire()
        deadline = slots[at & (SLOTS - 1)]
      } else if (deadline.due === Infinity) {
        const next: Deadline | undefined = deadline.after
        unlink(deadline)
        deadline = next
      } else if (deadline.slot <= at) {
        // Postponed since it was put here: move it to where it belongs.
        const next: Deadline | undefined = deadline.after
        unlink(deadline)
        link(deadline, Math.max(at + 1, Math.ceil(deadline.due / TICK_MS)))
        deadline = next
      } else deadline = deadline.after
    }
  }

  return {
    now: () => now,
    tick() {
      now = deps.now()
    },
    set(deadline, ms) {
      if (ms <= 0) return this.clear(deadline)
      // A wheel that stood still may not know how late it is.
      if (timer === undefined) now = deps.now()
      deadline.due = now + ms
      const at = Math.ceil(deadline.due / TICK_MS)
      // A deadline that moves away stays where it is and is moved on when its old slot comes up: most are cleared before.
      if (deadline.slot >= 0 && deadline.slot <= at) return
      if (deadline.slot >= 0) unlink(deadline)
      link(deadline, Math.max(at, tick + 1))
    },
    clear(deadline) {
      deadline.due = Infinity
    },
    drop(deadline) {
      deadline.due = Infinity
      if (deadline.slot >= 0) unlink(deadline)
    },
    close() {
      clearInterval(timer)
      timer = undefined
    },
  }
}
