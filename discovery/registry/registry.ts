// The only writer of instance state: polls and operators change it here, everybody else reads numbered copies of it.
import { isDeepStrictEqual } from 'node:util'
import type { Clock } from '../../shared/clock.js'
import type { Log } from '../../shared/log.js'
import type { Health, Override, Snapshot } from '../../shared/registry/instance.js'
import type { RegistryEvent, StoredInstance } from '../store/store.js'
import { damp, STEADY } from './damping.js'
import {
  AS_STORED,
  enter,
  hypotheses,
  isDisputed,
  isSteady,
  shownHealth,
  toInstance,
  toStatus,
  type Entry,
} from './entry.js'
import { observe } from './health.js'
import type { HealthState, InstanceStatus, Registry } from './status.js'

export interface RegistryDeps {
  readonly clock: Clock
  readonly log: Log
  /** From `StateStore.nextTerm`. */
  readonly term: number
  readonly onEvent?: (event: RegistryEvent) => void
  /** State to be persisted: newcomers, and instances whose health or override changed. Called before the listeners. */
  readonly onChange?: (changed: readonly InstanceStatus[]) => void
}

// A mass outage must not make every reader recompile for each of its instances; the first flip is never held back.
const PUBLISH_GAP_MS = 20

const DISPUTED = 'polling disputed'
const HELD = 'flapping: held down'
const UNCOVERED = 'flapping, but no steady instance is left'
const STEADY_AGAIN = 'flapping no more'

export function createRegistry(deps: RegistryDeps): Registry {
  const { clock, log, term } = deps
  let entries = new Map<string, Entry>()
  let groups = new Map<string, Entry[]>()
  /** Those that flap, and those that did until now. */
  const damped = new Set<Entry>()
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
    entry.instance = toInstance(entry, override)
    changed.add(entry)
    cancelPublish ??= later(publishedAt + PUBLISH_GAP_MS - clock.now(), publish, clock)
  }

  /** Takes what polls say of an entry, or that it is held, into the next snapshot. */
  function show(entry: Entry, reason: string): void {
    const before = entry.instance.health
    const after = shownHealth(entry).health
    if (after === before) return
    update(entry, entry.instance.override)
    event(entry, 'health', before, after, reason)
  }

  /**
   * Holds the flapping instances of a service down while a steady one can take their requests, and else none of them: damping
   * never empties a service.
   */
  function holdFlapping(service: string): void {
    const unsteady = [...damped].filter((entry) => entry.server.spec.service === service)
    if (unsteady.length === 0) return
    const covered = groups.get(service)?.some(isSteady) === true
    for (const entry of unsteady) {
      if (!entry.damping.flapping) damped.delete(entry)
      const held = entry.damping.flapping && covered
      if (held === (entry.heldAt !== undefined)) continue
      const reason = held ? HELD : entry.damping.flapping ? UNCOVERED : STEADY_AGAIN
      const before = entry.instance.health
      if (held) entry.heldAt = clock.wall()
      else {
        entry.heldAt = undefined
        entry.releasedAt = clock.wall()
      }
      update(entry, entry.instance.override)
      event(entry, 'health', before, entry.instance.health, reason)
    }
  }

  function regroup(): void {
    groups = new Map()
    for (const entry of entries.values()) {
      const { service } = entry.server.spec
      const members = groups.get(service)
      if (members) members.push(entry)
      else groups.set(service, [entry])
    }
    for (const service of groups.keys()) holdFlapping(service)
  }

  /** Tells once that a dispute between polls and traffic begins, and once that it ends. */
  function disputing(entry: Entry, change: () => void): void {
    const before = isDisputed(entry)
    change()
    const after = isDisputed(entry)
    if (after === before) return
    const reason = after ? 'polls fail, and requests succeed' : 'polls and requests agree'
    event(entry, 'dispute', before ? DISPUTED : 'none', after ? DISPUTED : 'none', reason)
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
    entry.instance = toInstance(entry, override)
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
        const entry = known ?? enter(server, stored === 'unread' ? undefined : stored?.get(id), clock.wall())
        entries.set(id, entry)
        if (known === undefined) {
          if (stored === 'unread') entry.unread = hypotheses()
          // A row may also be of one that this life has removed.
          else if (before.size > 0 || !stored?.has(id)) added(entry)
          continue
        }
        const same = isDeepStrictEqual(known.server.spec, server.spec)
        known.server = server
        if (server.polling.damping === undefined) known.damping = STEADY
        if (!same) known.instance = toInstance(known, known.instance.override)
      }
      for (const [id, entry] of before) {
        if (entries.has(id)) continue
        changed.delete(entry)
        damped.delete(entry)
        event(entry, 'removed', entry.instance.health, '', 'not configured any more')
      }
      regroup()
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
          entry.instance = toInstance(entry, entry.instance.override)
          // Its latest state replaces what waits to be written.
          changed.add(entry)
        }
        adoptOverride(entry, row)
      }
      for (const service of groups.keys()) holdFlapping(service)
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
      disputing(entry, () => (entry.health = observe(entry.health, observation, polling)))
      if (entry.unread) {
        const { up, down, unknown } = entry.unread
        const next = (health: HealthState) => observe(health, observation, polling)
        entry.unread = { up: next(up), down: next(down), unknown: next(unknown) }
      }
      const after = entry.health.health
      const wasFlapping = entry.damping.flapping
      entry.damping = damp(entry.damping, observation, { before, after }, polling.damping)
      if (entry.damping.flapping) damped.add(entry)
      // One that begins to flap and is held for it changes once, for that reason.
      if (entry.damping.flapping !== wasFlapping) holdFlapping(entry.server.spec.service)
      if (after === before) return
      show(entry, observation.response)
      holdFlapping(entry.server.spec.service)
    },

    setContradicted(id, contradicted) {
      const entry = entries.get(id)
      if (entry) disputing(entry, () => (entry.contradicted = contradicted))
    },

    setOverride(id, override) {
      const entry = entries.get(id)
      if (!entry) return false
      entry.overridden = true
      const before = entry.instance.override
      if (before === override) return true
      update(entry, override)
      event(entry, 'override', before ?? 'none', override ?? 'none', 'set by an operator')
      holdFlapping(entry.server.spec.service)
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

function sameItems(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((item, i) => item === b[i])
}

/** Without a wait: after the I/O that is ready in this turn, which may bring more changes. */
function later(ms: number, run: () => void, clock: Clock): () => void {
  if (ms > 0) return clock.after(ms, run)
  const immediate = setImmediate(run)
  return () => clearImmediate(immediate)
}
