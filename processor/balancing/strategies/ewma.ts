// The endpoint where the answer should come soonest: its latency of late, once for each request that it has and for this one.
import { type Balancer, type BalancerDeps, type Candidate, mayTake } from '../balancer.js'
import { draw } from './draw.js'

/** Up to so many are all compared; of more, two. */
const FEW = 8
/** Cost, in milliseconds, of each request at one that has not answered yet: more than any latency. */
const UNHEARD_MS = 1e9

export function createEwma<C extends Candidate>(tier: readonly C[], deps: BalancerDeps = {}): Balancer<C> {
  const { random = Math.random } = deps
  if (tier.length > FEW) {
    return {
      pick(_request, tried) {
        const one = draw(tier, tried, undefined, random)
        if (one === undefined) return undefined
        const other = draw(tier, tried, one, random)
        return other === undefined || cost(one) <= cost(other) ? one : other
      },
    }
  }
  // Each pick begins with another one, which wins over its equals.
  let next = Math.floor(random() * tier.length)
  return {
    pick(_request, tried) {
      let best: C | undefined
      let least = Infinity
      next = next + 1 >= tier.length ? 0 : next + 1
      for (let i = next, left = tier.length; left > 0; left--) {
        const candidate = tier[i]
        i = i + 1 === tier.length ? 0 : i + 1
        if (candidate === undefined || !mayTake(candidate, tried)) continue
        const its = cost(candidate)
        if (best === undefined || its < least) {
          best = candidate
          least = its
        }
      }
      return best
    },
  }
}

// One that has not answered yet gets a request at once, and no second one before that is answered, unless all others are
// like it: what is new may be broken, or slow.
function cost(candidate: Candidate): number {
  const { inFlight, latencyMs, weight } = candidate
  return latencyMs > 0 ? (latencyMs * (inFlight + 1)) / weight : (UNHEARD_MS * inFlight) / weight
}
