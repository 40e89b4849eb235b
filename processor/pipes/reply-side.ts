// The answers that an exchange gets from its pipes: their replies, and what becomes of a failure that they are told of.
import { CODES, type Code, type ProxyError } from '../../shared/errors.js'
import { replyProblem, statusText } from '../engine/reply.js'
import { asBytes } from './as-bytes.js'
import { ClientSide } from './client-side.js'
import { isPromise, Phase } from './hook-side.js'
import type { Reply } from './pipe.js'
import { bodiless, replyFields } from './reply-lines.js'
import { isSource, letGo } from './reply-source.js'
import type { Step } from './step.js'
import { type ReplyOutput, StreamedReply } from './streamed-reply.js'

const KNOWN_CODES: ReadonlySet<unknown> = new Set(CODES)

export abstract class ReplySide extends ClientSide implements ReplyOutput {
  /** Pipes that see the answer: the first so many. */
  protected depth = 0
  /** The answer is the gateway's own. */
  protected own = false
  /** It is a pipe's that says again what an instance has said. */
  protected relayed = false
  /** The answer has been written to its end. */
  protected ended = false
  /** The handler writes an answer that nobody wants. */
  protected discarding = false
  /** The answer comes piece by piece from a pipe. */
  protected streamed: StreamedReply | undefined
  private failing = false
  /** Replies so far: one may be replaced while it is written. */
  private replies = 0

  protected abstract head(status: number, text: string, lines: string, keep: boolean, options: string): void
  protected abstract piece(buf: Buffer, start: number, end: number): boolean
  protected abstract end(): void
  protected abstract dropAnswer(): void
  abstract flush(): void
  abstract broken(error: Error): void

  // ---- failures

  fail(error: ProxyError, extra: string): void {
    if (this.phase === Phase.Over) return
    this.turn++
    // Of an answer that never began.
    if (this.failing || this.phase >= Phase.Answer) return this.failPast(error, extra)
    if (this.phase === Phase.Request) {
      this.depth = this.reached
      this.phase = Phase.Handler
      // What still comes of the body is nobody's.
      this.exchange.sink = undefined
    }
    this.failing = true
    this.own = true
    this.relayed = false
    this.tellFailure(error, extra, this.depth - 1)
  }

  private tellFailure(error: ProxyError, extra: string, from: number): void {
    const { steps } = this.chain
    for (let i = from; i >= 0; i--) {
      const step = steps[i] as Step
      const { pipe } = step
      if (pipe?.onError === undefined || this.absent?.has(step) === true) continue
      let result
      try {
        result = pipe.onError(this, error) ?? undefined
      } catch (reason) {
        this.broke(step, 'onError', reason)
        continue
      }
      if (result === undefined) continue
      if (!isPromise(result)) return this.write(result, i)
      return this.settle(
        step,
        'onError',
        result,
        (reply) => {
          if (reply === undefined) this.tellFailure(error, extra, i - 1)
          else this.write(reply, i)
        },
        (reason, code) => {
          this.broke(step, 'onError', reason, code)
          this.tellFailure(error, extra, i - 1)
        },
      )
    }
    replyProblem(this.exchange, error.code, error.message, this.core.via, extra)
  }

  /** Fails without any pipe. */
  protected failPast(failure: ProxyError, extra: string): void {
    const { exchange, real } = this
    if (this.phase === Phase.Over) return
    if (this.phase === Phase.Body) return real.abort(failure.code)
    this.dropAnswer()
    // Whoever is still writing the answer that has failed writes it to nobody.
    this.discarding = true
    const { client } = exchange
    exchange.client = real
    exchange.status = 0
    real.fail(failure, extra)
    exchange.client = client
  }

  /** Fails where the head of an answer is with the pipes and nothing has been sent. False: it is not. */
  failHeld(failure: ProxyError): boolean {
    if (this.phase !== Phase.Answer) return false
    this.turn++
    this.failPast(failure, '')
    return true
  }

  // ---- answers of pipes

  /** Answers with `reply`, which the first `depth` pipes see. */
  protected write(reply: Reply, depth: number): void {
    const { exchange } = this
    const mine = ++this.replies
    this.depth = depth
    this.own = true
    this.ended = false
    this.streamed?.over()
    this.streamed = undefined
    let status: number
    let lines: string
    let error: Code | ''
    let bytes: Buffer | undefined
    let streamed: StreamedReply | undefined
    // A pipe that says what cannot be sent, or nothing that can be read.
    const step = this.chain.steps[depth] as Step
    try {
      const { body, length } = reply
      status = reply.status
      lines = replyFields(reply, exchange, this.core.via, step.foreign)
      // It is counted by this name.
      error = KNOWN_CODES.has(reply.error) ? (reply.error as Code) : ''
      this.relayed = reply.relayed === true
      if (bodiless(exchange, status)) letGo(reply)
      else if (isSource(body))
        streamed = new StreamedReply(exchange, this, step.name, body, length, (error) => this.broken(error))
      else if (body !== undefined) bytes = asBytes(body)
    } catch (reason) {
      letGo(reply)
      return this.failPast(this.broke(step, 'a reply', reason), '')
    }
    exchange.error = error
    if (streamed !== undefined) {
      // Whoever had the exchange before has no part in it any more.
      exchange.sink?.over()
      exchange.sink = this.streamed = streamed
    }
    this.head(status, statusText(status), lines, streamed === undefined || exchange.minor === 1, '')
    if (mine !== this.replies) return
    if (streamed !== undefined) {
      streamed.start()
      return this.flush()
    }
    if (bytes !== undefined && bytes.length > 0) this.piece(bytes, 0, bytes.length)
    this.end()
  }

  writeReply(buf: Buffer): boolean {
    return this.piece(buf, 0, buf.length)
  }

  endReply(): void {
    this.end()
  }
}
