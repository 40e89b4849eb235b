// Smooth weighted round-robin: over each run of weights every endpoint gets its share, spread as evenly as can be.
import type { Endpoint } from './endpoint.js'

export interface Balancer {
  /** One of the tier's endpoints that is not in `tried`; undefined when all are. */
  pick(tried: readonly Endpoint[]): Endpoint | undefined
}

export function createRoundRobin(tier: readonly Endpoint[]): Balancer {
  const only = tier[0]
  if (tier.length === 1 && only !== undefined) return { pick: (tried) => (tried.includes(only) ? undefined : only) }
  const equal = tier.every((endpoint) => endpoint.instance.weight === only?.instance.weight)
  return equal ? createPlain(tier) : createWeighted(tier)
}

// Equal weights need no arithmetic. The start is random: workers must not all begin with the same instance.
function createPlain(tier: readonly Endpoint[]): Balancer {
  let next = Math.floor(Math.random() * tier.length)
  return {
    pick(tried) {
      for (let i = 0; i < tier.length; i++) {
        const endpoint = tier[next]
        next = next + 1 === tier.length ? 0 : next + 1
        if (endpoint !== undefined && !tried.includes(endpoint)) return endpoint
      }
      return undefined
    },
  }
}

// Each turn every candidate earns its weight and the richest one pays the whole: the order a a b a for 3:1.
function createWeighted(tier: readonly Endpoint[]): Balancer {
  return {
    pick(tried) {
      let best: Endpoint | undefined
      let total = 0
      for (const endpoint of tier) {
        if (tried.length > 0 && tried.includes(endpoint)) continue
        const { weight } = endpoint.instance
        endpoint.credit += weight
        total += weight
        if (best === undefined || endpoint.credit > best.credit) best = endpoint
      }
      if (best !== undefined) best.credit -= total
      return best
    },
  }
}
