// Power of two choices: of two drawn endpoints the one with less to do. Nearly as even as looking at all of them, at the
// cost of two, and gateways that know nothing of each other do not all run to the same one.
import type { Balancer, BalancerDeps, Candidate } from '../balancer.js'
import { draw } from './draw.js'

/**
 * One so many times slower than the other is in trouble, and what differs less is noise. At a low load it would have
 * nothing to do most of the time, and be taken for that: so it must also have so many times less to do.
 */
const MUCH = 4

export function createP2c<C extends Candidate>(tier: readonly C[], deps: BalancerDeps = {}): Balancer<C> {
  const { random = Math.random } = deps
  return {
    pick(_request, tried) {
      const one = draw(tier, tried, undefined, random)
      if (one === undefined) return undefined
      const other = draw(tier, tried, one, random)
      return other === undefined ? one : better(one, other)
    },
  }
}

function better<C extends Candidate>(one: C, other: C): C {
  const slow = one.latencyMs
  const fast = other.latencyMs
  // As it would be with the request; one that has not answered yet is not known to be fast.
  let mine = (one.inFlight + 1) / one.weight
  let its = (other.inFlight + 1) / other.weight
  if (fast > 0 && slow > fast * MUCH) mine *= MUCH
  else if (slow > 0 && fast > slow * MUCH) its *= MUCH
  if (mine !== its) return mine < its ? one : other
  return slow <= fast ? one : other
}
