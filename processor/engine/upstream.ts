// One connection to an instance: it sends one request at a time, follows the answer to its end, and never lets a byte
// that nobody asked for reach anybody.
import net from 'node:net'
import tls from 'node:tls'
import { ProxyError, type Code } from '../../shared/errors.js'
import { answer, parseAnswerHead } from './answer-head.js'
import { BodyFollower, type BodyKind } from './body-follower.js'
import { connectFailure } from './connect-failure.js'
import * as fault from './fault.js'
import { MessageWriter } from './message-writer.js'
import { Deadline, type Wheel } from './wheel.js'

/** Where to connect and how long to wait; milliseconds, 0: no limit. */
export interface UpstreamTarget {
  readonly host: string
  readonly port: number
  /** TLS options without host and port; undefined: plain TCP. */
  readonly tls: tls.ConnectionOptions | undefined
  readonly keepAliveMs: number
}

/** What a connection tells the exchange that uses it. After `answerEnd` or `failed` it is silent. */
export interface AnswerSink {
  /** The connection stands; until now nothing has left. */
  connected(): void
  /** An interim answer (1xx) is in `answer`. */
  interim(): void
  /** The final head is in `answer`. */
  answerHead(body: BodyKind): void
  /** A piece of the body with its framing. The bytes are valid until the call returns, or while the reader is paused. */
  answerBody(buf: Buffer, start: number, end: number): void
  answerEnd(): void
  /** What one read of the socket brought has been handed over. */
  answerPause(): void
  /** A piece of the request has left; the socket may still hold others. */
  requestSent(): void
  failed(error: ProxyError): void
}

export type { BodyKind }

const SMALL_BUFFER = 16 * 1024
const LARGE_BUFFER = 128 * 1024
const MOST_INTERIM = 20

const enum Phase {
  Connecting,
  Idle,
  /** A request is being sent or its answer awaited. */
  Head,
  Body,
  /** The answer has ended; the exchange has not let go yet. */
  Ended,
  Closed,
}

export class UpstreamConnection {
  readonly socket: net.Socket
  /** For the request. */
  readonly writer: MessageWriter
  /** Requests that it has carried, the running one included. */
  uses = 0
  /** Some byte of the current answer has arrived. */
  heard = false
  connected = false
  private phase = Phase.Connecting
  private sink: AnswerSink | undefined
  private method = ''
  private readonly body = new BodyFollower()
  private bodyKind: BodyKind = 'none'
  private interim = 0
  /** Start of a head whose end has not arrived. */
  private held: Buffer | undefined
  private reusable = false
  private paused = false
  private keepAliveMs: number
  private buffer: Buffer
  private readonly deadline: Deadline
  private timeoutCode: Code = 'connect-timeout'

  constructor(
    readonly target: UpstreamTarget,
    private readonly wheel: Wheel,
    private readonly onClosed: (connection: UpstreamConnection) => void,
  ) {
    this.keepAliveMs = target.keepAliveMs
    this.deadline = new Deadline(() => this.onDeadline())
    this.buffer = EMPTY
    const { host, port } = target
    if (target.tls === undefined) {
      this.buffer = Buffer.allocUnsafeSlow(SMALL_BUFFER)
      this.socket = net.connect({
        host,
        port,
        noDelay: true,
        allowHalfOpen: true,
        onread: {
          // Asked again after each read: that is where a long body gets its larger buffer.
          buffer: () => this.buffer,
          callback: (bytes, buf) => {
            this.onRead(buf as Buffer, bytes)
            return true
          },
        },
      })
      this.socket.on('connect', () => this.onConnect())
    } else {
      const socket = tls.connect({ ...target.tls, host, port })
      socket.setNoDelay(true)
      socket.on('secureConnect', () => this.onConnect())
      socket.on('data', (chunk) => this.onRead(chunk, chunk.length))
      this.socket = socket
    }
    this.writer = new MessageWriter(this.socket, () => this.sink?.requestSent())
    this.socket.on('end', () => this.onFin())
    this.socket.on('error', (error) => this.onError(error))
    this.socket.on('close', () => this.onError(undefined))
  }

