// Time that stands still until a test moves it.
import type { Clock } from '../../shared/clock.js'

export interface FakeClock extends Clock {
  /** Runs what falls due within `ms`, in order of due time, and lets promises and ready I/O settle after each. */
  advance(ms: number): Promise<void>
  /** Timers not yet due. */
  readonly pending: number
}

interface Timer {
  readonly at: number
  readonly run: () => void
}

// Enough turns of the loop for a small exchange over loopback inside one process.
const TURNS = 10

async function settle(): Promise<void> {
  for (let i = 0; i < TURNS; i++) await new Promise((resolve) => setImmediate(resolve))
}

/** A clock whose `wall()` begins at `epochMs`. */
export function fakeClock(epochMs = Date.UTC(2030, 0, 1)): FakeClock {
  let now = 0
  // Insertion order breaks ties, as it does for real timers.
  const timers = new Set<Timer>()

  function next(until: number): Timer | undefined {
    let first: Timer | undefined
    for (const timer of timers) if (timer.at <= until && (first === undefined || timer.at < first.at)) first = timer
    return first
  }

  return {
    now: () => now,
    wall: () => epochMs + Math.round(now),
    after(ms, run) {
      const timer = { at: now + Math.max(0, ms), run }
      timers.add(timer)
      return () => timers.delete(timer)
    },
    async advance(ms) {
      const target = now + ms
      await settle()
      for (let timer = next(target); timer; timer = next(target)) {
        timers.delete(timer)
        now = Math.max(now, timer.at)
        timer.run()
        await settle()
      }
      now = target
    },
    get pending() {
      return timers.size
    },
  }
}
