// The answer of an exchange on its way out through the pipes: an instance's, a pipe's, or what a failure becomes.
import { type Code, ERRORS, ProxyError } from '../../shared/errors.js'
import type { Tunnel } from '../engine/tunnel.js'
import { Deadline } from '../engine/wheel.js'
import type { Wire } from '../engine/wire/wire.js'
import type { Client } from '../exchange.js'
import { Answering, type AnsweringOwner } from './answering.js'
import { isPromise, Phase } from './hook-side.js'
import type { Reply } from './pipe.js'
import { problemReply } from './reply-lines.js'
import { ReplySide } from './reply-side.js'
import type { Step } from './step.js'

/** Of an answer that is not sent: what is read of it, and for how long, to keep its connection. */
const MOST_DISCARDED_BYTES = 64 * 1024
const MOST_DISCARDING_MS = 100

export abstract class AnswerSide extends ReplySide implements Client, AnsweringOwner {
  private answering: Answering | undefined
  /** Pieces of an answer whose head is not out. */
  private pieces: Buffer[] | undefined
  private bytes = 0
  /** Bytes of the body that are collected for a pipe; 0: it passes. */
  private wanted = 0
  /** For which pipe. */
  private wantedBy = 0
  /** What happens as soon as the handler's answer, which nobody gets, is out of the way. */
  private next: (() => void) | undefined
  private discardingUntil: Deadline | undefined

  // ---- answers

  protected head(status: number, text: string, lines: string, keep: boolean, options: string): void {
    const { exchange, core, chain } = this
    exchange.status = status
    exchange.headAt = core.wheel.now()
    if (this.depth === 0 || !chain.seesAnswers) {
      this.phase = Phase.Body
      return this.real.writeHead(status, text, lines, keep, options)
    }
    this.phase = Phase.Answer
    const relayed = this.relayed || (!this.own && exchange.instance !== '')
    const from = relayed ? 'instance' : 'gateway'
    const error = exchange.error === '' ? undefined : exchange.error
    this.answering = new Answering(exchange, { status, text }, lines, keep, options, from, error, this)
    this.show(this.depth - 1)
  }

  /** Runs `onResponse` of the pipes from `from` down, and lets the head go. */
  private show(from: number): void {
    const { steps } = this.chain
    const answering = this.answering as Answering
    for (let i = from; i >= 0; i--) {
      const step = steps[i] as Step
      const { pipe } = step
      if (pipe?.onResponse === undefined || this.absent?.has(step) === true) continue
      if (step.responseBytes > 0 && answering.body === undefined && !answering.bodiless) {
        this.wanted = step.responseBytes
        this.wantedBy = i
        if (this.bytes > this.wanted) return this.answerTooLarge()
        // Pieces that came while another pipe was waited for have held it up.
        if (!this.ended) return this.exchange.sink?.clientDrained()
        this.wanted = 0
        answering.setCollected(this.takePieces())
      }
      let result
      try {
        result = pipe.onResponse(this, answering) ?? undefined
      } catch (reason) {
        if (!this.brokeShowing(step, i, reason)) return
        continue
      }
      if (result === undefined) continue
      if (!isPromise(result)) return this.replace(result, i)
      return this.settle(
        step,
        'onResponse',
        result,
        (reply) => {
          if (reply === undefined) this.showLate(i - 1)
          else this.replace(reply, i)
        },
        (reason, code) => {
          if (this.brokeShowing(step, i, reason, code)) this.showLate(i - 1)
        },
      )
    }
    this.commit()
  }

  /** No read is under way whose end would send the head. */
  private showLate(from: number): void {
    this.show(from)
    this.flush()
  }

  private brokeShowing(step: Step, index: number, reason: unknown, code?: 'pipe-timeout'): boolean {
    const failure = this.broke(step, 'onResponse', reason, code)
    if (step.skips) return true
    this.replace(problemReply(failure, this.exchange), index)
    return false
  }

  /** Another answer takes the place of the handler's, as soon as that is out of the way. */
  private replace(reply: Reply, depth: number): void {
    this.dropAnswer()
    this.answering = undefined
    this.pieces = undefined
    this.wanted = 0
    const write = (): void => {
      this.bytes = 0
      this.write(reply, depth)
    }
    if (!this.ended && !this.own) return this.discard(write)
    this.discarding = true
    write()
  }

  /** Lets the rest of the handler's answer go by. One that is long, or takes long, is given up. */
  private discard(next: () => void): void {
    this.next = next
    this.bytes = 0
    this.discardingUntil = new Deadline(() => this.goneBy(true))
    this.core.wheel.set(this.discardingUntil, MOST_DISCARDING_MS)
    this.exchange.sink?.clientDrained()
  }