  /** Takes the connection for one exchange. `connectMs` counts only while it is not connected. */
  begin(sink: AnswerSink, method: string, connectMs: number): void {
    this.uses++
    this.sink = sink
    this.method = method
    this.heard = false
    this.interim = 0
    this.reusable = false
    if (this.phase === Phase.Idle) {
      this.phase = Phase.Head
      this.wheel.clear(this.deadline)
    } else this.arm(connectMs, 'connect-timeout')
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
    this.socket.pause()
  }

  resume(): void {
    this.paused = false
    this.socket.resume()
  }

  /** Someone still writes from the buffer of the read that is going on: the next one needs another. */
  leaveBuffer(): void {
    if (this.target.tls === undefined) this.buffer = Buffer.allocUnsafeSlow(SMALL_BUFFER)
  }

  /** The request went out whole and its answer came in whole, and both sides agreed to go on. */
  get mayServeAgain(): boolean {
    return this.phase === Phase.Ended && this.reusable && !this.socket.destroyed
  }

  /** Puts it back to wait for another exchange. */
  rest(): void {
    this.sink = undefined
    this.phase = Phase.Idle
    if (this.paused) this.resume()
    if (this.buffer.length > SMALL_BUFFER) this.buffer = Buffer.allocUnsafeSlow(SMALL_BUFFER)
    this.wheel.set(this.deadline, this.keepAliveMs)
  }

  destroy(): void {
    this.sink = undefined
    this.close()
  }

  private close(): void {
    if (this.phase === Phase.Closed) return
    this.phase = Phase.Closed
    this.wheel.clear(this.deadline)
    this.socket.destroy()
    this.held = undefined
    this.onClosed(this)
  }

  private fail(code: Code, retry: 'safe' | 'idempotent-only' | 'never', message: string): void {
    const sink = this.sink
    this.sink = undefined
    this.close()
    sink?.failed(new ProxyError(code, 'upstream', retry, message))
  }

  private onConnect(): void {
    if (this.phase !== Phase.Connecting) return
    this.connected = true
    this.phase = this.sink === undefined ? Phase.Idle : Phase.Head
    this.wheel.clear(this.deadline)
    this.sink?.connected()
  }

  private onDeadline(): void {
    if (this.phase === Phase.Idle) return this.close()
    const safe = this.phase === Phase.Connecting
    const waited = safe ? 'the connection was not accepted in time' : 'the answer did not come in time'
    this.fail(this.timeoutCode, safe ? 'safe' : 'idempotent-only', waited)
  }

  private onRead(buf: Buffer, bytes: number): void {
    const sink = this.sink
    if (sink === undefined || this.phase === Phase.Ended || this.phase === Phase.Connecting) {
      // Bytes that answer nothing: whoever got this connection next would take them for its own.
      this.reusable = false
      if (sink === undefined) this.close()
      return
    }
    this.heard = true
    if (bytes === this.buffer.length && bytes < LARGE_BUFFER && this.target.tls === undefined) {
      this.buffer = Buffer.allocUnsafeSlow(LARGE_BUFFER)
    }
    this.consume(sink, buf, bytes)
    sink.answerPause()
  }

