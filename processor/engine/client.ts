// One connection of a client: its requests in, their answers out in the same order, and an end to every wait.
import { type Code, ProxyError } from '../../shared/errors.js'
import { problemBody } from '../../shared/problem.js'
import { fieldValue } from '../routing/request-view.js'
import { type Core, plainAddress } from '../core.js'
import type { Client, Exchange } from '../exchange.js'
import type { LiveListener } from '../live-listener.js'
import { Farewell, LINGER_MS } from './farewell.js'
import * as fault from './fault.js'
import { HalfClose } from './half-close.js'
import { MessageWriter } from './message-writer.js'
import { ALLOW, problemFields, problemHead, replyProblem } from './reply.js'
import { head } from './request-head.js'
import { type RequestListener, RequestReader } from './request-reader.js'
import type { Tunnel } from './tunnel.js'
import { asTimer } from './turn.js'
import { Deadline } from './wheel.js'
import type { Wire, WireOwner } from './wire/wire.js'

const enum Phase {
  Open,
  /** It has switched protocols: a tunnel has its wire. */
  Switched,
  /** No more requests: what is still written goes out, what still arrives is thrown away. */
  Linger,
  Closed,
}

/** Bytes of answers that the client has not taken, beyond which its next request waits. */
const MOST_UNSENT_BYTES = 64 * 1024

export class ClientConnection implements Client, WireOwner, RequestListener {
  /** The peer's address; empty once it is unknown. */
  readonly peer: string
  /** The exchange that is running; there is one at a time, later requests wait. */
  exchange: Exchange | undefined
  /** The lines by which an instance learns who asks, and the host that they are for: of the last request. */
  forwardedHost: string | undefined
  forwardedLines = ''
  private phase = Phase.Open
  private readonly reader: RequestReader
  /** Its X-Forwarded-* are believed. */
  private readonly trusted: boolean
  private readonly writer: MessageWriter
  private closeAfter = false
  /** The client itself has said that the running request is its last. */
  private lastByClient = false
  /** Since the client has ended its side. */
  private halfClose: HalfClose | undefined
  private farewell: Farewell | undefined
  private tunnel: Tunnel | undefined
  private paused = false
  private requests = 0
  private readonly deadline: Deadline
  private totalDeadline: Deadline | undefined

  constructor(
    readonly wire: Wire,
    private readonly core: Core,
    /** Of the port on which it came. */
    readonly listener: LiveListener,
    /** Within TLS. */
    readonly secure = false,
  ) {
    this.peer = wire.peer
    this.writer = new MessageWriter(wire)
    this.trusted = core.trusts(wire.peer)
    this.reader = new RequestReader(core.rulesFor(secure), core.wheel, this.trusted, this)
    this.deadline = new Deadline(() => this.onDeadline())
    wire.owner = this
    core.wheel.set(this.deadline, core.timeouts.requestHeadMs)
    wire.resume()
  }

  addressIn(added: string): string {
    if (!this.trusted) return plainAddress(this.peer)
    // The peer is the last of them.
    const list = (fieldValue(added, 'x-forwarded-for') ?? '').split(',').map((address) => address.trim())
    return list.findLast((address) => !this.core.trusts(address)) ?? list[0] ?? this.peer
  }

  /** A read is being handed over: whoever writes may wait for its end to write once. */
  get reading(): boolean {
    return this.reader.busy
  }

  /** Ends the connection as soon as no request is running. */
  drain(): void {
    this.closeAfter = true
    if (!this.reader.betweenRequests || !this.reader.empty) return
    if (this.requests > 0) this.linger()
    else this.core.wheel.set(this.deadline, LINGER_MS)
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
    this.reader.read(buf, bytes)
    this.afterRead()
  }

  private afterRead(): void {
    this.exchange?.sink?.requestPause()
    this.flush()
    if (!this.reader.withinBody) this.wire.settle()
    if (this.halfClose !== undefined) this.ended()
  }

  private continueHeld(): void {
    if (this.phase !== Phase.Open || !this.reader.betweenRequests) return
    this.reader.resume()
    this.afterRead()
  }

