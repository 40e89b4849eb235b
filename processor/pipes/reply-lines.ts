// The field lines and bodies of answers that pipes make.
import { ERRORS, type ProxyError } from '../../shared/errors.js'
import { problemBody, PROBLEM_TYPE } from '../../shared/problem.js'
import { date } from '../engine/reply.js'
import type { Exchange } from '../exchange.js'
import { lineOf } from '../field-lines.js'
import { asBytes } from './as-bytes.js'
import type { Reply } from './pipe.js'

/** RFC 9110 sections 9.3.2 and 15: such an answer is not followed by a body. */
export function bodiless(exchange: Exchange, status: number): boolean {
  return exchange.method === 'HEAD' || status === 204 || status === 304
}

/** Every line of a reply but Connection. Throws a TypeError for what cannot be sent. */
export function replyFields(reply: Reply, exchange: Exchange, via: string): string {
  const { status, headers } = reply
  if (!Number.isInteger(status) || status < 200 || status > 599)
    throw new TypeError(`${String(status)} is not the status of an answer`)
  let lines = reply.lines ?? ''
  if (headers !== undefined) {
    for (const [name, value] of Object.entries(headers)) {
      if (typeof value === 'string') lines += lineOf(name, value)
      else for (const one of value) lines += lineOf(name, one)
    }
  }
  if (status !== 204 && status !== 304) {
    const length = lengthOf(reply, exchange)
    if (length !== undefined) lines += `Content-Length: ${length}\r\n`
    else if (exchange.minor === 1) lines += 'Transfer-Encoding: chunked\r\n'
  }
  // What is answered from a store keeps the date that it had.
  const own = /^date:/im.test(lines) ? '' : date()
  return `${lines}${own}X-Request-Id: ${exchange.id}\r\nVia: 1.1 ${via}\r\n`
}

/** A body that comes piece by piece. */
export function isSource(body: unknown): body is AsyncIterable<Uint8Array> {
  return typeof body === 'object' && body !== null && Symbol.asyncIterator in body
}

/** Of the body of a reply; undefined: nobody knows. */
function lengthOf({ body, length }: Reply, { method }: Exchange): number | undefined {
  if (length !== undefined && (!Number.isSafeInteger(length) || length < 0))
    throw new TypeError(`${String(length)} is not the length of a body`)
  if (isSource(body)) return length
  const own = body === undefined ? 0 : typeof body === 'string' ? Buffer.byteLength(body) : asBytes(body).length
  if (length === undefined || length === own) return own
  if (method !== 'HEAD') throw new TypeError(`the body has ${own} bytes and not ${length}`)
  return length
}

/** The problem that tells of a failure. */
export function problemReply(failure: ProxyError, exchange: Exchange): Reply {
  return {
    status: ERRORS[failure.code].status,
    headers: { 'Content-Type': PROBLEM_TYPE, 'Cache-Control': 'no-store' },
    body: problemBody(failure.code, failure.message, exchange.id),
    error: failure.code,
  }
}
