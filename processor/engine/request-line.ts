// A request's first line and what it says: method, target in each of its forms, version.
import { isIPv6 } from 'node:net'
import {
  COLON,
  CR,
  DOT,
  HOST,
  HOST_V6,
  latin1,
  LF,
  PERCENT,
  QUESTION,
  SEMICOLON,
  SLASH,
  SPACE,
  TARGET,
  TOKEN,
} from './bytes.js'
import * as fault from './fault.js'
import { plainNumber } from './fields.js'

export interface HeadLimits {
  readonly headBytes: number
  readonly headerCount: number
  readonly uriBytes: number
  /** The connection speaks TLS, so that a target in absolute form may say `https`. */
  readonly secure?: boolean
}

/** The last head that was parsed. Read it before the next call: there is one for the whole process. */
export interface RequestHead {
  method: string
  /** Path and query as they came; `*` for OPTIONS. */
  target: string
  /** Without the query. */
  path: string
  /** The path holds something that two parsers may read in two ways: `%`, `\`, `;`, an empty or a dot segment. */
  oddPath: boolean
  /** The minor version: 0 or 1. */
  minor: number
  /** Authority that the client meant, in lower case; empty in an HTTP/1.0 request without one. */
  host: string
  /** -1: none. */
  contentLength: number
  chunked: boolean
  close: boolean
  keepAlive: boolean
  expectsContinue: boolean
  forwardedFor: string
  forwardedProto: string
  forwardedHost: string
  requestId: string
  via: string
  /** Protocols that the client offers to switch to, in lower case, as a list; empty: none. */
  upgrade: string
  /** Options of Connection, as a list in lower case: what they name ends here, in the trailer, too. */
  hop: string
  /** TE names `trailers`. */
  trailers: boolean
  /** A valid one; empty where there is none. Not among the fields that travel on. */
  traceparent: string
  /** Max-Forwards of TRACE and OPTIONS, where it counts; -1: none. */
  maxForwards: number
  /** Field lines that travel on, each with its CRLF. */
  fields: string
}

export const head: RequestHead = {
  method: '',
  target: '',
  path: '',
  oddPath: false,
  minor: 1,
  host: '',
  contentLength: -1,
  chunked: false,
  close: false,
  keepAlive: false,
  expectsContinue: false,
  forwardedFor: '',
  forwardedProto: '',
  forwardedHost: '',
  requestId: '',
  via: '',
  upgrade: '',
  hop: '',
  trailers: false,
  traceparent: '',
  maxForwards: -1,
  fields: '',
}

const MOST_METHOD = 64

const HTTP_1 = Uint8Array.from('HTTP/1.', (c) => c.charCodeAt(0))

/** Authority of the last target in absolute form (RFC 9112 section 3.2.2: it replaces the Host field); empty otherwise. */
export let absoluteAuthority = ''

/** Reads the request line into `head`. Returns the index after it, INCOMPLETE, or a fault (RFC 9112 section 3). */
export function readRequestLine(buf: Buffer, start: number, end: number, limits: HeadLimits): number {
  const tokens = TOKEN
  const targets = TARGET
  let pos = start
  while (pos < end && tokens[buf[pos] as number] === 1) pos++
  if (pos >= end) return pos - start > limits.uriBytes ? fault.UNKNOWN_METHOD : fault.INCOMPLETE
  if (buf[pos] !== SPACE || pos === start) return badLine(buf[pos] as number, fault.BAD_METHOD)
  // RFC 9112 section 3: a method longer than any that is known.
  if (pos - start > MOST_METHOD) return fault.UNKNOWN_METHOD
  head.method = methodName(buf, start, pos)

  const target = ++pos
  let query = -1
  let odd = false
  let before = 0
  for (; pos < end; pos++) {
    const byte = buf[pos] as number
    if (targets[byte] === 0) break
    if (query < 0) {
      if (byte === QUESTION) query = pos
      else if (byte === SLASH || byte === DOT) odd ||= before === SLASH
      else if (byte === PERCENT || byte === 0x5c || byte === SEMICOLON) odd = true
      before = byte
    }
  }
  if (pos - target > limits.uriBytes) return fault.URI_TOO_LONG
  if (pos >= end) return fault.INCOMPLETE
  if (buf[pos] !== SPACE) return badLine(buf[pos] as number, fault.BAD_TARGET)
  if (pos === target) return fault.BAD_REQUEST_LINE
  const targetEnd = pos++

  // "HTTP/1.x" CRLF
  if (end - pos < 10) return isPrefixOfVersion(buf, pos, end) ? fault.INCOMPLETE : fault.BAD_VERSION
  for (let i = 0; i < HTTP_1.length; i++) if (buf[pos + i] !== HTTP_1[i]) return otherVersion(buf, pos)
  const minor = (buf[pos + 7] as number) - 0x30
  if (minor < 0 || minor > 9) return otherVersion(buf, pos)
  if (buf[pos + 8] !== CR) return badLine(buf[pos + 8] as number, fault.BAD_VERSION)
  if (buf[pos + 9] !== LF) return fault.BARE_CR
  // RFC 9110 section 6.2: a higher minor version is taken as the highest that is known.
  head.minor = minor === 0 ? 0 : 1
  head.oddPath = odd
  const bad = readTarget(buf, target, query < 0 ? targetEnd : query, targetEnd, limits.secure === true)
  return bad === 0 ? pos + 10 : bad
}

