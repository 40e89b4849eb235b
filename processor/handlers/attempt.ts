// One try of an exchange at one endpoint: its request out, its answer in, and what both say about the instance.
import type { ExchangeTimeouts } from '../../shared/config/model.js'
import type { ProxyError } from '../../shared/errors.js'
import type { AttemptResult } from '../../shared/metrics/report.js'
import type { Endpoint } from '../balancing/endpoint.js'
import type { Core } from '../core.js'
import { answer } from '../engine/answer-head.js'
import type { Batchable } from '../engine/batcher.js'
import { asItCame, inChunks, type Passage, withoutChunks } from '../engine/passage.js'
import { date } from '../engine/reply.js'
import type { BodyKind, UpstreamConnection } from '../engine/upstream.js'
import { Deadline } from '../engine/wheel.js'
import type { Wire } from '../engine/wire/wire.js'
import type { Exchange } from '../exchange.js'
import type { TracedAttempt } from '../tracing/trace.js'
import { HeldAnswer } from './held-answer.js'

/** The exchange as its attempts see it. */
export interface Trying {
  readonly exchange: Exchange
  readonly timeouts: ExchangeTimeouts
  /** Protocol that the request asks to switch to, in lower case; empty: none. */
  readonly upgrade: string
  /** The client sends its body only after a 100, and none has come. */
  readonly waitsForContinue: boolean
  /** From the request's last byte: after so long another try might do better; 0: never. */
  readonly patienceMs: number
  /** Answers with a body up to this size are passed on when they are whole. */
  readonly holdBytes: number
  /** The request is on its way: what is kept of it only until then may go. */
  connected(attempt: Attempt): void
  /** An interim answer is in `answer`. */
  interim(attempt: Attempt): void
  /** The head of an answer is in `answer`. False: it is not wanted, and the attempt has been let go. */
  accepts(attempt: Attempt): boolean
  /** Field lines that the answer of this endpoint gets, beside its own. */
  fieldsFor(endpoint: Endpoint): string
  answered(attempt: Attempt): void
  switched(attempt: Attempt, wire: Wire, buf: Buffer, start: number, end: number): void
  /** All that was written of the request has left. */
  sent(attempt: Attempt): void
  /** `blameless`: the instance has done nothing wrong, and may have the request once more. */
  failed(attempt: Attempt, error: ProxyError, blameless: boolean): void
  /** Its patience is over, and no answer has begun, or come whole where it is held. */
  late(attempt: Attempt): void
  /** It never got a connection. */
  unplaced(attempt: Attempt): void
}

export class Attempt implements Batchable {
  connection: UpstreamConnection | undefined
  /** Monotonic milliseconds. */
  readonly startedAt: number
  private readonly trial: boolean
  /** What it means for the guard has been said. */
  private told = false
  /** Of its answer; 0: none has come. */
  private status = 0
  private passage: Passage = asItCame
  private held: HeldAnswer | undefined
  private answerPaused = false
  private patience: Deadline | undefined
  /** Its turn on a shared connection has not come. */
  private queued = false
  /** It shares a connection with requests before it: what went wrong there may be theirs. */
  private behind = false
  private readonly traced: TracedAttempt | undefined
  /** Its place among the instance's requests, where those may share connections; 0: none. */
  private turn = 0

  constructor(
    private readonly trying: Trying,
    readonly endpoint: Endpoint,
    private readonly core: Core,
    kind: 'first' | 'retry' | 'hedge',
  ) {
    this.startedAt = core.wheel.now()
    this.trial = endpoint.guard.begin()
    // Later attempts say more about what failed before them.
    if (kind === 'first' && endpoint.batcher !== undefined) this.turn = endpoint.batcher.takeTurn()
    this.traced = trying.exchange.trace?.attempt(endpoint.instance, this.startedAt, kind === 'hedge')
  }

  get method(): string {
    return this.trying.exchange.method
  }

  get upgrade(): string {
    return this.trying.upgrade
  }

  get connectMs(): number {
    return this.trying.timeouts.connectMs
  }

  // ---- the request

