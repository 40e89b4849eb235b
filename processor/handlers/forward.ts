// Sends an exchange to the best instance of a service: attempts until one answers or none may be tried, and both bodies
// streamed through with back-pressure.
import { ProxyError } from '../../shared/errors.js'
import type { Core } from '../core.js'
import type { Endpoint } from '../balancing/endpoint.js'
import type { Pool } from '../balancing/pool.js'
import { answer } from '../engine/answer-head.js'
import { ChunkScanner } from '../engine/chunked.js'
import { date } from '../engine/reply.js'
import type { BodyKind, UpstreamConnection } from '../engine/upstream.js'
import type { Exchange, Handler, RequestSink } from '../exchange.js'
import { Tunnel } from '../engine/tunnel.js'
import type { Batchable } from '../engine/batcher.js'
import type { Wire } from '../engine/wire/wire.js'
import { SHARED_BYTES } from '../engine/wire/wire.js'
import { isIdempotent, mayRetry, mayRetryStatus, type Tries } from '../resilience/retry.js'
import type { Route } from '../routing/table.js'

/** A request's body up to this size is kept until its attempt has succeeded, so that it can be sent again. */
const REPLAY_BYTES = 64 * 1024

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

/** How the answer's body passes: as it came, with chunk framing put around it, or with it taken off. */
type Passage = 'as-is' | 'wrap' | 'unwrap'

class Forwarding implements RequestSink, Batchable {
  private endpoint: Endpoint | undefined
  private connection: UpstreamConnection | undefined
  private readonly tried: Endpoint[] = []
  /** The request's body so far, while it may have to be sent again. */
  private kept: Buffer[] = []
  private keptBytes = 0
  private replayable = true
  private passage: Passage = 'as-is'
  private unwrapper: ChunkScanner | undefined
  private answerPaused = false
  /** The one extra try that a dead idle connection is worth has been used. */
  private raced = false
  /** The client sends its body only after a 100, and none has come. */
  private waitsForContinue: boolean
  /** Its turn on a shared connection has not come. */
  private queued = false
  readonly upgrade: string

  constructor(
    private readonly exchange: Exchange,
    private readonly route: Route,
    private readonly pool: Pool,
    private readonly core: Core,
  ) {
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
    for (const piece of this.kept) this.send(piece, 0, piece.length)
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
    this.exchange.attempts++
    this.exchange.instance = endpoint.id
  }

  private headFor(endpoint: Endpoint): string {
    const { method, target, fields, added, trailers } = this.exchange
    const switching = this.upgrade === '' ? '' : `Connection: Upgrade\r\nUpgrade: ${this.upgrade}\r\n`
    return (
      `${method} ${endpoint.basePath}${target} HTTP/1.1\r\nHost: ${endpoint.authority}\r\n` +
      `${fields}${added}${trailers ? 'TE: trailers\r\nConnection: TE\r\n' : ''}${switching}\r\n`
    )
  }

  // ---- sharing a connection

