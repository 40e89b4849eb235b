// Reads patterns of the kind that can be matched in linear time: regular expressions without look-around and back references.
import type { Fault } from '../problem.js'

/** Which characters it takes: those of Latin-1 one by one, and what is beyond by its kind. */
export type CharacterSet = Uint8Array

/** Whose reading of `.` and `\s` counts: that of most engines, for fields, or JavaScript's. */
export type Dialect = 'fields' | 'javascript'

const LATIN = 256
const SPACE = 256
const LINE_SEPARATOR = 257
const OTHER = 258
const KINDS = 259

/** Where a set has a character. */
export function kindOf(point: number): number {
  if (point < LATIN) return point
  if (point === 0x2028 || point === 0x2029) return LINE_SEPARATOR
  const isSpace = (point >= 0x2000 && point <= 0x200a) || SPACES_BEYOND.has(point)
  return isSpace ? SPACE : OTHER
}

const SPACES_BEYOND: ReadonlySet<number> = new Set([0x1680, 0x202f, 0x205f, 0x3000, 0xfeff])

export type Node =
  | { readonly kind: 'set'; readonly set: CharacterSet }
  | { readonly kind: 'begin' }
  | { readonly kind: 'end' }
  | { readonly kind: 'all'; readonly parts: readonly Node[] }
  | { readonly kind: 'any'; readonly parts: readonly Node[] }
  | { readonly kind: 'repeat'; readonly of: Node; readonly least: number; readonly most: number }

export type ReadPattern = { readonly node: Node } | { readonly fault: Fault }

const MOST_CHARS = 500
const MOST_REPEATS = 1000

class Unreadable extends Error {}

/** Never throws. */
export function readPattern(pattern: string, dialect: Dialect): ReadPattern {
  if (pattern === '') return { fault: { message: 'must not be empty' } }
  if (pattern.length > MOST_CHARS) return { fault: { message: `a pattern may have at most ${MOST_CHARS} characters` } }
  try {
    return { node: createParser(pattern, READINGS[dialect])() }
  } catch (error) {
    if (error instanceof Unreadable) return { fault: { message: `not a pattern: ${error.message}` } }
    throw error
  }
}

