// What a request's head means: framing, host, the fields that are ours to act on, and the lines that travel on as they came.
import { CR, equalsIgnoreCase, latin1, LF, lowerBytes } from './bytes.js'
import { drop, dropNamed, dropNone, keptLines, options } from './dropped-lines.js'
import * as fault from './fault.js'
import {
  fieldCount,
  MOST_FIELDS,
  nameEnd,
  nameStart,
  parseFields,
  plainNumber,
  valueEnd,
  valueStart,
} from './fields.js'
import { isTraceparent } from '../tracing/trace-context.js'
import { absoluteAuthority, head, type HeadLimits, isHost, readRequestLine } from './request-line.js'

export { head, type HeadLimits }

const HOST_FIELD = lowerBytes('host')
const VIA = lowerBytes('via')
const TE = lowerBytes('te')
const EXPECT = lowerBytes('expect')
const UPGRADE = lowerBytes('upgrade')
const FORWARDED = lowerBytes('forwarded')
const X_REAL_IP = lowerBytes('x-real-ip')
const CONNECTION = lowerBytes('connection')
const TRACESTATE = lowerBytes('tracestate')
const TRACEPARENT = lowerBytes('traceparent')
const KEEP_ALIVE = lowerBytes('keep-alive')
const MAX_FORWARDS = lowerBytes('max-forwards')
const X_REQUEST_ID = lowerBytes('x-request-id')
const X_FORWARDED = lowerBytes('x-forwarded-')
const CONTENT_LENGTH = lowerBytes('content-length')
const HTTP2_SETTINGS = lowerBytes('http2-settings')
const X_FORWARDED_FOR = lowerBytes('x-forwarded-for')
const PROXY_CONNECTION = lowerBytes('proxy-connection')
const X_FORWARDED_HOST = lowerBytes('x-forwarded-host')
const TRANSFER_ENCODING = lowerBytes('transfer-encoding')
const X_FORWARDED_PROTO = lowerBytes('x-forwarded-proto')
const PROXY_AUTHORIZATION = lowerBytes('proxy-authorization')
const CHUNKED = lowerBytes('chunked')
const CONTINUE = lowerBytes('100-continue')

// An origin that maps `_` to `-`, as CGI does, would take these for the fields that only a trusted hop may set.
const UNDERSCORED =
  /^(x[-_]forwarded[-_].*|x[-_]real[-_]ip|x[-_]request[-_]id|content[-_]length|transfer[-_]encoding)$/i

// What a client may not have removed by naming it in Connection: framing, routing, and what this gateway adds.
const NOT_TO_REMOVE =
  /^(host|content-length|transfer-encoding|via|forwarded|x-forwarded-.*|x-request-id|x-real-ip|authorization|cookie)$/

