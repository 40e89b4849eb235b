// The endpoint with the fewest requests in flight for its weight: for requests that last long, or very differently long.
import { type Balancer, type BalancerDeps, type Candidate, mayTake } from '../balancer.js'

export function createLeastConnections<C extends Candidate>(tier: readonly C[], deps: BalancerDeps = {}): Balancer<C> {
  const start = Math.floor((deps.random ?? Math.random)() * tier.length)
  const order = [...tier.slice(start), ...tier.slice(0, start)]
  return {
    pick(_request, tried) {
      let least = Infinity
      for (const candidate of order) {
        if (mayTake(candidate, tried)) least = Math.min(least, candidate.inFlight / candidate.weight)
      }
      // Those that have as little to do take turns by weight, as in round-robin: at a low load that is all of them.
      let best: C | undefined
      let total = 0
      for (const candidate of order) {
        const { weight } = candidate
        if (!mayTake(candidate, tried) || candidate.inFlight / weight > least) continue
        candidate.credit += weight
        total += weight
        if (best === undefined || candidate.credit > best.credit) best = candidate
      }
      if (best !== undefined) best.credit -= total
      return best
    },
  }
}
