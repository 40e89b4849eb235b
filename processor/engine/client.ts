// One connection of a client: heads and bodies in, answers out in the order of the requests, and an end to every wait.
import type net from 'node:net'
import { type Code, ERRORS, ProxyError } from '../../shared/errors.js'
import type { Exchange } from '../exchange.js'
import type { Core } from '../core.js'
import { MessageWriter } from './message-writer.js'
import { BodyFollower } from './body-follower.js'
import { Farewell, LINGER_MS } from './farewell.js'
import * as fault from './fault.js'
import { HeldBytes, tooLong } from './held-bytes.js'
import { problemFields, problemHead } from './reply.js'
import { problemBody } from '../../shared/problem.js'
import { head, parseRequestHead } from './request-head.js'
import { Deadline } from './wheel.js'

const enum Phase {
  Head,
  Body,
  /** The request is whole; its answer is not. */
  Answer,
  /** No more requests: what is still written goes out, what still arrives is thrown away. */
  Linger,
  Closed,
}

/** What chunk framing may add to a body that is just within its limit. */
const CHUNK_FRAMING_BYTES = 64 * 1024
/** Bytes of later requests kept while an earlier one is answered. */
const MOST_PIPELINED_BYTES = 64 * 1024
/** Bytes of answers that the client has not taken, beyond which its next request waits. */
const MOST_UNSENT_BYTES = 64 * 1024
/** How long an answer may still come after the client has ended its side. */
const HALF_CLOSED_MS = 1000

export class ClientConnection {
  /** The peer's address; empty once it is unknown. */
  readonly peer: string
  readonly trusted: boolean
  /** The exchange that is running; there is one at a time, later requests wait. */
  exchange: Exchange | undefined
  /** A read is being handed over: whoever writes may wait for its end to write once. */
  reading = false
  private phase = Phase.Head
  private readonly body = new BodyFollower()
  private readonly held = new HeldBytes()
  private readonly writer: MessageWriter
  private closeAfter = false
  private halfClosed = false
  private farewell: Farewell | undefined
  private paused = false
  private requests = 0
  private readonly deadline: Deadline
  private readonly totalDeadline: Deadline

  constructor(
    readonly socket: net.Socket,
    private readonly core: Core,
  ) {
    this.peer = socket.remoteAddress ?? ''
    this.trusted = core.trusts(this.peer)
    this.writer = new MessageWriter(socket, () => this.onWritten())
    this.deadline = new Deadline(() => this.onDeadline())
    this.totalDeadline = new Deadline(() => this.onTotal())
    socket.on('data', (chunk: Buffer) => this.onData(chunk))
    socket.on('end', () => this.onFin())
    socket.on('drain', () => this.onWritten())
    socket.on('error', () => this.onClose())
    socket.on('close', () => this.onClose())
    core.wheel.set(this.deadline, core.timeouts.requestHeadMs)
  }

  get idle(): boolean {
    return this.phase === Phase.Head && this.held.empty
  }

  /** Ends the connection as soon as no request is running. */
  drain(): void {
    this.closeAfter = true
    if (this.idle && this.requests > 0) this.linger()
    else if (this.idle) this.core.wheel.set(this.deadline, LINGER_MS)
  }

  destroy(): void {
    this.socket.destroy()
    this.onClose()
  }

  // ---- requests in

  private onData(chunk: Buffer): void {
    if (this.phase === Phase.Linger) return this.farewell?.received(chunk.length)
    if (this.phase === Phase.Closed) return
    this.reading = true
    this.consume(this.held.take(chunk))
    this.reading = false
    this.exchange?.sink?.requestPause()
    this.flush()
    if (this.halfClosed) this.ended()
  }

  private consume(chunk: Buffer): void {
    let pos = 0
    const end = chunk.length
    while (pos < end) {
      switch (this.phase) {
        case Phase.Head:
          if (this.socket.writableLength > MOST_UNSENT_BYTES) return this.waitForReader(chunk, pos)
          pos = this.consumeHead(chunk, pos, end)
          break
        case Phase.Body:
          pos = this.consumeBody(chunk, pos, end)
          break
        case Phase.Answer:
          this.held.keep(chunk, pos)
          if (end - pos > MOST_PIPELINED_BYTES) this.pause()
          return
        default:
          return
      }
    }
  }

