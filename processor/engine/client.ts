// One connection of a client: heads and bodies in, answers out in the order of the requests, and an end to every wait.
import { type Code, ERRORS, ProxyError } from '../../shared/errors.js'
import type { Exchange } from '../exchange.js'
import type { Core } from '../core.js'
import { MessageWriter } from './message-writer.js'
import { BodyFollower } from './body-follower.js'
import { BodyGuard } from './body-guard.js'
import { Farewell, LINGER_MS } from './farewell.js'
import * as fault from './fault.js'
import { HeldBytes, tooLong } from './held-bytes.js'
import { problemFields, problemHead } from './reply.js'
import { problemBody } from '../../shared/problem.js'
import { head, parseRequestHead } from './request-head.js'
import type { Tunnel } from './tunnel.js'
import { Deadline } from './wheel.js'
import type { Wire, WireOwner } from './wire/wire.js'

const enum Phase {
  Head,
  Body,
  /** The request is whole; its answer is not. */
  Answer,
  /** It has switched protocols: a tunnel has its wire. */
  Switched,
  /** No more requests: what is still written goes out, what still arrives is thrown away. */
  Linger,
  Closed,
}

/** Bytes of later requests kept while an earlier one is answered. */
const MOST_PIPELINED_BYTES = 64 * 1024
/** Bytes of answers that the client has not taken, beyond which its next request waits. */
const MOST_UNSENT_BYTES = 64 * 1024
/** How long after a client has ended its side it is taken for one that waits, before it is asked (docs/decisions/0008). */
const HALF_CLOSED_MS = 500
/** How long an answer to that question may take, and how long it then holds. */
const PROBE_MS = 50
const PROBED_MS = 5000

const enum HalfClosed {
  No,
  Waiting,
  /** It has been sent something that makes the system of a client that is gone answer with a reset. */
  Asked,
}

export class ClientConnection implements WireOwner {
  /** The peer's address; empty once it is unknown. */
  readonly peer: string
  readonly trusted: boolean
  /** The exchange that is running; there is one at a time, later requests wait. */
  exchange: Exchange | undefined
  /** A read is being handed over: whoever writes may wait for its end to write once. */
  reading = false
  private phase = Phase.Head
  private readonly body = new BodyFollower()
  private readonly guard = new BodyGuard()
  private readonly held = new HeldBytes()
  private readonly writer: MessageWriter
  private closeAfter = false
  /** The client itself has said that the running request is its last. */
  private lastByClient = false
  private halfClosed = HalfClosed.No
  private farewell: Farewell | undefined
  private tunnel: Tunnel | undefined
  private paused = false
  private requests = 0
  private readonly deadline: Deadline
  private totalDeadline: Deadline | undefined

  constructor(
    readonly wire: Wire,
    private readonly core: Core,
  ) {
    this.peer = wire.peer
    this.trusted = core.trusts(this.peer)
    this.writer = new MessageWriter(wire)
    this.deadline = new Deadline(() => this.onDeadline())
    wire.owner = this
    core.wheel.set(this.deadline, core.timeouts.requestHeadMs)
    wire.resume()
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
    if (this.tunnel !== undefined) return this.tunnel.destroy()
    this.wire.destroy()
    this.gone()
  }

  // ---- requests in

  wireRead(buf: Buffer, bytes: number): void {
    if (this.phase === Phase.Linger) return this.farewell?.received(bytes)
    if (this.phase === Phase.Closed) return
    this.core.wheel.tick()
    if (this.held.empty) this.use(buf, bytes)
    else this.useHeld(buf, bytes)
    if (this.phase !== Phase.Body) this.wire.settle()
  }

  private use(buf: Buffer, end: number): void {
    this.reading = true
    this.consume(buf, end)
    this.reading = false
    this.exchange?.sink?.requestPause()
    this.flush()
    if (this.halfClosed !== HalfClosed.No) this.ended()
  }

  private useHeld(more: Buffer, bytes: number): void {
    const length = this.held.join(more, bytes)
    this.use(this.held.bytes, length)
    if (this.held.empty) this.held.drop()
  }

