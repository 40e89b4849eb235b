// A slow, obvious reader of HTTP/1 streams in one dialect: which messages a server (or a client) of that kind would see.
import type { Dialect, Field } from './dialect.js'

export interface ReadMessage {
  /** The head as it was on the wire, its empty line included. */
  readonly head: string
  /** Request line or status line. */
  readonly start: string
  readonly fields: readonly Field[]
  readonly trailers: readonly Field[]
  readonly body: string
  /** Where the next message begins. */
  readonly end: number
}

export interface Reading {
  readonly messages: readonly ReadMessage[]
  /** How the stream ends: between messages, within one, or in something that is none. */
  readonly ends: 'between' | 'within' | 'in garbage'
  /** The message that it ends within, as far as its head is there. */
  readonly open: ReadMessage | undefined
}

export interface ReadOptions {
  /** For a stream of answers: the methods that they answer, in order. Absent: a stream of requests. */
  readonly answersTo?: readonly string[]
  /** No more bytes will come, which ends an answer without a length. */
  readonly closed?: boolean
}

type Framing =
  { readonly kind: 'none' | 'chunked' | 'until close' } | { readonly kind: 'length'; readonly length: number }
interface Body {
  readonly body: string
  readonly trailers: readonly Field[]
  readonly end: number
}
/** `more`: the rest is not there yet. */
type Outcome<T> = T | 'more' | 'garbage'

const LINE_END = { crlf: /\r\n/g, lf: /\r?\n/g, cr: /\r\n|\r|\n/g }

export function read(stream: string, dialect: Dialect, options: ReadOptions = {}): Reading {
  const messages: ReadMessage[] = []
  let finals = 0
  for (let at = 0; ;) {
    const head = readHead(stream, at, dialect)
    if (head === 'more') return { messages, ends: at >= stream.length ? 'between' : 'within', open: undefined }
    if (head === 'garbage') return { messages, ends: 'in garbage', open: undefined }
    const method = options.answersTo === undefined ? undefined : (options.answersTo[finals] ?? 'GET')
    const framing = framingOf(head, dialect, method)
    const body = framing === 'garbage' ? framing : readBody(stream, head.end, framing, dialect, options.closed === true)
    if (body === 'garbage') return { messages, ends: 'in garbage', open: head }
    if (body === 'more') return { messages, ends: 'within', open: head }
    const fields = dialect.mergesTrailers ? [...head.fields, ...body.trailers] : head.fields
    messages.push({ ...head, ...body, fields })
    if (statusOf(head) >= 200) finals++
    at = body.end
  }
}

/** The status of an answer; NaN for a request. */
export function statusOf({ start }: { readonly start: string }): number {
  return /^HTTP\//i.test(start) ? Number(start.trim().split(/[ \t]+/)[1]) : Number.NaN
}

export function valuesOf(fields: readonly Field[], name: string): string[] {
  return fields.filter((field) => field.name === name).map(({ value }) => value)
}

function lineAt(stream: string, from: number, dialect: Dialect): { text: string; end: number } | undefined {
  const pattern = LINE_END[dialect.lineEnd]
  pattern.lastIndex = from
  const found = pattern.exec(stream)
  return found === null
    ? undefined
    : { text: dialect.line(stream.slice(from, found.index)), end: found.index + found[0].length }
}

function readHead(stream: string, from: number, dialect: Dialect): Outcome<ReadMessage> {
  let start = lineAt(stream, from, dialect)
  while (start?.text === '') start = lineAt(stream, (from = start.end), dialect)
  if (start === undefined) return 'more'
  // A method or a version, and something behind it.
  if (!/^[^\s]+[ \t]+[^\s]/.test(start.text)) return 'garbage'
  const section = readFields(stream, start.end, dialect)
  if (section === undefined) return 'more'
  const head = stream.slice(from, section.end)
  return { head, start: start.text, fields: section.fields, trailers: [], body: '', end: section.end }
}

