// Header fields as the lines in which they travel: looked up, changed and added without taking the rest apart.

/** RFC 9110 section 5.6.2. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
/** RFC 9110 section 5.5, as Latin-1. */
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/

/** The engine's own: where a message ends, whom it is for, and what holds for one connection only. */
const NOT_TO_SET: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'host',
  'keep-alive',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
])

/** Lines that look for one name; names come from configs and code, and are few. */
const patterns = new Map<string, RegExp>()
const MOST_PATTERNS = 1000

function patternOf(name: string): RegExp {
  let pattern = patterns.get(name)
  if (pattern === undefined) {
    if (!TOKEN.test(name)) throw new TypeError(`${JSON.stringify(name)} is not the name of a field`)
    if (patterns.size >= MOST_PATTERNS) patterns.clear()
    pattern = new RegExp(`^${name.replace(/[.*+^$|]/g, '\\$&')}:([^\\r\\n]*)\\r\\n`, 'gim')
    patterns.set(name, pattern)
  }
  pattern.lastIndex = 0
  return pattern
}

/** Without the spaces around it. A pattern that did this would take the square of their number, which a client chooses. */
function trimmed(value: string): string {
  let start = 0
  let end = value.length
  while (start < end && isBlank(value.charCodeAt(start))) start++
  while (end > start && isBlank(value.charCodeAt(end - 1))) end--
  return value.slice(start, end)
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09
}

/** Names in any case. Setting throws a TypeError for what cannot be a field, or is the engine's to set. */
export class FieldLines implements Iterable<[string, string]> {
  /** Whatever is changed later. */
  private readonly came: string

  /** `text`: whole lines, each with its CRLF. */
  constructor(public text: string) {
    this.came = text
  }

  /** All values, joined with `, ` (RFC 9110 section 5.3). */
  get(name: string): string | undefined {
    return joined(name, this.text)
  }

  /** The same of the lines as they came, for what is between the client and this gateway alone. */
  given(name: string): string | undefined {
    return joined(name, this.came)
  }

  getAll(name: string): string[] {
    return Array.from(this.text.matchAll(patternOf(name)), (match) => trimmed(match[1] as string))
  }

  has(name: string): boolean {
    return patternOf(name).test(this.text)
  }

  /** Puts one line in the place of all that had this name. */
  set(name: string, value: string): void {
    const line = lineOf(name, value)
    this.text = (this.has(name) ? this.text.replace(patternOf(name), '') : this.text) + line
  }

  /** One line more. */
  add(name: string, value: string): void {
    this.text += lineOf(name, value)
  }

  delete(name: string): void {
    if (NOT_TO_SET.has(name.toLowerCase())) throw new TypeError(`${name} is the gateway's own to set`)
    if (this.has(name)) this.text = this.text.replace(patternOf(name), '')
  }

  /** Name, as it is spelled, and value of each line. */
  *[Symbol.iterator](): Iterator<[string, string]> {
    for (const line of this.text.split('\r\n')) {
      const colon = line.indexOf(':')
      if (colon > 0) yield [line.slice(0, colon), line.slice(colon + 1).trim()]
    }
  }
}

function joined(name: string, text: string): string | undefined {
  const pattern = patternOf(name)
  const first = pattern.exec(text)
  if (first === null) return undefined
  let value = trimmed(first[1] as string)
  for (let next = pattern.exec(text); next !== null; next = pattern.exec(text))
    value += `, ${trimmed(next[1] as string)}`
  return value
}

/** Without Content-Length and Transfer-Encoding: for a body that is framed anew. */
export function withoutFraming(lines: string): string {
  return lines.replace(/^(?:content-length|transfer-encoding):[^\r\n]*\r\n/gim, '')
}

/** One field line with its CRLF. Text beyond Latin-1 is sent as UTF-8. */
export function lineOf(name: string, given: string): string {
  if (!TOKEN.test(name)) throw new TypeError(`${JSON.stringify(name)} is not the name of a field`)
  if (NOT_TO_SET.has(name.toLowerCase())) throw new TypeError(`${name} is the gateway's own to set`)
  const value = textOf(name, given)
  const bytes = /[^\x00-\xff]/.test(value) ? Buffer.from(value, 'utf8').toString('latin1') : value
  if (!VALUE.test(bytes)) throw new TypeError(`the value of ${name} holds a byte that no field may have`)
  return `${name}: ${bytes}\r\n`
}

/** Code without types hands over anything: what is missing is not to be sent as "undefined". */
function textOf(name: string, value: unknown): string {
  if (typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  throw new TypeError(`the value of ${name} is text, not ${value === null ? 'null' : typeof value}`)
}

/** Lines of somebody else's, each of them such as a pipe may set; those of `before` may stay as they are. */
export function checkedLines(text: string, before = ''): string {
  const known = new Set(before.split('\r\n'))
  let checked = ''
  for (const line of text.split('\r\n')) {
    if (line === '') continue
    const colon = line.indexOf(':')
    if (colon < 1 && !known.has(line)) throw new TypeError(`${JSON.stringify(line)} is not the line of a field`)
    checked += known.has(line) ? `${line}\r\n` : lineOf(line.slice(0, colon), line.slice(colon + 1).trim())
  }
  return checked
}