  private consume(sink: AnswerSink, buf: Buffer, end: number): void {
    let pos = 0
    if (this.held !== undefined) {
      buf = Buffer.concat([this.held, buf.subarray(0, end)])
      end = buf.length
      this.held = undefined
    }
    while (this.phase === Phase.Head) {
      const after = parseAnswerHead(buf, pos, end)
      if (after === fault.INCOMPLETE) {
        if (end > pos) this.held = Buffer.from(buf.subarray(pos, end))
        return
      }
      if (after < 0) return this.fail('bad-answer', 'never', fault.reasonOf(after))
      pos = after
      if (answer.status >= 200) this.onFinalHead(sink, pos < end)
      else if (answer.status === 101) return this.fail('bad-answer', 'never', fault.reasonOf(fault.UNASKED_UPGRADE))
      else if (++this.interim > MOST_INTERIM)
        return this.fail('bad-answer', 'never', fault.reasonOf(fault.TOO_MANY_INTERIM))
      else sink.interim()
      if (this.sink !== sink) return
    }
    if (pos < end) this.consumeBody(sink, buf, pos, end)
  }

  private onFinalHead(sink: AnswerSink, more: boolean): void {
    this.reusable = !answer.close
    if (answer.keepAliveMs >= 0) {
      // The upstream closes at its own time; a second's margin keeps a request from meeting that close on the way.
      const promised = answer.keepAliveMs - 1000
      if (promised <= 0) this.reusable = false
      else this.keepAliveMs = Math.min(this.target.keepAliveMs || Infinity, promised)
    }
    const { status } = answer
    // RFC 9112 section 6.3: no body, whatever the fields say.
    const bodiless = this.method === 'HEAD' || status === 204 || status === 304
    if (bodiless || (!answer.chunked && answer.contentLength === 0)) this.bodyKind = 'none'
    else if (answer.chunked) this.bodyKind = 'chunked'
    else this.bodyKind = answer.contentLength > 0 ? 'length' : 'until-close'
    this.body.begin(this.bodyKind, answer.contentLength)
    this.phase = this.body.done ? Phase.Ended : Phase.Body
    // Bytes behind an answer that has no body (HEAD, 204, 304, length 0) answer nothing.
    if (this.bodyKind === 'until-close' || (this.body.done && more)) this.reusable = false
    sink.answerHead(this.bodyKind)
    if (this.body.done) this.finish(sink)
  }

  private consumeBody(sink: AnswerSink, buf: Buffer, pos: number, end: number): void {
    if (this.phase !== Phase.Body) {
      // The answer is over and more bytes came with its end.
      this.reusable = false
      return
    }
    const after = this.body.follow(buf, pos, end)
    if (after < 0) return this.fail('bad-answer', 'never', fault.reasonOf(after))
    if (this.body.done) {
      this.phase = Phase.Ended
      if (after < end) this.reusable = false
    }
    sink.answerBody(buf, pos, after)
    if (this.body.done) this.finish(sink)
  }

  private finish(sink: AnswerSink): void {
    if (this.sink !== sink) return
    this.wheel.clear(this.deadline)
    sink.answerEnd()
  }

  private onFin(): void {
    if (this.phase === Phase.Body && this.bodyKind === 'until-close') {
      if (this.target.tls !== undefined) return this.onEndByClose()
      // libuv shows a reset that comes with the last bytes as a clean end; an empty write tells which it was.
      this.socket.write('', (error) => {
        if (!error && this.phase === Phase.Body) this.onEndByClose()
      })
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

  private onError(error: (Error & { code?: string }) | undefined): void {
    if (this.phase === Phase.Closed) return
    if (this.phase === Phase.Connecting) {
      const code = connectFailure(error?.code, this.target.tls !== undefined)
      return this.fail(code, 'safe', `cannot connect: ${error?.code ?? 'closed during the handshake'}`)
    }
    this.reusable = false
    this.onLost(
      error?.code === undefined ? 'the instance closed the connection' : `the connection broke: ${error.code}`,
    )
  }

  private onLost(message: string): void {
    if (this.sink === undefined) return this.close()
    if (this.phase === Phase.Ended) return
    const headGone = this.phase !== Phase.Head
    this.fail(headGone ? 'truncated-answer' : 'connection-reset', headGone ? 'never' : 'idempotent-only', message)
  }
}

const EMPTY = Buffer.alloc(0)
