// Each endpoint with a chance of its weight: needs no memory, so many gateways never fall into step with each other.
import { type Balancer, type BalancerDeps, type Candidate, mayTake, weighAlike } from '../balancer.js'
import { draw } from './draw.js'

export function createRandom<C extends Candidate>(tier: readonly C[], deps: BalancerDeps = {}): Balancer<C> {
  const { random = Math.random } = deps
  if (weighAlike(tier, deps)) return { pick: (_request, tried) => draw(tier, tried, undefined, random) }
  return {
    pick(_request, tried) {
      // As in `draw`: the nth replaces the one found before with a chance of its weight in all weights up to there.
      let found: C | undefined
      let total = 0
      for (const candidate of tier) {
        if (!mayTake(candidate, tried)) continue
        const { weight } = candidate
        total += weight
        if (random() * total < weight) found = candidate
      }
      return found
    },
  }
}
