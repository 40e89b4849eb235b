// One gateway in one process: the server that accepts clients, and the routes and endpoints behind it.
import { randomBytes } from 'node:crypto'
import type net from 'node:net'
import type { Config, RouteConfig } from '../shared/config/model.js'
import type { Log } from '../shared/log.js'
import { apply, type Change } from '../shared/registry/delta.js'
import { EMPTY_SNAPSHOT, type Instance } from '../shared/registry/instance.js'
import { Endpoint } from './balancing/endpoint.js'
import { Core } from './core.js'
import { ClientConnection, refusal } from './engine/client.js'
import { turnAway } from './engine/turn-away.js'
import { createWireServer } from './engine/wire/accept.js'
import type { Wire } from './engine/wire/wire.js'
import type { Wheel } from './engine/wheel.js'
import type { Handler } from './exchange.js'
import { createFixed } from './handlers/fixed.js'
import { createForward } from './handlers/forward.js'
import type { Recorder } from './recorder.js'
import { compile, type CompileDeps, createRoutes } from './routing/table.js'
import { isOwnAddress } from './self.js'
import { createTlsContexts } from './tls/contexts.js'
import { createInstanceTls, createUpstreamTlsFiles } from './tls/upstream.js'

export interface GatewayDeps {
  /** How this gateway calls itself in Via: the same in all its workers and in no other gateway. */
  readonly via: string
  /** The port that clients reach; an instance on it is this gateway itself. */
  readonly ownPort: number
  readonly wheel: Wheel
  readonly recorder: Recorder
  readonly log: Log
  /** 48 bytes by which clients resume TLS sessions, the same in all workers; made up where there are none. */
  readonly ticketKeys?: Buffer
  /** Keep to Node's sockets, even where it shows what lies beneath: for tests of that way. */
  readonly useSockets?: boolean
}

export interface Gateway {
  readonly core: Core
  /** Not listening yet. */
  readonly server: net.Server
  readonly endpoints: ReadonlyMap<string, Endpoint>
  /** Routes by the snapshot after `change`; false where it does not follow on the present one. */
  receive(change: Change): boolean
}

export function createGateway(config: Config, deps: GatewayDeps): Gateway {
  const endpoints = new Map<string, Endpoint>()
  const empty = { snapshot: EMPTY_SNAPSHOT, pool: () => undefined, match: () => ({ kind: 'none' }) as const }
  const core = new Core(config, deps.via, empty, deps)
  const compiling: CompileDeps = {
    routes: createRoutes(config, (route) => handlerOf(route, core)),
    live: endpoints,
    createEndpoint: endpointFactory(config, core, deps.useSockets ?? false),
    isSelf: (instance) => isOwnAddress(instance, config.processor.host, deps.ownPort),
  }
  const { tls } = config.processor
  const contexts = tls && createTlsContexts(tls, { log: deps.log, ticketKeys: deps.ticketKeys ?? randomBytes(48) })
  const serving = {
    tls: contexts && (() => contexts.options()),
    handshakeMs: core.timeouts.requestHeadMs,
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
    receive(change) {
      const snapshot = apply(core.table.snapshot, change)
      if (snapshot !== undefined) core.table = compile(snapshot, core.table, compiling)
      return snapshot !== undefined
    },
  }
}

function handlerOf(route: RouteConfig, core: Core): Handler {
  const { handler } = route
  return handler.kind === 'forward'
    ? createForward(core)
    : createFixed(handler.status, handler.headers, handler.body, core)
}

function endpointFactory(config: Config, core: Core, useSockets: boolean): (instance: Instance) => Endpoint {
  const { limits, timeouts, deps } = core
  const services = new Map(config.services.map((service) => [service.name, service]))
  const files = createUpstreamTlsFiles({ log: deps.log })
  return (instance) => {
    const service = services.get(instance.service)
    const tls = instance.secure ? createInstanceTls(service?.tls ?? { verify: true }, instance, files) : undefined
    const endpointLimits = {
      connections: limits.upstreamConnections,
      idle: limits.idleUpstreamConnections,
      keepAliveMs: timeouts.upstreamKeepAliveMs,
      batch: service?.batch === 'auto',
      useSockets,
    }
    return new Endpoint(instance, tls, endpointLimits, core.wheel)
  }
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
