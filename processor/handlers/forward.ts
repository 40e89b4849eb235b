// Sends an exchange to the best instance of a service: attempts until one answers or none may be tried, and both bodies
// streamed through with back-pressure.
import { ProxyError } from '../../shared/errors.js'
import type { Core } from '../core.js'
import type { Endpoint } from '../balancing/endpoint.js'
import type { Pool } from '../balancing/pool.js'
import { answer } from '../engine/answer-head.js'
import { date } from '../engine/reply.js'
import type { BodyKind, UpstreamConnection } from '../engine/upstream.js'
import type { Exchange, Handler, RequestSink } from '../exchange.js'
import { asItCame, inChunks, type Passage, withoutChunks } from '../engine/passage.js'
import type { Batchable } from '../engine/batcher.js'
import type { Wire } from '../engine/wire/wire.js'
import { Replay } from '../resilience/replay.js'
import { allowedUpgrade, openTunnel } from './switching.js'
import { isIdempotent, mayRetry, mayRetryStatus, type Tries } from '../resilience/retry.js'
import type { Route } from '../routing/table.js'

export function createForward(core: Core): Handler {
  return (exchange) => {
    const route = exchange.route as Route
    const pool = exchange.table.pool(route.service)
    if (pool === undefined) return core.fail(exchange, noInstance(route.service))
    const forwarding = new Forwarding(exchange, route, pool, core)
    exchange.sink = forwarding
    forwarding.attempt(undefined)
  }
}

function noInstance(service: string): ProxyError {
  return new ProxyError('no-instance', 'upstream', 'never', `no instance of "${service}" may take requests`)
}

class Forwarding implements RequestSink, Batchable {
  private endpoint: Endpoint | undefined
  private connection: UpstreamConnection | undefined
  private readonly tried: Endpoint[] = []
  private readonly replay: Replay
  private passage: Passage = asItCame
  private answerPaused = false
  /** The one extra try that a dead idle connection is worth has been used. */
  private raced = false
  /** The client sends its body only after a 100, and none has come. */
  private waitsForContinue: boolean
  /** Its turn on a shared connection has not come. */
  private queued = false
  /** It shares a connection with requests before it: what went wrong there may be theirs. */
  private behind = false
  /** Its place among the instance's requests, where those may share connections; 0: none. */
  private turn = 0
  readonly upgrade: string

  constructor(
    private readonly exchange: Exchange,
    private readonly route: Route,
    private readonly pool: Pool,
    private readonly core: Core,
  ) {
    this.replay = new Replay(isIdempotent(exchange.method))
    this.waitsForContinue = exchange.expectsContinue && !exchange.requestDone
    this.upgrade = exchange.offers === '' ? '' : allowedUpgrade(exchange, route)
  }

  get method(): string {
    return this.exchange.method
  }

  get connectMs(): number {
    return this.route.timeouts.connectMs
  }

  // ---- attempts

  /** `failure`: why the attempt before this one failed. `again`: the endpoint that gets the request once more. */
  attempt(failure: ProxyError | undefined, again?: Endpoint): void {
    const { exchange, core } = this
    let endpoint = again ?? this.pool.pick(this.tried)
    if (endpoint === undefined && failure !== undefined && failure.retry !== 'safe') {
      // All have been tried. One that was reached may do better the second time; one that refused will not.
      this.tried.length = 0
      endpoint = this.pool.pick(this.tried)
    }
    if (failure === undefined && endpoint?.batcher?.ready === true && this.batchable) return this.share(endpoint)
    let connection: UpstreamConnection | undefined
    let full: ProxyError | undefined
    while (endpoint !== undefined) {
      connection = endpoint.acquire(again !== undefined)
      if (connection !== undefined) break
      this.tried.push(endpoint)
      full = new ProxyError('overload', 'internal', 'never', 'every instance has all its connections in use')
      endpoint = this.pool.pick(this.tried)
    }
    if (endpoint === undefined || connection === undefined) return core.fail(exchange, failure ?? full ?? this.nobody())
    this.connection = connection
    if (failure !== undefined) exchange.retries++
    this.tryAt(endpoint)
    connection.begin(this, this.connectMs)
    connection.writer.begin(this.headFor(endpoint))
    for (const piece of this.replay.pieces) this.send(piece, 0, piece.length)
    if (connection.connected) {
      this.awaitAnswer()
      // The attempt before this one may have left the client waiting.
      if (connection.writer.backlog === 0) exchange.client.resume()
    }
    // Within a read the body may follow at once and leave in the same write.
    if (exchange.requestDone || !exchange.client.reading) this.requestPause()
  }

