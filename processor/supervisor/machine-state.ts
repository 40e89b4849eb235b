// What all workers of the machine share: their supervisor keeps it, so it outlives each of them and every reload.
import type { Clock } from '../../shared/clock.js'
import type { Ask, Decided } from '../pipes/machine-state.js'
import { RateTables } from '../pipes/rate-table.js'

export interface SharedState {
  decide(ask: Ask): Decided
}

export function createSharedState({ clock }: { readonly clock: Pick<Clock, 'now'> }): SharedState {
  const tables = new RateTables()
  return {
    decide({ turn, limits }) {
      const now = clock.now()
      const verdicts = limits.flatMap(({ name, rule, keys }) => {
        const table = tables.of(name, rule, now)
        return keys.map((key) => table.take(key, now))
      })
      return { turn, verdicts }
    },
  }
}
