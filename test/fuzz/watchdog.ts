// A parser that never returns blocks the only thread that could say so: another thread looks on, names the case and ends it all.
import { Worker } from 'node:worker_threads'
import type { Case } from './cases.js'

export interface Watchdog {
  /** Says what is being tried from now on. */
  watch(property: string, tried: Case): void
  /** Nothing is tried at the moment. */
  rest(): void
  stop(): Promise<void>
}

/** How long one case may take before it counts as hung. */
const PATIENCE_MS = 30_000
const MOST_BYTES = 1 << 20
const HEADER = 16

const THREAD = `
const { workerData } = require('node:worker_threads')
const { writeSync } = require('node:fs')
const { shared, patienceMs, header } = workerData
const state = new Int32Array(shared, 0, 4)
let seen = 0
let since = Date.now()
setInterval(() => {
  const count = Atomics.load(state, 0)
  if (count !== seen || Atomics.load(state, 1) === 0) {
    seen = count
    since = Date.now()
  } else if (Date.now() - since > patienceMs) {
    const text = Buffer.from(shared).toString('latin1', header, header + Math.min(state[2], 8000))
    writeSync(2, 'hung for ' + patienceMs + ' ms, ended. The case: ' + JSON.stringify(text) + '\\n')
    process.kill(process.pid, 'SIGKILL')
  }
}, 500)
`

export function startWatchdog(): Watchdog {
  const shared = new SharedArrayBuffer(HEADER + MOST_BYTES)
  const state = new Int32Array(shared, 0, 4)
  const text = Buffer.from(shared, HEADER)
  const worker = new Worker(THREAD, {
    eval: true,
    execArgv: [],
    workerData: { shared, patienceMs: PATIENCE_MS, header: HEADER },
  })
  worker.unref()
  // A case that waits for the network is bounded by its own waiting: hung is what keeps the loop from turning.
  const turning = setInterval(() => void Atomics.add(state, 0, 1), 1000).unref()
  return {
    watch(property, tried) {
      state[2] = text.write(`${property} ${tried.cuts.join(',')} ${tried.bytes}`, 'latin1')
      Atomics.store(state, 1, 1)
      Atomics.add(state, 0, 1)
    },
    rest: () => void Atomics.store(state, 1, 0),
    async stop() {
      clearInterval(turning)
      await worker.terminate()
    },
  }
}
