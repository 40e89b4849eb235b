// The engine's parsers on a client's bytes, called as its connection calls them, with hostile memory around what they may read.
import { BodyFollower, type BodyKind } from '../../../processor/engine/body-follower.js'
import { INCOMPLETE } from '../../../processor/engine/fault.js'
import { head, parseRequestHead, type HeadLimits } from '../../../processor/engine/request-head.js'
import type { RequestsCase } from '../cases.js'

export type SeenHead = typeof head

export interface SeenRequest {
  /** What of the body travels on. */
  readonly passes: string
  readonly head: SeenHead
  readonly kind: BodyKind
  readonly bodyStart: number
  readonly end: number
}

export interface SeenRequests {
  readonly messages: readonly SeenRequest[]
  readonly ending: 'end' | 'open' | 'closed' | 'refused'
}

const BEFORE = 'X: y\r\n\r\n'
/** What would make a head whole, or a chunk, for a parser that reads past its end. */
const BEHIND = '\n\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n'

export function limitsOf({ headBytes, fields, uriBytes }: RequestsCase): HeadLimits {
  return { headBytes, headerCount: fields, uriBytes }
}

/** The bytes in the middle of a buffer. */
export function surrounded(bytes: string): { buf: Buffer; start: number; end: number } {
  const buf = Buffer.from(BEFORE + bytes + BEHIND, 'latin1')
  return { buf, start: BEFORE.length, end: BEFORE.length + bytes.length }
}

/**
 * What `parse` makes of the first bytes: the length of the head, 0 where it is not whole, or a fault below 0. What lies behind
 * those bytes is what would follow them, so that a parser which reads on gives itself away.
 */
export function parserOf(
  bytes: string,
  parse: (buf: Buffer, start: number, end: number) => number,
): (length: number) => number {
  const { buf, start } = surrounded(bytes)
  return (length) => {
    const result = parse(buf, start, start + length)
    return result > 0 ? result - start : result
  }
}

export function readByEngine(pieces: readonly string[], limits: HeadLimits, trusted: boolean): SeenRequests {
  const messages: SeenRequest[] = []
  const body = new BodyFollower()
  let begun: Omit<SeenRequest, 'end' | 'passes'> | undefined
  let passes = ''
  let held = ''
  let passed = 0
  for (const piece of pieces) {
    let text = held + piece
    held = ''
    while (text !== '') {
      const { buf, start, end } = surrounded(text)
      let after: number
      if (begun === undefined) {
        after = parseRequestHead(buf, start, end, limits, trusted)
        if (after === INCOMPLETE) {
          held = text
          break
        }
        if (after < 0) return { messages, ending: 'refused' }
        const kind = head.chunked ? 'chunked' : head.contentLength > 0 ? 'length' : 'none'
        begun = { head: { ...head }, kind, bodyStart: passed + after - start }
        body.begin(kind, head.contentLength, head.hop, true)
      } else {
        after = body.follow(buf, start, end)
        if (after < 0) return { messages, ending: 'refused' }
        passes += buf.toString('latin1', start, body.passing) + body.tail
      }
      passed += after - start
      text = text.slice(after - start)
      if (!body.done) continue
      messages.push({ ...begun, end: passed, passes })
      passes = ''
      if (isLast(begun.head)) return { messages, ending: 'closed' }
      begun = undefined
    }
  }
  return { messages, ending: begun === undefined && held === '' ? 'end' : 'open' }
}

function isLast(seen: SeenHead): boolean {
  return seen.close || (seen.minor === 0 && !seen.keepAlive)
}
