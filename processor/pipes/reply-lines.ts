// The field lines and bodies of answers that pipes make.
import { ERRORS, type ProxyError } from '../../shared/errors.js'
import { problemBody, PROBLEM_TYPE } from '../../shared/problem.js'
import { date, hasContent, lengthLine } from '../engine/reply.js'
import type { Exchange } from '../exchange.js'
import { checkedLines, lineOf } from '../field-lines.js'
import { asBytes } from './as-bytes.js'
import type { Reply } from './pipe.js'
import { isSource } from './reply-source.js'

/** RFC 9110 sections 9.3.2 and 15: such an answer is not followed by a body. */
export function bodiless(exchange: Exchange, status: number): boolean {
  return exchange.method === 'HEAD' || !hasContent(status)
}

/** Every line of a reply but Connection. `foreign`: of a user's pipe. Throws a TypeError for what cannot be sent. */
export function replyFields(reply: Reply, exchange: Exchange, via: string, foreign: boolean): string {
  const { status, headers } = reply
  if (!Number.isInteger(status) || status < 200 || status > 599)
    throw new TypeError(`${String(status)} is not the status of an answer`)
  let lines = reply.lines ?? ''
  if (foreign && lines !== '') lines = checkedLines(lines)
  if (headers !== undefined) {
    // Those of a web Response, or a Map: none of them would be sent.
    if (Symbol.iterator in headers) throw new TypeError('the headers of a reply are an object of names and values')
    for (const [name, value] of Object.entries(headers)) {
      if (!Array.isArray(value)) lines += lineOf(name, value as string)
      else for (const one of value) lines += lineOf(name, one as string)
    }
  }
  const length = hasContent(status) ? lengthOf(reply, exchange) : 0
  if (length !== undefined) lines += lengthLine(status, length)
  else if (exchange.minor === 1) lines += 'Transfer-Encoding: chunked\r\n'
  // What is answered from a store keeps the date that it had.
  const own = /^date:/im.test(lines) ? '' : date()
  return `${lines}${own}X-Request-Id: ${exchange.id}\r\nVia: 1.1 ${via}\r\n`
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