  private consumeHead(chunk: Buffer, pos: number, end: number): number {
    const { core, held } = this
    let after: number = fault.INCOMPLETE
    if (!held.withinHead || held.mayBeWhole(chunk, pos))
      after = parseRequestHead(chunk, pos, end, core.limits, this.trusted)
    else if (end - pos > core.limits.headBytes) after = tooLong(chunk, pos)
    if (after < 0) {
      this.refuseBytes(after)
      return end
    }
    if (after === fault.INCOMPLETE) {
      if (!held.withinHead) core.wheel.set(this.deadline, core.timeouts.requestHeadMs)
      held.keepHead(chunk, pos)
      return end
    }
    held.headDone()
    core.wheel.clear(this.deadline)
    this.begin()
    return after
  }

  /** Requests sent ahead by a client that does not read the answers: `onWritten` goes on with them. */
  private waitForReader(chunk: Buffer, pos: number): void {
    this.held.keep(chunk, pos)
    this.pause()
    this.core.wheel.set(this.deadline, this.core.timeouts.idleMs)
  }

  private begin(): void {
    const { core } = this
    this.requests++
    const body = head.chunked ? 'chunked' : head.contentLength > 0 ? 'length' : 'none'
    const exchange = core.exchange(this, body)
    this.exchange = exchange
    this.closeAfter ||= core.draining || head.close || (head.minor === 0 && !head.keepAlive)
    this.body.begin(body, head.contentLength)
    this.phase = this.body.done ? Phase.Answer : Phase.Body
    exchange.requestDone = this.body.done
    const limit = core.limits.bodyBytes
    if (limit > 0 && head.contentLength > limit)
      return this.refuse('body-too-large', fault.reasonOf(fault.BODY_TOO_LARGE))
    core.serve(exchange)
    // The route's own total applies, or the processor's.
    if (this.exchange === exchange) {
      const totalMs = exchange.route?.timeouts.totalMs ?? core.timeouts.totalMs
      if (totalMs > 0) core.wheel.set(this.totalDeadline, totalMs)
      if (body !== 'none') core.wheel.set(this.deadline, core.timeouts.idleMs)
    }
  }

  private consumeBody(chunk: Buffer, pos: number, end: number): number {
    const exchange = this.exchange as Exchange
    const after = this.body.follow(chunk, pos, end)
    if (after < 0) {
      this.refuseBytes(after)
      return end
    }
    const last = this.body.done
    exchange.bytesIn += after - pos
    const limit = this.core.limits.bodyBytes
    if (limit > 0 && exchange.bytesIn > limit + (exchange.body === 'chunked' ? CHUNK_FRAMING_BYTES : 0)) {
      this.refuse('body-too-large', fault.reasonOf(fault.BODY_TOO_LARGE))
      return end
    }
    if (last) {
      this.phase = Phase.Answer
      this.core.wheel.clear(this.deadline)
      exchange.requestDone = true
    } else this.core.wheel.set(this.deadline, this.core.timeouts.idleMs)
    exchange.sink?.requestBody(chunk, pos, after)
    if (last && this.exchange === exchange) exchange.sink?.requestEnd()
    return after
  }

  /** Stops reading until `resume`: nobody takes the request's body at the moment. */
  pause(): void {
    if (this.paused || this.phase === Phase.Closed) return
    this.paused = true
    this.socket.pause()
    if (this.writer.backlog > 0) this.stalled()
    else this.core.wheel.clear(this.deadline)
  }

  resume(): void {
    if (!this.paused || this.phase === Phase.Closed) return
    this.paused = false
    this.socket.resume()
    if (this.phase === Phase.Body) this.core.wheel.set(this.deadline, this.core.timeouts.idleMs)
  }

  // ---- answers out

  /** Sends an interim answer; none goes to an HTTP/1.0 client. */
  interim(statusText: string, fields: string): void {
    if (this.exchange?.minor === 1) this.writeText(`HTTP/1.1 ${statusText}\r\n${fields}\r\n`)
  }

