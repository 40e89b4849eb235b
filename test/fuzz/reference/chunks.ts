// Chunked bodies (RFC 9112 section 7.1), line by line.
import { CHUNK_LINE, exactly } from './grammar.js'
import { readTrailers } from './heads.js'
import { OPEN, type Reading, refused, whole } from './reading.js'

export interface ChunkedBody {
  readonly content: string
  /** What travels on: all of it, save trailer fields that end here. */
  readonly passes: string
}

/** Fields that are no trailers are left out of an answer, while a request that has one is refused. */
export interface TrailerRules {
  readonly of: 'request' | 'answer'
  /** Names in Connection (RFC 9110 section 7.6.1): they end here, in the trailer, too. */
  readonly hop: readonly string[]
}

const LINE = exactly(CHUNK_LINE)
/** A double holds 13 hexadecimal digits; zeros before them say nothing, and have a bound. */
const MOST_SIGNIFICANT = 13
const MOST_DIGITS = 256
const MOST_EXTENSION = 256
const MOST_EXTENSIONS = 16 * 1024
const MOST_TRAILERS = 8 * 1024

/** RFC 9110 section 6.5.1: fields of framing, routing, authentication and of how the content is to be read. */
const NO_TRAILERS = [
  ...['content-length', 'transfer-encoding', 'content-type', 'content-encoding', 'content-range', 'range'],
  ...['host', 'connection', 'keep-alive', 'te', 'trailer', 'upgrade', 'via', 'forwarded', 'max-forwards', 'expect'],
  ...['authorization', 'cookie', 'set-cookie', 'cache-control', 'http2-settings'],
  ...['proxy-authenticate', 'proxy-authorization', 'proxy-connection'],
]
/** What only a proxy says, and what an origin that reads `_` as `-` would take for framing. */
const OF_PROXIES = /^x[-_]forwarded[-_]|^x[-_]real[-_]ip$|^x[-_]request[-_]id$|^content_length$|^transfer_encoding$/

export function readChunked(text: string, rules: TrailerRules): Reading<ChunkedBody> {
  let at = 0
  let content = ''
  let extensions = 0
  for (;;) {
    const lineEnd = text.indexOf('\r\n', at)
    const line = lineEnd < 0 ? text.slice(at) : text.slice(at, lineEnd)
    if (lineEnd < 0) return readUnfinished(line)
    const match = LINE.exec(line)
    if (match === null) return refused(`a chunk line: ${JSON.stringify(line)}`)
    const [, digits = '', extension = ''] = match
    extensions += extension.length
    const significant = digits.replace(/^0+/, '').length
    if (digits.length > MOST_DIGITS || significant > MOST_SIGNIFICANT) return refused('too many digits')
    if (extension.length > MOST_EXTENSION || extensions > MOST_EXTENSIONS) return refused('too much of extensions')
    at = lineEnd + 2
    const size = Number.parseInt(digits, 16)
    if (size === 0) return readEnd(text, at, content, rules)
    const after = text.slice(at + size, at + size + 2)
    if (!'\r\n'.startsWith(after)) return refused('data without CRLF behind it')
    if (after.length < 2) return OPEN
    content += text.slice(at, at + size)
    at += size + 2
  }
}

function readUnfinished(line: string): Reading<ChunkedBody> {
  if (/\n|\r(?!$)/.test(line)) return refused('a bare CR or LF')
  return line.length > MOST_DIGITS + 1 + MOST_EXTENSION + 1 ? refused('an endless chunk line') : OPEN
}

function readEnd(text: string, at: number, content: string, { of, hop }: TrailerRules): Reading<ChunkedBody> {
  const section = text.slice(at)
  const trailers = readTrailers(section)
  if (trailers.kind === 'refused') return trailers
  if (trailers.kind === 'open') return section.length > MOST_TRAILERS ? refused('too much of trailers') : OPEN
  if (trailers.end > MOST_TRAILERS) return refused('too much of trailers')
  const banned = trailers.value.find(({ name }) => isBanned(name))
  if (banned !== undefined && of === 'request') return refused(`a field that is no trailer: ${banned.name}`)
  const lines = trailers.value.filter(({ name }) => !isBanned(name) && !hop.includes(name)).map(({ line }) => line)
  return whole({ content, passes: `${text.slice(0, at)}${lines.join('')}\r\n` }, at + trailers.end)
}

function isBanned(name: string): boolean {
  return NO_TRAILERS.includes(name) || OF_PROXIES.test(name)
}
