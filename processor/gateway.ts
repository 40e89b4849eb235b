// One gateway in one process: the server that accepts clients, and the routes and endpoints behind it.
import { randomBytes } from 'node:crypto'
import type net from 'node:net'
import { isDeepStrictEqual } from 'node:util'
import { BALANCE } from '../shared/config/defaults.js'
import type { Config, RouteConfig, ServiceConfig } from '../shared/config/model.js'
import { apply, type Change } from '../shared/registry/delta.js'
import { EMPTY_SNAPSHOT, type Instance, type Snapshot } from '../shared/registry/instance.js'
import { Endpoint, type EndpointLimits } from './balancing/endpoint.js'
import { createPool } from './balancing/pool.js'
import { Core, type CoreDeps } from './core.js'
import { ClientConnection, refusal } from './engine/client.js'
import { turnAway } from './engine/turn-away.js'
import { createWireServer } from './engine/wire/accept.js'
import type { Wire } from './engine/wire/wire.js'
import type { Handler } from './exchange.js'
import { createFixed } from './handlers/fixed.js'
import { createForward } from './handlers/forward.js'
import { type LiveState, takeLiveState } from './live-state.js'
import { LiveService } from './resilience/live-service.js'
import { compile, type CompileDeps, createRoutes, type RouteTable } from './routing/table.js'
import { isOwnAddress } from './self.js'
import { createTlsContexts } from './tls/contexts.js'
import { createInstanceTls, createUpstreamTlsFiles, type InstanceTls } from './tls/upstream.js'

export interface GatewayDeps extends CoreDeps {
  /** How this gateway calls itself in Via: the same in all its workers and in no other gateway. */
  readonly via: string
  /** The port that clients reach; an instance on it is this gateway itself. */
  readonly ownPort: number
  /** 48 bytes by which clients resume TLS sessions, the same in all workers; made up where there are none. */
  readonly ticketKeys?: Buffer
  /** Signs the cookies by which clients come back to their instance, the same in all workers; made up where there is none. */
  readonly stickySecret?: Buffer
  /** Keep to Node's sockets, even where it shows what lies beneath: for tests of that way. */
  readonly useSockets?: boolean
}

export interface Gateway {
  readonly core: Core
  /** Not listening yet. */
  readonly server: net.Server
  readonly endpoints: ReadonlyMap<string, Endpoint>
  readonly services: ReadonlyMap<string, LiveService>
  /** What endpoints and services have to tell since the last call; with `states` also how they stand. */
  take(states: boolean): LiveState
  /** Routes by the snapshot after `change`; false where it does not follow on the present one. */
  receive(change: Change): boolean
  /**
   * Goes by another config and the change of the registry that belongs to it, both in one new table; false where the change
   * does not follow on the present snapshot. Exchanges in flight keep the table that they began with; connections stay, and
   * so does what has been learnt of services and instances that stay.
   */
  reconfigure(config: Config, change: Change): boolean
}