  private tryAt(endpoint: Endpoint): void {
    this.endpoint = endpoint
    // Later attempts say more about what failed before them.
    this.turn = this.exchange.attempts === 0 ? (endpoint.batcher?.takeTurn() ?? 0) : 0
    this.exchange.attempts++
    this.exchange.instance = endpoint.id
  }

  private headFor(endpoint: Endpoint): string {
    const { method, target, fields, added, trailers } = this.exchange
    const switching = this.upgrade === '' ? '' : `Connection: Upgrade\r\nUpgrade: ${this.upgrade}\r\n`
    return (
      `${method} ${endpoint.basePath}${target}${endpoint.versionAndHost}` +
      `${fields}${added}${trailers ? 'TE: trailers\r\nConnection: TE\r\n' : ''}${switching}\r\n`
    )
  }

  // ---- sharing a connection

  private get batchable(): boolean {
    const { body, method } = this.exchange
    // An answer to HEAD announces a body that must not come, and some send it.
    return body === 'none' && this.upgrade === '' && method !== 'HEAD' && isIdempotent(method)
  }

  private share(endpoint: Endpoint): void {
    this.tryAt(endpoint)
    endpoint.batcher?.add(this)
  }

  get requestHead(): string | undefined {
    return this.exchange.answerDone ? undefined : this.headFor(this.endpoint as Endpoint)
  }

  sharing(connection: UpstreamConnection, first: boolean): void {
    this.connection = connection
    this.queued = this.behind = !first
    if (first && connection.connected) this.awaitAnswer()
  }

  noConnection(): void {
    this.exchange.attempts--
    if (this.endpoint !== undefined) this.tried.push(this.endpoint)
    this.attempt(undefined)
  }

  // ---- what becomes of an attempt

  private nobody(): ProxyError {
    if (!this.pool.loops) return noInstance(this.route.service)
    return new ProxyError('loop', 'client', 'never', `every instance of "${this.route.service}" is this gateway itself`)
  }

  private get tries(): Tries {
    const { method, attempts, headSent } = this.exchange
    return { method, attempts, headSent, replayable: this.replay.possible }
  }

  /** Lets go of the connection; `usable`: another exchange may have it. */
  private release(usable: boolean): void {
    const { connection, endpoint } = this
    this.connection = undefined
    if (connection !== undefined) endpoint?.release(connection, this, usable)
  }

  private retry(failure: ProxyError, again?: Endpoint): void {
    if (again === undefined && this.endpoint !== undefined) this.tried.push(this.endpoint)
    this.attempt(failure, again)
  }

  failed(error: ProxyError): void {
    const { connection, endpoint, exchange } = this
    this.release(false)
    endpoint?.batcher?.failed()
    this.core.attempted(error.code === 'answer-timeout' || error.code === 'connect-timeout' ? 'timeout' : 'failure')
    const idleRace =
      error.code === 'connection-reset' && connection !== undefined && connection.uses > 1 && !connection.heard
    const othersFault = this.queued || (this.behind && error.code !== 'answer-timeout')
    this.queued = this.behind = false
    if (
      (idleRace || othersFault) &&
      !this.raced &&
      !exchange.headSent &&
      this.replay.possible &&
      isIdempotent(exchange.method)
    ) {
      // The instance closed an idle connection while the request was on its way, or a request before it ended the
      // connection that it shared: nobody's fault, so no attempt lost.
      this.raced = true
      exchange.attempts--
      return this.retry(error, endpoint)
    }
    if (endpoint !== undefined) this.core.suspect(endpoint.id)
    if (exchange.headSent) return exchange.client.abort(error.code)
    if (mayRetry(error, this.tries, this.route.retry)) return this.retry(error)
    this.core.fail(exchange, error)
  }

  // ---- the request

  requestBody(buf: Buffer, start: number, end: number): void {
    this.replay.keep(buf, start, end, this.connection?.connected === true)
    this.waitsForContinue = false
    this.send(buf, start, end)
  }

  requestEnd(): void {
    this.requestPause()
    if (this.connection?.connected === true) this.awaitAnswer()
  }

  requestPause(): void {
    this.connection?.writer.flush()
  }

