// Smooth weighted round-robin: over each run of weights every endpoint gets its share, spread as evenly as can be.
import { type Balancer, type BalancerDeps, type Candidate, mayTake, weighAlike } from '../balancer.js'

export function createRoundRobin<C extends Candidate>(tier: readonly C[], deps: BalancerDeps = {}): Balancer<C> {
  // The start is random: workers must not all begin with the same instance.
  const start = Math.floor((deps.random ?? Math.random)() * tier.length)
  return weighAlike(tier, deps) ? createPlain(tier, start) : createWeighted(tier, start)
}

// Equal weights need no arithmetic.
function createPlain<C extends Candidate>(tier: readonly C[], start: number): Balancer<C> {
  let next = start
  return {
    pick(_request, tried) {
      for (let i = 0; i < tier.length; i++) {
        const candidate = tier[next]
        next = next + 1 === tier.length ? 0 : next + 1
        if (candidate !== undefined && mayTake(candidate, tried)) return candidate
      }
      return undefined
    },
  }
}

// Each turn every candidate earns its weight and the richest one pays the whole: the order a a b a for 3:1.
function createWeighted<C extends Candidate>(tier: readonly C[], start: number): Balancer<C> {
  const order = [...tier.slice(start), ...tier.slice(0, start)]
  return {
    pick(_request, tried) {
      let best: C | undefined
      let total = 0
      for (const candidate of order) {
        if (!mayTake(candidate, tried)) continue
        const { weight } = candidate
        candidate.credit += weight
        total += weight
        if (best === undefined || candidate.credit > best.credit) best = candidate
      }
      if (best !== undefined) best.credit -= total
      return best
    },
  }
}
