// A pipe's watcher, kept from harming the body that it watches: one that throws sees no more, and each end is told once.
import type { BodyWatcher } from './pipe.js'
import { type Stuck, within } from './running.js'

export interface WatchingOwner extends Stuck {
  /** Whoever watched a body has thrown. */
  threw(error: unknown): void
}

export function guarded(watcher: BodyWatcher, owner: WatchingOwner): BodyWatcher {
  let working = true
  const run = (what: () => void): void => {
    if (!working) return
    try {
      within(owner, undefined, what)
    } catch (error) {
      working = false
      owner.threw(error)
    }
  }
  return {
    piece: (bytes) => run(() => watcher.piece(bytes)),
    end: (whole) => {
      run(() => watcher.end(whole))
      working = false
    },
  }
}
