// What a pipe is, and what it sees of an exchange: the contract of built-in pipes and of users' own.
import type { Duplex } from 'node:stream'
import type { Code, ProxyError } from '../../shared/errors.js'
import type { Log } from '../../shared/log.js'
import type { Answer, Call as BuiltInCall, Calling } from '../call.js'
import type { FieldLines } from '../field-lines.js'
import type { MachineState } from './machine-state.js'

export type { Answer, Calling, FieldLines, MachineState }
export type { Code, Log, ProxyError }

export type Maybe<T> = T | Promise<T>

/**
 * A piece of the request path. Of several, `onRequest` runs in the order of the config, and everything that concerns the
 * answer runs in the reverse order: the first pipe sees the request first and the answer last. A hook that returns no
 * promise costs no turn of the event loop.
 */
export interface Pipe {
  /** The head of a request has come. With a `Reply` the exchange ends here: no later pipe and no handler sees it. */
  onRequest?(x: PipeExchange): Maybe<Reply | void>
  /** The head of an answer is about to go out: an instance's, a reply or a problem. A `Reply` takes its place. */
  onResponse?(x: PipeExchange, answer: AnswerHead): Maybe<Reply | void>
  /** The exchange fails before an answer has begun. With a `Reply` the client gets that, else the problem of the error. */
  onError?(x: PipeExchange, error: ProxyError): Maybe<Reply | void>
  /**
   * The exchange has ended, in whatever way: called exactly once for each pipe whose turn in `onRequest` had come. Nobody
   * waits for it.
   */
  onDone?(x: PipeExchange, outcome: Outcome): Maybe<void>
  /**
   * What the pipe has counted since it was made, for /metrics and /stats: plain numbers that only grow, at most 30, with names
   * of a-z and `_` of at most 40 characters; `failed` and `barred` are counted for every pipe. Asked some ten times a
   * second and once when the pipe is closed, so it only reads what is there.
   */
  metrics?(): Readonly<Record<string, number>>
  /** The same for what may fall again, such as bytes held: how it stands now, added up over all workers. */
  gauges?(): Readonly<Record<string, number>>
  /** The pipe is out of use: its config has gone, or the worker ends, which waits a second. No exchange is in it any more. */
  close?(): Maybe<void>
}

/** What a module of a pipe exports by default. */
export interface PipeDefinition<O = unknown> {
  /**
   * Checks the options of the config: any Standard Schema (https://standardschema.dev), such as one of zod or valibot.
   * Without it, the options are passed as they are.
   */
  readonly options?: OptionsSchema<O>
  /**
   * Bodies are held back until they are whole for a pipe that asks for it, up to so many bytes: a longer request gets 413,
   * a longer answer 502. The config's `buffer` stands above it.
   */
  readonly buffer?: Buffered | ((options: O) => Buffered)
  /** Called once per worker for each place in the config where the pipe stands. */
  create(options: O, tools: PipeTools): Maybe<Pipe>
}

export interface Buffered {
  readonly request?: number
  readonly response?: number
}

/** The part of Standard Schema v1 that is used. */
export interface OptionsSchema<O> {
  readonly '~standard': {
    readonly version: 1
    validate(value: unknown): Maybe<
      | { readonly value: O; readonly issues?: undefined }
      | {
          readonly issues: readonly {
            readonly message: string
            readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined
          }[]
        }
    >
  }
}

/** Gives the definition its type; nothing else. */
export function definePipe<O = unknown>(definition: PipeDefinition<O>): PipeDefinition<O> {
  return definition
}

/** What a pipe gets beside its options. */
export interface PipeTools {
  /** Of the pipe, as the config calls it. */
  readonly name: string
  /** Its lines name the pipe. */
  readonly log: Log
  /** Folder of the config file: what relative paths in options are relative to. */
  readonly directory: string
  /** Tells apart the places in a config where pipes stand: the same in all workers that have it. None in threads. */
  readonly place?: string
  /** Worker processes of the machine's gateway; a reload may change it. */
  readonly workers: number
  /** Monotonic milliseconds. */
  now(): number
  /** Runs `run` after `ms`; the returned function calls it off. What is left when the pipe closes is called off. */
  after(ms: number, run: () => void): () => void
  /** Asks the best instance of a service, outside of any exchange. */
  call(call: Call): Calling
  /** State that all workers of the machine share. */
  readonly machine: MachineState
}

