// One gateway in one process: the server that accepts clients, and the routes and endpoints behind it.
import { randomBytes } from 'node:crypto'
import type net from 'node:net'
import { isDeepStrictEqual } from 'node:util'
import { systemClock } from '../shared/clock.js'
import { BALANCE } from '../shared/config/defaults.js'
import type { Config, ServiceConfig } from '../shared/config/model.js'
import type { Log } from '../shared/log.js'
import { apply, type Change } from '../shared/registry/delta.js'
import { EMPTY_SNAPSHOT, type Instance, type Snapshot } from '../shared/registry/instance.js'
import { Endpoint, type EndpointLimits } from './balancing/endpoint.js'
import { createPool } from './balancing/pool.js'
import { Core, type CoreDeps } from './core.js'
import { createHandlers } from './handlers/handlers.js'
import { createListening } from './listening.js'
import { type LiveState, takeLiveState } from './live-state.js'
import type { MachineState } from './pipes/machine-state.js'
import { createMachineState } from './pipes/worker-state.js'
import { createRack, type Rack } from './pipes/rack.js'
import { LiveService } from './resilience/live-service.js'
import { compile, type CompileDeps, createRoutes, type RouteTable } from './routing/table.js'
import { isOwnAddress } from './self.js'
import { createInstanceTls, createUpstreamTlsFiles, type InstanceTls } from './tls/upstream.js'

export interface GatewayDeps extends CoreDeps {
  /** How this gateway calls itself in Via: the same in all its workers and in no other gateway. */
  readonly via: string
  /** The port that clients reach; an instance on it is this gateway itself. */
  readonly ownPort: number
  /** Those of its listeners, by name, where they are not the config's: port 0 has become another. */
  readonly listenerPorts?: ReadonlyMap<string, number>
  /** 48 bytes by which clients resume TLS sessions, the same in all workers; made up where there are none. */
  readonly ticketKeys?: Buffer
  /** Signs the cookies by which clients come back to their instance, the same in all workers; made up where there is none. */
  readonly stickySecret?: Buffer
  /** State that the pipes of all workers share; this worker's own where there is none. */
  readonly machine?: MachineState
  /** Keep to Node's sockets, even where it shows what lies beneath: for tests of that way. */
  readonly useSockets?: boolean
}

export interface Gateway {
  readonly core: Core
  /** Not listening yet. */
  readonly server: net.Server
  /** Of its listeners, by name; not listening yet, nor do those that a new config brings. */
  readonly listeners: ReadonlyMap<string, net.Server>
  /** Servers of listeners that have gone, whose last handshakes may be under way. */
  readonly closing: ReadonlySet<net.Server>
  readonly endpoints: ReadonlyMap<string, Endpoint>
  readonly services: ReadonlyMap<string, LiveService>
  /** What endpoints, services and pipes have to tell since the last call; with `states` also how they stand. */
  take(states: boolean): LiveState
  /** Routes by the snapshot after `change`; false where it does not follow on the present one. */
  receive(change: Change): boolean
  /**
   * Goes by another config and the change of the registry that belongs to it, both in one new table; false where the change
   * does not follow on the present snapshot. Exchanges in flight keep the table that they began with; connections stay, and
   * so does what has been learnt of services and instances that stay. `ports`: those of the listeners, by name, where they are
   * not the config's.
   */
  reconfigure(config: Config, change: Change, ports?: ReadonlyMap<string, number>): boolean
  /** Loads the pipes of a config that is to be gone by; undefined where there is nothing to wait for. */
  prepare(config: Config): Promise<void> | undefined
  readonly pipes: Pick<Rack, 'steps' | 'close'>
}

/** A gateway whose pipes are loaded. */
export async function openGateway(config: Config, deps: GatewayDeps): Promise<Gateway> {
  const { wheel, log } = deps
  const standing: { core?: Core } = {}
  const rack = createRack({
    wheel,
    log,
    machine: deps.machine ?? ownState(log),
    call(call) {
      if (standing.core === undefined) throw new Error('nothing can be asked before the gateway stands')
      return standing.core.call(call)
    },
  })
  await rack.prepare(config)
  const gateway = createGateway(config, deps, rack)
  standing.core = gateway.core
  return gateway
}

/** What one worker knows by itself. */
function ownState(log: Log): MachineState {
  return createMachineState({ workers: () => 1, send: () => undefined, clock: systemClock, log }).state
}

