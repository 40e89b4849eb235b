// What one run of a property is about: some bytes, where they are cut, and what else decides how they are read. The corpus
// holds the same.

import type { AnswerOptions } from './reference/messages.js'

/**
 * On the handles of the system, as shipped; on Node's sockets; or with several requests in one write where that pays. Plays
 * no part where the parsers are alone.
 */
export type GatewayKind = 'handles' | 'sockets' | 'batching'

export interface RequestsCase {
  readonly kind: 'requests'
  /** What a client sends, one character a byte. */
  readonly bytes: string
  /** Where one write ends and the next begins, in rising order. */
  readonly cuts: readonly number[]
  readonly headBytes: number
  readonly fields: number
  readonly uriBytes: number
  readonly trusted: boolean
  /** The client ends its side when it has its answers, at once, or resets the connection at once. */
  readonly leaves: 'answered' | 'at-once' | 'by-reset'
  readonly gateway: GatewayKind
}

export interface AnswersCase {
  readonly kind: 'answers'
  /** What an origin sends for one request. */
  readonly bytes: string
  readonly cuts: readonly number[]
  readonly method: string
  /** Minor version of the client. */
  readonly minor: number
  readonly expects: boolean
  /** The client asks to switch to the protocol `websocket`. */
  readonly asks: boolean
  readonly gateway: GatewayKind
  /** How the origin's connection ends behind the bytes. */
  readonly end: 'open' | 'fin' | 'reset'
}

export interface ChunksCase {
  readonly kind: 'chunks'
  /** A chunked body, and perhaps what follows it. */
  readonly bytes: string
  readonly cuts: readonly number[]
  /** Of which message it is the body. */
  readonly of: 'request' | 'answer'
  /** A field that Connection names; empty: none. */
  readonly hop: string
}

/** As what the reference has to read the answers of a case. */
export function answerOptions({ method, minor, asks }: AnswersCase, ended: boolean): AnswerOptions {
  // RFC 6455 section 4.1: asked for with a GET, and not in HTTP/1.0.
  return { methods: [method], ended, upgrade: asks && method === 'GET' && minor === 1 ? PROTOCOL : '' }
}

/** What a client may switch to. */
export const PROTOCOL = 'websocket'

export type Case = RequestsCase | AnswersCase | ChunksCase

/** Small, so that what is generated crosses them now and then. */
export const LIMITS = { headBytes: 2048, fields: 16, uriBytes: 512 }

export function toBuffer(bytes: string): Buffer {
  return Buffer.from(bytes, 'latin1')
}

/** The bytes of a case in the pieces that its cuts make; none is empty. */
export function piecesOf({ bytes, cuts }: Case): string[] {
  const ends = [...cuts, bytes.length]
  return ends.map((end, i) => bytes.slice(i === 0 ? 0 : ends[i - 1], end)).filter((piece) => piece !== '')
}
