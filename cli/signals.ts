// SIGHUP and SIGUSR2 ask a server for something; without a listener they end a process, so they are taken first of all.
// What comes before somebody serves them is served then, once.

export interface Requests {
  readonly reload: () => void
  readonly replaceWorkers: () => void
}

export interface Signals {
  serve(by: Requests): void
  /** For whoever serves nothing: they end the process as they always do, also the ones that came before. */
  release(): void
}

const MEANING = { SIGHUP: 'reload', SIGUSR2: 'replaceWorkers' } as const
type Signal = keyof typeof MEANING

export function takeSignals(own: Pick<NodeJS.Process, 'on' | 'off' | 'kill' | 'pid'> = process): Signals {
  const early = new Set<Signal>()
  let served: Requests | undefined
  const listener = (signal: Signal): void => {
    if (served === undefined) early.add(signal)
    else served[MEANING[signal]]()
  }
  own.on('SIGHUP', listener).on('SIGUSR2', listener)
  return {
    serve(by) {
      served = by
      for (const signal of early) by[MEANING[signal]]()
      early.clear()
    },
    release() {
      own.off('SIGHUP', listener).off('SIGUSR2', listener)
      for (const signal of early) own.kill(own.pid, signal)
    },
  }
}
