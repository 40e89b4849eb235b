// Traffic failed at an instance: it is polled at once instead of at its next turn, so that one truth is soon known to all.
import type { Clock } from '../../shared/clock.js'
import type { Registry } from '../registry/status.js'
import type { Poller } from './poller.js'

/** However many requests fail, an instance gets a series of polls out of turn this often at most. */
const PAUSE_MS = 1000

/**
 * `suspect(id)`: polls an instance out of turn until polls agree that it is down, or one of them passes; unless it is down
 * already or was suspected a moment ago.
 */
export function createSuspicion(
  registry: Pick<Registry, 'status'>,
  poller: Pick<Poller, 'pollNow'>,
  deps: { readonly clock: Clock },
): (id: string) => void {
  /** When each was polled last, the oldest first. */
  const last = new Map<string, number>()
  return (id) => {
    const status = registry.status(id)
    if (status === undefined || status.instance.health === 'down') return
    const now = deps.clock.now()
    for (const [old, at] of last) {
      if (now - at < PAUSE_MS) break
      last.delete(old)
    }
    if (last.has(id)) return
    last.set(id, now)
    poller.pollNow(id, status.polling.fall)
  }
}
