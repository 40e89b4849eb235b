// Lets only so many costly checks run at once, and only so many wait: a flood of guesses must not take every thread.

export interface Gate {
  /** Runs `run` as soon as there is a place; or `busy` in its stead, where too many wait or it has waited too long. */
  enter<T>(run: () => Promise<T>, busy: () => T): Promise<T>
  readonly running: number
  readonly waiting: number
}

export interface GateLimits {
  readonly atOnce: number
  readonly waiting: number
  /** Well below the time that a hook of a pipe has. */
  readonly longestMs: number
}

/** `now`: monotonic milliseconds. */
export function createGate({ atOnce, waiting, longestMs }: GateLimits, now: () => number): Gate {
  const line: (() => void)[] = []
  let running = 0

  // The place goes from hand to hand, so that nobody who comes now can take it.
  function leave(): void {
    const next = line.shift()
    if (next === undefined) running--
    else next()
  }

  return {
    async enter(run, busy) {
      if (running < atOnce) running++
      else {
        if (line.length >= waiting) return busy()
        const since = now()
        await new Promise<void>((resolve) => line.push(resolve))
        if (now() - since > longestMs) {
          leave()
          return busy()
        }
      }
      try {
        return await run()
      } finally {
        leave()
      }
    },
    get running() {
      return running
    },
    get waiting() {
      return line.length
    },
  }
}
