// Removes old history on a schedule, so that the store does not grow for ever.
import cron from 'node-cron'
import type { Clock } from '../../shared/clock.js'
import type { RetentionConfig } from '../../shared/config/model.js'
import type { Log } from '../../shared/log.js'
import { cronLog } from '../cron-log.js'
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
      log.warn({ reason: error instanceof Error ? error.message : String(error) }, 'old history could not be removed')
    }
  }

  const options = { noOverlap: true, suppressMissedWarning: true, logger: cronLog(log), name: 'retention' }
  const task = cron.schedule(config.schedule, prune, options)
  return { close: () => void task.destroy() }
}