  private get batchable(): boolean {
    return this.exchange.body === 'none' && this.upgrade === '' && isIdempotent(this.exchange.method)
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
    this.queued = !first
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
    return { method, attempts, headSent, replayable: this.replayable }
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
      error.code === 'connection-reset' &&
      (this.queued || (connection !== undefined && connection.uses > 1 && !connection.heard))
    this.queued = false
    if (idleRace && !this.raced && !exchange.headSent && this.replayable && isIdempotent(exchange.method)) {
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
    if (this.replayable) this.keep(buf, start, end)
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

  /** A copy: the piece may share its memory with a much larger read. */
  private keep(buf: Buffer, start: number, end: number): void {
    const bytes = end - start
    const needed = isIdempotent(this.exchange.method) || this.connection?.connected !== true
    if (!needed || this.keptBytes + bytes > REPLAY_BYTES) {
      if (needed && this.connection?.connected !== true) {
        // Still connecting: what waits for that is bounded by the pause, so it can wait here as well, where it lies if
        // that outlasts the read.
        this.kept.push(bytes > SHARED_BYTES ? buf.subarray(start, end) : Buffer.from(buf.subarray(start, end)))
        this.keptBytes += bytes
        return
      }
      return this.forget()
    }
    this.kept.push(Buffer.from(buf.subarray(start, end)))
    this.keptBytes += bytes
  }

  private forget(): void {
    this.replayable = false
    this.kept = []
  }

  private awaitAnswer(): void {
    if (this.exchange.requestDone || this.waitsForContinue)
      this.connection?.arm(this.route.timeouts.firstByteMs, 'answer-timeout')
    else this.connection?.disarm()
  }

  // ---- the answer

  connected(): void {
    this.queued = false
    if (this.keptBytes > REPLAY_BYTES || (this.keptBytes > 0 && !isIdempotent(this.exchange.method))) this.forget()
    this.awaitAnswer()
  }

  interim(): void {
    const { exchange } = this
    // RFC 9110 section 15.2: 100 is for the client only where it asked.
    if (answer.status === 100 && !exchange.expectsContinue) return
    if (answer.status === 100) this.waitsForContinue = false
    exchange.client.interim(answer.statusText, answer.fields)
    this.awaitAnswer()
  }

  switched(wire: Wire, buf: Buffer, start: number, end: number): void {
    const { exchange, core } = this
    exchange.status = answer.status
    const head =
      `HTTP/1.1 ${answer.statusText}\r\n${answer.fields}Connection: Upgrade\r\nUpgrade: ${this.upgrade}\r\n` +
      `Via: 1.1 ${core.via}\r\n\r\n`
    exchange.client.switchTo(head, (clientWire) => {
      const tunnel = new Tunnel(clientWire, wire, core.wheel, core.timeouts.upgradedIdleMs, {
        passed(bytes, towards) {
          if (towards === 'upstream') exchange.bytesIn += bytes
          else exchange.bytesOut += bytes
        },
        over: () => {
          core.tunnels--
          core.attempted('success')
          this.release(false)
          exchange.client.finish()
        },
      })
      core.tunnels++
      tunnel.early('upstream', buf, start, end)
      return tunnel
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
    if (exchange.attempts === 1) this.endpoint?.batcher?.observe(core.wheel.now() - exchange.startedAt)
    let framing = answer.framing
    let keep = true
    if (exchange.minor === 0 && (body === 'chunked' || body === 'until-close')) {
      keep = false
      framing = ''
      if (body === 'chunked') {
        this.passage = 'unwrap'
        this.unwrapper = new ChunkScanner()
      }
    } else if (body === 'until-close') {
      this.passage = 'wrap'
      framing = 'Transfer-Encoding: chunked\r\n'
    } else if (status === 204 || (exchange.minor === 0 && answer.chunked)) {
      // RFC 9110 section 8.6: a 204 has no Content-Length; RFC 9112 section 6.1: HTTP/1.0 knows no transfer coding.
      framing = ''
    }
    const fields =
      `${answer.fields}${framing}${answer.hasDate ? '' : date()}` +
      `${answer.hasRequestId ? '' : `X-Request-Id: ${exchange.id}\r\n`}Via: 1.${answer.minor} ${core.via}\r\n`
    exchange.client.writeHead(status, answer.statusText, fields, keep)
    this.armIdle()
  }

  answerBody(buf: Buffer, start: number, end: number): void {
    const { client } = this.exchange
    let taken = true
    if (this.passage === 'as-is') taken = client.writeBody(buf, start, end)
    else if (this.passage === 'wrap') {
      client.writeText(`${(end - start).toString(16)}\r\n`)
      taken = client.writeBody(buf, start, end)
      client.writeText('\r\n')
    } else {
      this.unwrapper?.scan(buf, start, end, (from, to) => {
        taken = client.writeBody(buf, from, to) && taken
      })
    }
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
    if (this.passage === 'wrap') exchange.client.writeText('0\r\n\r\n')
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
    this.kept = []
    this.release(false)
  }
}

/** The first protocol of the client's list that the route allows. RFC 6455 section 4.1: asked for with a GET without a body. */
function allowedUpgrade({ offers, method, body }: Exchange, route: Route): string {
  if (method !== 'GET' || body !== 'none') return ''
  const wanted = offers.split(',').map((name) => name.trim())
  return wanted.find((name) => route.upgrade.includes(name)) ?? ''
}