  mayBegin(): boolean {
    if (this.wire.backlog <= MOST_UNSENT_BYTES) return true
    // Sent ahead by a client that does not read the answers: `wireDrained` goes on.
    this.pause()
    this.core.wheel.set(this.deadline, this.core.timeouts.idleMs)
    return false
  }

  headBegun(): void {
    this.core.wheel.set(this.deadline, this.core.timeouts.requestHeadMs)
  }

  headRead(alone: boolean): void {
    const { core } = this
    const { limits, timeouts, wheel } = core
    this.requests++
    wheel.clear(this.deadline)
    const body = head.chunked ? 'chunked' : head.contentLength > 0 ? 'length' : 'none'
    const exchange = core.exchange(this, body)
    this.exchange = exchange
    exchange.requestDone = body === 'none'
    const last = head.close || (head.minor === 0 && !head.keepAlive)
    this.lastByClient = last && alone && body === 'none'
    const leaves = core.draining || this.listener.last !== undefined
    if (last || leaves || this.requests === limits.requestsPerConnection) this.closeAfter = true
    if (limits.bodyBytes > 0 && head.contentLength > limits.bodyBytes) {
      this.reader.stop()
      return this.refused(fault.BODY_TOO_LARGE)
    }
    core.serve(exchange, this.listener.name)
    if (this.exchange !== exchange) return
    // The route's own total applies, or the processor's.
    const totalMs = exchange.route?.timeouts.totalMs ?? timeouts.totalMs
    if (totalMs > 0) wheel.set((this.totalDeadline ??= new Deadline(() => this.onTotal())), totalMs)
    // One that waits for a 100 is not late: it is the instance's turn.
    // Nor is one that is not read from, because its request waits for its turn.
    if (body !== 'none' && !exchange.expectsContinue && !this.paused) wheel.set(this.deadline, timeouts.idleMs)
  }

  bodyRead(buf: Buffer, start: number, end: number, last: boolean): void {
    const { exchange } = this
    if (exchange === undefined) return
    const { wheel, timeouts } = this.core
    exchange.bytesIn = this.reader.bodyBytes
    if (last) wheel.clear(this.deadline)
    else if (!this.paused) wheel.set(this.deadline, timeouts.idleMs)
    exchange.requestDone = last
    if (end > start) exchange.sink?.requestBody(buf, start, end)
    if (last && this.exchange === exchange) exchange.sink?.requestEnd()
  }

  tooFarAhead(): void {
    this.pause()
  }

  /** Stops reading until `resume`: nobody takes what comes at the moment. */
  pause(): void {
    if (this.paused || this.phase !== Phase.Open) return
    this.paused = true
    this.wire.pause()
    this.reader.paused()
    if (this.writer.backlog > 0) this.stalled()
    else this.core.wheel.clear(this.deadline)
  }

  resume(): void {
    if (!this.paused || this.phase === Phase.Closed) return
    this.paused = false
    this.wire.resume()
    this.reader.resumed()
    if (this.reader.withinBody) this.core.wheel.set(this.deadline, this.core.timeouts.idleMs)
  }

  // ---- answers out

  /** Sends an interim answer; none goes to an HTTP/1.0 client, nor to one that does not read. */
  interim(statusText: string, fields: string): void {
    if (this.exchange?.minor === 1 && this.wire.backlog <= MOST_UNSENT_BYTES)
      this.writeText(`HTTP/1.1 ${statusText}\r\n${fields}\r\n`)
    if (this.reader.withinBody && !this.paused) this.core.wheel.set(this.deadline, this.core.timeouts.idleMs)
  }

  /**
   * Writes an answer's head. `fields` are whole lines, framing and Via included, without Connection: that is this
   * connection's to say, with `options` beside its own. `keep` false: the connection ends with this answer.
   */
  writeHead(status: number, statusText: string, fields: string, keep: boolean, options = ''): void {
    const exchange = this.exchange as Exchange
    exchange.status = status
    exchange.headAt = this.core.wheel.now()
    this.halfClose?.answering()
    // An answer that overtakes the request's body ends the connection: the rest of that body is nobody's.
    if (!keep || !exchange.requestDone) this.closeAfter = true
    const own = this.closeAfter ? 'close' : exchange.minor === 0 ? 'keep-alive' : ''
    const all = own !== '' && options !== '' ? `${own}, ${options}` : own + options
    this.writer.begin(`HTTP/1.1 ${statusText}\r\n${fields}${all === '' ? '' : `Connection: ${all}\r\n`}\r\n`)
  }

