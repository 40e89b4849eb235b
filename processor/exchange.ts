// One request and its answer on their way through the processor: what a handler and a pipe see of it.
import type { Code, ProxyError } from '../shared/errors.js'
import type { Chooser } from './balancing/balancer.js'
import type { Tunnel } from './engine/tunnel.js'
import type { Wire } from './engine/wire/wire.js'
import type { PipeRun } from './pipes/run.js'
import { fieldValue, queryValue } from './routing/request-view.js'
import { traceIdOf } from './tracing/trace-context.js'
import type { Trace } from './tracing/trace.js'
import type { Route, RouteTable } from './routing/table.js'
import type { RequestView } from './routing/trie.js'

export type RequestBody = 'none' | 'length' | 'chunked'

/** Who takes the request's body, and hears what becomes of the client. */
export interface RequestSink {
  /** A piece of the body with its framing; the buffer stays as it is. */
  requestBody(buf: Buffer, start: number, end: number): void
  /** The request has arrived whole. Not called where it had before the sink was set. */
  requestEnd(): void
  /** What one read of the client's socket brought has been handed over. */
  requestPause(): void
  /** The client has taken all that was written. */
  clientDrained(): void
  /** The exchange has used up its time. */
  timedOut(): void
  /** The client went away, or was refused: nobody waits for an answer. */
  clientGone(): void
  /** The exchange has ended, in whatever way; called last. */
  over(): void
}

/** To whom a handler answers: the connection of a client, or whoever stands in front of it or in its place. */
export interface Client {
  /** The peer's address; empty once it is unknown. */
  readonly peer: string
  /** A read is being handed over: whoever writes may wait for its end to write once. */
  readonly reading: boolean
  /** Of the client itself, as far as the proxies before this one are trusted. `added`: lines that this hop adds. */
  addressIn(added: string): string
  /** Stops the request's body until `resume`. */
  pause(): void
  resume(): void
  /** It does not take what is written: it has so long to begin again. */
  stalled(): void
  /** Sends an interim answer. */
  interim(statusText: string, fields: string): void
  /**
   * Writes an answer's head. `fields` are whole lines, framing and Via included, without Connection; `options` are for that.
   * `keep` false: the connection ends with this answer.
   */
  writeHead(status: number, statusText: string, fields: string, keep: boolean, options?: string): void
  /** False: the bytes must stay as they are until the sink's `clientDrained`. */
  writeBody(buf: Buffer, start: number, end: number): boolean
  /** Writes text of the body's framing. */
  writeText(text: string): void
  flush(): void
  /** The answer is complete. */
  finish(): void
  /** The answer is cut off. */
  abort(code: Code): void
  /** There is no answer, and its head has not been written. `extra`: lines for the problem that takes its place. */
  fail(error: ProxyError, extra: string): void
  /** Gives the connection to the tunnel that `open` makes of it. */
  switchTo(head: string, open: (wire: Wire) => Tunnel): void
}

export class Exchange implements RequestView, Chooser {
  route: Route | undefined
  /** The route table that it began with; a newer one does not touch it. */
  table: RouteTable
  sink: RequestSink | undefined
  /** The whole request has arrived. */
  requestDone = false
  bytesIn = 0
  /** Tries at an endpoint so far. */
  attempts = 0
  retries = 0
  /** Id of the instance of the last try. */
  instance = ''
  /** Status of the answer whose head was written; 0 before. */
  status = 0
  /** Monotonic milliseconds when the head of the answer was written. */
  headAt = 0
  bytesOut = 0
  error: Code | '' = ''
  answerDone = false
  /** Its way through the pipes of its route; undefined where there are none. */
  pipes: PipeRun | undefined

  constructor(
    public client: Client,
    table: RouteTable,
    readonly id: string,
    readonly method: string,
    /** Path and query that instances are asked for: as they came, unless a pipe has changed them. */
    public target: string,
    /** Path without the query. */
    readonly path: string,
    /** Authority that the client meant, lower case. */
    readonly host: string,
    /** Minor version of HTTP/1 that the client speaks. */
    readonly minor: number,
    /** Field lines that travel on, each with its CRLF. */
    public fields: string,
    /** Field lines that this hop adds: X-Forwarded-*, X-Request-Id, Via. */
    readonly added: string,
    public body: RequestBody,
    public expectsContinue: boolean,
    /** Protocols that the client offers to switch to, as a list in lower case; empty: none. */
    readonly offers: string,
    /** The client takes trailers. */
    readonly trailers: boolean,
    /** W3C traceparent that instances get, where the exchange is not traced; else the client's, or nothing. */
    readonly traceparent: string,
    /** Where its spans are sent. */
    readonly trace: Trace | undefined,
    /** Monotonic milliseconds when the head had arrived. */
    readonly startedAt: number,
  ) {
    this.table = table
  }

  header(name: string): string | undefined {
    return fieldValue(this.fields, name)
  }

  query(name: string): string | undefined {
    return queryValue(this.target, name)
  }

  /** Of the client itself, as far as the proxies before this one are trusted. */
  get address(): string {
    return this.client.addressIn(this.added)
  }

  get traceId(): string {
    return this.trace?.traceId ?? traceIdOf(this.traceparent)
  }

  /** From the head of the request to the head of the answer; undefined where there was none. */
  get firstByteMs(): number | undefined {
    return this.headSent ? this.headAt - this.startedAt : undefined
  }

  get headSent(): boolean {
    return this.status !== 0
  }
}

/** Answers a request, now or later. Throws for bugs only: a failure goes to the core's `fail`. */
export type Handler = (exchange: Exchange) => void
