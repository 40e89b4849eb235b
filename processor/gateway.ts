// One gateway in one process: the server that accepts clients, and the routes and endpoints behind it.
import { readFileSync } from 'node:fs'
import type net from 'node:net'
import type { Config, RouteConfig } from '../shared/config/model.js'
import { ERRORS } from '../shared/errors.js'
import type { Log } from '../shared/log.js'
import { problemBody } from '../shared/problem.js'
import { apply, type Change } from '../shared/registry/delta.js'
import { EMPTY_SNAPSHOT, type Instance } from '../shared/registry/instance.js'
import { Endpoint, tlsOptions } from './balancing/endpoint.js'
import { Core } from './core.js'
import { ClientConnection } from './engine/client.js'
import { problemFields, problemHead } from './engine/reply.js'
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

export interface GatewayDeps {
  /** How this gateway calls itself in Via: the same in all its workers and in no other gateway. */
  readonly via: string
  /** The port that clients reach; an instance on it is this gateway itself. */
  readonly ownPort: number
  readonly wheel: Wheel
  readonly recorder: Recorder
  readonly log: Log
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
    createEndpoint: endpointFactory(config, core),
    isSelf: (instance) => isOwnAddress(instance, config.processor.host, deps.ownPort),
  }
  const server = createWireServer({
    accepted(wire) {
      core.wheel.tick()
      const refusal = core.refusal(wire.peer)
      if (refusal === undefined) core.connected(new ClientConnection(wire, core))
      else refuse(wire, refusal, core)
    },
    acceptFailed: (code) => core.deps.log.error({ code }, 'a connection could not be accepted'),
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

function endpointFactory(config: Config, core: Core): (instance: Instance) => Endpoint {
  const { limits, timeouts } = core
  const services = new Map(config.services.map((service) => [service.name, service]))
  const authorities = new Map<string, string>()
  return (instance) => {
    const tls = services.get(instance.service)?.tls ?? { verify: true }
    let ca: string | undefined
    if (tls.caFile !== undefined) {
      ca = authorities.get(tls.caFile) ?? readAuthorities(tls.caFile, core.deps.log)
      authorities.set(tls.caFile, ca)
    }
    const endpointLimits = {
      connections: limits.upstreamConnections,
      idle: limits.idleUpstreamConnections,
      keepAliveMs: timeouts.upstreamKeepAliveMs,
      batch: services.get(instance.service)?.batch === 'auto',
    }
    return new Endpoint(instance, tlsOptions(tls, instance, ca), endpointLimits, core.wheel)
  }
}

/** A file that cannot be read must not end the worker: no certificate is trusted then, and each request says so. */
function readAuthorities(file: string, log: Log): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    log.error(
      { file, reason: String(error) },
      'the file with the trusted authorities cannot be read: no instance behind it is trusted',
    )
    return ''
  }
}

/** One connection too many: told so at once, never queued. */
function refuse(wire: Wire, code: 'overload' | 'too-many-connections', core: Core): void {
  const id = core.requestId()
  const body = problemBody(code, REFUSALS[code], id)
  core.refused(code, ERRORS[code].status, wire.peer)
  const fields = problemFields(code, id, body, core.via)
  turnAway(wire, `${problemHead(code)}${fields}Connection: close\r\n\r\n${body}`, core.wheel)
}

const REFUSALS = {
  overload: 'this gateway has all the connections that it may have',
  'too-many-connections': 'this address has all the connections that it may have',
}
