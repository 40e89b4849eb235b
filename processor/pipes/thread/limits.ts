// How much one pipe's thread may ask of its worker: kept where it is said, and again where it is heard, for a thread is not trusted.

/** Requests of one thread under way at once. */
export const MOST_CALLS = 256
/** Decisions about limits that it waits for. */
export const MOST_DECISIONS = 10_000
/** Lines that it may log in a second. */
export const MOST_LINES = 100

/** The returned function is asked before each; false: there were `most` in this second. `now`: monotonic milliseconds. */
export function perSecond(most: number, now: () => number): () => boolean {
  let second = 0
  let count = 0
  return () => {
    const current = Math.floor(now() / 1000)
    if (current !== second) [second, count] = [current, 0]
    return ++count <= most
  }
}
