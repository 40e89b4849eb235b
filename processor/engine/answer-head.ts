// What an answer's head means: status, how its body ends, and the lines that travel on as they came.
import { CR, FIELD_VALUE, LF, SPACE, equalsIgnoreCase, latin1, lowerBytes } from './bytes.js'
import * as fault from './fault.js'
import { drop, dropNamed, dropNone, keptLines, options } from './dropped-lines.js'
import { fieldCount, nameEnd, nameStart, parseFields, plainNumber, valueEnd, valueStart } from './fields.js'

/** An upstream is trusted more than a client, but not with our memory. */
export const MOST_HEAD_BYTES = 128 * 1024
const MOST_ANSWER_FIELDS = 500

/** The last head that was parsed. Read it before the next call: there is one for the whole process. */
export interface AnswerHead {
  status: number
  /** `SSS reason`, as it came. */
  statusText: string
  minor: number
  /** -1: none. */
  contentLength: number
  chunked: boolean
  close: boolean
  /** Milliseconds that the upstream promises to keep the connection, -1: it does not say. */
  keepAliveMs: number
  /** The protocols that Upgrade names, as they came. */
  offers: string
  /** Protocol that a 101 switches to, in lower case; empty: it names none, or Connection does not say so. */
  upgrade: string
  /** Options of Connection, as a list in lower case: what they name ends here, in the trailer, too. */
  hop: string
  hasDate: boolean
  hasRequestId: boolean
  /** Field lines that travel on, each with its CRLF, without the framing. */
  fields: string
  /** The Content-Length or Transfer-Encoding line as it came, or empty. */
  framing: string
}

export const answer: AnswerHead = {
  status: 0,
  statusText: '',
  minor: 1,
  contentLength: -1,
  chunked: false,
  close: false,
  keepAliveMs: -1,
  offers: '',
  upgrade: '',
  hop: '',
  hasDate: false,
  hasRequestId: false,
  fields: '',
  framing: '',
}

const TE = lowerBytes('te')
const DATE = lowerBytes('date')
const UPGRADE = lowerBytes('upgrade')
const CONNECTION = lowerBytes('connection')
const KEEP_ALIVE = lowerBytes('keep-alive')
const X_REQUEST_ID = lowerBytes('x-request-id')
const CONTENT_LENGTH = lowerBytes('content-length')
const PROXY_CONNECTION = lowerBytes('proxy-connection')
const TRANSFER_ENCODING = lowerBytes('transfer-encoding')
const CHUNKED = lowerBytes('chunked')
const HTTP_1 = Uint8Array.from('HTTP/1.', (c) => c.charCodeAt(0))

const NOT_TO_REMOVE = /^(content-length|transfer-encoding|set-cookie|content-type|date|via|cache-control)$/

let lengths = 0
let encodings = 0
let connection = ''
let connectionUpgrade = false

/**
 * Parses an answer's head in `buf` from `start`. Returns the index after it, `INCOMPLETE`, or a fault; after a positive
 * result `answer` holds what was found. Sources: RFC 9112 sections 4 to 6.
 */
export function parseAnswerHead(buf: Buffer, start: number, end: number): number {
  const result = readHead(buf, start, end)
  if (result === fault.INCOMPLETE) return end - start > MOST_HEAD_BYTES ? fault.HEAD_TOO_LARGE : result
  return result > 0 && result - start > MOST_HEAD_BYTES ? fault.HEAD_TOO_LARGE : result
}

function readHead(buf: Buffer, start: number, end: number): number {
  const afterLine = readStatusLine(buf, start, end)
  if (afterLine <= 0) return afterLine
  const after = parseFields(buf, afterLine, end, MOST_ANSWER_FIELDS)
  if (after <= 0) return after
  const bad = readFields(buf)
  return bad === 0 ? after : bad
}

function readStatusLine(buf: Buffer, start: number, end: number): number {
  for (let i = 0; i < HTTP_1.length; i++) {
    if (start + i >= end) return fault.INCOMPLETE
    if (buf[start + i] !== HTTP_1[i]) return fault.BAD_STATUS_LINE
  }
  // "HTTP/1.x SSS" then CRLF, or a space and a reason that may be empty.
  if (end - start < 14) {
    if (!mayBecomeStatusLine(buf, start, end)) return fault.BAD_STATUS_LINE
    const lf = buf.indexOf(LF, start)
    return lf >= 0 && lf < end && lf - start < 13 ? fault.BAD_STATUS_LINE : fault.INCOMPLETE
  }
  const minor = (buf[start + 7] as number) - 0x30
  if (minor < 0 || minor > 9 || buf[start + 8] !== SPACE) return fault.BAD_STATUS_LINE
  const status = plainNumber(buf, start + 9, start + 12)
  if (status < 100) return fault.BAD_STATUS_LINE
  let pos = start + 12
  if (buf[pos] === SPACE) while (pos < end && FIELD_VALUE[buf[pos] as number] === 1) pos++
  if (pos >= end || (buf[pos] === CR && pos + 1 >= end)) return fault.INCOMPLETE
  if (buf[pos] !== CR) return buf[pos] === LF ? fault.BARE_LF : fault.BAD_STATUS_LINE
  if (buf[pos + 1] !== LF) return fault.BARE_CR
  answer.status = status
  // RFC 9110 section 6.2: a higher minor version is taken as the highest that is known.
  answer.minor = minor === 0 ? 0 : 1
  // RFC 9112 section 4: the space stays where the reason is empty.
  answer.statusText = pos > start + 12 ? latin1(buf, start + 9, pos) : `${status} `
  return pos + 2
}