  /**
   * Writes a piece of the answer's body. False: the bytes are still being written and must stay as they are until the
   * sink's `clientDrained`.
   */
  writeBody(buf: Buffer, start: number, end: number): boolean {
    const exchange = this.exchange as Exchange
    exchange.bytesOut += end - start
    this.halfClose?.answering()
    return this.phase === Phase.Closed || this.writer.piece(buf, start, end)
  }

  /** Writes text of the answer's framing. */
  writeText(text: string): void {
    if (this.phase !== Phase.Closed) this.writer.text(text)
  }

  /** Sends a head that waits for a body which has not come yet. */
  flush(): void {
    if (!this.reader.busy && this.phase !== Phase.Closed) this.writer.flush()
  }

  /** The answer is complete: on to the next request, or to the end of the connection. */
  finish(): void {
    const exchange = this.exchange
    if (exchange === undefined) return
    if (this.phase !== Phase.Closed) this.writer.flush()
    this.release(exchange)
    if (this.phase === Phase.Closed) return
    if (this.phase === Phase.Switched) return this.gone()
    const { reader } = this
    if (this.closeAfter || !reader.whole) return this.linger()
    reader.next()
    if (this.halfClose !== undefined && !reader.busy && reader.empty) return this.linger()
    this.core.wheel.set(this.deadline, this.core.timeouts.keepAliveMs)
    if (this.paused) this.resume()
    // Requests that were sent ahead: on a fresh stack, a thousand of them must not nest.
    if (!reader.empty && !reader.busy) setImmediate(asTimer(() => this.continueHeld()))
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

  fail(error: ProxyError, extra: string): void {
    replyProblem(this.exchange as Exchange, error.code, error.message, this.core.via, extra)
  }

  /**
   * The client and the instance have agreed to switch protocols: writes the head of that answer and gives the connection
   * to the tunnel that `open` makes of it. What the client has sent since its request is the tunnel's first.
   */
  switchTo(head: string, open: (wire: Wire) => Tunnel): void {
    const { wheel } = this.core
    wheel.clear(this.deadline)
    if (this.totalDeadline !== undefined) wheel.clear(this.totalDeadline)
    this.halfClose?.rest()
    this.phase = Phase.Switched
    this.writer.text(head)
    const { bytes, length } = this.reader.release()
    this.tunnel = open(this.wire)
    this.tunnel.early('client', bytes, 0, length)
    // It has ended its side already.
    if (this.halfClose !== undefined) this.wire.owner.wireEnded()
  }

  private release(exchange: Exchange): void {
    this.exchange = undefined
    exchange.answerDone = true
    const { wheel } = this.core
    if (this.totalDeadline !== undefined) wheel.clear(this.totalDeadline)
    wheel.clear(this.deadline)
    this.halfClose?.rest()
    this.core.done(exchange)
  }

  // ---- ends

  /** Answers with a problem and ends the connection: what follows on it cannot be told apart. */
  refused(result: number): void {
    const { core, exchange } = this
    const code = fault.codeOf(result)
    const detail = fault.reasonOf(result)
    this.closeAfter = true
    this.lastByClient = false
    exchange?.sink?.clientGone()
    core.refused(fault.slugOf(result), this.peer, exchange === undefined ? code : undefined)
    if (exchange === undefined) {
      this.writer.text(refusal(code, detail, core))
      this.linger()
    } else this.endWith(exchange, new ProxyError(code, 'client', 'never', detail))
  }

  /** Ends an exchange for a reason of its own: cut off where the client has seen some of the answer, else as a failure. */
  private endWith(exchange: Exchange, failure: ProxyError): void {
    if (!exchange.headSent) this.core.fail(exchange, failure)
    else if (exchange.pipes?.failHeld(failure) !== true) this.abort(failure.code)
  }

  private onDeadline(): void {
    const { reader } = this
    if (this.phase === Phase.Linger) return this.farewell?.timeUp()
    if (this.phase !== Phase.Open) return
    if (reader.withinBody && !this.paused) return this.refused(fault.BODY_TOO_LATE)
    // Set while the client does not read what was written.
    if (this.exchange !== undefined) return this.giveUp()
    if (this.wire.backlog > 0) return this.abort('client-gone')
    if (!reader.empty) return this.refused(fault.HEAD_TOO_LATE)
    // Between requests it just ends.
    if (this.requests === 0) this.destroy()
    else this.linger()
  }

  private onTotal(): void {
    const { exchange } = this
    if (exchange === undefined) return
    exchange.sink?.timedOut()
    this.endWith(exchange, new ProxyError('answer-timeout', 'upstream', 'never', 'the whole exchange took too long'))
  }

  /** Nothing more is read from the client at the moment, so only its own reading can move things on. */
  private get waitsForReader(): boolean {
    return this.exchange !== undefined && (this.reader.whole || (this.reader.withinBody && this.paused))
  }

  /** The client does not take what is written: it has so long to begin again. */
  stalled(): void {
    if (this.waitsForReader) this.core.wheel.set(this.deadline, this.core.timeouts.idleMs)
  }

  wireDrained(): void {
    if (this.phase === Phase.Linger) return this.farewell?.sent()
    if (this.phase !== Phase.Open) return
    this.core.wheel.tick()
    if (this.reader.betweenRequests && this.paused && !this.reader.empty) {
      this.resume()
      this.core.wheel.set(this.deadline, this.core.timeouts.requestHeadMs)
      setImmediate(asTimer(() => this.continueHeld()))
    }
    if (this.waitsForReader) this.core.wheel.clear(this.deadline)
    this.exchange?.pipes?.drained()
    this.exchange?.sink?.clientDrained()
  }

  wireEnded(): void {
    if (this.phase === Phase.Closed) return
    this.core.wheel.tick()
    this.halfClose ??= new HalfClose(this.wire, this.core.wheel, () => this.giveUp())
    if (this.phase === Phase.Linger) return this.farewell?.finished()
    this.ended()
  }

  private giveUp(): void {
    this.exchange?.sink?.clientGone()
    this.abort('client-gone')
  }

  /** Nothing more will come: what has come whole is answered, the rest is refused. */
  private ended(): void {
    const { exchange, reader, halfClose } = this
    if (exchange !== undefined) {
      if (!exchange.requestDone) this.giveUp()
      else if (exchange.headSent) halfClose?.answering()
      else halfClose?.waits(exchange.minor === 1)
      return
    }
    if (this.phase !== Phase.Open) return
    if (reader.empty) return this.linger()
    // RFC 9112 section 8: half a head is not a request. Whole ones that were sent ahead still have their turn.
    if (reader.withinHead) this.refused(fault.HEAD_CUT_OFF)
  }

  private linger(): void {
    if (this.phase !== Phase.Open) return
    this.phase = Phase.Linger
    const alone = this.halfClose !== undefined || (this.lastByClient && this.reader.empty)
    this.reader.stop()
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
    wheel.drop(this.deadline)
    if (this.totalDeadline !== undefined) wheel.drop(this.totalDeadline)
    this.halfClose?.rest()
    this.reader.stop()
    const { exchange } = this
    if (exchange !== undefined) {
      exchange.sink?.clientGone()
      exchange.error ||= 'client-gone'
      this.release(exchange)
    }
    this.core.disconnected(this)
  }
}

/** A whole answer to what is no request. */
export function refusal(code: Code, detail: string, core: Core): string {
  const id = core.requestId()
  const body = problemBody(code, detail, id)
  const allow = code === 'method-not-allowed' ? ALLOW : ''
  return `${problemHead(code)}${problemFields(code, id, body, core.via, allow)}Connection: close\r\n\r\n${body}`
}
