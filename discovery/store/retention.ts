// Removes old history on a schedule, so that the store does not grow for ever.
import cron from 'node-cron'
import type { Clock } from '../../shared/clock.js'
import type { RetentionConfig } from '../../shared/config/model.js'
import type { Log } from '../../shared/log.js'
import type { Store } from './store.js'

/**
 * Prunes when `config.schedule` says so, one run at a time: a run that is due while one is busy is skipped. `known` gives
 * the ids of the instances that the registry holds. A failure is logged, the next run tries again.
 */
export function startRetention(
  config: RetentionConfig,
  known: () => readonly string[],
  store: Pick<Store, 'history'>,
  deps: { clock: Pick<Clock, 'now' | 'wall'>; log: Log },
): { close(): void } {
  const { clock, log } = deps

  async function prune(): Promise<void> {
    const begun = clock.now()
    const now = clock.wall()
    try {
      const removed = await store.history.prune({
        events: now - config.eventsMs,
        minutes: now - config.minutesMs,
        hours: now - config.hoursMs,
        requests: now - config.requestsMs,
        gone: now - config.goneMs,
        known: known(),
      })
      log.info({ removed, tookMs: Math.round(clock.now() - begun) }, 'old history is removed')
    } catch (error) {
      log.warn({ err: error instanceof Error ? error.message : String(error) }, 'old history could not be removed')
    }
  }

  // By default the package writes to the console.
  const logger = {
    debug: (message: string | Error) => log.debug({}, String(message)),
    info: (message: string) => log.debug({}, message),
    warn: (message: string) => log.debug({}, message),
    error: (message: string | Error) => log.warn({}, String(message)),
  }
  const task = cron.schedule(config.schedule, prune, { noOverlap: true, suppressMissedWarning: true, logger })
  return { close: () => void task.destroy() }
}