  private send(buf: Buffer, start: number, end: number): void {
    const { connection } = this
    if (connection === undefined || connection.writer.piece(buf, start, end)) return
    this.exchange.client.pause()
    if (connection.connected) connection.arm(this.route.timeouts.idleMs, 'answer-timeout')
  }

  requestSent(): void {
    const { connection, exchange } = this
    if (connection === undefined || connection.writer.backlog > 0 || exchange.answerDone) return
    exchange.client.resume()
    if (connection.connected && !exchange.headSent) this.awaitAnswer()
  }

  private awaitAnswer(): void {
    if (this.exchange.requestDone || this.waitsForContinue)
      this.connection?.arm(this.route.timeouts.firstByteMs, 'answer-timeout')
    else this.connection?.disarm()
  }

  // ---- the answer

  connected(): void {
    this.queued = false
    this.replay.connected()
    this.awaitAnswer()
  }

  interim(): void {
    const { exchange } = this
    if (answer.status === 100) this.waitsForContinue = false
    exchange.client.interim(answer.statusText, answer.fields)
    this.awaitAnswer()
  }

  switched(wire: Wire, buf: Buffer, start: number, end: number): void {
    openTunnel(this.exchange, this.upgrade, wire, { buf, start, end }, this.core, () => {
      this.core.attempted('success')
      this.release(false)
    })
  }

  answerHead(body: BodyKind): void {
    const { exchange, core } = this
    const { status } = answer
    if (status >= 502 && status <= 504 && mayRetryStatus(status, this.tries, this.route.retry)) {
      this.release(false)
      core.attempted('failure')
      return this.retry(new ProxyError('bad-answer', 'upstream', 'idempotent-only', `the instance answered ${status}`))
    }
    const { endpoint, turn } = this
    if (turn > 0) endpoint?.batcher?.answered(turn, core.wheel.now() - exchange.startedAt, endpoint.inFlight)
    let framing = answer.framing
    let keep = true
    if (exchange.minor === 0 && (body === 'chunked' || body === 'until-close')) {
      keep = false
      framing = ''
      if (body === 'chunked') this.passage = withoutChunks()
    } else if (body === 'until-close') {
      this.passage = inChunks
      framing = 'Transfer-Encoding: chunked\r\n'
    } else if (status === 204 || (exchange.minor === 0 && answer.chunked)) {
      // RFC 9110 section 8.6: a 204 has no Content-Length; RFC 9112 section 6.1: HTTP/1.0 knows no transfer coding.
      framing = ''
    }
    const fields =
      `${answer.fields}${framing}${answer.hasDate ? '' : date()}` +
      `${answer.hasRequestId ? '' : `X-Request-Id: ${exchange.id}\r\n`}${core.viaLine(answer.minor)}`
    if (status !== 426 || answer.offers === '') exchange.client.writeHead(status, answer.statusText, fields, keep)
    // RFC 9110 section 15.5.22: it says what to switch to, and section 7.8: Connection names that.
    else exchange.client.writeHead(426, answer.statusText, `${fields}Upgrade: ${answer.offers}\r\n`, keep, 'Upgrade')
    this.armIdle()
  }

  answerBody(buf: Buffer, start: number, end: number): void {
    const { client } = this.exchange
    const taken = this.passage.piece(client, buf, start, end)
    if (taken) this.armIdle()
    else {
      this.answerPaused = true
      this.connection?.pause()
      this.connection?.disarm()
      client.stalled()
    }
  }

  answerEnd(): void {
    const { exchange, connection } = this
    this.passage.end(exchange.client)
    this.core.attempted('success')
    this.release(exchange.requestDone && connection?.writer.backlog === 0)
    exchange.client.finish()
  }

  answerPause(): void {
    if (this.exchange.headSent) this.exchange.client.flush()
  }

  private armIdle(): void {
    this.connection?.arm(this.route.timeouts.idleMs, 'answer-timeout')
  }

  // ---- the client

  clientDrained(): void {
    if (!this.answerPaused) return
    this.answerPaused = false
    this.connection?.resume()
    this.armIdle()
  }

  timedOut(): void {
    this.core.attempted('timeout')
    // A client that is slow to send or to read has used the time up itself.
    const waiting = this.exchange.requestDone && !this.answerPaused
    if (waiting && this.endpoint !== undefined) this.core.suspect(this.endpoint.id)
    this.clientGone()
  }

  clientGone(): void {
    this.replay.drop()
    this.release(false)
  }
}
