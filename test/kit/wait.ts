// Waiting for a condition with a bound, so that no test sleeps and none waits for ever.

export interface WaitOptions {
  /** How long to try before giving up, in milliseconds of real time. */
  timeoutMs?: number
  intervalMs?: number
  /** What is awaited, for the error message. */
  what?: string
}

/**
 * Calls `condition` until it returns something truthy and resolves with that. A condition that throws counts as not
 * yet true; its last error is in the message of the rejection when the time is up.
 */
export async function waitFor<T>(
  condition: () => T | Promise<T>,
  options: WaitOptions = {},
): Promise<Exclude<T, false | 0 | '' | null | undefined>> {
  const { timeoutMs = 20_000, intervalMs = 10, what = 'a condition' } = options
  const deadline = performance.now() + timeoutMs
  let lastError: unknown
  for (;;) {
    try {
      const value = await condition()
      if (value) return value as Exclude<T, false | 0 | '' | null | undefined>
      lastError = undefined
    } catch (error) {
      lastError = error
    }
    if (performance.now() >= deadline) {
      const why = lastError === undefined ? '' : `: ${String(lastError)}`
      throw new Error(`waited ${timeoutMs} ms for ${what}${why}`, { cause: lastError })
    }
    await new Promise((resolve) => setTimeout(resolve, intervalMs))
  }
}

/** Rejects when `promise` has not settled in time: for promises that a defect would leave pending for ever. */
export async function within<T>(promise: Promise<T>, timeoutMs: number, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} took longer than ${timeoutMs} ms`)), timeoutMs)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