  private consume(buf: Buffer, end: number): void {
    let pos = 0
    while (pos < end) {
      switch (this.phase) {
        case Phase.Head:
          if (this.wire.backlog > MOST_UNSENT_BYTES) return this.waitForReader(buf, pos, end)
          pos = this.consumeHead(buf, pos, end)
          break
        case Phase.Body:
          pos = this.consumeBody(buf, pos, end)
          break
        case Phase.Answer:
          this.held.keep(buf, pos, end)
          if (end - pos > MOST_PIPELINED_BYTES) this.pause()
          return
        default:
          return
      }
    }
  }

  private consumeHead(buf: Buffer, pos: number, end: number): number {
    const { core, held } = this
    let after: number = fault.INCOMPLETE
    if (!held.withinHead || held.mayBeWhole(buf, pos, end))
      after = parseRequestHead(buf, pos, end, core.limits, this.trusted)
    else if (end - pos > core.limits.headBytes) after = tooLong(buf, pos, end)
    if (after < 0) {
      this.refuseBytes(after)
      return end
    }
    if (after === fault.INCOMPLETE) {
      if (!held.withinHead) core.wheel.set(this.deadline, core.timeouts.requestHeadMs)
      held.keepHead(buf, pos, end)
      return end
    }
    held.headDone()
    core.wheel.clear(this.deadline)
    this.begin(after === end)
    return after
  }

  /** Requests sent ahead by a client that does not read the answers: `wireDrained` goes on with them. */
  private waitForReader(buf: Buffer, pos: number, end: number): void {
    this.held.keep(buf, pos, end)
    this.pause()
    this.core.wheel.set(this.deadline, this.core.timeouts.idleMs)
  }

  /** `alone`: nothing came with the head. */
  private begin(alone: boolean): void {
    const { core } = this
    const { limits } = core
    this.requests++
    const body = head.chunked ? 'chunked' : head.contentLength > 0 ? 'length' : 'none'
    const exchange = core.exchange(this, body)
    this.exchange = exchange
    const last = head.close || (head.minor === 0 && !head.keepAlive)
    this.lastByClient = last && alone && body === 'none'
    if (last || core.draining || this.requests === limits.requestsPerConnection) this.closeAfter = true
    this.body.begin(body, head.contentLength)
    this.phase = this.body.done ? Phase.Answer : Phase.Body
    exchange.requestDone = this.body.done
    if (body !== 'none') this.guard.begin(limits, head.chunked, core.wheel.now())
    if (limits.bodyBytes > 0 && head.contentLength > limits.bodyBytes)
      return this.refuse('body-too-large', fault.reasonOf(fault.BODY_TOO_LARGE))
    core.serve(exchange)
    if (this.exchange !== exchange) return
    // The route's own total applies, or the processor's.
    const totalMs = exchange.route?.timeouts.totalMs ?? core.timeouts.totalMs
    if (totalMs > 0) core.wheel.set((this.totalDeadline ??= new Deadline(() => this.onTotal())), totalMs)
    // One that waits for a 100 is not late: it is the instance's turn.
    if (body !== 'none' && !exchange.expectsContinue) core.wheel.set(this.deadline, core.timeouts.idleMs)
  }

  private consumeBody(buf: Buffer, pos: number, end: number): number {
    const { core } = this
    const exchange = this.exchange as Exchange
    const after = this.body.follow(buf, pos, end)
    exchange.bytesIn += Math.max(0, after - pos)
    const last = this.body.done
    const rate = last ? 0 : core.limits.bodyRate
    const bad = after < 0 ? after : this.guard.check(exchange.bytesIn, rate, core.wheel.now())
    if (bad !== 0) {
      this.refuseBytes(bad)
      return end
    }
    if (last) {
      this.phase = Phase.Answer
      core.wheel.clear(this.deadline)
      exchange.requestDone = true
    } else core.wheel.set(this.deadline, core.timeouts.idleMs)
    exchange.sink?.requestBody(buf, pos, after)
    if (last && this.exchange === exchange) exchange.sink?.requestEnd()
    return after
  }

