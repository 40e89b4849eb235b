// How much memory this process really uses: what nobody holds any more is collected first.
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void
const MOST_TIMES = 10
const NOISE_BYTES = 64 * 1024

export interface UsedBytes {
  readonly heap: number
  /** Heap, and the buffers beside it. */
  readonly all: number
}

/** One collection leaves things behind that only the next one finds dead: it goes on until nothing more goes. */
export function usedBytes(): UsedBytes {
  let used = Infinity
  for (let i = 0; i < MOST_TIMES; i++) {
    collectGarbage()
    const { heapUsed, arrayBuffers } = process.memoryUsage()
    const now = heapUsed + arrayBuffers
    if (now > used - NOISE_BYTES) return { heap: heapUsed, all: now }
    used = now
  }
  return { heap: process.memoryUsage().heapUsed, all: used }
}
