// The gateway's own answers: problems, and whatever a handler says without an upstream.
import { STATUS_CODES } from 'node:http'
import { type Code, ERRORS } from '../../shared/errors.js'
import { problemBody, PROBLEM_TYPE } from '../../shared/problem.js'
import type { Exchange } from '../exchange.js'

/** What a gateway without a say in it takes: RFC 9110 section 10.2.1 wants it said. */
export const ALLOW = 'Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, TRACE\r\n'

let dateLine = ''
let dateSecond = 0

/** RFC 9110 section 6.6.1: what we originate carries the time. Made once a second. */
export function date(): string {
  const second = Math.floor(Date.now() / 1000)
  if (second !== dateSecond) {
    dateSecond = second
    dateLine = `Date: ${new Date(second * 1000).toUTCString()}\r\n`
  }
  return dateLine
}

export function statusText(status: number): string {
  return `${status} ${STATUS_CODES[status] ?? 'Unknown'}`
}

/** RFC 9110 sections 15.3.5, 15.3.6 and 15.4.5: what the gateway itself answers with these has no content. */
export function hasContent(status: number): boolean {
  return status !== 204 && status !== 205 && status !== 304
}

/** `length`: of the content where there is any. RFC 9112 section 6.3: readers wait for that of a 205 unless told that there is none. */
export function lengthLine(status: number, length: number): string {
  if (status === 205) return 'Content-Length: 0\r\n'
  return hasContent(status) ? `Content-Length: ${length}\r\n` : ''
}

export function problemHead(code: Code): string {
  return `HTTP/1.1 ${statusText(ERRORS[code].status)}\r\n`
}

/** Every field line of a problem answer but Connection. `extra` are whole lines. */
export function problemFields(code: Code, requestId: string, body: string, via: string, extra = ''): string {
  const row = ERRORS[code]
  const proxyStatus = row.proxyStatus === undefined ? '' : `Proxy-Status: ${via}; error=${row.proxyStatus}\r\n`
  const retryAfter = row.retryAfter === undefined ? '' : `Retry-After: ${row.retryAfter}\r\n`
  return (
    `Content-Type: ${PROBLEM_TYPE}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n${date()}` +
    `Cache-Control: no-store\r\n${retryAfter}${proxyStatus}X-Request-Id: ${requestId}\r\nVia: 1.1 ${via}\r\n${extra}`
  )
}

/** Answers with a problem; the exchange must not have sent a head. */
export function replyProblem(exchange: Exchange, code: Code, detail: string, via: string, extra = ''): void {
  const body = problemBody(code, detail, exchange.id)
  const status = ERRORS[code].status
  exchange.error = code
  exchange.client.writeHead(status, statusText(status), problemFields(code, exchange.id, body, via, extra), true)
  finishWith(exchange, body)
}

/** Answers with a whole body. `fields` are whole lines, without Content-Length. */
export function reply(exchange: Exchange, status: number, fields: string, body: string, via: string): void {
  const lines = `${fields}${lengthLine(status, Buffer.byteLength(body))}${ownFields(exchange, via)}`
  exchange.client.writeHead(status, statusText(status), lines, true)
  finishWith(exchange, hasContent(status) ? body : '')
}

/** What TRACE must not show: RFC 9110 section 9.3.8. */
const SECRET = /^(authorization|cookie|proxy-authorization|.*(token|secret|api-?key|password).*):/i

/** Answers a TRACE or OPTIONS that may be forwarded no further (RFC 9110 section 7.6.2). */
export function answerLastForward(exchange: Exchange, via: string): void {
  const { method, target, minor, host, fields } = exchange
  if (method === 'OPTIONS') return reply(exchange, 204, ALLOW, '', via)
  const shown = fields.split('\r\n').filter((line) => line !== '' && !SECRET.test(line))
  const lines = [`TRACE ${target} HTTP/1.${minor}`, ...(host === '' ? [] : [`Host: ${host}`]), ...shown, '', '']
  const body = Buffer.from(lines.join('\r\n'), 'latin1')
  const length = `Content-Type: message/http\r\nContent-Length: ${body.length}\r\n`
  exchange.client.writeHead(200, '200 OK', `${length}${ownFields(exchange, via)}`, true)
  exchange.client.writeBody(body, 0, body.length)
  exchange.client.finish()
}

function ownFields(exchange: Exchange, via: string): string {
  return `${date()}X-Request-Id: ${exchange.id}\r\nVia: 1.1 ${via}\r\n`
}

function finishWith(exchange: Exchange, body: string): void {
  if (body !== '' && exchange.method !== 'HEAD') {
    const bytes = Buffer.from(body)
    exchange.client.writeBody(bytes, 0, bytes.length)
  }
  exchange.client.finish()
}
