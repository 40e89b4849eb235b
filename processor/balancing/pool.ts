// The endpoints of one service as one snapshot ranks them. Replaced when one of its instances changes, never altered.
import type { Instance } from '../../shared/registry/instance.js'
import type { Endpoint } from './endpoint.js'
import { createRoundRobin, type Balancer } from './round-robin.js'
import { tiersOf } from './tiers.js'

export interface Pool {
  readonly endpoints: readonly Endpoint[]
  /** Every instance is this processor itself: a request would only come back. */
  readonly loops: boolean
  /** The best endpoint that is not in `tried`, tier by tier; undefined when none is left. */
  pick(tried: readonly Endpoint[]): Endpoint | undefined
}

/** `isSelf`: whether an instance is this processor's own port. */
export function createPool(endpoints: readonly Endpoint[], isSelf: (instance: Instance) => boolean): Pool {
  // Beside others this processor itself is passed over.
  const others = endpoints.filter((endpoint) => !isSelf(endpoint.instance))
  const loops = endpoints.length > 0 && others.length === 0
  const tiers: readonly Balancer[] = tiersOf(loops ? endpoints : others, (endpoint) => endpoint.instance).map(
    createRoundRobin,
  )
  return {
    endpoints,
    loops,
    pick(tried) {
      for (const tier of tiers) {
        const endpoint = tier.pick(tried)
        if (endpoint !== undefined) return endpoint
      }
      return undefined
    },
  }
}
