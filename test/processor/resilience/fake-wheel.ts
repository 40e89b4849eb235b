// A wheel whose time stands still until a test moves it, and whose deadlines fire at their exact time.
import type { Deadline, Wheel } from '../../../processor/engine/wheel.js'

export interface FakeWheel extends Wheel {
  /** Fires what falls due within `ms`, in order of due time. */
  advance(ms: number): void
}

export function fakeWheel(startMs = 1000): FakeWheel {
  const set = new Set<Deadline>()
  let now = startMs

  function next(until: number): Deadline | undefined {
    let first: Deadline | undefined
    for (const deadline of set)
      if (deadline.due <= until && (first === undefined || deadline.due < first.due)) first = deadline
    return first
  }

  return {
    now: () => now,
    tick() {
      // Its time is the test's.
    },
    set(deadline, ms) {
      if (!(ms > 0)) return this.clear(deadline)
      deadline.due = now + ms
      set.add(deadline)
    },
    clear(deadline) {
      deadline.due = Infinity
      set.delete(deadline)
    },
    drop(deadline) {
      this.clear(deadline)
    },
    close: () => set.clear(),
    advance(ms) {
      const until = now + ms
      for (let deadline = next(until); deadline !== undefined; deadline = next(until)) {
        now = deadline.due
        this.clear(deadline)
        deadline.fire()
      }
      now = until
    },
  }
}