/** An exchange, as the pipes of its route see it. Valid until `onDone` has returned. */
export interface PipeExchange {
  /** X-Request-Id. */
  readonly id: string
  readonly traceId: string
  readonly method: string
  /** Authority that the client meant, lower case. */
  readonly host: string
  /** Path as it came, without the query. */
  readonly path: string
  /** Path and query as they came. */
  readonly asked: string
  /** Path and query that an instance is asked for; begins with `/`. Throws a TypeError for what cannot be sent. */
  target: string
  /** Of the client itself, as far as the proxies before this one are trusted. */
  readonly address: string
  readonly secure: boolean
  /** Id of the route; empty where there is none. */
  readonly route: string
  /** Service that the request goes to; empty where there is none. */
  readonly service: string
  /** Monotonic milliseconds, as `tools.now`. */
  readonly startedAt: number
  /** Fields of the request, as instances get them. Framing and hop-by-hop fields are not among them. */
  readonly headers: FieldLines
  /** First value of a query parameter of `target`. */
  query(name: string): string | undefined
  /** Of the route's `{name}`; undefined where the path has none, as it came: not decoded. */
  param(name: string): string | undefined
  /** The whole body, for a pipe that buffers requests. */
  readonly body: Buffer | undefined
  /** Sends this body in place of the client's; for a pipe that buffers requests, within `onRequest`. */
  setBody(body: Uint8Array | string): void
  /** The body has none, one of known length, or one in chunks. */
  readonly bodyKind: 'none' | 'length' | 'chunked'
  /** Content-Length; undefined where the client does not say. */
  readonly bodyLength: number | undefined
  /** Sends the request to another service; within `onRequest`. Throws for one that the config does not have. */
  sendTo(service: string): void
  /** What the pipes of one exchange want to tell each other. */
  readonly state: Map<string, unknown>
  /** Asks the best instance of a service on behalf of this exchange: it is given up when the client goes away. */
  call(call: Call): Calling
  /** Sees the bytes of the request's body as they pass, without its framing; within `onRequest`. */
  watchBody(watcher: BodyWatcher): void
  /** Sends the request's body through a stream of Node's; within `onRequest`. It leaves in chunks. */
  transformBody(stream: Duplex): void
  /** The client has gone, or the time of the exchange is up: what runs for it may stop. Made when first asked for. */
  readonly signal: AbortSignal
}

/** The head of an answer before it goes out. */
export interface AnswerHead {
  status: number
  readonly headers: FieldLines
  /** Who made it: an instance, be it stored since, a pipe or handler of this gateway, or a failure (then `error` is set). */
  readonly from: 'instance' | 'gateway'
  readonly error: Code | undefined
  /** Content-Length of the body; undefined where it is not known. Bodies of answers to HEAD have it, too. */
  readonly length: number | undefined
  /** There is none: HEAD, 204, 304, or nothing was written. */
  readonly bodiless: boolean
  /** The whole body, for a pipe that buffers answers. */
  readonly body: Buffer | undefined
  /** Sends this body in place of the answer's; for a pipe that buffers answers. */
  setBody(body: Uint8Array | string): void
  /** Sends the body through a stream of Node's, such as one of zlib. The length becomes unknown. */
  transform(stream: Duplex): void
  /** Sees the bytes of the body as they pass, without framing, behind the transforms that were set so far. */
  watch(watcher: BodyWatcher): void
}

export interface BodyWatcher {
  /** Valid until the call returns: copy what is kept. */
  piece(bytes: Buffer): void
  /** `whole` false: the body was cut off. */
  end(whole: boolean): void
}

/** What a pipe asks a service for. */
export interface Call extends Omit<BuiltInCall, 'body'> {
  readonly body?: Uint8Array | string
}

/** A whole answer. */
export interface Reply {
  readonly status: number
  /** Names and values; a list for a field that comes several times. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>
  /** Whole field lines, each with its CRLF, as they are: what they say has been checked before. */
  readonly lines?: string
  /** Left out where the request is a HEAD or `status` is 204, 205 or 304. */
  readonly body?: string | Uint8Array | AsyncIterable<Uint8Array>
  /** Content-Length in place of the body's own: for an answer to HEAD. */
  readonly length?: number
  /** What it counts as, where it is a failure or a refusal. */
  readonly error?: Code
  /** An instance has said it before: pipes see it as that instance's answer. */
  readonly relayed?: true
}

export interface Outcome {
  /** 0: the client went away before there was an answer. */
  readonly status: number
  readonly error: Code | ''
  readonly durationMs: number
  readonly bytesIn: number
  readonly bytesOut: number
  readonly attempts: number
  /** Id of the instance that answered, or was tried last. */
  readonly instance: string
}
