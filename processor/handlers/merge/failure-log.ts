// Says in the log why parts of answers are missing. A service that is down fails with every request: one line a second is enough.
import type { Log } from '../../../shared/log.js'

const EVERY_MS = 1000

export interface FailureLogDeps {
  readonly deps: { readonly log: Log }
  readonly wheel: { now(): number }
}

export type FailureLog = (about: Record<string, unknown>, reason: string) => void

export function createFailureLog({ deps, wheel }: FailureLogDeps): FailureLog {
  let saidAt = -Infinity
  let unsaid = 0
  return (about, reason) => {
    if (wheel.now() - saidAt < EVERY_MS) return void unsaid++
    saidAt = wheel.now()
    deps.log.info({ ...about, reason, suppressed: unsaid }, 'a part of an answer is missing')
    unsaid = 0
  }
}
