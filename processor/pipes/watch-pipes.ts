// Has a watchdog from the moment at which a worker gets the first user's pipe into its own process. It stays: code of a pipe
// that has left may still run.
import type { Log } from '../../shared/log.js'
import { hearModules } from './blame.js'
import { expectEnds } from './running.js'
import { createWatchdog, type Watchdog } from './watchdog.js'

/** Less than a second passes before the loop turns again; garbage collection and large bodies take much less. */
const STILL_MS = 400

/** `close`: before the process ends, which would wait for whoever looks into it. */
export function watchPipes(log: Log): { close(): Promise<void> } {
  let watchdog: Watchdog | undefined
  hearModules((modules) => {
    expectEnds()
    watchdog ??= createWatchdog(STILL_MS, { log })
    watchdog.watch([...modules])
  })
  return { close: async () => watchdog?.close() }
}