  private goneBy(early: boolean): void {
    const { next } = this
    if (next === undefined) return
    this.endDiscarding()
    this.discarding = true
    if (early) this.exchange.sink?.clientGone()
    next()
  }

  protected endDiscarding(): void {
    this.next = undefined
    if (this.discardingUntil !== undefined) this.core.wheel.drop(this.discardingUntil)
  }

  private commit(): void {
    const { real, exchange } = this
    const answering = this.answering as Answering
    this.phase = Phase.Body
    const pieces = answering.body === undefined ? this.pieces : undefined
    this.pieces = undefined
    answering.commit(real)
    if (pieces !== undefined) for (const piece of pieces) answering.piece(real, piece, 0, piece.length)
    if (this.ended) return answering.finish()
    // Nothing more of the body is the client's.
    if (answering.whole && !this.own) return this.discard(() => answering.finish())
    if (!answering.whole || this.streamed === undefined) return exchange.sink?.clientDrained()
    this.streamed.over()
    this.end()
  }

  private takePieces(): Buffer {
    const pieces = this.pieces ?? []
    this.pieces = undefined
    const all = pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces)
    return (this.answering as Answering).content(all)
  }

  protected piece(buf: Buffer, start: number, end: number): boolean {
    if (this.phase === Phase.Body) {
      return this.answering === undefined
        ? this.real.writeBody(buf, start, end)
        : this.answering.piece(this.real, buf, start, end)
    }
    if (this.phase === Phase.Over) return true
    ;(this.pieces ??= []).push(Buffer.from(buf.subarray(start, end)))
    this.bytes += end - start
    if (this.wanted === 0) return false
    if (this.bytes > this.wanted) this.answerTooLarge()
    return true
  }

  private answerTooLarge(): void {
    const { exchange, wanted } = this
    if (!this.ended) exchange.sink?.clientGone()
    const failure = new ProxyError('answer-too-large', 'upstream', 'never', `the answer exceeds ${wanted} bytes`)
    this.own = true
    this.replace(problemReply(failure, exchange), this.wantedBy)
  }

  protected end(): void {
    this.ended = true
    if (this.phase === Phase.Body) {
      if (this.answering === undefined) this.real.finish()
      else this.answering.finish()
    } else if (this.phase === Phase.Answer && this.wanted > 0) {
      this.show(this.wantedBy)
    }
  }

  broken(error: Error): void {
    const { exchange, core } = this
    // A stream may say itself what the exchange fails with.
    const failure = error instanceof ProxyError ? error : undefined
    if (failure === undefined)
      core.deps.log.error({ request: exchange.id, error: error.message }, 'a stream of a pipe failed')
    exchange.sink?.clientGone()
    if (exchange.answerDone) return
    if (this.phase === Phase.Body) this.real.abort(failure?.code ?? 'pipe-failed')
    else this.fail(failure ?? new ProxyError('pipe-failed', 'pipe', 'never', 'a stream of a pipe failed'), '')
  }

  sent(): void {
    this.real.finish()
  }

  ready(): void {
    this.exchange.sink?.clientDrained()
  }

  // ---- what the handler writes

  writeHead(status: number, text: string, lines: string, keep: boolean, options = ''): void {
    if (!this.discarding) this.head(status, text, lines, keep, options)
  }

  writeBody(buf: Buffer, start: number, end: number): boolean {
    if (this.next !== undefined) {
      this.bytes += end - start
      if (this.bytes > MOST_DISCARDED_BYTES) this.goneBy(true)
      return true
    }
    if (this.discarding) return true
    return this.piece(buf, start, end)
  }

  writeText(text: string): void {
    if (this.next !== undefined || this.discarding) return
    if (this.phase === Phase.Body && (this.answering === undefined || this.answering.plain)) {
      return this.real.writeText(text)
    }
    const bytes = Buffer.from(text, 'latin1')
    this.piece(bytes, 0, bytes.length)
  }

  finish(): void {
    if (this.next !== undefined) this.goneBy(false)
    else if (!this.discarding) this.end()
  }

  abort(code: Code): void {
    if (this.next !== undefined) return this.goneBy(false)
    if (this.discarding) return
    if (this.phase === Phase.Body) {
      this.answering?.drop()
      return this.real.abort(code)
    }
    this.fail(new ProxyError(code, 'upstream', 'never', ERRORS[code].title), '')
  }

  flush(): void {
    if (this.phase === Phase.Body) this.real.flush()
  }

  switchTo(head: string, open: (wire: Wire) => Tunnel): void {
    this.phase = Phase.Body
    this.real.switchTo(head, open)
  }

  stalled(): void {
    if (this.phase === Phase.Body) this.real.stalled()
  }

  /** The client has taken all that was written. */
  drained(): void {
    this.answering?.drained()
  }

  protected dropAnswer(): void {
    this.answering?.drop()
  }
}
