// A request's head: what it asks for, how its body is framed, and what of it may travel on.
import { ABSOLUTE_FORM, AUTHORITY, exactly, ORIGIN_FORM, REQUEST_LINE } from './grammar.js'
import { type Field, type Length, listOf, readHead, readLength, valuesOf } from './heads.js'
import { OPEN, type Reading, refused, whole } from './reading.js'

export interface RequestOptions {
  readonly headBytes: number
  readonly fields: number
  readonly uriBytes: number
  /** The peer's own forwarding fields are believed. */
  readonly trusted: boolean
}

export interface RequestHead {
  readonly method: string
  readonly minor: number
  /** Path and query, or `*`. */
  readonly target: string
  readonly path: string
  /** What the client meant, lower case; empty where an HTTP/1.0 client does not say. */
  readonly host: string
  readonly length: Length
  readonly close: boolean
  readonly keepAlive: boolean
  readonly expectsContinue: boolean
  /** Options of Connection, in lower case. */
  readonly options: readonly string[]
  /** Protocols that may be switched to, in lower case. */
  readonly upgrades: readonly string[]
  /** The client says that it takes trailers. */
  readonly trailers: boolean
  /** How often it may still be forwarded, where that counts. */
  readonly maxForwards: number | undefined
  /** Empty: there is none that could travel on. */
  readonly traceparent: string
  readonly fields: readonly Field[]
  /** Lines that travel on, each with its CRLF, the framing behind them in its plainest form. */
  readonly kept: string
}

const LINE = exactly(REQUEST_LINE)
const ORIGIN = exactly(ORIGIN_FORM)
const ABSOLUTE = exactly(ABSOLUTE_FORM)
const HOST = exactly(AUTHORITY)
const MOST_METHOD = 64

/** Fields that end here: for this connection (RFC 9110 section 7.6.1), for a proxy, or set anew. */
const ENDS_HERE = [
  ...['connection', 'proxy-connection', 'keep-alive', 'te', 'upgrade', 'http2-settings', 'proxy-authorization'],
  ...['host', 'x-request-id', 'x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host', 'traceparent'],
  // Written anew, as it was understood.
  ...['content-length', 'transfer-encoding'],
]
/** What only a hop that is trusted may say. */
const FROM_TRUSTED = ['forwarded', 'x-real-ip']
/** Fields which an origin that reads `_` as `-` would take for ours. */
const LOOKALIKES = ['x-real-ip', 'x-request-id', 'content-length', 'transfer-encoding']
/** RFC 9110 section 7.6.1: not every field is the connection's to remove. */
const NOT_REMOVABLE = [
  ...['host', 'content-length', 'transfer-encoding', 'via', 'forwarded', 'x-request-id', 'x-real-ip'],
  ...['authorization', 'cookie'],
]

export function readRequestHead(text: string, options: RequestOptions): Reading<RequestHead> {
  if (text === '\r') return OPEN
  // RFC 9112 section 2.2: one empty line before a request is passed over.
  const skipped = text.startsWith('\r\n') ? 2 : 0
  const head = readHead(text.slice(skipped), LINE, options.fields)
  if (head.kind === 'refused') return head
  const bytes = head.kind === 'open' ? text.length : head.end + skipped
  if (bytes > options.headBytes) return refused('too large a head')
  if (head.kind === 'open') return OPEN
  const { start, fields } = head.value
  const [, method = '', target = '', minor] = start
  const found = understand(method, target, minor === '0' ? 0 : 1, fields, options)
  return typeof found === 'string' ? refused(found) : whole(found, bytes)
}

