// What tells the answers of one URL apart: the request fields that Vary names (RFC 9111 section 4.1).
import type { FieldLines } from '../../field-lines.js'
import { ownText } from './stored-lines.js'

/** Names in lower case, sorted: those of `key.headers` and of Vary. */
export type Selecting = readonly string[]
/** In the order of the names; undefined: the request had no such field. */
export type Selected = readonly (Value | undefined)[]

interface Value {
  /** As it came: mostly the next request has it in the same spelling. */
  readonly spelled: string
  /** What it means. */
  readonly plain: string
}

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/
const MOST_NAMES = 32
const MOST_VALUE_CHARACTERS = 8192

/** The gateway's own, or known to it alone: what they would be at the next request cannot be compared. */
const UNKNOWABLE = /^(?:x-forwarded-(?!proto$).*|forwarded|x-real-ip|x-request-id|via|traceparent|tracestate)$/
/** In the key already. */
const IN_KEY = new Set(['host', 'x-forwarded-proto'])

/** Undefined: nobody else may have the answer. `always`: in lower case. */
export function selectingFields(vary: string | undefined, always: readonly string[]): Selecting | undefined {
  if (vary === undefined && always.length === 0) return NONE
  const names = new Set(always)
  for (const member of (vary ?? '').toLowerCase().split(',')) {
    const name = member.trim()
    if (name === '' || IN_KEY.has(name)) continue
    if (name === '*' || UNKNOWABLE.test(name) || !TOKEN.test(name)) return undefined
    names.add(name)
  }
  return names.size > MOST_NAMES ? undefined : [...names].sort()
}

const NONE: Selecting = []

/** Undefined: the values are too long to be kept. */
export function selectedFor(names: Selecting, fields: FieldLines): Selected | undefined {
  let characters = 0
  const values = names.map((name) => {
    const value = valueOf(name, fields.text)
    if (value === undefined) return undefined
    characters += value.length
    const spelled = ownText(value)
    const plain = normal(name, value)
    return { spelled, plain: plain === value ? spelled : ownText(plain) }
  })
  return characters > MOST_VALUE_CHARACTERS ? undefined : values
}

/** Whether a request with `fields` would have the same values. */
export function selects(names: Selecting, values: Selected, fields: FieldLines): boolean {
  for (let i = 0; i < names.length; i++) {
    const name = names[i] as string
    const asked = valueOf(name, fields.text)
    const stored = values[i]
    if (asked === stored?.spelled) continue
    if (asked === undefined || stored === undefined || asked.length > MOST_VALUE_CHARACTERS) return false
    if (plainOf(name, asked) !== stored.plain) return false
  }
  return true
}

/** What was worked out last: one request is compared with many answers. */
let last = { name: '', asked: '', plain: '' }

function plainOf(name: string, asked: string): string {
  if (last.asked !== asked || last.name !== name) last = { name, asked: ownText(asked), plain: normal(name, asked) }
  return last.plain
}

/** As `FieldLines.get`, for a name in lower case: this runs for every answer from the store that has Vary. */
function valueOf(name: string, text: string): string | undefined {
  const { length } = name
  const first = name.charCodeAt(0)
  let found: string | undefined
  for (let start = 0, end = text.indexOf('\n'); end >= 0; start = end + 1, end = text.indexOf('\n', start)) {
    if (text.charCodeAt(start + length) !== COLON) continue
    if ((text.charCodeAt(start) | 0x20) !== (first | 0x20)) continue
    if (text.slice(start, start + length).toLowerCase() !== name) continue
    const value = text.slice(start + length + 1, end).trim()
    found = found === undefined ? value : `${found}, ${value}`
  }
  return found
}

const COLON = 0x3a

/** As far as it means the same in every field: lists without the space around their commas (RFC 9110 section 5.6.1). */
function normal(name: string, value: string): string {
  // No pattern: spaces between two others would be looked through again and again.
  const isList = value.includes(',') && !value.includes('"')
  const plain = isList ? Array.from(value.split(','), (member) => member.trim()).join(',') : value
  return name === 'accept-language' || name === 'accept-encoding' ? plain.toLowerCase() : plain
}

export function sameNames(a: Selecting, b: Selecting): boolean {
  return a === b || (a.length === b.length && a.every((name, i) => name === b[i]))
}