  /** Stops reading until `resume`: nobody takes the request's body at the moment. */
  pause(): void {
    if (this.paused || this.phase === Phase.Closed) return
    this.paused = true
    this.wire.pause()
    this.guard.paused(this.core.wheel.now())
    if (this.writer.backlog > 0) this.stalled()
    else this.core.wheel.clear(this.deadline)
  }

  resume(): void {
    if (!this.paused || this.phase === Phase.Closed) return
    this.paused = false
    this.wire.resume()
    this.guard.resumed(this.core.wheel.now())
    if (this.phase === Phase.Body) this.core.wheel.set(this.deadline, this.core.timeouts.idleMs)
  }

  // ---- answers out

  /** Sends an interim answer; none goes to an HTTP/1.0 client. */
  interim(statusText: string, fields: string): void {
    if (this.exchange?.minor === 1) this.writeText(`HTTP/1.1 ${statusText}\r\n${fields}\r\n`)
    if (this.phase === Phase.Body && !this.paused) this.core.wheel.set(this.deadline, this.core.timeouts.idleMs)
  }

  /**
   * Writes an answer's head. `fields` are whole lines, framing included, without Connection and Via: those are this
   * connection's to say. `keep` false: the connection ends with this answer.
   */
  writeHead(status: number, statusText: string, fields: string, keep: boolean): void {
    const exchange = this.exchange as Exchange
    exchange.status = status
    // Whether a client that ended its side is still there, its system tells as soon as something is written.
    if (this.halfClosed !== HalfClosed.No && this.phase === Phase.Answer) this.core.wheel.clear(this.deadline)
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

  /**
   * The client and the instance have agreed to switch protocols: writes the head of that answer and gives the connection
   * to the tunnel that `open` makes of it. What the client has sent since its request is the tunnel's first.
   */
  switchTo(head: string, open: (wire: Wire) => Tunnel): void {
    const { wheel } = this.core
    wheel.clear(this.deadline)
    if (this.totalDeadline !== undefined) wheel.clear(this.totalDeadline)
    this.phase = Phase.Switched
    this.paused = false
    this.writer.text(head)
    this.tunnel = open(this.wire)
    this.tunnel.early('client', this.held.bytes, 0, this.held.length)
    this.held.drop()
    // It has ended its side already.
    if (this.halfClosed !== HalfClosed.No) this.wire.owner.wireEnded()
  }

  /** The answer is complete: on to the next request, or to the end of the connection. */
  finish(): void {
    const exchange = this.exchange
    if (exchange === undefined) return
    if (this.phase !== Phase.Closed) this.writer.flush()
    this.release(exchange)
    if (this.phase === Phase.Closed) return
    if (this.phase === Phase.Switched) return this.gone()
    if (this.closeAfter || this.phase !== Phase.Answer) return this.linger()
    if (this.halfClosed !== HalfClosed.No && !this.reading && this.held.empty) return this.linger()
    this.phase = Phase.Head
    this.core.wheel.set(this.deadline, this.core.timeouts.keepAliveMs)
    if (this.paused) this.resume()
    if (!this.held.empty && !this.reading) {
      // Requests that were sent ahead: on a fresh stack, a thousand of them must not nest.
      setImmediate(() => this.continueHeld())
    }
  }

  private continueHeld(): void {
    if (this.phase === Phase.Head && !this.held.empty) this.wireRead(NOTHING, 0)
  }

  /** Ends the connection so that the client sees its answer as cut off. */
  abort(code: Code): void {
    const exchange = this.exchange
    if (exchange !== undefined) {
      exchange.error ||= code
      this.release(exchange)
    }
    // A reset where one can be sent: a clean end could pass for the end of the body.
    this.wire.reset()
    this.gone()
  }

  private release(exchange: Exchange): void {
    this.exchange = undefined
    exchange.answerDone = true
    const { wheel } = this.core
    if (this.totalDeadline !== undefined) wheel.clear(this.totalDeadline)
    wheel.clear(this.deadline)
    this.core.done(exchange)
  }

  // ---- ends

  /** Answers with a problem and ends the connection: what follows on it cannot be told apart. */
  private refuse(code: Code, detail: string): void {
    const exchange = this.exchange
    this.closeAfter = true
    this.lastByClient = false
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
    switch (this.phase) {
      case Phase.Head:
        if (this.wire.backlog > 0) return this.abort('client-gone')
        // Between requests it just ends; with half a head the client is told.
        if (this.held.empty) return this.requests === 0 ? this.destroy() : this.linger()
        return this.refuse('request-timeout', 'the head of the request did not arrive in time')
      case Phase.Body:
        return this.refuse('request-timeout', 'the body of the request did not arrive in time')
      case Phase.Answer:
        if (this.halfClosed !== HalfClosed.No && this.exchange?.headSent === false) return this.askHalfClosed()
        // Set while the client does not read what was written.
        return this.giveUp()
      case Phase.Linger:
        return this.farewell?.timeUp()
      case Phase.Switched:
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

  wireDrained(): void {
    if (this.phase === Phase.Linger) return this.farewell?.sent()
    if (this.phase === Phase.Head && this.paused && !this.held.empty) {
      this.resume()
      this.core.wheel.set(this.deadline, this.core.timeouts.requestHeadMs)
      setImmediate(() => this.continueHeld())
    }
    if (this.waitsForReader && (this.halfClosed === HalfClosed.No || this.exchange?.headSent))
      this.core.wheel.clear(this.deadline)
    this.exchange?.sink?.clientDrained()
  }

  wireEnded(): void {
    if (this.phase === Phase.Closed) return
    this.halfClosed = HalfClosed.Waiting
    if (this.phase === Phase.Linger) return this.farewell?.finished()
    this.ended()
    // It may only have ended its side, or it may be gone: until an answer is on its way nobody can tell.
    if (this.exchange !== undefined && !this.exchange.headSent) this.core.wheel.set(this.deadline, HALF_CLOSED_MS)
  }

  /**
   * Has the system find out whether a client that ended its side still waits for its answer. A client discards a
   * 100 that it did not ask for (RFC 9110 section 15.2.1); where there is no client, its system answers with a reset.
   */
  private askHalfClosed(): void {
    if (this.halfClosed === HalfClosed.Asked) {
      this.halfClosed = HalfClosed.Waiting
      this.core.wheel.set(this.deadline, PROBED_MS)
      // The system has had time to hear of a reset, and tells with the next write, even of nothing.
      this.wire.write('')
    } else if (this.exchange?.minor === 1) {
      this.halfClosed = HalfClosed.Asked
      this.core.wheel.set(this.deadline, PROBE_MS)
      this.wire.write('HTTP/1.1 100 Continue\r\n\r\n')
    } else this.giveUp()
  }

  private giveUp(): void {
    this.exchange?.sink?.clientGone()
    this.abort('client-gone')
  }

  /** Nothing more will come: what has come whole is answered, the rest is refused. */
  private ended(): void {
    const { exchange } = this
    if (exchange !== undefined) {
      if (!exchange.requestDone) this.giveUp()
      return
    }
    if (this.phase !== Phase.Head) return
    if (this.held.empty) return this.linger()
    // RFC 9112 section 8: half a head is not a request. Whole ones that were sent ahead still have their turn.
    if (this.held.withinHead) this.refuse('malformed-request', 'the connection ended within the head')
  }

  private linger(): void {
    if (this.phase === Phase.Closed || this.phase === Phase.Linger) return
    this.phase = Phase.Linger
    const alone = this.halfClosed !== HalfClosed.No || (this.lastByClient && this.held.empty)
    this.held.drop()
    if (this.paused) this.resume()
    const { wheel, timeouts } = this.core
    this.farewell = new Farewell(this.wire, wheel, this.deadline, timeouts.idleMs, alone, () => this.gone())
  }

  wireClosed(): void {
    this.gone()
  }

  private gone(): void {
    if (this.phase === Phase.Closed) return
    this.phase = Phase.Closed
    const { wheel } = this.core
    wheel.clear(this.deadline)
    if (this.totalDeadline !== undefined) wheel.clear(this.totalDeadline)
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

const NOTHING = Buffer.alloc(0)
