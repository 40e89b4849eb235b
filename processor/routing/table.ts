// What a worker routes by: the routes of the config and, per service, the pool that one snapshot makes of its instances.
// A new snapshot makes a new table; an exchange keeps the one that it began with.
import type {
  Config,
  ExchangeTimeouts,
  Importance,
  RetryConfig,
  RouteConfig,
  RouteMatch,
} from '../../shared/config/model.js'
import { RETRY } from '../../shared/config/defaults.js'
import type { Instance, Snapshot } from '../../shared/registry/instance.js'
import type { Endpoint } from '../balancing/endpoint.js'
import type { Pool } from '../balancing/pool.js'
import type { Handler } from '../exchange.js'
import type { LiveService } from '../resilience/live-service.js'
import { readings } from './path.js'
import { createTrie, type RequestView, type Trie } from './trie.js'

export interface Route {
  readonly id: string
  /** Empty for a route that answers by itself. */
  readonly service: string
  readonly match: RouteMatch
  /** Its pipes, and then what answers. */
  readonly handle: Handler
  /** Sends to the service, past all pipes. */
  readonly forward: Handler
  readonly timeouts: ExchangeTimeouts
  readonly retry: RetryConfig
  /** State that the requests of its service share; undefined for a route that answers by itself. */
  readonly live: LiveService | undefined
  readonly importance: Importance
  /** Protocols that a client may switch to, in lower case. */
  readonly upgrade: readonly string[]
}

export type Match =
  | { readonly kind: 'route'; readonly route: Route }
  | { readonly kind: 'none' }
  /** The path is known, for other methods. */
  | { readonly kind: 'method'; readonly allow: readonly string[] }
  /** An origin might read the path in another way and thereby reach another route. */
  | { readonly kind: 'ambiguous' }

export interface RouteTable {
  readonly snapshot: Snapshot
  /** `odd`: the path holds bytes that need a second reading; see `readings`. */
  match(path: string, odd: boolean, request: RequestView, listener: string): Match
  /** `route` with another service in place of its own; without one, what holds for the service by itself. */
  routeTo(service: string, route?: Route): Route | undefined
  pool(service: string): Pool<Endpoint> | undefined
  /** All that `pool` knows. */
  readonly pools: ReadonlyMap<string, Pool<Endpoint>>
}

/** The routes of a config. */
export interface Routes {
  /** By listener; the processor's own port has the empty name. */
  readonly tries: ReadonlyMap<string, Trie<Route>>
  routeTo(service: string, route?: Route): Route | undefined
}

export interface RouteDeps {
  readonly handlerOf: (route: RouteConfig) => Handler
  readonly forward: Handler
  /** The state of a service, where requests are served. */
  readonly liveOf: (service: string) => LiveService | undefined
}

/** The routes of a config, each with its own or its service's settings. */
export function createRoutes(config: Config, { handlerOf, forward, liveOf }: RouteDeps): Routes {
  const services = new Map(config.services.map((service) => [service.name, service]))
  const configs = new Map<Route, RouteConfig>()
  const byListener = new Map<string, Route[]>([['', []]])
  for (const { name } of config.processor.listeners) byListener.set(name, [])
  for (const route of config.routes) {
    const made = routeOf(route, route.handler.kind === 'forward' ? route.handler.service : '')
    configs.set(made, route)
    byListener.get(route.listener ?? '')?.push(made)
  }
  const plain = new Map(
    config.services.map(({ name }) => {
      const match = { hosts: [], methods: [], path: '/', exact: false, headers: [], query: [] }
      const handler = { kind: 'forward', service: name } as const
      return [name, routeOf({ id: name, match, handler, pipes: [], importance: 'normal' }, name, forward)]
    }),
  )
  const moved = new Map<Route, Map<string, Route>>()

  function routeOf(route: RouteConfig, name: string, handle = handlerOf(route)): Route {
    const service = services.get(name)
    return {
      id: route.id,
      service: service?.name ?? '',
      match: route.match,
      handle,
      forward,
      timeouts: { ...(service?.timeouts ?? config.processor.timeouts), ...route.timeouts },
      retry: { ...(service?.retry ?? { ...RETRY, attempts: 1, on: [] }), ...route.retry },
      live: service && liveOf(service.name),
      importance: route.importance,
      upgrade: route.upgrade ?? service?.upgrade ?? [],
    }
  }

  return {
    tries: new Map([...byListener].map(([name, routes]) => [name, createTrie(routes)])),
    routeTo(service, route) {
      const given = route && configs.get(route)
      if (route === undefined || given === undefined || !services.has(service)) return plain.get(service)
      let known = moved.get(route)
      if (known === undefined) moved.set(route, (known = new Map()))
      let made = known.get(service)
      if (made === undefined) {
        known.set(service, (made = routeOf(given, service, route.handle)))
        configs.set(made, given)
      }
      return made
    },
  }
}