function badLine(byte: number, otherwise: number): number {
  return byte === LF ? fault.BARE_LF : byte === CR ? fault.BAD_REQUEST_LINE : otherwise
}

function isPrefixOfVersion(buf: Uint8Array, pos: number, end: number): boolean {
  for (let i = 0; pos + i < end && i < HTTP_1.length; i++) if (buf[pos + i] !== HTTP_1[i]) return false
  if (pos + 7 < end && !isDigit(buf[pos + 7] as number)) return false
  return pos + 8 >= end || buf[pos + 8] === CR
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39
}

function otherVersion(buf: Buffer, pos: number): number {
  return /^HTTP\/\d\.\d\r$/.test(latin1(buf, pos, pos + 9)) ? fault.UNSUPPORTED_VERSION : fault.BAD_VERSION
}

// The usual methods without making a string anew for each request.
function methodName(buf: Buffer, start: number, end: number): string {
  switch (end - start) {
    case 3:
      if (buf[start] === 0x47 && buf[start + 1] === 0x45 && buf[start + 2] === 0x54) return 'GET'
      break
    case 4:
      if (buf[start] === 0x50 && buf[start + 1] === 0x4f && buf[start + 2] === 0x53 && buf[start + 3] === 0x54)
        return 'POST'
      break
  }
  return latin1(buf, start, end)
}

function readTarget(buf: Buffer, start: number, pathEnd: number, end: number, secure: boolean): number {
  absoluteAuthority = ''
  if (head.method === 'CONNECT') return fault.NO_TUNNELS
  if (buf[start] === SLASH) {
    head.target = latin1(buf, start, end)
    head.path = pathEnd === end ? head.target : latin1(buf, start, pathEnd)
    return 0
  }
  const text = latin1(buf, start, end)
  if (text === '*') {
    head.target = head.path = '*'
    return head.method === 'OPTIONS' ? 0 : fault.BAD_ASTERISK
  }
  const match = /^(https?):\/\/([^/?]+)(\/[^?]*)?(\?.*)?$/i.exec(text)
  if (match?.[2] === undefined || (match[1]?.length === 5 && !secure)) return fault.BAD_AUTHORITY
  absoluteAuthority = match[2]
  if (!isHost(Buffer.from(absoluteAuthority, 'latin1'), 0, absoluteAuthority.length)) return fault.BAD_AUTHORITY
  // RFC 9112 section 3.2.4: without a path or a query OPTIONS means the server as a whole.
  head.path = match[3] ?? (head.method === 'OPTIONS' && match[4] === undefined ? '*' : '/')
  head.target = head.path + (match[4] ?? '')
  head.oddPath = /[%\\;]|\/\/|\/\./.test(head.path)
  return 0
}

/** RFC 9110 section 4.2: a non-empty host and an optional port; no userinfo, no path. */
export function isHost(buf: Buffer, start: number, end: number): boolean {
  let pos = start
  if (buf[start] === 0x5b) {
    pos++
    while (pos < end && HOST_V6[buf[pos] as number] === 1) pos++
    if (pos >= end || buf[pos] !== 0x5d || !isIPv6(latin1(buf, start + 1, pos))) return false
    pos++
  } else {
    while (pos < end && HOST[buf[pos] as number] === 1) pos++
    if (pos === start) return false
  }
  if (pos === end) return true
  if (buf[pos] !== COLON || end - pos > 6) return false
  const port = plainNumber(buf, pos + 1, end)
  return pos + 1 === end || (port >= 0 && port <= 65535)
}
