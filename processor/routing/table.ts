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
  readonly handle: Handler
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
  match(path: string, odd: boolean, request: RequestView): Match
  pool(service: string): Pool<Endpoint> | undefined
}

/** The routes of a config, each with its own or its service's settings. `liveOf`: the state of a service, where requests are served. */
export function createRoutes(
  config: Config,
  handlerOf: (route: RouteConfig) => Handler,
  liveOf: (service: string) => LiveService | undefined = () => undefined,
): Trie<Route> {
  const services = new Map(config.services.map((service) => [service.name, service]))
  const routes = config.routes.map((route): Route => {
    const service = route.handler.kind === 'forward' ? services.get(route.handler.service) : undefined
    return {
      id: route.id,
      service: service?.name ?? '',
      match: route.match,
      handle: handlerOf(route),
      timeouts: { ...(service?.timeouts ?? config.processor.timeouts), ...route.timeouts },
      retry: { ...(service?.retry ?? { ...RETRY, attempts: 1, on: [] }), ...route.retry },
      live: service && liveOf(service.name),
      importance: route.importance,
      upgrade: route.upgrade ?? service?.upgrade ?? [],
    }
  })
  return createTrie(routes)
}

const NONE: Match = { kind: 'none' }
const AMBIGUOUS: Match = { kind: 'ambiguous' }

export interface CompileDeps {
  readonly routes: Trie<Route>
  /** The worker's endpoints by id; made for newcomers, retired for those that left. */
  readonly live: Map<string, Endpoint>
  /** Endpoints that have left and still have something to tell. */
  readonly gone: Set<Endpoint>
  readonly createEndpoint: (instance: Instance) => Endpoint
  readonly createPool: (service: string, endpoints: readonly Endpoint[]) => Pool<Endpoint>
}

/** The table for `snapshot`. Pools of services in which nothing changed since `previous` are taken over as they are. */
export function compile(snapshot: Snapshot, previous: RouteTable | undefined, deps: CompileDeps): RouteTable {
  const { live, gone, routes } = deps
  const members = new Map<string, Instance[]>()
  for (const instance of snapshot.instances) {
    const list = members.get(instance.service)
    if (list === undefined) members.set(instance.service, [instance])
    else list.push(instance)
  }
  const pools = new Map<string, Pool<Endpoint>>()
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
  for (const [id, endpoint] of live) {
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
    match: (path, odd, request) => match(routes, path, odd, request),
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
