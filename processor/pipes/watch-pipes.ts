// Has a watchdog as long as a worker has users' pipes in its own process.
import type { Log } from '../../shared/log.js'
import type { Rack } from './rack.js'
import { createWatchdog, type Watchdog } from './watchdog.js'

/** Less than a second passes before the loop turns again; garbage collection and large bodies take much less. */
const STILL_MS = 400

export function watchPipes(pipes: Pick<Rack, 'steps'>, log: Log): { renew(): void } {
  let watchdog: Watchdog | undefined
  return {
    renew() {
      const modules = [...pipes.steps].flatMap((step) =>
        step.foreign ? [[step.config.module as string, step.name] as const] : [],
      )
      if (modules.length === 0) {
        watchdog?.close()
        watchdog = undefined
        return
      }
      watchdog ??= createWatchdog(STILL_MS, { log })
      watchdog.watch(modules)
    },
  }
}
