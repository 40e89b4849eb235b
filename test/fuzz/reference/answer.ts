// An answer's head: its status, how its body is framed, and what of it may travel on.
import { exactly, STATUS_LINE } from './grammar.js'
import { type Field, type Length, listOf, readHead, readLength, valuesOf } from './heads.js'
import { OPEN, type Reading, refused, whole } from './reading.js'

export interface AnswerHead {
  readonly status: number
  readonly minor: number
  /** Without the space before it. */
  readonly reason: string
  readonly length: Length
  readonly close: boolean
  /** Options of Connection, in lower case. */
  readonly options: readonly string[]
  readonly fields: readonly Field[]
  /** Lines that travel on, each with its CRLF, without the framing. */
  readonly kept: string
}

const LINE = exactly(STATUS_LINE)
const MOST_BYTES = 128 * 1024
const MOST_FIELDS = 500
const ENDS_HERE = [
  'connection',
  'proxy-connection',
  'keep-alive',
  'te',
  'upgrade',
  ...['content-length', 'transfer-encoding'],
]
const NOT_REMOVABLE = [
  ...['content-length', 'transfer-encoding', 'set-cookie', 'content-type', 'date', 'via', 'cache-control'],
]

export function readAnswerHead(text: string): Reading<AnswerHead> {
  const head = readHead(text, LINE, MOST_FIELDS)
  if (head.kind === 'refused') return head
  if ((head.kind === 'open' ? text.length : head.end) > MOST_BYTES) return refused('too large a head')
  if (head.kind === 'open') return OPEN
  const { start, fields } = head.value
  const [, minor, status, reason = ''] = start
  const length = readLength(fields, Number(minor))
  if (typeof length === 'string') return refused(length)
  const options = listOf(fields, 'connection')
  if (options.some((name) => NOT_REMOVABLE.includes(name))) return refused('a removal')
  // RFC 9112 section 6.1, RFC 9110 section 8.6: what switches has no body.
  if (status === '101' && length.kind !== 'none') return refused('a switch with a body')
  return whole(
    {
      status: Number(status),
      minor: minor === '0' ? 0 : 1,
      reason: reason.slice(1),
      length,
      // RFC 9112 section 9.3: close wins, then the version decides, then keep-alive.
      close: options.includes('close') || (minor === '0' && !options.includes('keep-alive')),
      options,
      fields,
      kept: fields
        .filter(({ name }) => !ENDS_HERE.includes(name) && !options.includes(name))
        .map((field) => field.line)
        .join(''),
    },
    head.end,
  )
}

/** Seconds for which the sender promises to keep the connection, where it says so in the plain way. */
export function keepAliveSeconds(fields: readonly Field[]): number | undefined {
  const [value, ...others] = valuesOf(fields, 'keep-alive')
  const seconds = /^timeout=([0-9]{1,6})(?:, max=[0-9]+)?$/i.exec(value ?? '')?.[1]
  return seconds === undefined || others.length > 0 ? undefined : Number(seconds)
}
