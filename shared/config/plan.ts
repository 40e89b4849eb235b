// What a new config would change in a running server: told before it is done, and never with a secret in it.
import { isDeepStrictEqual } from 'node:util'
import { applicable } from './applicable.js'
import type { Config, ListenerConfig, RouteConfig } from './model.js'
import { keyOf, unitOf } from './plan-keys.js'
import { withoutPlaces } from './same.js'

/** A setting that differs. Only numbers and switches are shown: a text may be a secret. */
export interface Difference {
  /** As the full layout spells it, e.g. `timeout.first_byte`; `order` of a route beside others of its path. */
  readonly key: string
  readonly from?: string
  readonly to?: string
}

export interface Changed {
  readonly name: string
  readonly what: readonly Difference[]
}

export interface Part {
  readonly added: readonly string[]
  readonly changed: readonly Changed[]
  readonly removed: readonly string[]
}

export interface Plan {
  readonly services: Part
  readonly instances: Part
  readonly routes: Part
  readonly listeners: Part
  /** Of discovery and processor, those that change while they run. */
  readonly settings: readonly Difference[]
  /** Undefined: their number stays. */
  readonly workers?: { readonly from: number; readonly to: number }
  /** Settings that need a restart: the old value stays. */
  readonly restart: readonly string[]
  /** Why that restart would fail now, a sentence each; empty where nobody has tried. */
  readonly blocked: readonly string[]
}

type Fields = Readonly<Record<string, unknown>>

/** They hold from the start on: sockets, the store, and what is made with a size of its own. */
const FIXED: Readonly<Record<'discovery' | 'processor', readonly string[]>> = {
  discovery: ['host', 'port', 'store', 'polling'],
  processor: ['host', 'port', 'requestLimit'],
}

export function createPlan(inForce: Config, wanted: Config): Plan {
  const before = withoutPlaces(inForce)
  const after = withoutPlaces(wanted)
  const kept = applicable(before, after)
  const { workers: _from, listeners: old, ...processorBefore } = before.processor
  const { workers: _to, listeners, ...processorAfter } = kept.processor
  const from = before.processor.workers
  const to = kept.processor.workers
  return {
    services: partOf(byName(before.services, withoutServers), byName(kept.services, withoutServers)),
    instances: partOf(instancesOf(before), instancesOf(kept)),
    routes: partOf(...byId(before, kept)),
    listeners: partOf(byName(old, listenerAsWritten), byName(listeners, listenerAsWritten)),
    settings: [
      ...told(before.discovery, kept.discovery, 'discovery'),
      ...told(processorBefore, processorAfter, 'processor'),
    ],
    ...(from !== to && { workers: { from, to } }),
    restart: restartsOf(before, after),
    blocked: [],
  }
}

export function isEmpty({ services, instances, routes, listeners, settings, workers, restart }: Plan): boolean {
  const parts = [services, instances, routes, listeners].every(
    ({ added, changed, removed }) => added.length + changed.length + removed.length === 0,
  )
  return parts && settings.length === 0 && workers === undefined && restart.length === 0
}

function restartsOf(before: Config, after: Config): string[] {
  const found = (['discovery', 'processor'] as const).flatMap((half) => {
    const old = before[half] as unknown as Fields
    const next = after[half] as unknown as Fields
    return FIXED[half].flatMap((key) => told(old[key], next[key], `${half}.${key}`).map((one) => one.key))
  })
  const secured = (before.processor.tls === undefined) !== (after.processor.tls === undefined)
  return secured ? [...found, 'processor.tls'] : found
}

const byName = <T extends { readonly name: string }>(all: readonly T[], shown: (one: T) => unknown) =>
  new Map(all.map((one) => [one.name, shown(one)]))

// Its instances are told by themselves, and `apis` are told as routes.
const withoutServers = ({ servers: _servers, apis: _apis, ...rest }: Config['services'][number]): unknown => rest

