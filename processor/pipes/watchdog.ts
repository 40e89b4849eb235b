// Ends a user's pipe that never comes back: a thread beside the event loop sees that it stands still, looks at where, and
// ends the running code where that is a pipe's. Only its exchange is lost; all others are merely late.
import { Worker } from 'node:worker_threads'
import type { Log } from '../../shared/log.js'
import { findLost } from './lost.js'
import { takeEnded } from './running.js'

/** The loop shows this often that it turns. */
const BEAT_MS = 50

export interface Watchdog {
  /** Absolute paths of the modules whose code may be ended, each with the name of its pipe. */
  watch(modules: readonly (readonly [module: string, name: string])[]): void
  close(): Promise<void>
}

interface Ended {
  readonly name: string
}

/** `stillMs`: how long the loop may stand still. */
export function createWatchdog(stillMs: number, deps: { readonly log: Log }): Watchdog {
  const beats = new Int32Array(new SharedArrayBuffer(4))
  const beat = setInterval(() => void Atomics.add(beats, 0, 1), BEAT_MS)
  beat.unref()
  const thread = new Worker(WATCH, { eval: true, workerData: { beats, stillMs, everyMs: BEAT_MS }, stdin: false })
  thread.unref()
  thread.on('message', ({ name }: Ended) => {
    deps.log.error({ pipe: name }, 'a pipe did not come back and was ended')
    // In a hook it was the exchange's; in a callback of its own nobody waits for it.
    for (const ended of takeEnded()) ended.run.stuck(ended.name ?? name)
    // Behind an await nobody calls: what was to go on there, or right after it, is known by what nothing can call any more.
    void findLost(name)
  })
  // Without it, a worker that stands still is replaced by its supervisor, later.
  thread.on('error', (error) =>
    deps.log.warn({ error: error.message }, 'pipes that never come back cannot be ended alone'),
  )
  return {
    watch: (modules) => thread.postMessage(modules),
    async close() {
      clearInterval(beat)
      await thread.terminate()
    },
  }
}

/** CommonJS, as threads made from text are. Kept small: it runs beside every worker that has users' pipes. */
const WATCH = `
const { parentPort, workerData } = require('node:worker_threads')
const { Session } = require('node:inspector')
const { beats, stillMs, everyMs } = workerData
let modules = []
parentPort.on('message', (given) => { modules = given })
const session = new Session()
session.connectToMainThread()
let last = Atomics.load(beats, 0)
// Counted in turns of its own and not by the clock: a machine that stood still has held up this thread, too.
let still = 0
const most = Math.ceil(stillMs / everyMs)
let looking = false
// Urls have the path percent-encoded, and a query behind it.
const plain = (url) => { try { return decodeURIComponent(url.replace(/^file:\\/\\//, '').replace(/\\?.*$/, '')) } catch { return url } }
// A frame names its script by number; all scripts are told when debugging begins.
const scripts = new Map()
session.on('Debugger.scriptParsed', ({ params }) => { scripts.set(params.scriptId, params.url) })
session.on('Debugger.paused', ({ params }) => {
  const frames = params.callFrames.map(({ location }) => plain(scripts.get(location.scriptId) ?? ''))
  const guilty = modules.find(([module]) => frames.includes(module))
  // The loop may have gone on in the meantime, or it is busy with something else.
  if (guilty !== undefined && Atomics.load(beats, 0) === last) {
    session.post('Runtime.terminateExecution', () => undefined)
    parentPort.postMessage({ name: guilty[1] })
  }
  session.post('Debugger.resume', () => undefined)
  session.post('Debugger.disable', () => { looking = false; scripts.clear() })
})
setInterval(() => {
  const beat = Atomics.load(beats, 0)
  if (beat !== last) { last = beat; still = 0; return }
  if (modules.length === 0 || looking || ++still < most) return
  still = 0
  looking = true
  session.post('Debugger.enable', () => undefined)
  session.post('Debugger.pause', () => undefined)
}, everyMs)
`