const NONE: Match = { kind: 'none' }
const AMBIGUOUS: Match = { kind: 'ambiguous' }
const NO_ROUTES = createTrie<Route>([])

export interface CompileDeps {
  readonly routes: Routes
  /** The worker's endpoints by id; made for newcomers, retired for those that left. */
  readonly live: Map<string, Endpoint>
  /** Endpoints that have left and still have something to tell. */
  readonly gone: Set<Endpoint>
  readonly createEndpoint: (instance: Instance) => Endpoint
  readonly createPool: (service: string, endpoints: readonly Endpoint[]) => Pool<Endpoint>
}

/**
 * The table for `snapshot`. Pools of services in which nothing changed since `previous` are taken over as they are. `touched`:
 * the only services in which anything can have changed, and no instance has left; all others are not looked at.
 */
export function compile(
  snapshot: Snapshot,
  previous: RouteTable | undefined,
  deps: CompileDeps,
  touched?: ReadonlySet<string>,
): RouteTable {
  const { live, gone, routes } = deps
  const members = new Map<string, Instance[]>()
  for (const instance of snapshot.instances) {
    if (touched?.has(instance.service) === false) continue
    const list = members.get(instance.service)
    if (list === undefined) members.set(instance.service, [instance])
    else list.push(instance)
  }
  const pools = new Map<string, Pool<Endpoint>>(touched && previous?.pools)
  const present = new Set<string>()
  for (const [service, instances] of members) {
    const before = previous?.pool(service)
    let changed = false
    const endpoints = instances.map((instance) => {
      present.add(instance.id)
      const known = live.get(instance.id)
      if (known?.instance === instance) return known
      changed = true
      if (known !== undefined && known.instance.secure === instance.secure) {
        known.renew(instance)
        return known
      }
      if (known !== undefined) leave(known)
      const endpoint = deps.createEndpoint(instance)
      if (before !== undefined) endpoint.ramp()
      live.set(instance.id, endpoint)
      return endpoint
    })
    const same = !changed && before !== undefined && before.endpoints.length === endpoints.length
    pools.set(service, same ? before : deps.createPool(service, endpoints))
  }
  for (const [id, endpoint] of touched === undefined ? live : []) {
    if (present.has(id)) continue
    leave(endpoint)
    live.delete(id)
  }

  function leave(endpoint: Endpoint): void {
    endpoint.retire()
    gone.add(endpoint)
  }

  return {
    snapshot,
    pool: (service) => pools.get(service),
    pools,
    match: (path, odd, request, listener) => match(routes.tries.get(listener) ?? NO_ROUTES, path, odd, request),
    routeTo: (service, route) => routes.routeTo(service, route),
  }
}

/** Which route a path goes to; used by the processor and by `explain`. */
export function match(routes: Trie<Route>, path: string, odd: boolean, request: RequestView): Match {
  const route = routes.find(path, request, false)
  if (odd) {
    const all = readings(path)
    if (all === undefined) return AMBIGUOUS
    for (const reading of all) if (routes.find(reading, request, false) !== route) return AMBIGUOUS
  }
  if (route !== undefined) return { kind: 'route', route }
  const other = routes.find(path, request, true)
  if (other === undefined) return NONE
  const { methods } = other.match
  // What takes GET takes HEAD.
  return { kind: 'method', allow: methods.includes('GET') ? [...new Set([...methods, 'HEAD'])] : methods }
}
