// Finds waits that nothing can end any more because the code that was to end them has been ended itself. Who that was is not
// guessed: what can never be called again is garbage, and a collection finds exactly that, never what could still go on.
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

export interface Wait {
  readonly back: WeakRef<object>
  readonly lost: () => void
}

/** Undefined: no code is ever ended in this process, and nobody pays for it. */
let waits: Set<Wait> | undefined

/** From now on code may be ended. */
export function keepWaits(): void {
  waits ??= new Set()
}

/**
 * `back`: the function that is called when the wait is over, held by what is waited for and by nothing else, also not by
 * `lost`, which is told where it will never be called.
 */
export function beginWait(back: object, lost: () => void): Wait | undefined {
  if (waits === undefined) return undefined
  const wait = { back: new WeakRef(back), lost }
  waits.add(wait)
  return wait
}

export function endWait(wait: Wait | undefined): void {
  if (wait !== undefined) waits?.delete(wait)
}

/** To be called in a turn of the loop of its own, after code was ended. Takes some ms, more with a large heap. */
export function findLost(): void {
  if (waits === undefined || waits.size === 0) return
  collectGarbage()
  for (const wait of waits) {
    if (wait.back.deref() !== undefined) continue
    // Before it is told: its pipe may be ended again, and the next call finds the others.
    waits.delete(wait)
    wait.lost()
  }
}

let collect: (() => void) | undefined

function collectGarbage(): void {
  if (collect === undefined) {
    setFlagsFromString('--expose-gc')
    collect = runInNewContext('gc') as () => void
    // For whatever else asks, all is as it was.
    setFlagsFromString('--no-expose-gc')
  }
  collect()
}