function createGateway(first: Config, deps: GatewayDeps, rack: Rack): Gateway {
  const { wheel } = deps
  let config = first
  const endpoints = new Map<string, Endpoint>()
  const gone = new Set<Endpoint>()
  const services = new Map<string, LiveService>()
  const living = { endpoints, gone, services }
  const stickySecret = deps.stickySecret ?? randomBytes(32)
  const ticketKeys = deps.ticketKeys ?? randomBytes(48)
  let own = addressesOf(first, deps.listenerPorts)
  const isSelf = (instance: Instance) => own.some(({ host, port }) => isOwnAddress(instance, host, port))
  const empty: RouteTable = {
    snapshot: EMPTY_SNAPSHOT,
    pool: () => undefined,
    pools: new Map(),
    match: () => ({ kind: 'none' }),
    routeTo: () => undefined,
  }
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
    const handlers = createHandlers(of, rack, core)
    core.unrouted = handlers.unrouted
    const routes = createRoutes(of, {
      handlerOf: (route) => handlers.of(route),
      forward: handlers.forward,
      liveOf: (name) => services.get(name),
    })
    rack.settle()
    return routes
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
  function routeBy(snapshot: Snapshot, previous: RouteTable, touched?: ReadonlySet<string>): void {
    const instances = snapshot.instances.filter(({ service }) => services.has(service))
    const table = compile({ ...snapshot, instances }, previous, { ...compiling, routes }, touched)
    core.table = { ...table, snapshot }
    for (const service of services.values()) {
      if (touched?.has(service.name) === false) continue
      if (table.pool(service.name) === undefined) service.endpoints = []
      // An instance more, or a higher limit, are places for those that wait.
      service.callNext()
    }
  }

  /** The services of the instances that a change is about, where each of them has been known; undefined: it may be about any. */
  function touchedBy(change: Change): ReadonlySet<string> | undefined {
    if (change.kind === 'whole' || change.gone.length > 0) return undefined
    const isKnown = ({ id, service }: Instance) => endpoints.get(id)?.instance.service === service
    return change.put.every(isKnown) ? new Set(change.put.map(({ service }) => service)) : undefined
  }

  const liveOf = (name: string) => services.get(name)
  const listening = createListening(first, { core, liveOf, ticketKeys, useSockets: deps.useSockets ?? false })
  return {
    core,
    server: listening.server,
    listeners: listening.listeners,
    closing: listening.closing,
    endpoints,
    services,
    pipes: rack,
    prepare: (next) => rack.prepare(next),
    take(states) {
      // What pipes count is asked of users' code, which may never come back: nothing else has been taken by then.
      const ofPipes = rack.take(states)
      const { counts: listeners, states: standing } = listening.take()
      return {
        ...ofPipes,
        ...takeLiveState(living, core.table.snapshot, states),
        listeners,
        ...(states && { listening: standing }),
      }
    },
    receive(change) {
      const snapshot = apply(core.table.snapshot, change)
      if (snapshot !== undefined) routeBy(snapshot, core.table, touchedBy(change))
      return snapshot !== undefined
    },
    reconfigure(next, change, ports) {
      const before = config
      config = next
      core.configure(next)
      const addresses = addressesOf(next, ports)
      const moved = before.processor.zone !== next.processor.zone || !isDeepStrictEqual(own, addresses)
      own = addresses
      const renewed = renewServices(before, next, moved)
      making.configure(renewed.secured)
      // What holds until now is held for those whose listener goes, before the routes of the next config take its place.
      listening.configure(next, () => rack.hold())
      routes = routesOf(next)
      const { table } = core
      const snapshot = apply(table.snapshot, change)
      const pool = (name: string) => (renewed.balanced.has(name) ? undefined : table.pool(name))
      routeBy(snapshot ?? table.snapshot, { ...table, pool })
      return snapshot !== undefined
    },
  }

  /** Its own port, and those of its listeners. */
  function addressesOf({ processor }: Config, ports = new Map<string, number>() as ReadonlyMap<string, number>) {
    const listeners = processor.listeners.map(({ name, host, port }) => ({ host, port: ports.get(name) ?? port }))
    return [{ host: processor.host, port: deps.ownPort }, ...listeners]
  }

  /**
   * Which services are balanced in another way now, and which are spoken to by another TLS. `moved`: where this gateway is, or
   * what is itself, has changed.
   */
  function renewServices(
    before: Config,
    next: Config,
    moved: boolean,
  ): { balanced: Set<string>; secured: Set<string> } {
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