  /**
   * Writes an answer's head. `fields` are whole lines, framing included, without Connection and Via: those are this
   * connection's to say. `keep` false: the connection ends with this answer.
   */
  writeHead(status: number, statusText: string, fields: string, keep: boolean): void {
    const exchange = this.exchange as Exchange
    exchange.status = status
    // Whether a client that ended its side is still there, its socket tells as soon as something is written.
    if (this.halfClosed && this.phase === Phase.Answer) this.core.wheel.clear(this.deadline)
    // An answer that overtakes the request's body ends the connection: the rest of that body is nobody's.
    if (!keep || !exchange.requestDone) this.closeAfter = true
    const connection = this.closeAfter
      ? 'Connection: close\r\n'
      : exchange.minor === 0
        ? 'Connection: keep-alive\r\n'
        : ''
    this.writer.begin(`HTTP/1.1 ${statusText}\r\n${fields}${connection}\r\n`)
  }

  /**
   * Writes a piece of the answer's body. False: the bytes are still being written and must stay as they are until the
   * sink's `clientDrained`.
   */
  writeBody(buf: Buffer, start: number, end: number): boolean {
    const exchange = this.exchange as Exchange
    exchange.bytesOut += end - start
    return this.phase === Phase.Closed || this.writer.piece(buf, start, end)
  }

  /** Writes text of the answer's framing. */
  writeText(text: string): void {
    if (this.phase !== Phase.Closed) this.writer.text(text)
  }

  /** Sends a head that waits for a body which has not come yet. */
  flush(): void {
    if (!this.reading && this.phase !== Phase.Closed) this.writer.flush()
  }

  /** The answer is complete: on to the next request, or to the end of the connection. */
  finish(): void {
    const exchange = this.exchange
    if (exchange === undefined) return
    if (this.phase !== Phase.Closed) this.writer.flush()
    this.release(exchange)
    if (this.phase === Phase.Closed) return
    if (this.closeAfter || this.phase !== Phase.Answer) return this.linger()
    if (this.halfClosed && !this.reading && this.held.empty) return this.linger()
    this.phase = Phase.Head
    this.core.wheel.set(this.deadline, this.core.timeouts.keepAliveMs)
    if (this.paused) this.resume()
    if (!this.held.empty && !this.reading) {
      // Requests that were sent ahead: on a fresh stack, a thousand of them must not nest.
      setImmediate(() => this.continueHeld())
    }
  }

  private continueHeld(): void {
    if (this.phase !== Phase.Head || this.held.empty) return
    this.onData(EMPTY)
  }

  /** Ends the connection so that the client sees its answer as cut off. */
  abort(code: Code): void {
    const exchange = this.exchange
    if (exchange !== undefined) {
      exchange.error ||= code
      this.release(exchange)
    }
    // A reset where one can be sent: a clean end could pass for the end of the body.
    // After end() Node 20 cannot reset: the handle would spin for ever.
    if (this.socket.writableEnded) this.socket.destroy()
    else if (this.phase !== Phase.Closed) this.socket.resetAndDestroy()
    this.onClose()
  }

  private release(exchange: Exchange): void {
    this.exchange = undefined
    exchange.answerDone = true
    const { wheel } = this.core
    wheel.clear(this.totalDeadline)
    wheel.clear(this.deadline)
    this.core.done(exchange)
  }

  // ---- ends

  /** Answers with a problem and ends the connection: what follows on it cannot be told apart. */
  private refuse(code: Code, detail: string): void {
    const exchange = this.exchange
    this.closeAfter = true
    exchange?.sink?.clientGone()
    if (exchange === undefined) {
      const id = this.core.requestId()
      const body = problemBody(code, detail, id)
      this.writer.text(
        `${problemHead(code)}${problemFields(code, id, body, this.core.via)}Connection: close\r\n\r\n${body}`,
      )
      this.core.refused(code, ERRORS[code].status, this.peer)
      this.linger()
    } else if (exchange.headSent) this.abort(code)
    else this.core.fail(exchange, new ProxyError(code, 'client', 'never', detail))
  }

