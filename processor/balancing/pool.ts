// The endpoints of one service as one snapshot ranks them. Replaced when one of its instances changes, never altered.
import type { BalanceConfig } from '../../shared/config/model.js'
import type { Instance } from '../../shared/registry/instance.js'
import type { Balancer, Candidate, Chooser } from './balancer.js'
import { createSticky, type Sticky } from './sticky.js'
import { createBalancer } from './strategies/index.js'
import { rank, type Tier } from './tiers.js'

export interface Pool<C extends Candidate> {
  readonly endpoints: readonly C[]
  /** Every instance is this processor itself: a request would only come back. */
  readonly loops: boolean
  /** Undefined: clients are not told apart. */
  readonly sticky: Sticky<C> | undefined
  /** The one that the client had, if it serves and is not in `tried`, else the best of the others; undefined when none is left. */
  pick(request: Chooser, tried: readonly C[]): C | undefined
  /** When `pick` finds none: one that polls call down, though nothing else speaks against it. Never one in `tried`. */
  pickInPanic(request: Chooser, tried: readonly C[]): C | undefined
}

export interface PoolDeps {
  /** Whether an instance is this processor's own port. */
  readonly isSelf: (instance: Instance) => boolean
  /** Where the processor runs. */
  readonly zone: string | undefined
  /** Signs sticky cookies; the same in all workers, and after a reload. */
  readonly secret: Buffer
  /** From 0 up to 1. */
  readonly random?: () => number
}

export function createPool<C extends Candidate>(
  endpoints: readonly C[],
  balance: BalanceConfig,
  deps: PoolDeps,
): Pool<C> {
  const { isSelf, zone, secret, random } = deps
  // Beside others this processor itself is passed over.
  const others = endpoints.filter((endpoint) => !isSelf(endpoint.instance))
  const loops = endpoints.length > 0 && others.length === 0
  const ranking = rank(loops ? endpoints : others, balance.preferZone ? zone : undefined)
  const lastResort = balance.panic === 'serve' ? ranking.panic : []
  const create = (members: readonly C[]) => createBalancer(members, balance, random)
  const joined = balance.spillBelow > 0 || balance.minInstances > 1
  const order = joined ? spilling(ranking.tiers, balance, create) : strict(ranking.tiers, create)
  const panic = create(lastResort)
  const sticky =
    balance.sticky &&
    createSticky(
      balance.sticky,
      ranking.tiers.flatMap(({ members }) => members),
      order.serves,
      secret,
    )
  return {
    endpoints,
    loops,
    sticky,
    pick:
      sticky === undefined
        ? order.pick
        : (request, tried) => {
            const known = sticky.chosen(request.header('cookie'))
            return known !== undefined && !tried.includes(known) ? known : order.pick(request, tried)
          },
    pickInPanic: (request, tried) => panic.pick(request, tried),
  }
}

interface Order<C extends Candidate> extends Balancer<C> {
  /** Whether a member of some tier is among those that requests go to at first. */
  serves(candidate: C): boolean
}

type Create<C extends Candidate> = (members: readonly C[]) => Balancer<C>

/** A tier takes requests when all before it have nobody left. */
function strict<C extends Candidate>(tiers: readonly Tier<C>[], create: Create<C>): Order<C> {
  const balancers = tiers.map(({ members }) => create(members))
  return {
    pick(request, tried) {
      for (const balancer of balancers) {
        const endpoint = balancer.pick(request, tried)
        if (endpoint !== undefined) return endpoint
      }
      return undefined
    },
    serves(candidate) {
      if (candidate.barred) return false
      for (const { members } of tiers) {
        if (members.includes(candidate)) return true
        if (freeIn(members, 1) > 0) return false
      }
      return false
    },
  }
}

/** A tier helps out as soon as those before it have too few left: by their share, or all together by their number. */
function spilling<C extends Candidate>(
  tiers: readonly Tier<C>[],
  { spillBelow, minInstances }: BalanceConfig,
  create: Create<C>,
): Order<C> {
  const needed = tiers.map(({ size }) => Math.max(1, Math.ceil(spillBelow * size)))
  // Each tier together with all before it.
  const sets = tiers.map((_, last) => tiers.slice(0, last + 1).flatMap(({ members }) => members))
  const balancers = sets.map(create)

  /** The last tier that takes requests now. Members come and go as they are barred, so it is counted each time. */
  function last(): number {
    let missing = minInstances
    for (let i = 0; i < tiers.length; i++) {
      const members = tiers[i]?.members ?? []
      const enough = needed[i] ?? 1
      const free = freeIn(members, Math.max(enough, missing))
      missing -= free
      if (free >= enough && missing <= 0) return i
    }
    return tiers.length - 1
  }

  return {
    pick(request, tried) {
      for (let i = last(); i < balancers.length; i++) {
        const endpoint = balancers[i]?.pick(request, tried)
        if (endpoint !== undefined) return endpoint
      }
      return undefined
    },
    serves: (candidate) => !candidate.barred && (sets[last()]?.includes(candidate) ?? false),
  }
}

/** How many of them are not barred, counted up to `most`. */
function freeIn(members: readonly Candidate[], most: number): number {
  let free = 0
  for (const member of members) if (!member.barred && ++free === most) return free
  return free
}
