// Finds waits that nothing can end any more because the code that was to end them has been ended itself. Who that was is not
// guessed: what can never be called again is garbage, and a collection finds exactly that, never what could still go on.
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { alone } from './alone.js'
import { mayEnd } from './running.js'

export interface Waiting {
  /** Nothing will ever call back. `name`: of the pipe whose code was ended. */
  lost(name: string): void
  /** Lets go, for a moment, of what it holds itself of that which calls back. */
  release?(): void
  /** Takes it again. */
  hold?(): void
}

export interface Wait {
  readonly back: WeakRef<object>
  readonly waiting: Waiting
}

const waits = new Set<Wait>()

/** `back`: the function that is called when the wait is over, held by what is waited for and by nothing else. */
export function beginWait(back: object, waiting: Waiting): Wait | undefined {
  if (!mayEnd()) return undefined
  const wait = { back: new WeakRef(back), waiting }
  waits.add(wait)
  return wait
}

export function endWait(wait: Wait | undefined): void {
  if (wait !== undefined) waits.delete(wait)
}

/** To be called after code was ended. Holds the loop up for some ms, longer with a large heap. */
export async function findLost(name: string): Promise<void> {
  if (waits.size === 0) return
  for (const { waiting } of waits) waiting.release?.()
  // What a weak reference was made to, or asked for, is held until the end of the turn.
  await alone()
  collectGarbage()
  for (const wait of waits) wait.waiting.hold?.()
  for (const wait of waits) {
    if (wait.back.deref() !== undefined) continue
    // Before it is told: its pipe may have to be ended again, and the next call finds the others.
    waits.delete(wait)
    wait.waiting.lost(name)
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
