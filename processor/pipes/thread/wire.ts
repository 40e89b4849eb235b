// What a pipe's thread and the worker say to each other: plain data only. What the thread says is not trusted.
import type { Code, Retry, Side } from '../../../shared/errors.js'
import type { RateRule, Verdict } from '../machine-state.js'
import type { Buffered, Outcome } from '../pipe.js'
import type { CountData } from './counts.js'

/** Given to the thread when it starts. */
export interface ThreadStart {
  /** Absolute path. */
  readonly module: string
  readonly stamp: string
  readonly options: unknown
  readonly name: string
  readonly directory: string
  readonly workers: number
  /** Of the worker's clock, as `performance.timeOrigin`. */
  readonly timeOrigin: number
  /** Counts up as long as the thread's loop turns. */
  readonly beats: Int32Array
}

export const HOOKS = ['onRequest', 'onResponse', 'onError', 'onDone'] as const
export type HookName = (typeof HOOKS)[number]

/** An exchange as the thread sees it. */
export interface ExchangeData {
  readonly id: string
  readonly traceId: string
  readonly method: string
  readonly host: string
  readonly path: string
  readonly asked: string
  readonly target: string
  readonly address: string
  readonly secure: boolean
  readonly route: string
  readonly service: string
  readonly startedAt: number
  readonly fields: string
  readonly params: readonly (readonly [name: string, value: string])[]
  readonly body: Uint8Array | undefined
  readonly bodyKind: 'none' | 'length' | 'chunked'
  readonly bodyLength: number | undefined
  readonly state: readonly (readonly [key: string, value: unknown])[]
}

export interface HeadData {
  readonly status: number
  readonly fields: string
  readonly from: 'instance' | 'gateway'
  readonly error: Code | undefined
  readonly length: number | undefined
  readonly bodiless: boolean
  readonly body: Uint8Array | undefined
}

export interface ErrorData {
  readonly code: Code
  readonly side: Side
  readonly retry: Retry
  readonly message: string
}

export type Hook =
  | { readonly hook: 'onRequest' }
  | { readonly hook: 'onResponse'; readonly answer: HeadData }
  | { readonly hook: 'onError'; readonly error: ErrorData }
  | { readonly hook: 'onDone'; readonly outcome: Outcome }

/** What a hook has changed; what is absent stays. */
export interface Changes {
  readonly target?: string
  readonly fields?: string
  readonly body?: Uint8Array
  readonly service?: string
  readonly set: readonly (readonly [key: string, value: unknown])[]
  readonly deleted: readonly string[]
  readonly answer?: { readonly status: number; readonly fields?: string; readonly body?: Uint8Array }
  readonly reply?: ReplyData
}

export interface ReplyData {
  readonly status: number
  readonly headers?: Readonly<Record<string, string | readonly string[]>>
  readonly lines?: string
  readonly body?: string | Uint8Array
  readonly length?: number
  readonly error?: Code
}

export interface CallData {
  readonly service: string
  readonly method: string
  readonly target: string
  readonly fields: string
  readonly body?: Uint8Array
  readonly timeoutMs: number
  readonly mostBytes: number
  readonly forwarded?: boolean
}

export interface AnswerData {
  readonly status: number
  readonly statusText: string
  readonly fields: string
  readonly body: Uint8Array
  readonly instance: string
}

export type ToThread =
  | ({ readonly kind: 'hook'; readonly id: number; readonly x: ExchangeData } & Hook)
  /** Nobody waits for the exchange of this hook any more. */
  | { readonly kind: 'gone'; readonly id: number }
  | { readonly kind: 'answered'; readonly id: number; readonly result: AnswerData | ErrorData }
  | { readonly kind: 'decided'; readonly id: number; readonly verdict: Verdict }
  | { readonly kind: 'close' }

export type FromThread =
  | { readonly kind: 'ready'; readonly hooks: readonly HookName[]; readonly buffer: Buffered }
  | { readonly kind: 'refused'; readonly message: string }
  | { readonly kind: 'done'; readonly id: number; readonly changes: Changes }
  | { readonly kind: 'threw'; readonly id: number; readonly error: string }
  /** `hook`: whose exchange it is for; 0: for none. */
  | { readonly kind: 'call'; readonly id: number; readonly hook: number; readonly call: CallData }
  | { readonly kind: 'cancel'; readonly id: number }
  /** The hook wants to hear when nobody waits any more. */
  | { readonly kind: 'listen'; readonly id: number }
  | { readonly kind: 'take'; readonly id: number; readonly name: string; readonly key: string; readonly rule: RateRule }
  | { readonly kind: 'log'; readonly level: string; readonly fields: Record<string, unknown>; readonly message: string }
  /** Thrown when no hook was there to fail. */
  | { readonly kind: 'late'; readonly error: string }
  | { readonly kind: 'counts'; readonly counts: CountData }
  | { readonly kind: 'closed' }

/** A copy of its own memory: a view would bring all that lies beside it. */
export function bytesOf(body: string | Uint8Array): Uint8Array {
  return typeof body === 'string' ? new Uint8Array(Buffer.from(body)) : new Uint8Array(body)
}

export function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
