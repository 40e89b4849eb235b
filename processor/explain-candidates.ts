// Which instances of a service would get the next request and why, by the ranking that the workers use and by what they report.
import type { BalanceConfig, ServiceConfig } from '../shared/config/model.js'
import type { Candidate, Ejection, LiveView } from '../shared/processor.js'
import type { Instance } from '../shared/registry/instance.js'
import { rank, standing, type Tier } from './balancing/tiers.js'

interface Member {
  readonly instance: Instance
  readonly state: ReturnType<LiveView['live']>
  /** All places that it has are taken. */
  readonly full: boolean
}

/** Best first. `zone`: of the processor. */
export function explainCandidates(
  instances: readonly Instance[],
  service: ServiceConfig,
  zone: string | undefined,
  live: LiveView,
): Candidate[] {
  const { balance, concurrency } = service
  const preferred = balance.preferZone ? zone : undefined
  const members = instances.map((instance): Member => {
    const state = live.live(instance.id)
    const { instance: most } = concurrency
    return { instance, state, full: typeof most === 'number' && most > 0 && state.inFlight >= most }
  })
  const ranking = rank(members, preferred)
  // Each worker decides for itself; where none is known, one to whom all is well stands for them.
  const names = live.names()
  const takers = (names.length === 0 ? [''] : names).map((worker) => {
    const free = (member: Member) => !member.full && !ejects(worker, member)
    const best = inOrder(ranking.tiers, balance, free)
    return best.length > 0 || balance.panic === 'refuse' ? best : ranking.panic.filter(free)
  })
  const picked = new Set(takers.flat())
  return members
    .map((member) => ({ member, ...standing(member.instance, preferred) }))
    .sort((a, b) => (a.tier ?? Infinity) - (b.tier ?? Infinity))
    .map(({ member, tier, reason }) => candidate(member, picked.has(member), reasonOf(member, tier, reason, picked)))
}

function ejects(worker: string, { state }: Member): boolean {
  return state.ejectedBy.some((ejection) => ejection.worker === worker)
}

/** The members to whom a worker's requests go at first. */
function inOrder(tiers: readonly Tier<Member>[], { spillBelow }: BalanceConfig, free: (member: Member) => boolean) {
  const taken: Member[] = []
  for (const { members, size } of tiers) {
    const usable = members.filter(free)
    if (spillBelow > 0) taken.push(...usable)
    else if (usable.length > 0) return usable
    if (spillBelow > 0 && usable.length >= Math.max(1, Math.ceil(spillBelow * size))) return taken
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

function reasonOf(member: Member, tier: number | undefined, stands: string, picked: ReadonlySet<Member>): string {
  const { instance, state } = member
  const facts = [stands]
  if (state.flapping) facts.push(instance.health === 'down' ? 'flapping: held down' : 'flapping')
  if (isDisputed(member)) facts.push('polling disputed')
  const against = [...state.ejectedBy.map(inWords), ...(member.full ? [`full: ${state.inFlight} in flight`] : [])]
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
