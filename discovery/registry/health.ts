// What polls say about an instance: it flips only on consecutive evidence, so that one lost packet cannot empty a pool.
import type { HealthState, Observation } from './status.js'

/** Consecutive polls that are needed to turn `down` into `up`, and anything else into `down`. */
export interface Thresholds {
  readonly rise: number
  readonly fall: number
}

/**
 * The state after one more poll. The first pass ends `unknown`; `fall` failures in a row make any state `down`; `rise`
 * passes in a row make `down` `up`. A poll that says nothing of the instance (`inconclusive`) neither feeds nor breaks
 * such a row, but `fall` of them in a row turn `up` into `unknown`: nobody has seen the instance for so long.
 */
export function observe(h: HealthState, o: Pick<Observation, 'verdict' | 'endedAt'>, t: Thresholds): HealthState {
  if (o.verdict === 'inconclusive') {
    if (h.health !== 'up') return h
    return h.blind + 1 < t.fall ? { ...h, blind: h.blind + 1 } : flip('unknown', o.endedAt)
  }
  const evidence = o.verdict === 'passed' ? 'up' : 'down'
  if (evidence === h.health) return h.streak === 0 && h.blind === 0 ? h : { ...h, streak: 0, blind: 0 }
  // From `unknown` only failures are counted: the first pass settles it.
  const needed = evidence === 'down' ? t.fall : h.health === 'unknown' ? 1 : t.rise
  return h.streak + 1 < needed ? { ...h, streak: h.streak + 1, blind: 0 } : flip(evidence, o.endedAt)
}

function flip(health: HealthState['health'], at: number): HealthState {
  return { health, streak: 0, blind: 0, since: at }
}
