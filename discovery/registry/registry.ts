// The only writer of instance state: polls and operators change it here, everybody else reads numbered copies of it.
import { isDeepStrictEqual } from 'node:util'
import type { Clock } from '../../shared/clock.js'
import type { ServerConfig } from '../../shared/config/model.js'
import type { Log } from '../../shared/log.js'
import type { Health, Instance, InstanceSpec, Override, Snapshot } from '../../shared/registry/instance.js'
import type { RegistryEvent, StoredInstance } from '../store/store.js'
import { observe } from './health.js'
import type { HealthState, InstanceStatus, Observation, Registry } from './status.js'

export interface RegistryDeps {
  readonly clock: Clock
  readonly log: Log
  /** From `StateStore.nextTerm`. */
  readonly term: number
  readonly onEvent?: (event: RegistryEvent) => void
  /** State to be persisted: newcomers, and instances whose health or override changed. Called before the listeners. */
  readonly onChange?: (changed: readonly InstanceStatus[]) => void
}

export interface OwnedRegistry extends Registry {
  /** Publishes what has changed now, without waiting for the turn of the event loop to end. */
  flush(): void
}

interface Entry {
  server: ServerConfig
  instance: Instance
  health: HealthState
  checkStartedAt: number | null
  last: Observation | null
  lastFailureAt: number | null
  /** Whether an operator has set or ended the override in this life. */
  overridden: boolean
  /** While its row is unread: what the polls of this life would have made of each health that may be stored. */
  unread: Readonly<Record<Health, HealthState>> | undefined
}

// A mass outage must not make every reader recompile for each of its instances; the first flip is never held back.
const PUBLISH_GAP_MS = 20

/** `since` of a health that no poll has changed yet. */
const AS_STORED = -Infinity

