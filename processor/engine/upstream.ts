// One connection to an instance: requests out, their answers in, in order, each followed to its end; and never a byte that
// nobody asked for reaches anybody.
import { ProxyError, type Code } from '../../shared/errors.js'
import { answer, MOST_HEAD_BYTES, parseAnswerHead } from './answer-head.js'
import { BodyFollower, type BodyKind } from './body-follower.js'
import { connectFailure } from './connect-failure.js'
import * as fault from './fault.js'
import { HeldBytes } from './held-bytes.js'
import { MessageWriter } from './message-writer.js'
import { asTimer } from './turn.js'
import { Unwanted } from './unwanted.js'
import { Deadline, type Wheel } from './wheel.js'
import { connect, type Dialer, type UpstreamTarget } from './wire/connect.js'
import type { Wire, WireOwner } from './wire/wire.js'

export type { BodyKind, UpstreamTarget }

/** What a connection tells the exchange that uses it. After `answerEnd`, `switched` or `failed` it is silent. */
export interface AnswerSink {
  readonly method: string
  /** Protocol that the request asks to switch to, in lower case; empty: none. */
  readonly upgrade: string
  /** The request is the connection's now: it stands, and the answers to all requests before this one have ended. */
  connected(): void
  /** An interim answer (1xx) is in `answer`. */
  interim(): void
  /** The final head is in `answer`. `whole`: the body has come with it, or there is none. */
  answerHead(body: BodyKind, whole: boolean): void
  /** A piece of the body with its framing. The bytes are valid until the call returns, or while the reader is paused. */
  answerBody(buf: Buffer, start: number, end: number): void
  answerEnd(): void
  /** What one read of the connection brought has been handed over. */
  answerPause(): void
  /** The protocol is switched, the answer's head is in `answer`; `buf[start, end)` has come already. The wire is the sink's. */
  switched(wire: Wire, buf: Buffer, start: number, end: number): void
  /** All of the request that was written has left, after some of it had to wait. */
  requestSent(): void
  failed(error: ProxyError): void
}

/** Where connections live between exchanges. */
export interface ConnectionHome {
  /** It could serve again: keeps it with `rest`, or destroys it. */
  rested(connection: UpstreamConnection): void
  closed(connection: UpstreamConnection): void
}

/** So long a request waits behind another one before it gets a connection of its own. */
const FOLLOWER_MS = 20

/** RFC 9110 section 15.2 has them all forwarded; nobody needs so many. */
const MOST_INTERIM = 256

const enum Phase {
  Connecting,
  Idle,
  /** A request is being sent or its answer awaited. */
  Head,
  Body,
  /** The answer has ended; the exchange has not let go yet. */
  Ended,
  Switched,
  Closed,
}

export class UpstreamConnection implements WireOwner, Dialer {
  /** For the request. */
  readonly writer = new MessageWriter(undefined)
  /** Requests that it has carried, the running one included. */
  uses = 0
  /** Its home's, while it rests: where it lies. */
  idleAt = -1
  /** Some byte of the current answer has arrived. */
  heard = false
  connected = false
  private wire: Wire | undefined
  private phase = Phase.Connecting
  private sink: AnswerSink | undefined
  /** Whose requests are on their way behind the current one. */
  private readonly followers: AnswerSink[] = []
  /** How long they wait for their turn. */
  private patience: Deadline | undefined
  private readonly body = new BodyFollower()
  private bodyKind: BodyKind = 'none'
  private interim = 0
  /** Start of a head whose end has not arrived. */
  private readonly held = new HeldBytes()
  private reusable = false
  private paused = false
  private keepAliveMs: number
  private readonly deadline: Deadline
  private timeoutCode: Code = 'connect-timeout'
  private readonly stopConnecting: () => void

  constructor(
    readonly target: UpstreamTarget,
    private readonly wheel: Wheel,
    private readonly home: ConnectionHome,
  ) {
    this.keepAliveMs = target.keepAliveMs
    this.deadline = new Deadline(() => this.onDeadline())
    this.stopConnecting = connect(target, this, this)
  }

  /** Takes the connection for one exchange. `connectMs` counts only while it is not connected. */
  begin(sink: AnswerSink, connectMs: number): void {
    this.uses++
    this.take(sink)
    if (this.phase === Phase.Idle) {
      this.phase = Phase.Head
      this.wheel.clear(this.deadline)
    } else this.arm(connectMs, 'connect-timeout')
  }

  private take(sink: AnswerSink): void {
    this.sink = sink
    this.heard = false
    this.interim = 0
    this.reusable = false
  }

  /** Has a request's answer follow those that are still to come; it is written right behind the others. */
  follow(sink: AnswerSink): void {
    this.uses++
    if (this.followers.push(sink) === 1) this.waitForTurn()
  }

  private waitForTurn(): void {
    this.patience ??= new Deadline(() => this.abandonFollowers())
    if (this.followers.length > 0) this.wheel.set(this.patience, FOLLOWER_MS)
    else this.wheel.clear(this.patience)
  }