/** A listener as the file spells it. */
function listenerAsWritten({ name: _, takes, ...socket }: ListenerConfig): Fields {
  const { kind, ...taken } = takes
  if (kind !== 'tcp') return { ...socket, ...taken }
  const { service, ...limits } = taken as Extract<ListenerConfig['takes'], { kind: 'tcp' }>
  return { ...socket, tcp: service, ...limits }
}

/** Of two routes that take the same request the last wins: their order is a part of those that have their path in common. */
function byId(before: Config, after: Config): [Map<string, unknown>, Map<string, unknown>] {
  const [old, next] = [pathsOf(before), pathsOf(after)]
  const ordered = ({ routes }: Config): Map<string, unknown> => {
    const counts = new Map<string, number>()
    const entries = routes.map((route): [string, unknown] => {
      const { handler, ...rest } = route
      const shown = { ...rest, ...answerOf(handler) }
      const path = next.get(route.id)
      // Where others come or go, those that stay have not changed.
      if (path === undefined || path !== old.get(route.id)) return [route.id, shown]
      const place = counts.get(path) ?? 0
      counts.set(path, place + 1)
      // A list, and so told without its value: the number alone says little.
      return [route.id, { ...shown, order: [place] }]
    })
    return new Map(entries)
  }
  return [ordered(before), ordered(after)]
}

/** A handler as the file spells it. */
function answerOf(handler: RouteConfig['handler']): Fields {
  if (handler.kind === 'forward') return { service: handler.service }
  if (handler.kind === 'fixed') {
    const { kind: _, ...fixed } = handler
    return { fixed }
  }
  // Its limit of time is the route's own.
  const { parts, timeoutMs: _, ...rest } = handler.merge
  return { merge: parts, ...rest }
}

/** By the id of a route; names of parameters say nothing. */
function pathsOf({ routes }: Config): ReadonlyMap<string, string> {
  return new Map(
    routes.map(({ id, match, listener = '' }) => {
      return [id, `${listener} ${match.exact} ${match.path.replace(/\{[^}]*\}/g, '{}')}`]
    }),
  )
}

function instancesOf({ services }: Config): Map<string, unknown> {
  const all = services.flatMap(({ servers }) => servers)
  return new Map(
    all.map(({ spec: { id, url, priority, weight, zone, metadata }, polling }) => {
      // All the rest of the spec is in its url.
      return [id, { url, priority, weight, zone, metadata, polling }]
    }),
  )
}

function partOf(before: ReadonlyMap<string, unknown>, after: ReadonlyMap<string, unknown>): Part {
  const changed: Changed[] = []
  for (const [name, value] of after) {
    if (!before.has(name)) continue
    const what = told(before.get(name), value, '')
    if (what.length > 0) changed.push({ name, what })
  }
  return {
    added: [...after.keys()].filter((name) => !before.has(name)),
    changed,
    removed: [...before.keys()].filter((name) => !after.has(name)),
  }
}

/** Each key once: a setting of the file may be several in the model. */
function told(before: unknown, after: unknown, path: string): Difference[] {
  const byKey = new Map<string, Difference>()
  for (const one of differences(before, after, path)) if (!byKey.has(one.key)) byKey.set(one.key, one)
  return [...byKey.values()]
}

/** Lists count as one value: where one has an entry more, what stands at which place says little. */
function differences(before: unknown, after: unknown, path: string): Difference[] {
  if (isDeepStrictEqual(before, after)) return []
  // Names inside these are the user's own, and what is about them is told as a whole.
  const whole = !isFields(before) || !isFields(after) || /(^|\.)(headers|metadata|data)$/.test(path)
  if (whole) return [{ key: keyOf(path), ...shown(before, after, unitOf(path)) }]
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])]
  return names.flatMap((name) => differences(before[name], after[name], path === '' ? name : `${path}.${name}`))
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function shown(before: unknown, after: unknown, unit: string): Pick<Difference, 'from' | 'to'> {
  const plain = (value: unknown): value is number | boolean => typeof value === 'number' || typeof value === 'boolean'
  return plain(before) && plain(after) ? { from: `${before}${unit}`, to: `${after}${unit}` } : {}
}
