// Which instances of a service would get the next request and why, by the ranking that the workers use and by what they report.
import type { BalanceConfig, ProcessorConfig, ServiceConfig } from '../shared/config/model.js'
import type { Candidate, Ejection, LiveInstance, LiveView } from '../shared/processor.js'
import type { Instance } from '../shared/registry/instance.js'
import { rank, standing, type Tier } from './balancing/tiers.js'

interface Member {
  readonly instance: Instance
  readonly state: ReturnType<LiveView['live']>
  /** Workers in which its share of the places is taken, with what runs there. */
  readonly fullIn: ReadonlyMap<string, number>
}

export interface Candidates {
  /** Best first. */
  readonly candidates: readonly Candidate[]
  /** What the client gets where none of them is picked. */
  readonly refusal: 'overload' | 'breaker-open' | 'no-instance'
}

export function explainCandidates(
  instances: readonly Instance[],
  service: ServiceConfig,
  { zone, workers }: Pick<ProcessorConfig, 'zone' | 'workers'>,
  live: LiveView,
): Candidates {
  const { balance, concurrency } = service
  const preferred = balance.preferZone ? zone : undefined
  const members = instances.map((instance): Member => {
    const state = live.live(instance.id)
    return { instance, state, fullIn: fullIn(state.inFlightBy, concurrency.instance, workers) }
  })
  const serviceFullIn = fullIn(
    members.flatMap(({ state }) => state.inFlightBy),
    concurrency.service,
    workers,
  )
  const ranking = rank(members, preferred)
  // Each worker decides for itself; where none is known, one to whom all is well stands for them.
  const names = live.names()
  const takers = (names.length === 0 ? [''] : names).map((worker) => {
    if (serviceFullIn.has(worker)) return []
    const free = (member: Member) => !member.fullIn.has(worker) && !ejects(worker, member)
    const best = inOrder(ranking.tiers, balance, free)
    return best.length > 0 || balance.panic === 'refuse' ? best : ranking.panic.filter(free)
  })
  const picked = new Set(takers.flat())
  const candidates = members
    .map((member) => ({ member, ...standing(member.instance, preferred) }))
    .sort((a, b) => (a.tier ?? Infinity) - (b.tier ?? Infinity))
    .map(({ member, tier, reason }) => {
      const crowds = tier === undefined ? [] : inFull('service full', serviceFullIn)
      return candidate(member, picked.has(member), reasonOf(member, tier, reason, picked, crowds))
    })
  const able = ranking.tiers.flatMap((tier) => tier.members)
  const crowded = serviceFullIn.size > 0 || able.some(isCrowded)
  const failing = able.some(({ state }) => state.ejectedBy.length > 0)
  return { candidates, refusal: crowded ? 'overload' : failing ? 'breaker-open' : 'no-instance' }
}

/**
 * Workers in which a limit is reached: each has its share of it. Nothing is claimed of a limit that a worker finds out by
 * itself.
 */
function fullIn(
  running: LiveInstance['inFlightBy'],
  limit: number | 'auto',
  workers: number,
): ReadonlyMap<string, number> {
  const sums = new Map<string, number>()
  if (limit === 'auto' || limit === 0) return sums
  for (const { worker, inFlight } of running) sums.set(worker, (sums.get(worker) ?? 0) + inFlight)
  const share = Math.max(1, Math.floor(limit / workers))
  return new Map([...sums].filter(([, inFlight]) => inFlight >= share))
}

function inFull(what: string, full: ReadonlyMap<string, number>): string[] {
  return [...full].map(([worker, inFlight]) => `${what} in ${worker}: ${inFlight} in flight`)
}

/** In some worker nothing but its fullness keeps a request away. */
function isCrowded(member: Member): boolean {
  return [...member.fullIn.keys()].some((worker) => !ejects(worker, member))
}

function ejects(worker: string, { state }: Member): boolean {
  return state.ejectedBy.some((ejection) => ejection.worker === worker)
}

/** The members to whom a worker's requests go at first. */
function inOrder(
  tiers: readonly Tier<Member>[],
  { spillBelow, minInstances }: BalanceConfig,
  free: (member: Member) => boolean,
) {
  const taken: Member[] = []
  for (const { members, size } of tiers) {
    const usable = members.filter(free)
    taken.push(...usable)
    const enough = Math.max(1, Math.ceil(spillBelow * size))
    if (usable.length >= enough && taken.length >= minInstances) return taken
  }
  return taken
}

function candidate({ instance, state }: Member, picked: boolean, reason: string): Candidate {
  return {
    instance: instance.id,
    url: instance.url,
    priority: instance.priority,
    weight: instance.weight,
    health: instance.health,
    ...(instance.override === undefined ? {} : { override: instance.override }),
    ...(instance.zone === undefined ? {} : { zone: instance.zone }),
    picked,
    reason,
    ejections: state.ejectedBy,
    disputed: isDisputed({ instance, state }),
    flapping: state.flapping,
    in_flight: state.inFlight,
  }
}

function isDisputed({ instance, state }: Pick<Member, 'instance' | 'state'>): boolean {
  return instance.health === 'down' && state.disputedBy.length > 0
}

function reasonOf(
  member: Member,
  tier: number | undefined,
  stands: string,
  picked: ReadonlySet<Member>,
  crowds: readonly string[],
): string {
  const { instance, state } = member
  const facts = [stands]
  if (state.flapping) facts.push(instance.health === 'down' ? 'flapping: held down' : 'flapping')
  if (isDisputed(member)) facts.push('polling disputed')
  const against = [...state.ejectedBy.map(inWords), ...inFull('full', member.fullIn), ...crowds]
  const verdict = picked.has(member)
    ? [tier === undefined ? 'tried all the same, nobody else is left' : 'the best tier', ...against]
    : against.length > 0
      ? against
      : tier === undefined
        ? []
        : ['stands by']
  return [facts.join(', '), verdict.join('; ')].filter((text) => text !== '').join(': ')
}

function inWords({ worker, reason, guard }: Ejection): string {
  const trial = guard === 'half-open' ? ', one request may try' : ''
  return reason === 'breaker' ? `breaker open in ${worker}${trial}` : `ejected by ${worker} (${WORDS[reason]}${trial})`
}

const WORDS: Readonly<Record<Exclude<Ejection['reason'], 'breaker'>, string>> = {
  refused: 'connection refused',
  failures: 'failures in a row',
  answers: 'bad answers in a row',
}
