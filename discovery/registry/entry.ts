// What the registry holds of one instance, and what of it the others see.
import type { ServerConfig } from '../../shared/config/model.js'
import type { Health, Instance, InstanceSpec, Override } from '../../shared/registry/instance.js'
import type { StoredInstance } from '../store/store.js'
import { STEADY, type Damping } from './damping.js'
import type { HealthState, InstanceStatus, Observation } from './status.js'

export interface Entry {
  server: ServerConfig
  instance: Instance
  /** What polls say. */
  health: HealthState
  damping: Damping
  /** Since when it is held down for its flapping, whatever polls say; epoch milliseconds. */
  heldAt: number | undefined
  /** When it was last held down no more. */
  releasedAt: number
  /** Requests succeed there, as workers say. */
  contradicted: boolean
  checkStartedAt: number | null
  last: Observation | null
  lastFailureAt: number | null
  /** Whether an operator has set or ended the override in this life. */
  overridden: boolean
  /** While its row is unread: what the polls of this life would have made of each health that may be stored. */
  unread: Readonly<Record<Health, HealthState>> | undefined
}

/** `since` of a health that no poll has changed yet. */
export const AS_STORED = -Infinity

/** An instance of the config as it begins: from its stored state, else unknown. */
export function enter(server: ServerConfig, stored: StoredInstance | undefined, now: number): Entry {
  const since = stored?.since ?? now
  const health: HealthState = { health: stored?.health ?? 'unknown', streak: 0, blind: 0, since }
  const instance = withHealth(server.spec, health, stored?.override)
  const unseen = { checkStartedAt: null, last: null, lastFailureAt: null, contradicted: false }
  const undamped = { damping: STEADY, heldAt: undefined, releasedAt: -Infinity }
  return { server, instance, health, ...undamped, ...unseen, overridden: false, unread: undefined }
}

function withHealth(
  spec: InstanceSpec,
  { health, since }: Pick<HealthState, 'health' | 'since'>,
  override: Override | undefined,
): Instance {
  return Object.freeze({ ...spec, health, since, ...(override && { override }) })
}

export function toInstance(entry: Entry, override: Override | undefined): Instance {
  return withHealth(entry.server.spec, shownHealth(entry), override)
}

export function shownHealth({ health, heldAt, releasedAt }: Entry): Pick<HealthState, 'health' | 'since'> {
  if (heldAt === undefined) return { health: health.health, since: Math.max(health.since, releasedAt) }
  return { health: 'down', since: health.health === 'down' ? health.since : heldAt }
}

/** Polls take it for up, and it may take the requests of others. */
export function isSteady({ health, damping, instance }: Entry): boolean {
  return health.health === 'up' && !damping.flapping && instance.override === undefined && instance.weight > 0
}

export function isDisputed({ health, contradicted }: Entry): boolean {
  return contradicted && health.health === 'down'
}

export function toStatus(entry: Entry): InstanceStatus {
  const { instance, server, checkStartedAt, last, lastFailureAt } = entry
  return {
    instance,
    polling: server.polling,
    flapping: entry.damping.flapping,
    disputed: isDisputed(entry),
    checkStartedAt,
    lastCheckedAt: last?.endedAt ?? null,
    lastFailureAt,
    status: last?.status ?? 'unknown',
    response: last?.response ?? '',
    latencyMs: last?.latencyMs ?? null,
  }
}

/** One for each health that may be stored. */
export function hypotheses(): Readonly<Record<Health, HealthState>> {
  const of = (health: Health): HealthState => ({ health, streak: 0, blind: 0, since: AS_STORED })
  return { up: of('up'), down: of('down'), unknown: of('unknown') }
}