  /** Sets the time within which the next byte of the answer must come. */
  arm(ms: number, code: Code): void {
    this.timeoutCode = code
    if (ms > 0) this.wheel.set(this.deadline, ms)
    else this.wheel.clear(this.deadline)
  }

  disarm(): void {
    this.wheel.clear(this.deadline)
  }

  pause(): void {
    this.paused = true
    this.wire?.pause()
    // A client that reads slowly must not hold up the others.
    this.abandonFollowers()
  }

  resume(): void {
    this.paused = false
    this.wire?.resume()
  }

  /** The request went out whole and its answer came in whole, and both sides agreed to go on. */
  private get mayServeAgain(): boolean {
    return this.phase === Phase.Ended && this.reusable && this.wire?.closed === false
  }

  /** `sink` lets go; `usable`: its request and its answer both came to their end. */
  leave(sink: AnswerSink, usable: boolean): void {
    if (this.phase === Phase.Switched) return this.close()
    if (this.sink !== sink) {
      // Its turn has not come, and its answer will: to nobody.
      const at = this.followers.indexOf(sink)
      if (at >= 0) this.followers[at] = new Unwanted(sink.method, this)
      return
    }
    if (!usable || !this.mayServeAgain) return this.destroy()
    const next = this.followers.shift()
    if (next === undefined) return this.home.rested(this)
    this.waitForTurn()
    this.take(next)
    this.phase = Phase.Head
    if (this.paused) this.resume()
    next.connected()
  }

  /** To wait for another exchange. */
  rest(): void {
    this.sink = undefined
    this.phase = Phase.Idle
    if (this.paused) this.resume()
    this.wheel.set(this.deadline, this.keepAliveMs)
  }

  destroy(): void {
    this.sink = undefined
    this.close()
  }

  private close(): void {
    if (this.phase === Phase.Closed) return
    this.phase = Phase.Closed
    this.wheel.drop(this.deadline)
    this.stopConnecting()
    this.wire?.destroy()
    this.held.drop()
    this.home.closed(this)
    this.abandonFollowers()
  }

  /** Requests that are on their way behind the current one get another connection: their answers are not waited for here. */
  private abandonFollowers(): void {
    if (this.patience !== undefined) this.wheel.drop(this.patience)
    for (const sink of this.followers.splice(0)) {
      this.reusable = false
      sink.failed(new ProxyError('connection-reset', 'upstream', 'idempotent-only', 'the connection was given up'))
    }
  }

  private fail(code: Code, retry: 'safe' | 'idempotent-only' | 'never', message: string): void {
    const sink = this.sink
    this.sink = undefined
    this.close()
    sink?.failed(new ProxyError(code, 'upstream', retry, message))
  }

  // ---- Dialer

  connectFailed(code: string): void {
    if (this.phase !== Phase.Connecting) return
    const message = `cannot connect: ${code === '' ? 'closed during the handshake' : code}`
    this.fail(connectFailure(code, this.target.tls !== undefined), 'safe', message)
  }

  /** Its wire stands. */
  connectedTo(wire: Wire): void {
    if (this.phase !== Phase.Connecting) return wire.destroy()
    this.wheel.tick()
    this.connected = true
    this.wire = wire
    this.phase = this.sink === undefined ? Phase.Idle : Phase.Head
    this.wheel.clear(this.deadline)
    this.writer.open(wire)
    this.sink?.connected()
    if (this.writer.backlog === 0) this.sink?.requestSent()
  }

  private onDeadline(): void {
    if (this.phase === Phase.Idle) return this.close()
    const safe = this.phase === Phase.Connecting
    const waited = safe ? 'the connection was not accepted in time' : 'the answer did not come in time'
    this.fail(this.timeoutCode, safe ? 'safe' : 'idempotent-only', waited)
  }

  // ---- WireOwner

  wireRead(buf: Buffer, bytes: number): void {
    const { sink, held } = this
    this.wheel.tick()
    // Bytes that answer nothing: whoever got this connection next would take them for its own.
    if (sink === undefined) return this.close()
    this.heard = true
    if (held.empty) this.consume(buf, bytes)
    else {
      const length = held.join(buf, bytes)
      this.consume(held.bytes, length)
      if (held.empty) held.drop()
    }
    if (this.phase !== Phase.Body) this.wire?.settle()
    this.sink?.answerPause()
  }

  private consume(buf: Buffer, end: number): void {
    let pos = 0
    while (pos >= 0 && pos < end) {
      const { sink } = this
      if (sink === undefined) return
      if (this.phase === Phase.Head) pos = this.consumeHead(sink, buf, pos, end)
      else if (this.phase === Phase.Body) pos = this.consumeBody(sink, buf, pos, end)
      else {
        // The answer is over and more bytes came with its end.
        this.reusable = false
        return
      }
    }
  }

