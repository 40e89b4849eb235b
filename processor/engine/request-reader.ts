// Makes requests of what a client sends: heads and bodies in their order, and what cannot be used yet kept for later.
import type { LimitsConfig } from '../../shared/config/model.js'
import { BodyFollower } from './body-follower.js'
import { BodyGuard } from './body-guard.js'
import * as fault from './fault.js'
import { CR, LF } from './bytes.js'
import { HeldBytes, tooLong } from './held-bytes.js'
import { head, type HeadLimits, parseRequestHead } from './request-head.js'
import type { Wheel } from './wheel.js'

export interface RequestListener {
  /** A request begins: its head is in `head`. `alone`: nothing has come behind it. */
  headRead(alone: boolean): void
  /** The first bytes of a head, and not all of it. */
  headBegun(): void
  /** A piece of the body with its framing; `last`: its end. */
  bodyRead(buf: Buffer, start: number, end: number, last: boolean): void
  /** More has been sent ahead than is kept: nothing should be read until the running request is done. */
  tooFarAhead(): void
  /** Whether the next request may begin now; if not, `resume` goes on with it. */
  mayBegin(): boolean
  refused(fault: number): void
}

export interface ReaderRules {
  readonly limits: LimitsConfig
  readonly head: HeadLimits
}

/** Bytes of later requests kept while an earlier one is answered. */
const MOST_PIPELINED_BYTES = 64 * 1024

const enum Phase {
  Head,
  Body,
  /** The request is whole; the next may not begin. */
  Whole,
  Stopped,
}

export class RequestReader {
  /** A read is being used: whoever writes may wait for its end to write once. */
  busy = false
  private phase = Phase.Head
  private readonly body = new BodyFollower()
  private readonly guard = new BodyGuard()
  private readonly held = new HeldBytes()

  /** `trusted`: the client's X-Forwarded-* are believed. */
  constructor(
    private readonly rules: ReaderRules,
    private readonly wheel: Wheel,
    private readonly trusted: boolean,
    private readonly listener: RequestListener,
  ) {}

  /** Between two requests, or before the first. */
  get betweenRequests(): boolean {
    return this.phase === Phase.Head
  }

  get withinBody(): boolean {
    return this.phase === Phase.Body
  }

  /** The running request has come whole. */
  get whole(): boolean {
    return this.phase === Phase.Whole
  }

  /** Nothing is kept for later, but an empty line that some clients send behind a request (RFC 9112 section 2.2). */
  get empty(): boolean {
    const { length, bytes } = this.held
    if (length === 0 || length > 2 || this.phase !== Phase.Head) return length === 0
    return bytes[0] === CR && (length === 1 || bytes[1] === LF)
  }

  get withinHead(): boolean {
    return this.phase === Phase.Head && this.held.withinHead && !this.empty
  }

  /** Content of the running request so far, in bytes. */
  get bodyBytes(): number {
    return this.body.dataBytes
  }

  /** `buf[0, bytes)` has come. */
  read(buf: Buffer, bytes: number): void {
    this.busy = true
    if (this.held.empty) this.consume(buf, bytes)
    else {
      const length = this.held.join(buf, bytes)
      this.consume(this.held.bytes, length)
      if (this.held.empty) this.held.drop()
    }
    this.busy = false
  }

  /** Goes on with what was kept. */
  resume(): void {
    if (!this.held.empty) this.read(NOTHING, 0)
  }

  /** The running request is answered: another may begin. */
  next(): void {
    if (this.phase === Phase.Whole) this.phase = Phase.Head
  }

  /** No more requests. */
  stop(): void {
    this.phase = Phase.Stopped
    this.held.drop()
  }

  /** No more requests: what was kept, for another use. */
  release(): { readonly bytes: Buffer; readonly length: number } {
    const { bytes, length } = this.held
    this.stop()
    return { bytes, length }
  }

  paused(): void {
    this.guard.paused(this.wheel.now())
  }

  resumed(): void {
    this.guard.resumed(this.wheel.now())
  }

  private consume(buf: Buffer, end: number): void {
    let pos = 0
    while (pos < end) {
      switch (this.phase) {
        case Phase.Head:
          if (!this.listener.mayBegin()) return this.held.keep(buf, pos, end)
          pos = this.consumeHead(buf, pos, end)
          break
        case Phase.Body:
          pos = this.consumeBody(buf, pos, end)
          break
        case Phase.Whole:
          this.held.keep(buf, pos, end)
          if (end - pos > MOST_PIPELINED_BYTES) this.listener.tooFarAhead()
          return
        case Phase.Stopped:
          return
      }
    }
  }

  private consumeHead(buf: Buffer, pos: number, end: number): number {
    const { held, rules, listener } = this
    let after: number = fault.INCOMPLETE
    if (!held.withinHead || held.mayBeWhole(buf, pos, end))
      after = parseRequestHead(buf, pos, end, rules.head, this.trusted)
    else if (end - pos > rules.head.headBytes) after = tooLong(buf, pos, end)
    if (after < 0) {
      this.stop()
      listener.refused(after)
      return end
    }
    if (after === fault.INCOMPLETE) {
      const first = !held.withinHead
      held.keepHead(buf, pos, end)
      if (first) listener.headBegun()
      return end
    }
    held.headDone()
    const body = head.chunked ? 'chunked' : head.contentLength > 0 ? 'length' : 'none'
    this.body.begin(body, head.contentLength, head.hop, true)
    this.phase = this.body.done ? Phase.Whole : Phase.Body
    if (body !== 'none') this.guard.begin(rules.limits.bodyBytes, this.wheel.now())
    listener.headRead(after === end)
    return after
  }

  private consumeBody(buf: Buffer, pos: number, end: number): number {
    const { body, guard, listener } = this
    const after = body.follow(buf, pos, end)
    const rate = body.done ? 0 : this.rules.limits.bodyRate
    const bad = after < 0 ? after : guard.check(body.dataBytes, rate, this.wheel.now())
    if (bad !== 0) {
      this.stop()
      listener.refused(bad)
      return end
    }
    const { done, passing, tail } = body
    if (done) this.phase = Phase.Whole
    if (tail === '') listener.bodyRead(buf, pos, passing, done)
    else {
      listener.bodyRead(buf, pos, passing, false)
      const bytes = Buffer.from(tail, 'latin1')
      listener.bodyRead(bytes, 0, bytes.length, true)
    }
    return after
  }
}

const NOTHING = Buffer.alloc(0)