/** As far as it has come: the version's digit, a space, the digits of the status. */
function mayBecomeStatusLine(buf: Buffer, start: number, end: number): boolean {
  for (let i = start + HTTP_1.length; i < Math.min(end, start + 12); i++) {
    const byte = buf[i] as number
    if (i === start + 8 ? byte !== SPACE : byte < 0x30 || byte > 0x39) return false
  }
  return true
}

function readFields(buf: Buffer): number {
  dropNone()
  lengths = encodings = 0
  connection = ''
  answer.contentLength = answer.keepAliveMs = -1
  answer.chunked = answer.close = answer.hasDate = answer.hasRequestId = false
  answer.framing = answer.offers = answer.upgrade = answer.hop = ''
  connectionUpgrade = false
  for (let i = 0; i < fieldCount; i++) {
    const bad = readField(buf, i)
    if (bad !== 0) return bad
  }
  if (answer.chunked) {
    if (lengths > 0) return fault.LENGTH_AND_ENCODING
    if (answer.minor === 0) return fault.ENCODING_IN_1_0
  }
  answer.close = answer.minor === 0
  if (connection !== '' && !readConnection(buf)) return fault.BAD_CONNECTION
  // HTTP/1.0 has no 101.
  if (connectionUpgrade && answer.minor === 1) answer.upgrade = answer.offers.toLowerCase()
  // RFC 9112 section 6.1, RFC 9110 section 8.6: what switches has no body that could be framed.
  if (answer.status === 101 && answer.framing !== '') return fault.FRAMED_SWITCH
  answer.fields = keptLines(buf)
  return 0
}

function readField(buf: Buffer, i: number): number {
  const start = nameStart(i)
  switch (nameEnd(i) - start) {
    case 2:
      if (equalsIgnoreCase(buf, start, TE)) drop(i)
      return 0
    case 4:
      if (equalsIgnoreCase(buf, start, DATE)) answer.hasDate = true
      return 0
    case 7:
      if (equalsIgnoreCase(buf, start, UPGRADE)) {
        answer.offers = answer.offers === '' ? value(buf, i) : `${answer.offers}, ${value(buf, i)}`
        drop(i)
      }
      return 0
    case 10:
      if (equalsIgnoreCase(buf, start, CONNECTION)) {
        connection = connection === '' ? value(buf, i) : `${connection},${value(buf, i)}`
        drop(i)
      } else if (equalsIgnoreCase(buf, start, KEEP_ALIVE)) {
        const seconds = /(?:^|[\s,;])timeout=(\d{1,6})/i.exec(value(buf, i))?.[1]
        if (seconds !== undefined) answer.keepAliveMs = Number(seconds) * 1000
        drop(i)
      }
      return 0
    case 12:
      if (equalsIgnoreCase(buf, start, X_REQUEST_ID)) answer.hasRequestId = true
      return 0
    case 14:
      if (!equalsIgnoreCase(buf, start, CONTENT_LENGTH)) return 0
      if (++lengths > 1) return fault.SEVERAL_CONTENT_LENGTHS
      answer.contentLength = plainNumber(buf, valueStart(i), valueEnd(i))
      answer.framing = `Content-Length: ${answer.contentLength}\r\n`
      drop(i)
      return answer.contentLength < 0 ? fault.BAD_CONTENT_LENGTH : 0
    case 16:
      if (equalsIgnoreCase(buf, start, PROXY_CONNECTION)) drop(i)
      return 0
    case 17:
      if (!equalsIgnoreCase(buf, start, TRANSFER_ENCODING)) return 0
      if (++encodings > 1) return fault.BAD_TRANSFER_ENCODING
      if (valueEnd(i) - valueStart(i) !== 7 || !equalsIgnoreCase(buf, valueStart(i), CHUNKED))
        return fault.BAD_TRANSFER_ENCODING
      answer.chunked = true
      answer.framing = 'Transfer-Encoding: chunked\r\n'
      drop(i)
      return 0
    default:
      return 0
  }
}

function readConnection(buf: Buffer): boolean {
  if (connection === 'keep-alive') {
    answer.close = false
    return true
  }
  let keepAlive = false
  let close = false
  for (const option of options(connection)) {
    if (option === 'close') close = true
    else if (option === 'keep-alive') keepAlive = true
    else if (option === 'upgrade') connectionUpgrade = true
    else if (NOT_TO_REMOVE.test(option)) return false
    dropNamed(buf, option)
  }
  // RFC 9112 section 9.3: close wins, wherever it stands.
  answer.close = close || (answer.minor === 0 && !keepAlive)
  answer.hop = options(connection).join(',')
  return true
}

function value(buf: Buffer, i: number): string {
  return latin1(buf, valueStart(i), valueEnd(i))
}
