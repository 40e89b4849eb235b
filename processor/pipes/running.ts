// Which exchanges users' code is being called for right now: where a call never comes back, this tells whose it was.

export interface Stuck {
  /** The call of the pipe `name` was ended from outside; nothing behind it has run. */
  stuck(name: string): void
}

interface Running {
  readonly run: Stuck
  /** Of the pipe; undefined where that is not known. */
  readonly name: string | undefined
}

/** The innermost last: a hook may well lead into another one's, of another exchange. Ended code leaves its own behind. */
const calls: Running[] = []

let ending = false

/** From now on somebody looks after users' code in this process, and ends what never comes back. */
export function expectEnds(): void {
  ending = true
}

/** Where nothing is ever ended, nobody has to pay for being prepared. */
export function mayEnd(): boolean {
  return ending
}

export function within<T>(run: Stuck, name: string | undefined, call: () => T): T {
  const depth = calls.length
  calls.push({ run, name })
  try {
    return call()
  } finally {
    calls.length = depth
  }
}

/** To be called where no user's code runs: what is still there was ended, and each is given out once. */
export function takeEnded(): readonly Running[] {
  return calls.splice(0)
}
