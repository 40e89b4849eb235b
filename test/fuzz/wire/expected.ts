// What has to come of a client's bytes, by the reference and docs/gateway.md: which requests the origin gets, which the gateway
// answers itself, and how the connection ends.
import type { RequestsCase } from '../cases.js'
import { valuesOf } from '../reference/heads.js'
import { type Message, readRequests } from '../reference/messages.js'
import { isOdd, type RequestHead } from '../reference/request.js'
import { OWN_NAME } from './essence.js'

export interface Step {
  readonly message: Message<RequestHead>
  /** Status of an answer that does not need the origin. */
  readonly own: number | undefined
}

export interface Expected {
  readonly steps: readonly Step[]
  /** Whether one more answer, a problem, tells the client that its bytes are refused. */
  readonly refusal: 'yes' | 'no' | 'perhaps'
  /** Method of the request whose body is refused. */
  readonly refusedMethod: string
  /** The gateway ends the connection without waiting for the client. */
  readonly closes: boolean
  /** The client goes on sending on a connection that it has ended by its last request: it may be reset. */
  readonly mayBeReset: boolean
}

export function expectedOf(tried: RequestsCase): Expected {
  const { messages, ending, begun, end } = readRequests(tried.bytes, tried)
  const steps: Step[] = []
  for (const message of messages) {
    const own = ownStatus(message.head)
    steps.push({ message, own })
    // Answered before its body was read, so that the rest of the connection is nobody's.
    if (own !== undefined && message.body.kind !== 'none')
      return { steps, refusal: 'no', refusedMethod: '', closes: true, mayBeReset: false }
  }
  const refusedMethod = begun?.head.method ?? 'GET'
  if (begun !== undefined && ownStatus(begun.head) !== undefined) {
    return { steps, refusal: 'yes', refusedMethod, closes: true, mayBeReset: false }
  }
  // RFC 9112 section 2.2: an empty line asks for nothing.
  const nothing = ending === 'open' && tried.bytes.slice(end) === '\r\n'
  return {
    steps,
    refusal: ending === 'refused' ? 'yes' : ending === 'open' && !nothing ? 'perhaps' : 'no',
    refusedMethod,
    closes: ending === 'closed' || (ending === 'refused' && (begun !== undefined || isSettled(tried.bytes.slice(end)))),
    mayBeReset: ending === 'closed' && end < tried.bytes.length,
  }
}

/** A head that comes in pieces is looked at again when it has come whole, or to a line that cannot be one. */
function isSettled(head: string): boolean {
  return /.\r\n\r\n|[^\r]\n/s.test(head)
}

/** The whole path space is routed to one service, so the gateway answers only what it may not pass on. */
function ownStatus({ method, fields, path, maxForwards }: RequestHead): number | undefined {
  if (valuesOf(fields, 'via').some((hop) => hop.includes(OWN_NAME))) return 508
  if (maxForwards === 0) return method === 'TRACE' ? 200 : 204
  if (path === '*') return 204
  return isOdd(path) && !isReadable(path) ? 400 : undefined
}

/** Decision 9: an invalid escape, and what decodes to a control byte or to UTF-8 that is too long, is refused whatever the routes. */
function isReadable(path: string): boolean {
  if (/%(?![0-9A-Fa-f]{2})/.test(path)) return false
  let text = path
  for (;;) {
    const decoded = text.replace(/%[0-9A-Fa-f]{2}/g, (escape) =>
      String.fromCharCode(Number.parseInt(escape.slice(1), 16)),
    )
    if (decoded === text) return true
    text = decoded
    if (/[\0-\x1f\x7f]|[\xc0\xc1][\x80-\xbf]|\xe0[\x80-\x9f][\x80-\xbf]|\xf0[\x80-\x8f][\x80-\xbf]/.test(text))
      return false
  }
}
