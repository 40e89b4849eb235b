// Who may take a request, and in which order: up before unknown, high priority before low; down, drained and weightless
// instances never.
import { type Instance, PRIORITIES } from '../../shared/registry/instance.js'

/** Why an instance stands where it stands; `tier` undefined: it takes nothing. */
export interface Standing {
  readonly tier: number | undefined
  readonly reason: string
}

const TIERS_OF_HEALTH = PRIORITIES.length

export function standing(instance: Instance): Standing {
  if (instance.override === 'drain') return { tier: undefined, reason: 'drained by override' }
  if (instance.override === 'out-of-service') return { tier: undefined, reason: 'out of service by override' }
  if (instance.health === 'down') return { tier: undefined, reason: 'down' }
  if (instance.weight <= 0) return { tier: undefined, reason: 'weight 0' }
  const tier = PRIORITIES.indexOf(instance.priority)
  return instance.health === 'up'
    ? { tier, reason: `up, priority ${instance.priority}` }
    : { tier: tier + TIERS_OF_HEALTH, reason: `unknown, priority ${instance.priority}` }
}

/** Groups what may take requests by tier, best first; empty tiers are left out. */
export function tiersOf<T>(members: readonly T[], instanceOf: (member: T) => Instance): T[][] {
  const tiers: T[][] = Array.from({ length: TIERS_OF_HEALTH * 2 }, () => [])
  for (const member of members) {
    const { tier } = standing(instanceOf(member))
    if (tier !== undefined) tiers[tier]?.push(member)
  }
  return tiers.filter((tier) => tier.length > 0)
}
