// Long work in pieces: what else the process has to do, such as the requests of clients, gets its turn between them.

export interface Breaks {
  /** Whether this turn has lasted long enough. */
  due(): boolean
  /** Resolves when all else that was waiting has had its turn. */
  take(): Promise<void>
}

/** `mostMs`: of one turn. */
export function createBreaks(mostMs: number): Breaks {
  let since = performance.now()
  return {
    due: () => performance.now() - since >= mostMs,
    take: () =>
      new Promise((resolve) => {
        setImmediate(() => {
          since = performance.now()
          resolve()
        })
      }),
  }
}