  /** Sends it on a connection of its own; `pieces` are what has come of its body. */
  begin(connection: UpstreamConnection, pieces: readonly Buffer[]): void {
    this.connection = connection
    connection.begin(this, this.connectMs)
    connection.writer.begin(this.head)
    for (const piece of pieces) this.send(piece, 0, piece.length)
    if (connection.connected) {
      this.awaitAnswer()
      // An attempt before this one may have left the client waiting.
      if (connection.writer.backlog === 0) this.trying.exchange.client.resume()
    }
  }

  private get head(): string {
    const { endpoint, traced } = this
    const { method, target, fields, added, trailers } = this.trying.exchange
    const { upgrade } = this.trying
    const switching = upgrade === '' ? '' : `Connection: Upgrade\r\nUpgrade: ${upgrade}\r\n`
    const trace = traced === undefined ? '' : traced.line
    return (
      `${method} ${endpoint.basePath}${target}${endpoint.versionAndHost}` +
      `${fields}${added}${trace}${trailers ? 'TE: trailers\r\nConnection: TE\r\n' : ''}${switching}\r\n`
    )
  }

  send(buf: Buffer, start: number, end: number): void {
    const { connection } = this
    if (connection === undefined || connection.writer.piece(buf, start, end)) return
    this.trying.exchange.client.pause()
    if (connection.connected) connection.arm(this.trying.timeouts.idleMs, 'answer-timeout')
  }

  flush(): void {
    this.connection?.writer.flush()
  }

  requestSent(): void {
    const { connection } = this
    const { exchange } = this.trying
    if (connection === undefined || connection.writer.backlog > 0 || exchange.answerDone) return
    this.trying.sent(this)
    if (connection.connected && !exchange.headSent) this.awaitAnswer()
  }

  /** Sets the time for the answer, as soon as it is the instance's turn. */
  awaitAnswer(): void {
    if (this.connection?.connected !== true) return
    const { exchange, timeouts, waitsForContinue, patienceMs } = this.trying
    if (!exchange.requestDone && !waitsForContinue) return this.connection.disarm()
    this.connection.arm(timeouts.firstByteMs, 'answer-timeout')
    if (patienceMs > 0) this.core.wheel.set((this.patience ??= new Deadline(() => this.trying.late(this))), patienceMs)
  }

  // ---- sharing a connection

  get requestHead(): string | undefined {
    return this.trying.exchange.answerDone || this.told ? undefined : this.head
  }

  sharing(connection: UpstreamConnection, first: boolean): void {
    this.connection = connection
    this.queued = this.behind = !first
    if (first && connection.connected) this.awaitAnswer()
  }

  noConnection(): void {
    this.abandon()
    this.trying.unplaced(this)
  }

  // ---- the answer

  connected(): void {
    this.queued = false
    this.trying.connected(this)
    this.awaitAnswer()
  }

  interim(): void {
    this.trying.interim(this)
    this.awaitAnswer()
  }

  switched(wire: Wire, buf: Buffer, start: number, end: number): void {
    this.tell(answer.status)
    this.trying.switched(this, wire, buf, start, end)
  }

  answerHead(body: BodyKind, whole: boolean): void {
    const { endpoint, turn, trying, core } = this
    const { exchange } = trying
    const { status } = answer
    const ms = core.wheel.now() - this.startedAt
    this.tell(status, ms)
    if (!trying.accepts(this)) return
    if (turn > 0) endpoint.batcher?.answered(turn, core.wheel.now() - exchange.startedAt, endpoint.inFlight)
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
      `${answer.hasRequestId ? '' : `X-Request-Id: ${exchange.id}\r\n`}${core.viaLine(answer.minor)}` +
      trying.fieldsFor(endpoint)
    // RFC 9110 section 15.5.22: it says what to switch to, and section 7.8: Connection names that.
    const offer = status === 426 && answer.offers !== ''
    const lines = offer ? `${fields}Upgrade: ${answer.offers}\r\n` : fields
    const options = offer ? 'Upgrade' : ''
    if (!whole && body === 'length' && answer.contentLength <= trying.holdBytes) {
      // It may still be cut off, and then be tried again: so it keeps to the time that the head had.
      this.held = new HeldAnswer(status, answer.statusText, lines, keep, options)
      if (trying.timeouts.firstByteMs === 0) this.armIdle()
      return
    }
    this.endPatience()
    exchange.client.writeHead(status, answer.statusText, lines, keep, options)
    this.armIdle()
  }

