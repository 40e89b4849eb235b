// Flap damping: an instance whose health changes again and again is taken for down until it has been steady for a while.
import type { DampingConfig } from '../../shared/config/model.js'
import type { Health } from '../../shared/registry/instance.js'
import type { Observation } from './status.js'

/** Times are epoch milliseconds. */
export interface Damping {
  /** Of the changes within the window, the oldest first. */
  readonly changes: readonly number[]
  readonly flapping: boolean
  /** Of the last failed poll. */
  readonly failedAt: number
}

export const STEADY: Damping = { changes: [], flapping: false, failedAt: -Infinity }

/**
 * The state after one more poll that took the health from `before` to `after`. Only changes between `up` and `down` count:
 * `unknown` is no opinion. Without a config nothing ever flaps.
 */
export function damp(
  d: Damping,
  o: Pick<Observation, 'verdict' | 'endedAt'>,
  { before, after }: { readonly before: Health; readonly after: Health },
  config: DampingConfig | undefined,
): Damping {
  if (config === undefined) return STEADY
  const failedAt = o.verdict === 'failed' ? o.endedAt : d.failedAt
  if (d.flapping) return o.endedAt - failedAt >= config.steadyMs ? { ...STEADY, failedAt } : { ...d, failedAt }
  const changed = before !== after && before !== 'unknown' && after !== 'unknown'
  const recent = d.changes.filter((at) => o.endedAt - at < config.windowMs)
  const changes = changed ? [...recent, o.endedAt] : recent
  return { changes, flapping: changes.length >= config.changes, failedAt }
}