function createParser(pattern: string, { any, classes }: Reading): () => Node {
  const flags = /^\(\?([is]+)\)/.exec(pattern)
  const anyCase = flags?.[1]?.includes('i') === true
  let at = flags?.[0].length ?? 0

  function choice(): Node {
    const parts = [sequence()]
    while (pattern[at] === '|') {
      at++
      parts.push(sequence())
    }
    return parts.length === 1 ? (parts[0] as Node) : { kind: 'any', parts }
  }

  function sequence(): Node {
    const parts: Node[] = []
    while (at < pattern.length && pattern[at] !== '|' && pattern[at] !== ')') parts.push(repeated(atom()))
    return { kind: 'all', parts }
  }

  function atom(): Node {
    const char = pattern[at++] as string
    if (char === '(') return group()
    if (char === '^') return { kind: 'begin' }
    if (char === '$') return { kind: 'end' }
    if (char === '.') return { kind: 'set', set: any }
    if (char === '[') return { kind: 'set', set: bracket() }
    if (char === '*' || char === '+' || char === '?') throw new Unreadable(`nothing stands before "${char}"`)
    return { kind: 'set', set: cased(char === '\\' ? escape() : setOf(char)) }
  }

  function group(): Node {
    if (pattern[at] === '?') {
      const name = /^\?(?::|P?<[A-Za-z_]\w*>)/.exec(pattern.slice(at))
      if (!name) throw new Unreadable('a group of this kind is not supported; (…) and (?:…) are')
      at += name[0].length
    }
    const inside = choice()
    if (pattern[at++] !== ')') throw new Unreadable('a "(" is not closed')
    return inside
  }

  function repeated(of: Node): Node {
    let node = of
    for (let count = quantifier(); count !== undefined; count = quantifier())
      node = { kind: 'repeat', of: node, ...count }
    return node
  }

  function quantifier(): { least: number; most: number } | undefined {
    const match = /^(?:[*+?]|\{(\d{1,4})(?:(,)(\d{1,4})?)?\})\??/.exec(pattern.slice(at))
    if (!match) return undefined
    at += match[0].length
    const [all, low, comma, high] = match
    if (low === undefined) return { least: all[0] === '+' ? 1 : 0, most: all[0] === '?' ? 1 : Infinity }
    const least = Number(low)
    const most = comma === undefined ? least : high === undefined ? Infinity : Number(high)
    if (most < least) throw new Unreadable('a repetition has its limits the wrong way round')
    if (least > MOST_REPEATS || (most !== Infinity && most > MOST_REPEATS))
      throw new Unreadable(`a repetition has at most ${MOST_REPEATS}`)
    return { least, most }
  }

  function escape(): CharacterSet {
    const char = pattern[at++]
    if (char === undefined) throw new Unreadable('a "\\" stands at the end')
    const known = classes[char]
    if (known) return known
    const hex = char === 'x' ? /^[0-9a-fA-F]{2}/.exec(pattern.slice(at)) : null
    if (hex) {
      at += 2
      return setOf(String.fromCharCode(Number.parseInt(hex[0], 16)))
    }
    const control = CONTROLS[char]
    if (control !== undefined) return setOf(control)
    if (/[A-Za-z0-9]/.test(char)) throw new Unreadable(`"\\${char}" is not supported`)
    return setOf(char)
  }

  function bracket(): CharacterSet {
    const set = new Uint8Array(KINDS)
    const negated = pattern[at] === '^'
    if (negated) at++
    for (let first = true; first || pattern[at] !== ']'; first = false) {
      if (at >= pattern.length) throw new Unreadable('a "[" is not closed')
      if (pattern.startsWith('[:', at)) throw new Unreadable('"[:…:]" is not supported')
      const from = member()
      const low = onlyOf(from)
      if (pattern[at] === '-' && at + 1 < pattern.length && pattern[at + 1] !== ']' && low !== undefined) {
        at++
        const high = onlyOf(member())
        if (high === undefined || high < low)
          throw new Unreadable('a range of characters has its ends the wrong way round')
        for (let code = low; code <= high; code++) set[code] = 1
      } else addAll(set, from)
    }
    at++
    const complete = cased(set)
    return negated ? inverse(complete) : complete
  }

  function member(): CharacterSet {
    const char = pattern[at++] as string
    return char === '\\' ? escape() : setOf(char)
  }

  function cased(set: CharacterSet): CharacterSet {
    if (!anyCase) return set
    const both = set.slice()
    for (let code = 65; code <= 90; code++) if (set[code] || set[code + 32]) both[code] = both[code + 32] = 1
    return both
  }

  return () => {
    const node = choice()
    if (at < pattern.length) throw new Unreadable('a ")" has no "("')
    return node
  }
}

function setOf(chars: string): CharacterSet {
  const set = new Uint8Array(KINDS)
  for (const char of chars) {
    const code = char.codePointAt(0) as number
    if (code >= LATIN) throw new Unreadable('a character beyond Latin-1 is not supported')
    set[code] = 1
  }
  return set
}

function inverse(set: CharacterSet): CharacterSet {
  return set.map((taken) => 1 - taken)
}

function addAll(set: CharacterSet, more: CharacterSet): void {
  for (const [code, taken] of more.entries()) if (taken) set[code] = 1
}

/** The only character of a set; undefined where it has several. */
function onlyOf(set: CharacterSet): number | undefined {
  const first = set.indexOf(1)
  return first >= 0 && set.indexOf(1, first + 1) < 0 ? first : undefined
}

const DIGITS = setOf('0123456789')
const WORDS = setOf('0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_')

interface Reading {
  /** What `.` takes. */
  readonly any: CharacterSet
  readonly classes: Readonly<Record<string, CharacterSet>>
}

const READINGS: Readonly<Record<Dialect, Reading>> = {
  fields: readingOf(setOf('\n'), setOf('\t\n\v\f\r ')),
  javascript: readingOf(beside(setOf('\n\r'), LINE_SEPARATOR), beside(setOf('\t\n\v\f\r \xa0'), LINE_SEPARATOR, SPACE)),
}

function readingOf(ends: CharacterSet, spaces: CharacterSet): Reading {
  const classes = { d: DIGITS, D: inverse(DIGITS), w: WORDS, W: inverse(WORDS), s: spaces, S: inverse(spaces) }
  return { any: inverse(ends), classes }
}

function beside(set: CharacterSet, ...kinds: readonly number[]): CharacterSet {
  for (const kind of kinds) set[kind] = 1
  return set
}

const CONTROLS: Readonly<Record<string, string>> = { t: '\t', n: '\n', r: '\r', f: '\f', v: '\v' }