// RFC 9112 section 6.1: codings that are not understood, well formed, and chunked last.
const OTHER_CODINGS =
  /^(?!chunked\b)[!#$%&'*+\-.^_`|~\w]+(?:;[^,\s]*)?(?:[ \t]*,[ \t]*(?!chunked[ \t]*,)[!#$%&'*+\-.^_`|~\w]+(?:;[^,\s]*)?)*[ \t]*,[ \t]*chunked$/i

let hosts = 0
let lengths = 0
let encodings = 0
let traceparents = 0
let tracestate = false
let connection = ''
let connectionUpgrade = false
let connectionTe = false

/**
 * Parses a request's head in `buf` from `start`. Returns the index after it, `INCOMPLETE`, or a fault; after a positive
 * result `head` holds what was found. `trusted`: the peer's X-Forwarded-* and Forwarded are believed and kept.
 * Sources: RFC 9112 sections 2 to 6, RFC 9110 sections 5 to 7.
 */
export function parseRequestHead(
  buf: Buffer,
  start: number,
  end: number,
  limits: HeadLimits,
  trusted: boolean,
): number {
  const result = readHead(buf, start, end, limits, trusted)
  if (result === fault.INCOMPLETE && end - start > limits.headBytes) {
    return buf.subarray(start, end).includes(LF) ? fault.HEAD_TOO_LARGE : fault.URI_TOO_LONG
  }
  return result > 0 && result - start > limits.headBytes ? fault.HEAD_TOO_LARGE : result
}

function readHead(buf: Buffer, start: number, end: number, limits: HeadLimits, trusted: boolean): number {
  // RFC 9112 section 2.2: an empty line before the request line is ignored; more than one is not a client's habit.
  if (buf[start] === CR) {
    if (end - start < 2) return fault.INCOMPLETE
    if (buf[start + 1] === LF) start += 2
  }
  const afterLine = readRequestLine(buf, start, end, limits)
  if (afterLine <= 0) return afterLine
  const after = parseFields(buf, afterLine, end, Math.min(limits.headerCount, MOST_FIELDS))
  if (after <= 0) return after
  const bad = readFields(buf, trusted)
  return bad === 0 ? after : bad
}

function readFields(buf: Buffer, trusted: boolean): number {
  dropNone()
  hosts = lengths = encodings = traceparents = 0
  connection = ''
  head.host = head.forwardedFor = head.forwardedProto = head.forwardedHost = head.requestId = head.via = ''
  head.upgrade = head.traceparent = ''
  head.contentLength = head.maxForwards = -1
  head.chunked =
    head.close =
    head.keepAlive =
    head.expectsContinue =
    head.trailers =
    connectionUpgrade =
    connectionTe =
    tracestate =
      false

  const count = fieldCount
  for (let i = 0; i < count; i++) {
    const bad = readField(buf, i, trusted)
    if (bad !== 0) return bad
  }
  const bad = readFraming()
  if (bad !== 0) return bad
  if (connection !== '' && !readConnection(buf)) return fault.BAD_CONNECTION
  head.hop = connection === '' ? '' : options(connection).join(',')
  // RFC 9110 section 7.8: it counts where Connection names it, and not in HTTP/1.0.
  if (!connectionUpgrade || head.minor === 0) head.upgrade = ''
  // RFC 9110 section 10.1.4, likewise.
  if (!connectionTe) head.trailers = false
  // RFC 9110 section 9.3.8.
  if (head.method === 'TRACE' && (head.chunked || head.contentLength > 0)) return fault.BODY_IN_TRACE
  if (traceparents > 0 || tracestate) readTrace(buf)
  head.fields = keptLines(buf) + framingLine()
  return 0
}

// W3C Trace Context section 3.2: of what is malformed nothing travels on, and its state says nothing without it.
function readTrace(buf: Buffer): void {
  if (traceparents === 1 && isTraceparent(head.traceparent)) return
  head.traceparent = ''
  dropNamed(buf, 'tracestate')
}

// The length of a name singles out a few fields at most, so an ordinary field costs one switch.
function readField(buf: Buffer, i: number, trusted: boolean): number {
  const start = nameStart(i)
  const length = nameEnd(i) - start
  switch (length) {
    case 2:
      if (equalsIgnoreCase(buf, start, TE)) {
        head.trailers ||= /(?:^|,)[ \t]*trailers[ \t]*(?:,|$)/i.test(value(buf, i))
        drop(i)
      }
      return 0
    case 3:
      if (equalsIgnoreCase(buf, start, VIA)) head.via = joined(head.via, value(buf, i))
      return 0
    case 4:
      if (equalsIgnoreCase(buf, start, HOST_FIELD)) {
        if (++hosts > 1) return fault.SEVERAL_HOSTS
        if (!isHost(buf, valueStart(i), valueEnd(i))) return fault.BAD_HOST
        head.host = value(buf, i)
        drop(i)
      }
      return 0
    case 6:
      if (equalsIgnoreCase(buf, start, EXPECT)) {
        if (valueEnd(i) - valueStart(i) !== 12 || !equalsIgnoreCase(buf, valueStart(i), CONTINUE))
          return fault.BAD_EXPECT
        // RFC 9110 section 10.1.1: an expectation in HTTP/1.0 is ignored.
        if (head.minor === 0) drop(i)
        else head.expectsContinue = true
      }
      return 0
    case 7:
      // It never goes on as it came: what a route does not allow ends here.
      if (equalsIgnoreCase(buf, start, UPGRADE)) {
        head.upgrade = joined(head.upgrade, value(buf, i).toLowerCase())
        drop(i)
      }
      return 0
    case 9:
      if (equalsIgnoreCase(buf, start, FORWARDED) && !trusted) drop(i)
      else if (equalsIgnoreCase(buf, start, X_REAL_IP) && !trusted) drop(i)
      return underscored(buf, i)
    case 10:
      if (equalsIgnoreCase(buf, start, CONNECTION)) {
        connection = joined(connection, value(buf, i))
        drop(i)
      } else if (equalsIgnoreCase(buf, start, KEEP_ALIVE)) drop(i)
      else if (equalsIgnoreCase(buf, start, TRACESTATE)) tracestate = true
      return 0
    case 11:
      if (equalsIgnoreCase(buf, start, TRACEPARENT)) {
        traceparents++
        head.traceparent = value(buf, i)
        drop(i)
      }
      return 0
    case 12:
      if (equalsIgnoreCase(buf, start, X_REQUEST_ID)) {
        head.requestId = value(buf, i)
        drop(i)
        return 0
      }
      if (equalsIgnoreCase(buf, start, MAX_FORWARDS)) return readMaxForwards(buf, i)
      break
    case 14:
      if (equalsIgnoreCase(buf, start, CONTENT_LENGTH)) {
        if (++lengths > 1) return fault.SEVERAL_CONTENT_LENGTHS
        head.contentLength = plainNumber(buf, valueStart(i), valueEnd(i))
        drop(i)
        return head.contentLength < 0 ? fault.BAD_CONTENT_LENGTH : 0
      }
      if (equalsIgnoreCase(buf, start, HTTP2_SETTINGS)) drop(i)
      break
    case 16:
      if (equalsIgnoreCase(buf, start, PROXY_CONNECTION)) {
        drop(i)
        return 0
      }
      if (equalsIgnoreCase(buf, start, X_FORWARDED_HOST)) {
        if (trusted) head.forwardedHost = value(buf, i)
        drop(i)
        return 0
      }
      break
    case 15:
      if (equalsIgnoreCase(buf, start, X_FORWARDED_FOR)) {
        if (trusted) head.forwardedFor = joined(head.forwardedFor, value(buf, i))
        drop(i)
        return 0
      }
      break
    case 17:
      if (equalsIgnoreCase(buf, start, TRANSFER_ENCODING)) {
        if (++encodings > 1) return fault.BAD_TRANSFER_ENCODING
        return readTransferEncoding(buf, i)
      }
      if (equalsIgnoreCase(buf, start, X_FORWARDED_PROTO)) {
        if (trusted) head.forwardedProto = value(buf, i)
        drop(i)
        return 0
      }
      break
    case 19:
      // For us, if for anyone: it never goes on.
      if (equalsIgnoreCase(buf, start, PROXY_AUTHORIZATION)) {
        drop(i)
        return 0
      }
      break
  }
  if (length >= 12) {
    if (!trusted && equalsIgnoreCase(buf, start, X_FORWARDED)) drop(i)
    else return underscored(buf, i)
  }
  return 0
}

// RFC 9110 section 7.6.2: counts for TRACE and OPTIONS; in any other request it is a field like others.
function readMaxForwards(buf: Buffer, i: number): number {
  if (head.method !== 'TRACE' && head.method !== 'OPTIONS') return 0
  const text = value(buf, i)
  if (head.maxForwards >= 0 || !/^\d+$/.test(text)) return fault.BAD_MAX_FORWARDS
  head.maxForwards = Math.min(Number(text), Number.MAX_SAFE_INTEGER)
  drop(i)
  return 0
}

function readTransferEncoding(buf: Buffer, i: number): number {
  if (valueEnd(i) - valueStart(i) === 7 && equalsIgnoreCase(buf, valueStart(i), CHUNKED)) {
    head.chunked = true
    drop(i)
    return 0
  }
  return OTHER_CODINGS.test(value(buf, i)) ? fault.UNKNOWN_CODING : fault.BAD_TRANSFER_ENCODING
}

// RFC 9112 section 6.3: whatever could be read in two ways is refused, not repaired.
function readFraming(): number {
  if (head.chunked) {
    if (lengths > 0) return fault.LENGTH_AND_ENCODING
    if (head.minor === 0) return fault.ENCODING_IN_1_0
  }
  if (hosts === 0 && head.minor === 1) return fault.NO_HOST
  if (absoluteAuthority !== '') head.host = absoluteAuthority
  head.host = head.host.toLowerCase()
  return 0
}

/** Notes the options of Connection and drops the fields it names; false where it names what is not its to remove. */
function readConnection(buf: Buffer): boolean {
  for (const option of options(connection)) {
    if (option === 'close') head.close = true
    else if (option === 'keep-alive') head.keepAlive = true
    else if (option === 'upgrade') connectionUpgrade = true
    else if (option === 'te') connectionTe = true
    else if (option === 'traceparent') head.traceparent = ''
    else if (NOT_TO_REMOVE.test(option)) return false
    dropNamed(buf, option)
  }
  return true
}

// In its canonical form: origins that compare bytes, or trim spaces only, must see what we see.
function framingLine(): string {
  if (head.chunked) return 'Transfer-Encoding: chunked\r\n'
  return head.contentLength >= 0 ? `Content-Length: ${head.contentLength}\r\n` : ''
}

function underscored(buf: Buffer, i: number): 0 {
  const start = nameStart(i)
  const end = nameEnd(i)
  for (let pos = start; pos < end; pos++) {
    if (buf[pos] === 0x5f) {
      if (UNDERSCORED.test(latin1(buf, start, end))) drop(i)
      return 0
    }
  }
  return 0
}

function value(buf: Buffer, i: number): string {
  return latin1(buf, valueStart(i), valueEnd(i))
}

function joined(list: string, more: string): string {
  return list === '' ? more : `${list}, ${more}`
}
