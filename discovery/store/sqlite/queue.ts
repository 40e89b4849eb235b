// Reads in line before the thread, so that a batch never waits behind more than two of them.
import { StoreUnavailable } from '../store.js'

export type Queue = <R>(read: () => Promise<R>) => Promise<R>

const AT_ONCE = 2
const MOST_WAITING = 10_000

/** Rejects with StoreUnavailable when too many are waiting already. */
export function createQueue(): Queue {
  const waiting: (() => void)[] = []
  let running = 0

  return async (read) => {
    if (running >= AT_ONCE) {
      if (waiting.length >= MOST_WAITING) throw new StoreUnavailable('too many queries wait for the store')
      await new Promise<void>((resolve) => waiting.push(resolve))
    } else {
      running++
    }
    try {
      return await read()
    } finally {
      const next = waiting.shift()
      if (next) next()
      else running--
    }
  }
}
