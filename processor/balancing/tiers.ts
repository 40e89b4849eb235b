// Who may take a request, and in which order: up before unknown, high priority before low, and if so wanted the own zone
// before others; drained and weightless instances never, those that are down at the very last.
import { type Instance, PRIORITIES } from '../../shared/registry/instance.js'

/** Why an instance stands where it stands. */
export interface Standing {
  /** Its place in the order, the best is 0; undefined: it takes nothing while anybody else can. */
  readonly tier: number | undefined
  /** Polls say that it is down, and nothing else keeps requests away: a last resort. */
  readonly panic: boolean
  readonly reason: string
}

export interface Tier<T> {
  readonly members: readonly T[]
  /** Those that would be here or in a better tier if they were up: of the same priority, and zone where it counts. */
  readonly size: number
}

export interface Ranking<T> {
  /** Best first; each has a member. */
  readonly tiers: readonly Tier<T>[]
  /** For when no tier has anybody. */
  readonly panic: readonly T[]
}

/** `zone`: the processor's own, where instances in it come first; undefined: zones do not matter. */
export function standing(instance: Instance, zone?: string): Standing {
  if (instance.override === 'drain') return out('drained by override')
  if (instance.override === 'out-of-service') return out('out of service by override')
  if (instance.health === 'down') return { ...out('down'), panic: instance.weight > 0 }
  if (instance.weight <= 0) return out('weight 0')
  const near = zone === undefined ? '' : `, ${isFar(instance, zone) ? 'another' : 'own'} zone`
  return {
    tier: kindOf(instance, zone) + (instance.health === 'up' ? 0 : kinds(zone)),
    panic: false,
    reason: `${instance.health}, priority ${instance.priority}${near}`,
  }
}

function out(reason: string): Standing {
  return { tier: undefined, panic: false, reason }
}

// What an instance is by its spec alone: each kind has a tier of those that are up and one of the unknown.
function kindOf(instance: Instance, zone: string | undefined): number {
  const priority = PRIORITIES.indexOf(instance.priority)
  return zone === undefined ? priority : priority * 2 + (isFar(instance, zone) ? 1 : 0)
}

function kinds(zone: string | undefined): number {
  return PRIORITIES.length * (zone === undefined ? 1 : 2)
}

function isFar(instance: Instance, zone: string): boolean {
  return instance.zone !== zone
}

/** Groups what may take requests. */
export function rank<T extends { readonly instance: Instance }>(members: readonly T[], zone?: string): Ranking<T> {
  const count = kinds(zone)
  const tiers: T[][] = Array.from({ length: count * 2 }, () => [])
  const sizes = new Array<number>(count).fill(0)
  const panic: T[] = []
  for (const member of members) {
    const { instance } = member
    const { tier, panic: lastResort } = standing(instance, zone)
    if (tier !== undefined) tiers[tier]?.push(member)
    if (lastResort) panic.push(member)
    // One that is drained is missed as much as one that is down; one without weight was never counted upon.
    const kind = kindOf(instance, zone)
    if (instance.weight > 0) sizes[kind] = (sizes[kind] ?? 0) + 1
  }
  const ranked = tiers.map((group, tier): Tier<T> => {
    const kind = tier % count
    const better = tier < count ? 0 : (tiers[kind]?.length ?? 0)
    return { members: group, size: (sizes[kind] ?? 0) - better }
  })
  return { tiers: ranked.filter(({ members: group }) => group.length > 0), panic }
}