export function createGateway(first: Config, deps: GatewayDeps): Gateway {
  const { wheel, log } = deps
  let config = first
  const endpoints = new Map<string, Endpoint>()
  const gone = new Set<Endpoint>()
  const services = new Map<string, LiveService>()
  const living = { endpoints, gone, services }
  const stickySecret = deps.stickySecret ?? randomBytes(32)
  const ticketKeys = deps.ticketKeys ?? randomBytes(48)
  const isSelf = (instance: Instance) => isOwnAddress(instance, config.processor.host, deps.ownPort)
  const empty = { snapshot: EMPTY_SNAPSHOT, pool: () => undefined, match: () => ({ kind: 'none' }) as const }
  const core = new Core(config, deps.via, empty, deps)
  const making = createEndpointMaking(core, living, deps.useSockets ?? false)
  const sharing = {
    wheel,
    get workers() {
      return config.processor.workers
    },
  }
  for (const service of config.services) services.set(service.name, new LiveService(service, sharing))

  let routes = routesOf(config)
  function routesOf(of: Config) {
    const handler = (route: RouteConfig) => handlerOf(route, core)
    return createRoutes(of, handler, (name) => services.get(name))
  }

  const compiling: Omit<CompileDeps, 'routes'> = {
    live: endpoints,
    gone,
    createEndpoint: making.create,
    createPool(name, members) {
      const service = services.get(name)
      if (service !== undefined) service.endpoints = members
      const balance = service?.config.balance ?? BALANCE
      return createPool(members, balance, { isSelf, zone: config.processor.zone, secret: stickySecret })
    },
  }

  /** A registry elsewhere may know services that this config does not: they have no routes here, and no state. */
  function routeBy(snapshot: Snapshot, previous: RouteTable): void {
    const instances = snapshot.instances.filter(({ service }) => services.has(service))
    const table = compile({ ...snapshot, instances }, previous, { ...compiling, routes })
    core.table = { ...table, snapshot }
    for (const service of services.values()) {
      if (table.pool(service.name) === undefined) service.endpoints = []
      // An instance more, or a higher limit, are places for those that wait.
      service.callNext()
    }
  }

  const contextsOf = ({ processor: { tls } }: Config) => tls && createTlsContexts(tls, { log, ticketKeys })
  let contexts = contextsOf(config)
  const serving = {
    tls: contexts && (() => contexts?.options() ?? {}),
    get handshakeMs() {
      return core.timeouts.requestHeadMs
    },
    useSockets: deps.useSockets ?? false,
  }
  const server = createWireServer(serving, {
    mayShakeHands(handshakes, peer) {
      if (core.connections.size + handshakes < core.limits.connections) return true
      // Whoever has not shaken hands cannot be told so.
      core.wheel.tick()
      core.refused('overload', peer)
      return false
    },
    accepted(wire) {
      core.wheel.tick()
      const refusal = core.refusal(wire.peer)
      if (refusal === undefined) core.connected(new ClientConnection(wire, core))
      else refuse(wire, refusal, core)
    },
    acceptFailed: (code, peer) => core.acceptFailed(code, peer),
  })
  return {
    core,
    server,
    endpoints,
    services,
    take: (states) => takeLiveState(living, core.table.snapshot, states),
    receive(change) {
      const snapshot = apply(core.table.snapshot, change)
      if (snapshot !== undefined) routeBy(snapshot, core.table)
      return snapshot !== undefined
    },
    reconfigure(next, change) {
      const before = config
      config = next
      core.configure(next)
      const renewed = renewServices(before, next)
      making.configure(renewed.secured)
      routes = routesOf(next)
      if (!isDeepStrictEqual(before.processor.tls, next.processor.tls)) {
        contexts?.close()
        contexts = contextsOf(next)
      }
      const { table } = core
      const snapshot = apply(table.snapshot, change)
      const pool = (name: string) => (renewed.balanced.has(name) ? undefined : table.pool(name))
      routeBy(snapshot ?? table.snapshot, { ...table, pool })
      return snapshot !== undefined
    },
  }

  /** Which services are balanced in another way now, and which are spoken to by another TLS. */
  function renewServices(before: Config, next: Config): { balanced: Set<string>; secured: Set<string> } {
    const moved = before.processor.zone !== next.processor.zone
    const old = new Map(before.services.map((service) => [service.name, service]))
    const balanced = new Set<string>()
    const secured = new Set<string>()
    const differs = (key: 'balance' | 'tls', service: ServiceConfig) =>
      !isDeepStrictEqual(old.get(service.name)?.[key], service[key])
    for (const service of next.services) {
      const { name } = service
      const live = services.get(name)
      if (live === undefined) services.set(name, new LiveService(service, sharing))
      else live.configure(service)
      if (moved || differs('balance', service)) balanced.add(name)
      if (differs('tls', service)) secured.add(name)
      old.delete(name)
    }
    for (const name of old.keys()) services.delete(name)
    return { balanced, secured }
  }
}

function handlerOf(route: RouteConfig, core: Core): Handler {
  const { handler } = route
  return handler.kind === 'forward'
    ? createForward(core)
    : createFixed(handler.status, handler.headers, handler.body, core)
}

interface EndpointMaking {
  create(instance: Instance): Endpoint
  /** The services' configs have changed, or the processor's limits; `secured`: services that have another TLS. */
  configure(secured: ReadonlySet<string>): void
}

function createEndpointMaking(
  core: Core,
  {
    endpoints,
    services,
  }: { readonly endpoints: ReadonlyMap<string, Endpoint>; readonly services: ReadonlyMap<string, LiveService> },
  useSockets: boolean,
): EndpointMaking {
  const { deps } = core
  const files = createUpstreamTlsFiles({ log: deps.log })

  function tlsOf(instance: Instance): InstanceTls | undefined {
    const service = services.get(instance.service) as LiveService
    return instance.secure ? createInstanceTls(service.config.tls, instance, files) : undefined
  }

  function limitsOf(): EndpointLimits {
    const { limits, timeouts } = core
    return {
      connections: limits.upstreamConnections,
      idle: limits.idleUpstreamConnections,
      keepAliveMs: timeouts.upstreamKeepAliveMs,
      useSockets,
    }
  }

  return {
    create(instance) {
      const service = services.get(instance.service) as LiveService
      return new Endpoint(instance, tlsOf(instance), limitsOf(), { wheel: core.wheel, service, guardChanged: onGuard })
    },
    configure(secured) {
      const limits = limitsOf()
      for (const endpoint of endpoints.values()) {
        const { service } = endpoint.instance
        // One without its service leaves with the new table.
        if (services.has(service)) endpoint.configure(tlsOf(endpoint.instance), limits, secured.has(service))
      }
    },
  }

  function onGuard({ id, guard }: Endpoint): void {
    const { kind, reason } = guard
    deps.log[kind === 'open' ? 'warn' : 'info']({ instance: id, reason }, GUARD_NEWS[kind])
    if (kind === 'open') core.suspect(id)
    deps.recorder.urgent()
  }
}

const GUARD_NEWS = {
  open: 'an instance gets no requests: traffic fails there',
  'half-open': 'one request tries an instance again',
  closed: 'an instance gets requests again',
}

/** One connection too many: told so at once, never queued. */
function refuse(wire: Wire, code: 'overload' | 'too-many-connections', core: Core): void {
  core.refused(code, wire.peer, code)
  turnAway(wire, refusal(code, REFUSALS[code], core), core.wheel)
}

const REFUSALS = {
  overload: 'this gateway has all the connections that it may have',
  'too-many-connections': 'this address has all the connections that it may have',
}