  private consumeHead(sink: AnswerSink, buf: Buffer, pos: number, end: number): number {
    const { held } = this
    let after: number = fault.INCOMPLETE
    if (!held.withinHead || held.mayBeWhole(buf, pos, end)) after = parseAnswerHead(buf, pos, end)
    else if (end - pos > MOST_HEAD_BYTES) after = fault.HEAD_TOO_LARGE
    if (after === fault.INCOMPLETE) {
      held.keepHead(buf, pos, end)
      return end
    }
    held.headDone()
    const bad = after < 0 ? after : this.onHead(sink, buf, after, end)
    if (bad < 0) this.fail(fault.codeOfAnswer(bad), 'never', fault.reasonOf(bad))
    return bad < 0 ? -1 : after
  }

  /** Returns 0, or a fault. */
  private onHead(sink: AnswerSink, buf: Buffer, after: number, end: number): number {
    const { status } = answer
    if (status >= 200) this.onFinalHead(sink, end - after)
    else if (status === 101) {
      if (sink.upgrade === '' || answer.upgrade !== sink.upgrade) return fault.UNASKED_UPGRADE
      this.onSwitch(sink, buf, after, end)
    } else if (++this.interim > MOST_INTERIM) return fault.TOO_MANY_INTERIM
    else sink.interim()
    return 0
  }

  /** `more`: bytes that have come behind it. */
  private onFinalHead(sink: AnswerSink, more: number): void {
    this.reusable = !answer.close
    if (answer.keepAliveMs >= 0) {
      // The upstream closes at its own time; a second's margin keeps a request from meeting that close on the way.
      const promised = answer.keepAliveMs - 1000
      if (promised <= 0) this.reusable = false
      else this.keepAliveMs = Math.min(this.target.keepAliveMs || Infinity, promised)
    }
    const { status } = answer
    // RFC 9112 section 6.3: no body, whatever the fields say.
    const bodiless = sink.method === 'HEAD' || status === 204 || status === 304
    if (bodiless || (!answer.chunked && answer.contentLength === 0)) this.bodyKind = 'none'
    else if (answer.chunked) this.bodyKind = 'chunked'
    else this.bodyKind = answer.contentLength > 0 ? 'length' : 'until-close'
    this.body.begin(this.bodyKind, answer.contentLength, answer.hop, false)
    this.phase = this.body.done ? Phase.Ended : Phase.Body
    if (this.bodyKind === 'until-close') this.reusable = false
    // An instance that sends the body that it announces, and may not, would answer the next request with it.
    if (bodiless && (answer.chunked || answer.contentLength > 0)) this.abandonFollowers()
    if (this.body.done) this.lastByte(more > 0)
    sink.answerHead(this.bodyKind, this.body.done || (this.bodyKind === 'length' && more >= answer.contentLength))
    if (this.body.done) this.finish(sink)
  }

  private consumeBody(sink: AnswerSink, buf: Buffer, pos: number, end: number): number {
    const after = this.body.follow(buf, pos, end)
    if (after < 0) {
      this.fail(fault.codeOfAnswer(after), 'never', fault.reasonOf(after))
      return -1
    }
    if (this.body.done) {
      this.phase = Phase.Ended
      this.lastByte(after < end)
    }
    const { passing, tail, done } = this.body
    if (passing > pos) sink.answerBody(buf, pos, passing)
    if (tail !== '' && this.sink === sink) sink.answerBody(Buffer.from(tail, 'latin1'), 0, tail.length)
    if (done) this.finish(sink)
    return after
  }

  /** `more`: bytes came behind an answer's end. They are the next one's, or nobody's. */
  private lastByte(more: boolean): void {
    if (more && this.followers.length === 0) this.reusable = false
    this.wire?.settle()
  }

  private finish(sink: AnswerSink): void {
    if (this.sink !== sink) return
    this.wheel.clear(this.deadline)
    sink.answerEnd()
  }

  private onSwitch(sink: AnswerSink, buf: Buffer, start: number, end: number): void {
    const wire = this.wire as Wire
    this.phase = Phase.Switched
    this.sink = undefined
    this.wheel.drop(this.deadline)
    sink.switched(wire, buf, start, end)
  }

  wireDrained(): void {
    this.sink?.requestSent()
  }

  wireEnded(): void {
    this.wheel.tick()
    if (this.phase === Phase.Body && this.bodyKind === 'until-close') {
      // A reset that comes with the last bytes is shown as a clean end; writing nothing tells which it was.
      this.wire?.write('')
      setImmediate(
        asTimer(() => {
          if (this.phase === Phase.Body) this.onEndByClose()
        }),
      )
      return
    }
    if (this.phase === Phase.Ended) this.reusable = false
    this.onLost('the instance closed the connection')
  }

  private onEndByClose(): void {
    const sink = this.sink
    this.phase = Phase.Ended
    if (sink === undefined) return
    this.finish(sink)
    sink.answerPause()
  }

  wireClosed(code: string): void {
    if (this.phase === Phase.Closed) return
    this.reusable = false
    this.onLost(code === '' ? 'the instance closed the connection' : `the connection broke: ${code}`)
  }

  private onLost(message: string): void {
    if (this.sink === undefined) return this.close()
    if (this.phase === Phase.Ended) return
    const headGone = this.phase !== Phase.Head
    this.fail(headGone ? 'truncated-answer' : 'connection-reset', 'idempotent-only', message)
  }
}
