// A guard over a fake wheel, with the config of the tests and a memory of its changes.
import { Guard, type GuardConfig } from '../../../processor/resilience/guard.js'
import { BREAKER, OUTLIER } from '../../../shared/config/defaults.js'
import type { BreakerConfig, OutlierConfig } from '../../../shared/config/model.js'
import { type FakeWheel, fakeWheel } from './fake-wheel.js'

export interface Guarded {
  readonly guard: Guard
  readonly wheel: FakeWheel
  /** Kinds, in order of their changes. */
  readonly kinds: string[]
  /** `barred`, at each call of `changed`. */
  readonly barred: boolean[]
  /** The cap. */
  room: boolean
}

export function configOf(outlier: Partial<OutlierConfig> = {}, breaker?: Partial<BreakerConfig>): GuardConfig {
  return { outlier: { ...OUTLIER, ...outlier }, breaker: breaker && { ...BREAKER, ...breaker } }
}

export function guarded(outlier: Partial<OutlierConfig> = {}, breaker?: Partial<BreakerConfig>): Guarded {
  const wheel = fakeWheel()
  const kinds: string[] = []
  const barred: boolean[] = []
  const guard: Guard = new Guard(configOf(outlier, breaker), {
    wheel,
    mayEject: () => it.room,
    changed: (changed) => {
      barred.push(changed.barred)
      if (kinds.at(-1) !== changed.kind) kinds.push(changed.kind)
    },
  })
  const it: Guarded = { guard, wheel, kinds, barred, room: true }
  return it
}

/** One more try, from its beginning to its end. */
export function attempt({ guard, wheel }: Guarded, outcome: number | 'refused' | 'failure' | 'truncated'): void {
  const startedAt = wheel.now()
  const trial = guard.begin()
  if (typeof outcome === 'number') {
    guard.succeeded(outcome, trial, startedAt)
    guard.whole()
  } else if (outcome === 'truncated') {
    guard.succeeded(200, trial, startedAt)
    guard.failed('truncated', trial, startedAt)
  } else guard.failed(outcome, trial, startedAt)
}

/** The guard open, as an outlier, since this very moment. */
export function opened(outlier: Partial<OutlierConfig> = {}): Guarded {
  const it = guarded(outlier)
  attempt(it, 'refused')
  return it
}
