// Costly answers that many ask for at once: one is made at a time, and those who wait share the next.

/** An answer is never older than the question: who asks while a round runs gets the one after it. */
export function oneAtATime<T>(round: () => Promise<T>): () => Promise<T> {
  let running: Promise<unknown> = Promise.resolve()
  let next: Promise<T> | undefined
  return () => {
    if (next === undefined) {
      next = running.then(() => {
        next = undefined
        return round()
      })
      running = next.catch(() => undefined)
    }
    return next
  }
}