  answerBody(buf: Buffer, start: number, end: number): void {
    if (this.held !== undefined) {
      this.held.keep(buf, start, end)
      if (this.trying.timeouts.firstByteMs === 0) this.armIdle()
      return
    }
    const { client } = this.trying.exchange
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
    const { connection } = this
    const { exchange } = this.trying
    this.held?.release(exchange.client)
    this.passage.end(exchange.client)
    this.endpoint.guard.whole()
    this.traced?.end(this.core.wheel.now(), this.status, '')
    this.count('success')
    this.release(exchange.requestDone && connection?.writer.backlog === 0)
    this.trying.answered(this)
  }

  answerPause(): void {
    const { exchange } = this.trying
    if (exchange.headSent) exchange.client.flush()
  }

  private endPatience(): void {
    if (this.patience !== undefined) this.core.wheel.drop(this.patience)
  }

  private armIdle(): void {
    this.connection?.arm(this.trying.timeouts.idleMs, 'answer-timeout')
  }

  clientDrained(): void {
    if (!this.answerPaused) return
    this.answerPaused = false
    this.connection?.resume()
    this.armIdle()
  }

  // ---- ends

  /** The client itself holds the answer up. */
  get stalled(): boolean {
    return this.answerPaused
  }

  failed(error: ProxyError): void {
    const { connection, endpoint } = this
    this.release(false)
    this.traced?.end(this.core.wheel.now(), this.status, error.code)
    endpoint.batcher?.failed()
    const timeout = error.code === 'answer-timeout' || error.code === 'connect-timeout'
    this.count(timeout ? 'timeout' : 'failure')
    // The instance closed an idle connection while the request was on its way, or a request before it ended the connection
    // that it shared.
    const idleRace =
      error.code === 'connection-reset' && connection !== undefined && connection.uses > 1 && !connection.heard
    const othersFault = this.queued || (this.behind && error.code !== 'answer-timeout')
    this.trying.failed(this, error, idleRace || othersFault)
  }

  /** What has become of it, once: for its instance and for the worker as a whole. */
  count(result: AttemptResult): void {
    this.endpoint.attempted(result)
    this.core.attempted(result)
  }

  /** Its answer is a failure, and another try may do better. */
  dismiss(): void {
    this.count('failure')
    this.traced?.end(this.core.wheel.now(), this.status, '')
    this.abandon()
  }

  /** It takes too long, and another try is to do better. */
  giveUp(error: ProxyError): void {
    this.release(false)
    this.held = undefined
    this.traced?.end(this.core.wheel.now(), this.status, error.code)
    this.endpoint.batcher?.failed()
    this.count('timeout')
    this.blame(error)
  }

  /** Its failure is the instance's; whether its next request may go there is the guard's to say. */
  blame(error: ProxyError): void {
    const { endpoint } = this
    const refused = error.code === 'connection-refused' || error.code === 'unreachable'
    endpoint.guard.failed(this.told ? 'truncated' : refused ? 'refused' : 'failure', this.trial, this.startedAt)
    this.told = true
    if (error.code === 'answer-timeout' || error.code === 'connect-timeout')
      endpoint.waited(this.core.wheel.now() - this.startedAt)
    this.core.suspect(endpoint.id)
  }

  /** The head of an answer has come. */
  private tell(status: number, ms = this.core.wheel.now() - this.startedAt): void {
    this.status = status
    this.endpoint.answered(status, ms, this.trial, this.startedAt)
    this.told = true
  }

  /** Nobody waits for it any more; that says nothing about the instance. */
  abandon(): void {
    if (!this.told) this.endpoint.guard.abandoned(this.trial, this.startedAt)
    this.told = true
    this.held = undefined
    this.release(false)
  }

  /** Lets go of the connection; `usable`: another exchange may have it. */
  release(usable: boolean): void {
    const { connection, endpoint } = this
    this.connection = undefined
    this.endPatience()
    if (connection !== undefined) endpoint.release(connection, this, usable)
  }
}
