// What one worker's connections, handlers and pipes share: its settings, its clock, its routes and its counters.
import { randomBytes } from 'node:crypto'
import net from 'node:net'
import type { Config, LimitsConfig, TimeoutsConfig } from '../shared/config/model.js'
import { type Code, ERRORS, ProxyError } from '../shared/errors.js'
import type { Log } from '../shared/log.js'
import type { Refusal } from '../shared/metrics/refusals.js'
import type { AttemptResult, RequestRecord } from '../shared/metrics/report.js'
import type { AccessLog } from './access-log.js'
import type { ClientConnection } from './engine/client.js'
import { ALLOW, answerLastForward, reply } from './engine/reply.js'
import { head } from './engine/request-head.js'
import type { ReaderRules } from './engine/request-reader.js'
import type { Wheel } from './engine/wheel.js'
import { type Caller, createCaller } from './calls.js'
import { Exchange, type Handler, type RequestBody } from './exchange.js'
import type { LiveListener } from './live-listener.js'
import type { Recorder } from './recorder.js'
import { createRefusalLog } from './refusal-log.js'
import type { Match, RouteTable } from './routing/table.js'
import { newTraceparent } from './tracing/trace-context.js'
import type { Tracer } from './tracing/tracer.js'

/** What a client may send as its own request id: anything else is replaced. */
const REQUEST_ID = /^[A-Za-z0-9._~+/=:@-]{1,128}$/

