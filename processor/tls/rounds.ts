// Looks after something from time to time, one round after another and never two at once.

export interface Rounds {
  /** A round that begins after this call has ended. */
  check(): Promise<void>
  close(): void
}

/** The timer keeps no process alive. */
export function createRounds(round: () => Promise<void>, everyMs: number): Rounds {
  let last = Promise.resolve()
  let waiting = 0
  const check = (): Promise<void> => {
    waiting++
    last = last.then(round).finally(() => waiting--)
    return last
  }
  // A file system that hangs must not gather rounds.
  const timer = setInterval(() => {
    if (waiting === 0) void check()
  }, everyMs)
  timer.unref()
  return { check, close: () => clearInterval(timer) }
}
