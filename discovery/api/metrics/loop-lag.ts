// How late the event loop of this process runs, of late: since the start would hide a trouble of now behind a quiet month.
import { monitorEventLoopDelay } from 'node:perf_hooks'

/** Fine enough to see a stall, coarse enough to cost nothing. */
const RESOLUTION_MS = 20
const WINDOW_MS = 10_000

export interface LoopLag {
  /** 99th percentile of the window that runs and the one before it. */
  seconds(): number
  close(): void
}

export function createLoopLag(): LoopLag {
  const loop = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  loop.enable()
  let before = 0
  const turn = setInterval(() => {
    before = lagOf(loop.percentile(99))
    loop.reset()
  }, WINDOW_MS)
  turn.unref()
  return {
    seconds: () => Math.max(before, lagOf(loop.percentile(99))),
    close() {
      clearInterval(turn)
      loop.disable()
    },
  }
}

// What is measured is the time from one look to the next, which are meant to be RESOLUTION_MS apart.
function lagOf(nanoseconds: number): number {
  return Number.isFinite(nanoseconds) ? Math.max(0, nanoseconds / 1e9 - RESOLUTION_MS / 1000) : 0
}
