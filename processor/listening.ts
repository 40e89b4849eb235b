// The servers of one worker: one for the processor's own port and one for each listener, which come and go with the config.
import type net from 'node:net'
import { isDeepStrictEqual } from 'node:util'
import type { Config, DownstreamTlsConfig, ListenerConfig } from '../shared/config/model.js'
import { staysOpen } from '../shared/config/staying.js'
import type { ListenerCount, ListenerState } from '../shared/metrics/report.js'
import { NamedSums } from '../shared/metrics/named-sums.js'
import type { Core } from './core.js'
import { ClientConnection, refusal } from './engine/client.js'
import { turnAway } from './engine/turn-away.js'
import { createWireServer, type Handshakes } from './engine/wire/accept.js'
import type { Wire } from './engine/wire/wire.js'
import { acceptTcp } from './handlers/tcp/acceptor.js'
import { endListener } from './listener-end.js'
import { LiveListener } from './live-listener.js'
import type { LiveService } from './resilience/live-service.js'
import { createTlsContexts, type TlsContexts } from './tls/contexts.js'

export interface Listening {
  /** Of the processor's own port. */
  readonly server: net.Server
  /** By name; those that a new config brings do not listen yet. */
  readonly listeners: ReadonlyMap<string, net.Server>
  /** Servers that are closed, whose last handshakes may be under way. */
  readonly closing: ReadonlySet<net.Server>
  /**
   * Goes by another config, before its table is made: the connections of listeners that go keep to the one of now. `hold` is
   * called for each of these, and what it returns when nothing of it is left.
   */
  configure(config: Config, hold: () => () => void): void
  /** What came through the ports since the last call, and how many connections they have. */
  take(): { readonly counts: readonly ListenerCount[]; readonly states: readonly ListenerState[] }
}

export interface ListeningDeps {
  readonly core: Core
  readonly liveOf: (service: string) => LiveService | undefined
  /** 48 bytes by which clients resume TLS sessions. */
  readonly ticketKeys: Buffer
  /** Keep to Node's sockets. */
  readonly useSockets: boolean
}

interface Open {
  readonly port: Port
  config: ListenerConfig
}

export function createListening(first: Config, deps: ListeningDeps): Listening {
  const { core } = deps
  // All ports together have as many connections as the worker may have.
  const shared = { ...deps, handshakes: { count: 0 } }
  const own = createPort('', first.processor.tls, false, acceptHttp, shared)
  const open = new Map<string, Open>()
  const servers = new Map<string, net.Server>()
  const closing = new Set<net.Server>()
  /** Those with connections that are closed, too. */
  const live = new Set<LiveListener>([own.live])

  function add(config: ListenerConfig): void {
    const { name, tls, takes } = config
    const accept: Accept = (wire, listener, secure) => {
      const { takes } = one.config
      if (takes.kind === 'tcp') acceptTcp(wire, listener, takes, deps)
      else acceptHttp(wire, listener, secure)
    }
    const one: Open = { port: createPort(name, tls, takes.kind === 'tcp', accept, shared), config }
    open.set(name, one)
    servers.set(name, one.port.server)
    live.add(one.port.live)
  }

  function remove(name: string, { port }: Open, drainMs: number, hold: () => () => void): void {
    open.delete(name)
    servers.delete(name)
    closing.add(port.server)
    const release = hold()
    const over = (): void => {
      // What it has counted since the last report would be lost with it.
      rest.push(port.live)
      live.delete(port.live)
      port.close()
      release()
    }
    const closed = endListener(port.live, { core, drainMs, over })
    port.server.close(() => {
      closing.delete(port.server)
      closed()
    })
  }

  /** Those of which nothing is left but what they have counted. */
  let rest: LiveListener[] = []

  function acceptHttp(wire: Wire, listener: LiveListener, secure: boolean): void {
    const refused = core.refusal(wire.peer)
    if (refused === undefined) return core.connected(new ClientConnection(wire, core, listener, secure))
    listener.turnedAway()
    refuse(wire, refused, core)
  }

  for (const listener of first.processor.listeners) add(listener)
  return {
    server: own.server,
    listeners: servers,
    closing,
    configure({ processor }, hold) {
      own.secureBy(processor.tls)
      const next = new Map(processor.listeners.map((listener) => [listener.name, listener]))
      for (const [name, one] of [...open]) {
        const config = next.get(name)
        if (config === undefined || !staysOpen(one.config, config)) {
          remove(name, one, processor.timeouts.drainMs, hold)
          continue
        }
        one.config = config
        one.port.secureBy(config.tls)
      }
      for (const [name, listener] of next) if (!open.has(name)) add(listener)
    },
    take() {
      const counts = new NamedSums<ListenerCount>()
      const states = new Map<string, number>()
      for (const listener of [...live, ...rest]) {
        const counted = listener.take()
        if (counted !== undefined) counts.add(counted)
        const { name, connections } = listener
        if (connections > 0) states.set(name, (states.get(name) ?? 0) + connections)
      }
      rest = []
      return {
        counts: counts.values(),
        states: [...states].map(([listener, connections]) => ({ listener, connections })),
      }
    },
  }
}

type Accept = (wire: Wire, listener: LiveListener, secure: boolean) => void

interface Port {
  readonly server: net.Server
  readonly live: LiveListener
  /** Other certificates. That a port speaks TLS, or not, does not change. */
  secureBy(tls: DownstreamTlsConfig | undefined): void
  /** No handshake will begin any more. */
  close(): void
}

function createPort(
  name: string,
  first: DownstreamTlsConfig | undefined,
  bare: boolean,
  accept: Accept,
  { core, ticketKeys, useSockets, handshakes }: ListeningDeps & { readonly handshakes: Handshakes },
): Port {
  const secure = first !== undefined
  const live = new LiveListener(name)
  const log = name === '' ? core.deps.log : core.deps.log.child({ listener: name })
  let tls = first
  let contexts: TlsContexts | undefined = tls && createTlsContexts(tls, { log, ticketKeys, anyProtocol: bare })
  const serving = {
    tls: contexts && (() => contexts?.options() ?? {}),
    get handshakeMs() {
      return core.timeouts.requestHeadMs
    },
    handshakes,
    useSockets,
    keepAlive: bare,
  }
  const server = createWireServer(serving, {
    mayShakeHands(handshakes, peer) {
      if (core.open + handshakes < core.limits.connections) return true
      // Whoever has not shaken hands cannot be told so.
      core.wheel.tick()
      live.turnedAway()
      core.refused('overload', peer)
      return false
    },
    accepted(wire) {
      core.wheel.tick()
      accept(wire, live, secure)
    },
    acceptFailed: (code, peer) => core.acceptFailed(code, peer, secure),
  })
  return {
    server,
    live,
    secureBy(next) {
      if (!secure || next === undefined || isDeepStrictEqual(tls, next)) return
      tls = next
      contexts?.close()
      contexts = createTlsContexts(next, { log, ticketKeys, anyProtocol: bare })
    },
    close: () => contexts?.close(),
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