function readFields(stream: string, from: number, dialect: Dialect): { fields: Field[]; end: number } | undefined {
  const fields: Field[] = []
  for (;;) {
    const line = lineAt(stream, from, dialect)
    if (line === undefined) return undefined
    from = line.end
    if (line.text === '') return { fields, end: from }
    if (/^[ \t]/.test(line.text) && dialect.fold !== 'field') {
      const last = fields.pop()
      if (last !== undefined)
        fields.push(dialect.fold === 'skip' ? last : { ...last, value: dialect.value(last.value + line.text) })
      continue
    }
    const colon = line.text.indexOf(':')
    if (colon < 0) continue
    fields.push({
      name: dialect.fieldName(line.text.slice(0, colon)),
      value: dialect.value(line.text.slice(colon + 1)),
    })
  }
}

/** `method`: of the request that this answers; undefined for a request. */
function framingOf(head: ReadMessage, dialect: Dialect, method: string | undefined): Framing | 'garbage' {
  const status = statusOf(head)
  if (method !== undefined && (method === 'HEAD' || status < 200 || status === 204 || status === 304))
    return { kind: 'none' }
  const chunked =
    dialect.isChunked(valuesOf(head.fields, 'transfer-encoding')) &&
    (dialect.codingIn10 || !head.start.includes('HTTP/1.0'))
  const length = dialect.length(valuesOf(head.fields, 'content-length'))
  if (chunked && (length === undefined || dialect.prefers === 'coding')) return { kind: 'chunked' }
  if (length !== undefined) return Number.isNaN(length) ? 'garbage' : { kind: 'length', length }
  return { kind: method === undefined ? 'none' : 'until close' }
}

function readBody(stream: string, at: number, framing: Framing, dialect: Dialect, closed: boolean): Outcome<Body> {
  switch (framing.kind) {
    case 'none':
      return { body: '', trailers: [], end: at }
    case 'chunked':
      return readChunks(stream, at, dialect)
    case 'until close':
      return closed ? { body: stream.slice(at), trailers: [], end: stream.length } : 'more'
    case 'length': {
      const end = at + framing.length
      return end > stream.length ? 'more' : { body: stream.slice(at, end), trailers: [], end }
    }
  }
}

function readChunks(stream: string, from: number, dialect: Dialect): Outcome<Body> {
  let body = ''
  for (let at = from; ;) {
    const line = chunkLineAt(stream, at, dialect)
    if (line === undefined) return 'more'
    const size = dialect.chunkSize(line.text.split(';', 1)[0] ?? '')
    if (!(size >= 0)) return 'garbage'
    at = line.end
    if (size === 0) {
      const section = readFields(stream, at, dialect)
      return section === undefined ? 'more' : { body, trailers: section.fields, end: section.end }
    }
    if (at + size > stream.length) return 'more'
    body += stream.slice(at, at + size)
    at += size
    const end = /^(\r\n|\n|\r(?!$))?/.exec(stream.slice(at, at + 2))?.[0] ?? ''
    if (dialect.dataEnd === 'crlf' && end !== '\r\n' && at + 2 <= stream.length) {
      if (dialect.lineEnd === 'crlf' || end === '') return 'garbage'
    }
    if (at + 2 > stream.length && end === '') return 'more'
    at += dialect.dataEnd === 'anything' ? 2 : end.length
  }
}

function chunkLineAt(stream: string, from: number, dialect: Dialect): { text: string; end: number } | undefined {
  let line = lineAt(stream, from, dialect)
  // A quote that is open at the end of the line: the line goes on.
  while (dialect.quotes && line !== undefined && /^[^"]*("(\\.|[^"\\])*"[^"]*)*"(\\.|[^"\\])*$/s.test(line.text)) {
    const more = lineAt(stream, line.end, dialect)
    line = more && { text: `${line.text}\r\n${more.text}`, end: more.end }
  }
  return line
}
