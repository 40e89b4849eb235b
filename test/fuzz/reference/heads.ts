// A start line, field lines and an empty line (RFC 9112 sections 2.1 and 5), of requests, answers and trailers alike.
import { exactly, FIELD_LINE } from './grammar.js'
import { OPEN, type Reading, refused, whole } from './reading.js'

export interface Field {
  /** In lower case. */
  readonly name: string
  /** Without the white space around it. */
  readonly value: string
  /** As it came, with its CRLF. */
  readonly line: string
}

export interface Head {
  readonly start: RegExpExecArray
  readonly fields: readonly Field[]
}

const FIELD = exactly(FIELD_LINE)
/** RFC 9112 section 2.2: a CR that is not followed by LF, or an LF that stands alone. The last CR may still get its LF. */
const BARE = /\n|\r(?!$)/

export function readHead(text: string, startLine: RegExp, mostFields: number): Reading<Head> {
  const lines = text.split('\r\n')
  const unfinished = lines.pop() as string
  const blank = lines.indexOf('')
  const [first, ...rest] = blank < 0 ? lines : lines.slice(0, blank)
  const start = first === undefined ? null : startLine.exec(first)
  if (first === undefined && blank >= 0) return refused('an empty line where a start line has to be')
  if (first !== undefined && start === null) return refused(`the start line: ${JSON.stringify(first)}`)
  const fields = readFields(rest, mostFields)
  if (typeof fields === 'string') return refused(fields)
  if (blank < 0) return BARE.test(unfinished) ? refused('a bare CR or LF') : OPEN
  return whole({ start: start as RegExpExecArray, fields }, lengthOf(lines.slice(0, blank + 1)))
}

/** The lines up to and including the first empty one. */
export function readTrailers(text: string): Reading<readonly Field[]> {
  const lines = text.split('\r\n')
  const unfinished = lines.pop() as string
  const blank = lines.indexOf('')
  const fields = readFields(blank < 0 ? lines : lines.slice(0, blank), Infinity)
  if (typeof fields === 'string') return refused(fields)
  if (blank < 0) return BARE.test(unfinished) ? refused('a bare CR or LF') : OPEN
  return whole(fields, lengthOf(lines.slice(0, blank + 1)))
}

function lengthOf(lines: readonly string[]): number {
  return lines.reduce((sum, line) => sum + line.length + 2, 0)
}

/** The fields, or what is wrong with them. */
function readFields(lines: readonly string[], most: number): Field[] | string {
  if (lines.length > most) return 'too many fields'
  const fields: Field[] = []
  for (const line of lines) {
    const match = FIELD.exec(line)
    if (match === null) return `a field line: ${JSON.stringify(line)}`
    const [, name = '', value = ''] = match
    fields.push({ name: name.toLowerCase(), value: trim(value), line: `${line}\r\n` })
  }
  return fields
}

/** Without OWS (RFC 9110 section 5.6.3), which is spaces and tabs and nothing else. */
export function trim(text: string): string {
  return text.replace(/^[ \t]+/, '').replace(/[ \t]+$/, '')
}

export function valuesOf(fields: readonly Field[], name: string): string[] {
  return fields.filter((field) => field.name === name).map((field) => field.value)
}

/** Elements of a comma-separated list (RFC 9110 section 5.6.1), over all the fields of this name, in lower case. */
export function listOf(fields: readonly Field[], name: string): string[] {
  return valuesOf(fields, name).flatMap((value) => elementsOf(value.toLowerCase()))
}

/** Without the empty ones. */
export function elementsOf(list: string): string[] {
  return list
    .split(',')
    .map(trim)
    .filter((element) => element !== '')
}

export type Length =
  { readonly kind: 'none' } | { readonly kind: 'length'; readonly bytes: number } | { kind: 'chunked' }

/**
 * Framing as the fields have it (RFC 9112 section 6), stricter: one Content-Length or one Transfer-Encoding, never both,
 * the one a plain number that a double holds, the other `chunked` and nothing else, and none in HTTP/1.0.
 */
export function readLength(fields: readonly Field[], minor: number): Length | string {
  const lengths = valuesOf(fields, 'content-length')
  const encodings = valuesOf(fields, 'transfer-encoding')
  if (lengths.length + encodings.length > 1) return 'more than one field that frames'
  const [length] = lengths
  const [encoding] = encodings
  if (encoding !== undefined) {
    if (encoding.toLowerCase() !== 'chunked') return 'another coding than chunked'
    return minor === 0 ? 'a coding in HTTP/1.0' : { kind: 'chunked' }
  }
  if (length === undefined) return { kind: 'none' }
  if (!/^0*[0-9]{1,16}$/.test(length) || !Number.isSafeInteger(Number(length)))
    return 'a length that is no plain number'
  return { kind: 'length', bytes: Number(length) }
}
