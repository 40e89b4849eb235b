// A request of the gateway's own to the best instance of a service: what pipes and handlers use to ask for more than the
// client did. It goes the way of any other: balancing, retries, breakers, limits, time.
import type { ProxyError } from '../shared/errors.js'
import type { FieldLines } from './field-lines.js'

export interface Call {
  readonly service: string
  readonly method: string
  /** Path and query; begins with `/`. */
  readonly target: string
  /** Whole field lines, each with its CRLF; without Host, Content-Length and Transfer-Encoding. */
  readonly fields: string
  readonly body?: Buffer
  /** The length of the body goes before it, whatever `forwarded` says. */
  readonly sized?: boolean
  /** For the whole call; 0: as long as the service's own limits allow. */
  readonly timeoutMs: number
  /** A longer answer fails with `answer-too-large`. */
  readonly mostBytes: number
  /** Adds X-Forwarded-*, X-Request-Id, Via and traceparent, as a forwarded request has them. Default: true. */
  readonly forwarded?: boolean
  /** Nobody wants the answer's body: it is read, up to `mostBytes`, and not kept. */
  readonly discards?: boolean
}

export interface Answer {
  readonly status: number
  /** `SSS reason`. */
  readonly statusText: string
  /** Without framing and hop-by-hop fields, and without what this gateway adds to answers. */
  readonly fields: FieldLines
  readonly body: Buffer
  /** Id of the instance. */
  readonly instance: string
}

/** Gets an answer piece by piece, where it is not to be collected. */
export interface AnswerTaker {
  /**
   * The head has come: an answer whose `body` is empty as yet. `length`: of the body, where that is known. False: this one is
   * collected like any other. From true on the call has no limit of size, and of time only that of its service;
   * `drained` tells it that what was not taken at once has been taken now.
   */
  head(answer: Answer, length: number | undefined, drained: () => void): boolean
  /** Content without framing. False: the bytes must stay as they are, and no more come, until `drained`. */
  piece(buf: Buffer, start: number, end: number): boolean
  /** No more comes at the moment. */
  flush(): void
  /** Nobody takes anything at the moment: that is not the instance's fault. */
  stalled(): void
  end(): void
  /** It is cut off. */
  failed(error: ProxyError): void
}

/** The body of a call, which comes while that is under way. */
export interface BodySource {
  /** Undefined: it is sent in chunks. */
  readonly length: number | undefined
  /** A read of the client that it comes from is being handed over. */
  readonly reading: boolean
  /** The call takes it from now on. */
  open(feed: BodyFeed): void
  /** No more until `resume`. */
  pause(): void
  resume(): void
  /** The call has ended, and takes nothing more. */
  over(): void
}

export interface BodyFeed {
  /** Content without framing; the buffer stays as it is. */
  piece(buf: Buffer, start: number, end: number): void
  /** No more comes at the moment. */
  flush(): void
  /** It is whole. */
  end(): void
}

/** What of a call passes as it comes: its body, its answer, or both. */
export interface Passing {
  readonly body?: BodySource | undefined
  readonly taker?: AnswerTaker | undefined
}

/** A call that is under way. */
export interface Calling {
  /** Rejects with a ProxyError. After `cancel` it rejects with `client-gone`. Of a taken one it has no body. */
  readonly answer: Promise<Answer>
  /** Nobody waits for it any more. */
  cancel(): void
}
