// The servers of one worker: one for the processor's own port and one for each listener, none of them listening yet.
import type net from 'node:net'
import { isDeepStrictEqual } from 'node:util'
import type { Config, DownstreamTlsConfig } from '../shared/config/model.js'
import type { Core } from './core.js'
import { ClientConnection, refusal } from './engine/client.js'
import { turnAway } from './engine/turn-away.js'
import { createWireServer, type Handshakes } from './engine/wire/accept.js'
import type { Wire } from './engine/wire/wire.js'
import { createTcpAcceptor } from './handlers/tcp/acceptor.js'
import type { LiveService } from './resilience/live-service.js'
import { createTlsContexts, type TlsContexts } from './tls/contexts.js'

export interface Listening {
  /** Of the processor's own port. */
  readonly server: net.Server
  readonly listeners: ReadonlyMap<string, net.Server>
  /** Other certificates for the processor's own port. What listeners are and do holds until a restart. */
  configure(config: Config): void
}

export interface ListeningDeps {
  readonly core: Core
  readonly liveOf: (service: string) => LiveService | undefined
  /** 48 bytes by which clients resume TLS sessions. */
  readonly ticketKeys: Buffer
  /** Keep to Node's sockets. */
  readonly useSockets: boolean
}

export function createListening(first: Config, deps: ListeningDeps): Listening {
  const { core, liveOf } = deps
  // All ports together have as many connections as the worker may have.
  const handshakes: Handshakes = { count: 0 }
  const open = (name: string, tls: DownstreamTlsConfig | undefined, accept: Accept) =>
    createPort(name, tls, accept, { ...deps, handshakes })
  const own = open('', first.processor.tls, acceptHttp(''))
  const listeners = new Map(
    first.processor.listeners.map(({ name, tls, takes }) => {
      const accept = takes.kind === 'tcp' ? createTcpAcceptor(name, takes, { core, liveOf }) : acceptHttp(name)
      return [name, open(name, tls, accept).server]
    }),
  )

  function acceptHttp(name: string): Accept {
    return (wire, secure) => {
      const refused = core.refusal(wire.peer)
      if (refused === undefined) core.connected(new ClientConnection(wire, core, name, secure))
      else refuse(wire, refused, core)
    }
  }

  return {
    server: own.server,
    listeners,
    configure: ({ processor }) => own.secureBy(processor.tls),
  }
}

type Accept = (wire: Wire, secure: boolean) => void

interface Port {
  readonly server: net.Server
  /** Other certificates. That a port speaks TLS, or not, does not change. */
  secureBy(tls: DownstreamTlsConfig | undefined): void
}

function createPort(
  name: string,
  first: DownstreamTlsConfig | undefined,
  accept: Accept,
  { core, ticketKeys, useSockets, handshakes }: ListeningDeps & { readonly handshakes: Handshakes },
): Port {
  const secure = first !== undefined
  const log = name === '' ? core.deps.log : core.deps.log.child({ listener: name })
  let tls = first
  let contexts: TlsContexts | undefined = tls && createTlsContexts(tls, { log, ticketKeys })
  const serving = {
    tls: contexts && (() => contexts?.options() ?? {}),
    get handshakeMs() {
      return core.timeouts.requestHeadMs
    },
    handshakes,
    useSockets,
  }
  const server = createWireServer(serving, {
    mayShakeHands(handshakes, peer) {
      if (core.open + handshakes < core.limits.connections) return true
      // Whoever has not shaken hands cannot be told so.
      core.wheel.tick()
      core.refused('overload', peer)
      return false
    },
    accepted(wire) {
      core.wheel.tick()
      accept(wire, secure)
    },
    acceptFailed: (code, peer) => core.acceptFailed(code, peer, secure),
  })
  return {
    server,
    secureBy(next) {
      if (!secure || next === undefined || isDeepStrictEqual(tls, next)) return
      tls = next
      contexts?.close()
      contexts = createTlsContexts(next, { log, ticketKeys })
    },
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