  private refuseBytes(result: number): void {
    this.held.drop()
    this.refuse(fault.codeOf(result), fault.reasonOf(result))
  }

  private onDeadline(): void {
    const { exchange } = this
    switch (this.phase) {
      case Phase.Head:
        if (this.socket.writableLength > 0) return this.abort('client-gone')
        // Between requests it just ends; with half a head the client is told.
        if (this.held.empty) return this.requests === 0 ? this.destroy() : this.linger()
        return this.refuse('request-timeout', 'the head of the request did not arrive in time')
      case Phase.Body:
        return this.refuse('request-timeout', 'the body of the request did not arrive in time')
      case Phase.Answer:
        // Set while the client does not read what was written, or after it ended its side.
        if (exchange !== undefined) exchange.sink?.clientGone()
        return this.abort('client-gone')
      case Phase.Linger:
        return this.farewell?.timeUp()
      case Phase.Closed:
        return
    }
  }

  private onTotal(): void {
    const { exchange } = this
    if (exchange === undefined) return
    exchange.sink?.timedOut()
    if (exchange.headSent) return this.abort('answer-timeout')
    this.core.fail(exchange, new ProxyError('answer-timeout', 'upstream', 'never', 'the whole exchange took too long'))
  }

  /** Nothing more is read from the client at the moment, so only its own reading can move things on. */
  private get waitsForReader(): boolean {
    return this.phase === Phase.Answer || (this.phase === Phase.Body && this.paused)
  }

  /** The client does not take what is written: it has so long to begin again. */
  stalled(): void {
    if (this.waitsForReader) this.core.wheel.set(this.deadline, this.core.timeouts.idleMs)
  }

  private onWritten(): void {
    if (this.socket.writableLength > 0) return
    if (this.phase === Phase.Linger) return this.farewell?.sent()
    if (this.phase === Phase.Head && this.paused && !this.held.empty) {
      this.resume()
      this.core.wheel.set(this.deadline, this.core.timeouts.requestHeadMs)
      setImmediate(() => this.continueHeld())
    }
    if (this.waitsForReader && (!this.halfClosed || this.exchange?.headSent)) this.core.wheel.clear(this.deadline)
    this.exchange?.sink?.clientDrained()
  }

  private onFin(): void {
    this.halfClosed = true
    if (this.phase === Phase.Closed) return
    if (this.phase === Phase.Linger) return this.farewell?.finished()
    this.ended()
    // It may only have ended its side, or it may be gone: until an answer is on its way nobody can tell.
    if (this.exchange !== undefined && !this.exchange.headSent) this.core.wheel.set(this.deadline, HALF_CLOSED_MS)
  }

  /** Nothing more will come: what has come whole is answered, the rest is refused. */
  private ended(): void {
    const { exchange } = this
    if (exchange !== undefined) {
      if (exchange.requestDone) return
      exchange.sink?.clientGone()
      return this.abort('client-gone')
    }
    if (this.phase !== Phase.Head) return
    if (this.held.empty) return this.linger()
    // RFC 9112 section 8: half a head is not a request. Whole ones that were sent ahead still have their turn.
    if (this.held.withinHead) this.refuse('malformed-request', 'the connection ended within the head')
  }

  private linger(): void {
    if (this.phase === Phase.Closed) return
    this.phase = Phase.Linger
    this.held.drop()
    if (this.paused) this.resume()
    const { wheel, timeouts } = this.core
    this.farewell = new Farewell(this.socket, wheel, this.deadline, timeouts.idleMs, this.halfClosed)
  }

  private onClose(): void {
    if (this.phase === Phase.Closed) return
    this.phase = Phase.Closed
    const { wheel } = this.core
    wheel.clear(this.deadline)
    wheel.clear(this.totalDeadline)
    this.held.drop()
    const { exchange } = this
    if (exchange !== undefined) {
      exchange.sink?.clientGone()
      exchange.error ||= 'client-gone'
      this.release(exchange)
    }
    this.core.disconnected(this)
  }
}

const EMPTY = Buffer.alloc(0)
