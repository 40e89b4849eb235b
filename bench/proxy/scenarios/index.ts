// All scenarios, in the order of the page.
import { PIPES } from '../../pipes/scenarios.js'
import { BODIES, NEW_CONNECTIONS, TLS } from './by-wrk.js'
import { KEPT } from './kept.js'
import { LONG_RUN } from './long-run.js'
import { MEMORY } from './memory.js'
import { MIXED } from './mixed.js'
import { OPEN_LOOP } from './open-loop.js'
import type { Scenario } from './scenario.js'
import { WEBSOCKET } from './websocket.js'

export const SCENARIOS: readonly Scenario[] = [
  ...KEPT,
  ...BODIES,
  ...NEW_CONNECTIONS,
  ...TLS,
  WEBSOCKET,
  MIXED,
  ...OPEN_LOOP,
  MEMORY,
  ...PIPES,
  LONG_RUN,
]

/** By its name, or by the beginning of it up to a dash: `small` is all of them, `small-64` that one. */
export function scenariosNamed(wanted: readonly string[]): readonly Scenario[] {
  const fits = (name: string, word: string) => name === word || name.startsWith(`${word}-`)
  const unknown = wanted.find((word) => !SCENARIOS.some(({ name }) => fits(name, word)))
  if (unknown !== undefined) {
    throw new Error(`unknown scenario "${unknown}": choose from ${SCENARIOS.map(({ name }) => name).join(', ')}`)
  }
  return SCENARIOS.filter(({ name }) => wanted.some((word) => fits(name, word)))
}