export function createRegistry(deps: RegistryDeps): OwnedRegistry {
  const { clock, log, term } = deps
  let entries = new Map<string, Entry>()
  let current: Snapshot = Object.freeze({ term, seq: 0, instances: Object.freeze([]) })
  let publishedAt = -Infinity
  let cancelPublish: (() => void) | undefined
  const changed = new Set<Entry>()
  const listeners = new Set<(snapshot: Snapshot) => void>()

  function guarded(what: string, run: () => void): void {
    try {
      run()
    } catch (error) {
      log.error({ err: error }, `${what} threw`)
    }
  }

  function event(entry: Entry, kind: RegistryEvent['kind'], from: string, to: string, reason: string): void {
    const { id, service } = entry.instance
    guarded('an event listener', () =>
      deps.onEvent?.({ at: clock.wall(), instance: id, service, kind, from, to, reason }),
    )
  }

  function update(entry: Entry, override: Override | undefined): void {
    entry.instance = toInstance(entry.server.spec, entry.health, override)
    changed.add(entry)
    cancelPublish ??= later(publishedAt + PUBLISH_GAP_MS - clock.now(), publish, clock)
  }

  function publish(): void {
    cancelPublish?.()
    cancelPublish = undefined
    publishedAt = clock.now()
    const statuses = [...changed].map(toStatus)
    changed.clear()
    if (statuses.length > 0) guarded('the writer of state', () => deps.onChange?.(statuses))
    const instances = Array.from(entries.values(), (entry) => entry.instance)
    if (sameItems(instances, current.instances)) return
    const snapshot = Object.freeze({ term, seq: current.seq + 1, instances: Object.freeze(instances) })
    current = snapshot
    for (const listener of [...listeners]) guarded('a listener of the registry', () => listener(snapshot))
  }

  function enter(server: ServerConfig, stored: StoredInstance | undefined): Entry {
    const since = stored?.since ?? clock.wall()
    const health: HealthState = { health: stored?.health ?? 'unknown', streak: 0, blind: 0, since }
    const instance = toInstance(server.spec, health, stored?.override)
    const unseen = { checkStartedAt: null, last: null, lastFailureAt: null }
    return { server, instance, health, ...unseen, overridden: false, unread: undefined }
  }

  function added(entry: Entry): void {
    changed.add(entry)
    event(entry, 'added', '', entry.instance.health, 'configured')
  }

  function adoptHealth(entry: Entry, unread: Readonly<Record<Health, HealthState>>, row: StoredInstance): void {
    const before = entry.health.health
    const adopted = unread[row.health]
    entry.health = adopted.since === AS_STORED ? { ...adopted, since: row.since } : adopted
    const after = entry.health.health
    if (after !== before) event(entry, 'health', before, after, 'as it was stored')
  }

  function adoptOverride(entry: Entry, { override }: StoredInstance): void {
    const before = entry.instance.override
    if (entry.overridden || before === override) return
    entry.instance = toInstance(entry.server.spec, entry.health, override)
    changed.add(entry)
    event(entry, 'override', before ?? 'none', override ?? 'none', 'as it was stored')
  }

  return {
    get current() {
      return current
    },

    subscribe(listener) {
      // A wrapper of its own, so that the same function subscribed twice ends twice.
      const own = (snapshot: Snapshot): void => listener(snapshot)
      listeners.add(own)
      return () => listeners.delete(own)
    },

    replace(servers, stored) {
      const before = entries
      entries = new Map()
      for (const server of servers) {
        const id = server.spec.id
        const known = before.get(id)
        const entry = known ?? enter(server, stored === 'unread' ? undefined : stored?.get(id))
        entries.set(id, entry)
        if (known === undefined) {
          if (stored === 'unread') entry.unread = hypotheses()
          else if (!stored?.has(id)) added(entry)
          continue
        }
        if (!isDeepStrictEqual(known.server.spec, server.spec)) {
          known.instance = toInstance(server.spec, known.health, known.instance.override)
        }
        known.server = server
      }
      for (const [id, entry] of before) {
        if (entries.has(id)) continue
        changed.delete(entry)
        event(entry, 'removed', entry.instance.health, '', 'not configured any more')
      }
      publish()
    },

    adopt(stored) {
      for (const [id, entry] of entries) {
        const row = stored.get(id)
        const { unread } = entry
        entry.unread = undefined
        if (row === undefined) {
          if (unread) added(entry)
          continue
        }
        if (unread) {
          adoptHealth(entry, unread, row)
          entry.instance = toInstance(entry.server.spec, entry.health, entry.instance.override)
          // Its latest state replaces what waits to be written.
          changed.add(entry)
        }
        adoptOverride(entry, row)
      }
      publish()
    },

    started(id, at) {
      const entry = entries.get(id)
      if (entry) entry.checkStartedAt = at
    },

    observe(id, observation) {
      const entry = entries.get(id)
      if (!entry) return
      entry.last = observation
      if (observation.verdict === 'failed') entry.lastFailureAt = observation.endedAt
      const { polling } = entry.server
      const before = entry.health.health
      entry.health = observe(entry.health, observation, polling)
      if (entry.unread) {
        const { up, down, unknown } = entry.unread
        const next = (health: HealthState) => observe(health, observation, polling)
        entry.unread = { up: next(up), down: next(down), unknown: next(unknown) }
      }
      const after = entry.health.health
      if (after === before) return
      update(entry, entry.instance.override)
      event(entry, 'health', before, after, observation.response)
    },

    setOverride(id, override) {
      const entry = entries.get(id)
      if (!entry) return false
      entry.overridden = true
      const before = entry.instance.override
      if (before === override) return true
      update(entry, override)
      event(entry, 'override', before ?? 'none', override ?? 'none', 'set by an operator')
      return true
    },

    status(id) {
      const entry = entries.get(id)
      return entry && toStatus(entry)
    },

    statuses: () => Array.from(entries.values(), toStatus),

    flush() {
      if (cancelPublish) publish()
    },
  }
}

function toInstance(spec: InstanceSpec, health: HealthState, override: Override | undefined): Instance {
  return Object.freeze({ ...spec, health: health.health, since: health.since, ...(override && { override }) })
}

function toStatus({ instance, server, checkStartedAt, last, lastFailureAt }: Entry): InstanceStatus {
  return {
    instance,
    polling: server.polling,
    checkStartedAt,
    lastCheckedAt: last?.endedAt ?? null,
    lastFailureAt,
    status: last?.status ?? 'unknown',
    response: last?.response ?? '',
    latencyMs: last?.latencyMs ?? null,
  }
}

function hypotheses(): Readonly<Record<Health, HealthState>> {
  const of = (health: Health): HealthState => ({ health, streak: 0, blind: 0, since: AS_STORED })
  return { up: of('up'), down: of('down'), unknown: of('unknown') }
}

function sameItems(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((item, i) => item === b[i])
}

/** Without a wait: after the I/O that is ready in this turn, which may bring more changes. */
function later(ms: number, run: () => void, clock: Clock): () => void {
  if (ms > 0) return clock.after(ms, run)
  const immediate = setImmediate(run)
  return () => clearImmediate(immediate)
}
