// The parts of a regular expression, with the characters that each takes and how often it may come.

/** A bit for each ASCII character, and one for all others. */
export type CharSet = bigint

interface Counted {
  /** It may be missing. */
  readonly optional: boolean
  /** It may come a varying number of times, more than once. */
  readonly repeats: boolean
}

export interface Atom extends Counted {
  readonly kind: 'atom'
  readonly set: CharSet
}

export type Token = { readonly depth: number } & (
  | Atom
  /** A place, such as `^`. */
  | { readonly kind: 'zero' }
  | { readonly kind: 'or' }
  /** `branches`: there is a choice right in it. */
  | ({ readonly kind: 'open'; readonly branches: boolean } & Counted)
  /** `varies`: what stands in the group has no fixed form. */
  | ({ readonly kind: 'close'; readonly varies: boolean } & Counted)
)

const ATOM =
  /\[(?:\\[^]|[^\]\\])*\]|\\(?:[pP]\{[^}]*\}|k<[^>]*>|x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|[^])|\(\?(?:[:=!]|<[=!]|<[^>]*>)|[^]/g
const COUNT = /(?:[*+?]|\{(\d+)(,?)(\d*)\})\??/y

const OTHERS: CharSet = 1n << 128n
const ALL: CharSet = (1n << 129n) - 1n

/** Of a pattern that compiles. A text: what it has that is not supported. */
export function readPatternTokens(pattern: string): Token[] | string {
  const tokens: Token[] = []
  /** Places of the openings, and whether what came since varies. */
  const open: { readonly at: number; varies: boolean; branches: boolean }[] = [
    { at: -1, varies: false, branches: false },
  ]
  ATOM.lastIndex = 0
  for (let match = ATOM.exec(pattern); match !== null; match = ATOM.exec(pattern)) {
    const [text] = match
    const depth = open.length - 1
    if (/^\\(?:[1-9]|k<)/.test(text)) return 'a back reference'
    if (/^\(\?(?:[=!]|<[=!])/.test(text)) return 'a look ahead or behind'
    const group = open.at(-1) as (typeof open)[number]
    if (text.startsWith('(')) {
      open.push({ at: tokens.length, varies: false, branches: false })
      tokens.push({ kind: 'open', branches: false, optional: false, repeats: false, depth })
      continue
    }
    if (text === '|') {
      group.varies = group.branches = true
      tokens.push({ kind: 'or', depth })
      continue
    }
    if (/^(?:[$^]|\\[bB])$/.test(text)) {
      tokens.push({ kind: 'zero', depth })
      continue
    }
    const count = readCount(pattern, ATOM)
    if (text !== ')') {
      tokens.push({ kind: 'atom', set: setOf(text), ...count, depth })
      if (count.varies) group.varies = true
      continue
    }
    open.pop()
    const outer = open.at(-1) as (typeof open)[number]
    if (group.varies || count.varies) outer.varies = true
    const { optional, repeats } = count
    tokens[group.at] = { kind: 'open', branches: group.branches, optional, repeats, depth: depth - 1 }
    tokens.push({ kind: 'close', varies: group.varies, optional, repeats, depth: depth - 1 })
  }
  return tokens
}

/** The count behind what was just read; moves past it. */
function readCount(pattern: string, at: RegExp): Counted & { readonly varies: boolean } {
  COUNT.lastIndex = at.lastIndex
  const match = COUNT.exec(pattern)
  if (match === null) return { optional: false, repeats: false, varies: false }
  at.lastIndex += match[0].length
  const [text, least, comma, most] = match
  if (least === undefined) return { optional: !text.startsWith('+'), repeats: !text.startsWith('?'), varies: true }
  const exact = comma === '' || most === least
  const many = exact ? Number(least) > 1 : most === '' || Number(most) > 1
  return { optional: Number(least) === 0, repeats: many && !exact, varies: !exact || many }
}

function setOf(text: string): CharSet {
  if (text === '.') return ALL & ~(bit(10) | bit(13))
  if (text.startsWith('[')) return classSet(text)
  return text.startsWith('\\') ? escapeSet(text) : bit(text.charCodeAt(0))
}

function bit(code: number): CharSet {
  return code < 128 ? 1n << BigInt(code) : OTHERS
}

function range(from: number, to: number): CharSet {
  let set = to >= 128 ? OTHERS : 0n
  for (let code = from; code <= Math.min(to, 127); code++) set |= bit(code)
  return set
}

const DIGITS = range(48, 57)
const WORD = DIGITS | range(65, 90) | range(97, 122) | bit(95)
const SPACES = range(9, 13) | bit(32) | OTHERS
const NAMED: Readonly<Record<string, CharSet>> = {
  d: DIGITS,
  D: ALL & ~DIGITS,
  w: WORD,
  W: ALL & ~WORD,
  s: SPACES,
  // Some beyond ASCII are spaces, most are not.
  S: ALL & ~(SPACES & ~OTHERS),
  n: bit(10),
  r: bit(13),
  t: bit(9),
  v: bit(11),
  f: bit(12),
  0: bit(0),
}

/** What is not known takes anything. */
function escapeSet(text: string): CharSet {
  const [, letter = ''] = text
  if (text.length === 2) return NAMED[letter] ?? (/[A-Za-z]/.test(letter) ? ALL : bit(letter.charCodeAt(0)))
  return letter === 'x' || letter === 'u' ? bit(Number.parseInt(text.slice(2), 16)) : ALL
}

const CLASS_PART = /\\(?:[pP]\{[^}]*\}|x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|[^])|[^]/g

function classSet(text: string): CharSet {
  const negated = text.startsWith('[^')
  const parts = text.slice(negated ? 2 : 1, -1).match(CLASS_PART) ?? []
  let set = 0n
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i] as string
    const last = parts[i + 1] === '-' ? parts[i + 2] : undefined
    const [from, to] = [codeOf(part), last === undefined ? undefined : codeOf(last)]
    if (from !== undefined && to !== undefined) {
      set |= range(from, to)
      i += 2
    } else set |= part.startsWith('\\') ? escapeSet(part) : bit(part.charCodeAt(0))
  }
  // What is beyond ASCII may be in the class and outside of it.
  return negated ? (ALL & ~set) | OTHERS : set
}

/** Of one character; undefined for a kind of them. */
function codeOf(part: string): number | undefined {
  if (!part.startsWith('\\')) return part.charCodeAt(0)
  const [, letter = ''] = part
  if (part.length === 2) return /[A-Za-z0-9]/.test(letter) ? undefined : letter.charCodeAt(0)
  return letter === 'x' || letter === 'u' ? Number.parseInt(part.slice(2), 16) : undefined
}