function understand(
  method: string,
  target: string,
  minor: number,
  fields: readonly Field[],
  options: RequestOptions,
): RequestHead | string {
  if (method.length > MOST_METHOD) return 'too long a method'
  if (target.length > options.uriBytes) return 'too long a target'
  const place = readTarget(method, target)
  if (typeof place === 'string') return place
  const hosts = valuesOf(fields, 'host')
  if (hosts.length > 1 || (hosts.length === 0 && minor === 1)) return 'not one Host'
  if (!hosts.every(isAuthority)) return 'not a host'
  const length = readLength(fields, minor)
  if (typeof length === 'string') return length
  const expectations = valuesOf(fields, 'expect')
  if (!expectations.every((value) => value.toLowerCase() === '100-continue')) return 'another expectation'
  const removed = listOf(fields, 'connection')
  const maxForwards = readMaxForwards(method, fields)
  if (maxForwards === 'bad') return 'Max-Forwards'
  // RFC 9110 section 9.3.8: no content in TRACE.
  if (method === 'TRACE' && framingLine(length) !== '' && framingLine(length) !== NO_CONTENT) return 'content in TRACE'
  if (removed.some((name) => NOT_REMOVABLE.includes(name) || name.startsWith('x-forwarded-'))) return 'a removal'
  const traceparent = readTraceparent(fields, removed)
  return {
    method,
    minor,
    target: place.target,
    path: place.path,
    host: (place.authority === '' ? (hosts[0] ?? '') : place.authority).toLowerCase(),
    length,
    close: removed.includes('close'),
    keepAlive: removed.includes('keep-alive'),
    expectsContinue: minor === 1 && expectations.length > 0,
    options: removed,
    // RFC 9110 section 7.8: only where Connection names it, and never in HTTP/1.0; section 10.1.4 likewise.
    upgrades: minor === 1 && removed.includes('upgrade') ? listOf(fields, 'upgrade') : [],
    trailers: removed.includes('te') && listOf(fields, 'te').includes('trailers'),
    maxForwards,
    traceparent,
    fields,
    kept:
      fields
        .filter((field) => field.name !== 'tracestate' || traceparent !== '')
        .filter((field) => travels(field.name, minor, removed, options.trusted))
        .filter((field) => field.name !== 'max-forwards' || maxForwards === undefined)
        .map((field) => field.line)
        .join('') + framingLine(length),
  }
}

/** W3C Trace Context section 3.2.2: version 00 is these four fields, a later one may have more, and ff is none. */
const TRACEPARENT =
  /^(?:00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}|(?!00|ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?)$/s

function readTraceparent(fields: readonly Field[], removed: readonly string[]): string {
  const values = valuesOf(fields, 'traceparent')
  const [only = ''] = values
  return values.length === 1 && TRACEPARENT.test(only) && !removed.includes('traceparent') ? only : ''
}

const NO_CONTENT = 'Content-Length: 0\r\n'

function framingLine(length: Length): string {
  if (length.kind === 'none') return ''
  return length.kind === 'chunked' ? 'Transfer-Encoding: chunked\r\n' : `Content-Length: ${length.bytes}\r\n`
}

/** RFC 9110 section 7.6.2: counts for OPTIONS and TRACE. */
function readMaxForwards(method: string, fields: readonly Field[]): number | undefined | 'bad' {
  const values = method === 'OPTIONS' || method === 'TRACE' ? valuesOf(fields, 'max-forwards') : []
  if (values.length === 0) return undefined
  if (values.length > 1 || !/^[0-9]+$/.test(values[0] ?? '')) return 'bad'
  return Math.min(Number(values[0]), Number.MAX_SAFE_INTEGER)
}

interface Place {
  readonly authority: string
  readonly target: string
  readonly path: string
}

/** RFC 9112 section 3.2: origin-form, absolute-form of the http scheme, or `*` for OPTIONS; never a tunnel. */
function readTarget(method: string, target: string): Place | string {
  if (method === 'CONNECT') return 'a tunnel'
  if (target === '*') return method === 'OPTIONS' ? { authority: '', target, path: '*' } : '* for another method'
  const form = ORIGIN.exec(target) ?? ABSOLUTE.exec(target)
  if (form === null) return 'not a target'
  // RFC 9112 section 3.2.4: OPTIONS without a path and a query is about the server as a whole.
  const [, authority = '', path = method === 'OPTIONS' && form[3] === undefined ? '*' : '/', query = ''] = form
  if (authority !== '' && !isAuthority(authority)) return 'not an authority'
  return { authority, target: path + query, path }
}

function isAuthority(text: string): boolean {
  const match = HOST.exec(text)
  return match !== null && Number(match[1] ?? '') <= 65535
}

function travels(name: string, minor: number, removed: readonly string[], trusted: boolean): boolean {
  if (ENDS_HERE.includes(name)) return false
  if (!trusted && (FROM_TRUSTED.includes(name) || name.startsWith('x-forwarded-'))) return false
  if (name.includes('_') && isLookalike(name.replaceAll('_', '-'))) return false
  if (name === 'expect' && minor === 0) return false
  return !removed.includes(name)
}

function isLookalike(name: string): boolean {
  return LOOKALIKES.includes(name) || name.startsWith('x-forwarded-')
}

/** The path could be read in two ways: percent-encoding, `\`, a parameter, an empty or a dot segment. */
export function isOdd(path: string): boolean {
  return /[%\\;]/.test(path) || path.includes('//') || path.includes('/.')
}
