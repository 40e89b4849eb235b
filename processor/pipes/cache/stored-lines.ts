// The field lines of a stored answer: what is kept, what a 304 changes in it, what an answer without a body shows of it.
import { lineOf } from '../../field-lines.js'

/**
 * Of this hop or this one answer (RFC 9111 section 3.1), or written anew each time. Age is counted, and the length is the
 * body's.
 */
const NOT_STORED: ReadonlySet<string> = new Set([
  'age',
  'connection',
  'content-length',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authentication-info',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'x-request-id',
])

/** Of the stored body, whatever a later 304 says of it (RFC 9111 section 3.2). */
const OF_THE_BODY: ReadonlySet<string> = new Set(['content-encoding', 'content-range'])

/** A 304 leaves out what describes a body (RFC 9110 section 15.4.5); CORS, cookies and the like stay. */
const NOT_IN_304 = /^content-(?!location:|security-policy)[^\r\n]*\r\n/gim

/**
 * What is kept of an answer's lines. `dropped`: names, in lower case, that are left out, too. The last line of Via is this
 * gateway's own: it comes with every answer.
 */
export function storedLines(text: string, dropped: readonly string[], date: () => string): string {
  const lines = linesOf(text)
  const own = lines.findLastIndex(({ name }) => name === 'via')
  let kept = ''
  let dated = false
  for (const [i, { name, line }] of lines.entries()) {
    if (i === own || NOT_STORED.has(name) || dropped.includes(name)) continue
    dated ||= name === 'date'
    kept += line
  }
  // RFC 9110 section 6.6.1: what came without a date gets that of its arrival.
  return dated ? kept : kept + lineOf('Date', date())
}

/** The lines of a stored answer after a 304, or the answer to a HEAD, has said `update` (RFC 9111 section 3.2). */
export function updatedLines(stored: string, update: string, dropped: readonly string[]): string {
  const lines = linesOf(update)
  const own = lines.findLastIndex(({ name }) => name === 'via')
  const newer = lines.filter(
    ({ name }, i) => i !== own && !NOT_STORED.has(name) && !OF_THE_BODY.has(name) && !dropped.includes(name),
  )
  const names = new Set(newer.map(({ name }) => name))
  let text = ''
  for (const { name, line } of linesOf(stored)) if (!names.has(name)) text += line
  for (const { line } of newer) text += line
  return text
}

/** Of an answer 304. */
export function bareLines(stored: string): string {
  return stored.replace(NOT_IN_304, '')
}

/** The lines with this name, in lower case. */
export function linesNamed(text: string, wanted: string): string {
  let found = ''
  for (const { name, line } of linesOf(text)) if (name === wanted) found += line
  return found
}

/**
 * The same text in memory of its own. What is cut out of a message, or put together from parts, otherwise keeps all of
 * that alive.
 */
export function ownText(text: string): string {
  return text === '' ? '' : Buffer.from(text, 'latin1').toString('latin1')
}

function linesOf(text: string): { readonly name: string; readonly line: string }[] {
  const lines = []
  for (let start = 0; start < text.length;) {
    const end = text.indexOf('\r\n', start)
    const next = end < 0 ? text.length : end + 2
    const line = text.slice(start, next)
    const colon = line.indexOf(':')
    if (colon > 0) lines.push({ name: line.slice(0, colon).toLowerCase(), line })
    start = next
  }
  return lines
}