/** What the system lacks when it cannot accept a connection. */
const LACKING: ReadonlySet<string> = new Set(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM'])

/** Characters of a path that a record keeps. */
const MOST_PATH = 1024

export interface CoreDeps {
  readonly wheel: Wheel
  readonly recorder: Recorder
  readonly log: Log
  /** Undefined: no line is written for any request. */
  readonly accessLog?: Pick<AccessLog, 'finished'> | undefined
  /** Undefined: no spans are made. */
  readonly tracer?: Pick<Tracer, 'begin' | 'ended'> | undefined
}

/** A connection of a client that carries no requests. */
export interface BareConnection {
  readonly peer: string
  readonly listener: LiveListener
  destroy(): void
}

export class Core {
  limits!: LimitsConfig
  /** What a reader of requests goes by, in plain text and within TLS. */
  private plainRules!: ReaderRules
  private secureRules!: ReaderRules
  timeouts!: TimeoutsConfig
  private readonly via10: string
  private readonly via11: string
  readonly connections = new Set<ClientConnection>()
  readonly bare = new Set<BareConnection>()
  /** Exchanges that have not ended. */
  inFlight = 0
  /** Of them, those that have switched protocols. */
  tunnels = 0
  /** No new requests: answers end their connections. */
  draining = false
  private trusted: net.BlockList | undefined
  private readonly logRefusal: (reason: Refusal, client: string) => void
  private readonly idPrefix = `${randomBytes(6).toString('base64url')}-`
  private ids = 0
  /** Pipes for requests that no route takes; undefined where there are none. */
  unrouted: ((exchange: Exchange, handler: Handler) => void) | undefined
  /** Asks a service on the gateway's own account. */
  readonly call: Caller
  /** Connections by address. */
  private readonly byAddress = new Map<string, number>()

  /** `via`: how this gateway calls itself in Via, the same in all its workers and in no other gateway. */
  constructor(
    config: Config,
    readonly via: string,
    public table: RouteTable,
    readonly deps: CoreDeps,
  ) {
    this.via10 = `Via: 1.0 ${via}\r\n`
    this.via11 = `Via: 1.1 ${via}\r\n`
    this.configure(config)
    this.call = createCaller(this)
    this.logRefusal = createRefusalLog(deps)
  }

  /** Holds for connections and exchanges that begin from now on. */
  configure({ processor }: Config): void {
    this.limits = processor.limits
    this.timeouts = processor.timeouts
    const { limits } = processor
    this.plainRules = { limits, head: { ...limits, secure: false } }
    this.secureRules = { limits, head: { ...limits, secure: true } }
    this.trusted = blockList(processor.trustedProxies)
  }

  rulesFor(secure: boolean): ReaderRules {
    return secure ? this.secureRules : this.plainRules
  }

  get wheel(): Wheel {
    return this.deps.wheel
  }

  /** Whether this peer's X-Forwarded-* are believed. */
  trusts(address: string): boolean {
    const peer = plainAddress(address)
    return (
      this.trusted !== undefined && net.isIP(peer) !== 0 && this.trusted.check(peer, net.isIPv6(peer) ? 'ipv6' : 'ipv4')
    )
  }

  /** Unique over all workers and restarts, and cheap: random once, then counted. */
  requestId(): string {
    return this.idPrefix + (this.ids++).toString(36)
  }

  /** The exchange for the head that was parsed last. */
  exchange(client: ClientConnection, body: RequestBody): Exchange {
    this.inFlight++
    const id = head.requestId !== '' && REQUEST_ID.test(head.requestId) ? head.requestId : this.requestId()
    const startedAt = this.wheel.now()
    const trace = this.deps.tracer?.begin(head.traceparent, startedAt)
    const traceparent = head.traceparent === '' && trace === undefined ? newTraceparent(false) : head.traceparent
    const added =
      `${this.forwardedLines(client)}X-Request-Id: ${id}\r\n${this.viaLine(head.minor)}` +
      (trace === undefined ? `traceparent: ${traceparent}\r\n` : '') +
      (head.maxForwards > 0 ? `Max-Forwards: ${head.maxForwards - 1}\r\n` : '')
    return new Exchange(
      client,
      client.listener.last ?? this.table,
      id,
      head.method,
      head.target,
      head.path,
      head.host,
      head.minor,
      head.fields,
      added,
      body,
      head.expectsContinue,
      head.upgrade,
      head.trailers,
      traceparent,
      trace,
      startedAt,
    )
  }

  /** Our line of Via for a message that came in HTTP/1.`minor`. */
  viaLine(minor: number): string {
    return minor === 1 ? this.via11 : this.via10
  }

  // The same for all requests of nearly every connection, so they are made once.
  private forwardedLines(client: ClientConnection): string {
    const { forwardedFor, forwardedProto, forwardedHost, host } = head
    const plain = forwardedFor === '' && forwardedProto === '' && forwardedHost === ''
    if (plain && client.forwardedHost === host) return client.forwardedLines
    const peer = plainAddress(client.peer)
    const meant = forwardedHost === '' ? host : forwardedHost
    const lines =
      `X-Forwarded-For: ${forwardedFor === '' ? peer : `${forwardedFor}, ${peer}`}\r\n` +
      `X-Forwarded-Proto: ${forwardedProto === '' ? (client.secure ? 'https' : 'http') : forwardedProto}\r\n` +
      (meant === '' ? '' : `X-Forwarded-Host: ${meant}\r\n`)
    if (plain) {
      client.forwardedHost = host
      client.forwardedLines = lines
    }
    return lines
  }

  /** Finds the route of an exchange whose head was parsed last, and lets it answer. */
  serve(exchange: Exchange, listener: string): void {
    // RFC 9110 section 7.6.3: a message that has been here before would go round until something breaks.
    if (head.via !== '' && head.via.includes(this.via)) {
      return this.fail(
        exchange,
        new ProxyError('loop', 'client', 'never', 'this request has already passed this gateway'),
      )
    }
    if (head.maxForwards === 0) return answerLastForward(exchange, this.via)
    const { path } = exchange
    if (path === '*') return reply(exchange, 204, ALLOW, '', this.via)
    const match = exchange.table.match(path, head.oddPath, exchange, listener)
    if (match.kind === 'route') {
      exchange.route = match.route
      return match.route.handle(exchange)
    }
    const answer = (of: Exchange): void => this.answerUnrouted(of, match)
    if (this.unrouted === undefined) answer(exchange)
    else this.unrouted(exchange, answer)
  }

  private answerUnrouted(exchange: Exchange, match: Exclude<Match, { kind: 'route' }>): void {
    const { method, path } = exchange
    switch (match.kind) {
      case 'ambiguous':
        return this.fail(
          exchange,
          new ProxyError(
            'ambiguous-path',
            'client',
            'never',
            'the path can be read in two ways: send it in its normal form',
          ),
        )
      case 'method': {
        const failure = new ProxyError('method-not-allowed', 'client', 'never', `${method} is not allowed here`)
        return this.fail(exchange, failure, `Allow: ${match.allow.join(', ')}\r\n`)
      }
      case 'none':
        if (path === '/' && (method === 'GET' || method === 'HEAD')) {
          return reply(exchange, 200, 'Content-Type: application/json\r\n', '{"status":"Success"}', this.via)
        }
        return this.fail(exchange, new ProxyError('no-route', 'client', 'never', `no route for ${method} ${path}`))
    }
  }

  /** Answers an exchange with a problem, or cuts its answer off where one has begun. */
  fail(exchange: Exchange, error: ProxyError, extra = ''): void {
    this.deps.log.debug({ code: error.code, request: exchange.id, instance: exchange.instance }, error.message)
    if (exchange.headSent) exchange.client.abort(error.code)
    else exchange.client.fail(error, extra)
  }

  attempted(result: AttemptResult): void {
    this.deps.recorder.attempted(result)
  }

  /** An attempt failed at this instance, and not for a reason of the client's. */
  suspect(instance: string): void {
    this.deps.recorder.suspect(instance)
  }

  /** An exchange has ended. */
  done(exchange: Exchange): void {
    this.inFlight--
    exchange.sink?.over()
    exchange.pipes?.over()
    const { route, retries } = exchange
    if (retries > 0) this.deps.recorder.retried(retries)
    const durationMs = this.wheel.now() - exchange.startedAt
    const { recorder, accessLog, tracer } = this.deps
    const record: RequestRecord = {
      at: Date.now() - durationMs,
      id: exchange.id,
      service: route?.service ?? '',
      instance: exchange.instance,
      route: route?.id ?? '',
      method: exchange.method,
      path: exchange.path.length > MOST_PATH ? exchange.path.slice(0, MOST_PATH) : exchange.path,
      status: exchange.status,
      durationMs,
      attempts: exchange.attempts,
      bytesIn: exchange.bytesIn,
      bytesOut: exchange.bytesOut,
      error: exchange.error,
      client: plainAddress(exchange.client.peer),
    }
    recorder.finished(record)
    accessLog?.finished(record, exchange)
    if (exchange.trace !== undefined) tracer?.ended(exchange.trace, record)
  }

  /** A bare connection has ended. */
  recorded(record: RequestRecord): void {
    this.deps.recorder.finished(record)
    this.deps.accessLog?.finished(record, { traceId: '' })
  }

  /**
   * Bytes of a client, its handshake or its connection are refused. `code`: what it is answered with, where there is no
   * exchange to record that.
   */
  refused(reason: Refusal, peer: string, code?: Code): void {
    this.deps.recorder.refused(reason)
    this.logRefusal(reason, plainAddress(peer))
    if (code === undefined) return
    this.deps.recorder.finished({
      at: Date.now(),
      id: '',
      service: '',
      instance: '',
      route: '',
      method: '',
      path: '',
      status: ERRORS[code].status,
      durationMs: 0,
      attempts: 0,
      bytesIn: 0,
      bytesOut: 0,
      error: code,
      client: plainAddress(peer),
    })
  }

  /** Whether one more connection from `peer` may be taken; why not, otherwise. */
  refusal(peer: string): 'overload' | 'too-many-connections' | undefined {
    const { connections, clientConnections } = this.limits
    if (this.open >= connections) return 'overload'
    if (clientConnections === 0 || this.trusts(peer)) return undefined
    return (this.byAddress.get(peer) ?? 0) >= clientConnections ? 'too-many-connections' : undefined
  }

  /** Connections of clients, whatever they carry. */
  get open(): number {
    return this.connections.size + this.bare.size
  }

  connected(client: ClientConnection): void {
    this.connections.add(client)
    this.came(client)
  }

  connectedBare(connection: BareConnection): void {
    this.bare.add(connection)
    this.came(connection)
  }

  /** A connection came to nothing before it could carry a request. */
  acceptFailed(code: string, peer: string, secure: boolean): void {
    const { log } = this.deps
    // What a client's handshake lacks is the client's affair; what the system lacks is the operator's. Where TLS is spoken
    // only handshakes come here, and one that was reset at once has no peer any more.
    if (!secure || LACKING.has(code)) return log.error({ code }, 'a connection could not be accepted')
    log.debug({ code, client: plainAddress(peer) }, 'a TLS handshake failed')
    this.wheel.tick()
    this.refused('tls-handshake', peer)
  }

  disconnected(client: ClientConnection): void {
    this.connections.delete(client)
    this.went(client)
  }

  disconnectedBare(connection: BareConnection): void {
    this.bare.delete(connection)
    this.went(connection)
  }

  private came({ peer, listener }: BareConnection | ClientConnection): void {
    listener.came()
    this.byAddress.set(peer, (this.byAddress.get(peer) ?? 0) + 1)
  }

  private went({ peer, listener }: BareConnection | ClientConnection): void {
    listener.went()
    const left = (this.byAddress.get(peer) ?? 1) - 1
    if (left > 0) this.byAddress.set(peer, left)
    else this.byAddress.delete(peer)
  }
}

/** An IPv4 peer of a dual-stack socket, as IPv4. */
export function plainAddress(address: string): string {
  return address.startsWith('::ffff:') ? address.slice(7) : address
}

function blockList(blocks: readonly string[]): net.BlockList | undefined {
  if (blocks.length === 0) return undefined
  const list = new net.BlockList()
  for (const block of blocks) {
    const [address = '', bits] = block.split('/')
    const family = net.isIPv6(address) ? 'ipv6' : 'ipv4'
    if (bits === undefined) list.addAddress(address, family)
    else list.addSubnet(address, Number(bits), family)
  }
  return list
}
