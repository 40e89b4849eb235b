// Cuts HCL into words, texts, numbers and signs. Linear in the length of the text.
import { quoted } from './problem.js'
import { Refused } from './reader.js'

export type HclToken = {
  readonly offset: number
  /** For messages. */
  readonly shown: string
} & (
  | { readonly kind: 'word' | 'text' | 'sign'; readonly text: string }
  | { readonly kind: 'number'; readonly value: number }
  | { readonly kind: 'end' }
)

export interface HclLexer {
  /** Where the next token begins. */
  readonly offset: number
  /** Throws `Refused` for what is no token. */
  next(): HclToken
  /** Whether the next token is this sign; if so, it is consumed. */
  take(sign: string): boolean
}

const SPACE = /[ \t\r\n\ufeff]+|(?:#|\/\/)[^\n]*/y
const WORD = /[\p{L}_][\p{L}\p{N}_.-]*/uy
const NUMBER = /-?(?:0[xX][0-9a-fA-F]{1,12}|\d{1,300}(?:\.\d{1,300})?(?:[eE][+-]?\d{1,3})?)(?![\p{L}\p{N}_])/uy
const PLAIN = /[^"\\\n\r\u0000]*/y
const HEREDOC = /<<(-?)([\p{L}_][\p{L}\p{N}_]{0,99})[ \t]*\r?\n/uy
const ESCAPE = /\\(?:(["\\nrtabfv])|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8}))/y
const ESCAPED: Readonly<Record<string, string>> = {
  n: '\n',
  r: '\r',
  t: '\t',
  a: '\u0007',
  b: '\b',
  f: '\f',
  v: '\v',
}

export function createHclLexer(text: string): HclLexer {
  let at = 0

  function match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = at
    const found = pattern.exec(text)
    if (found) at = pattern.lastIndex
    return found
  }

  function skipSpace(): void {
    for (;;) {
      while (match(SPACE));
      if (!text.startsWith('/*', at)) return
      const end = text.indexOf('*/', at + 2)
      if (end === -1) throw new Refused(at, 'the comment is not closed with "*/"')
      at = end + 2
    }
  }

  /** Behind the opening quote. */
  function readText(offset: number): string {
    let value = ''
    for (;;) {
      value += match(PLAIN)?.[0] ?? ''
      const char = text[at]
      if (char === '"') {
        at++
        return value
      }
      if (char !== '\\') throw new Refused(offset, 'the text is not closed on its line')
      const start = at
      const [, plain, four, eight] = match(ESCAPE) ?? []
      const code = Number.parseInt(four ?? eight ?? '', 16)
      if (plain !== undefined) value += ESCAPED[plain] ?? plain
      else if (code <= 0x10ffff) value += String.fromCodePoint(code)
      else throw new Refused(start, 'there is no such escape')
    }
  }

  /** Whole lines, up to the one that holds the mark alone. */
  function readHeredoc(offset: number, indented: boolean, mark: string): string {
    const lines: string[] = []
    for (;;) {
      if (at >= text.length) throw new Refused(offset, `the text is not closed with ${mark} on a line of its own`)
      const end = text.indexOf('\n', at)
      const line = text.slice(at, end === -1 ? text.length : end)
      at = end === -1 ? text.length : end + 1
      if (line.trim() === mark)
        return `${(indented ? outdented(lines) : lines).join('\n')}${lines.length > 0 ? '\n' : ''}`
      lines.push(line)
    }
  }

  function read(): HclToken {
    skipSpace()
    const offset = at
    const char = text[at]
    if (char === undefined) return { kind: 'end', offset, shown: 'the end of the file' }
    if (char === '"') {
      at++
      return { kind: 'text', offset, text: readText(offset), shown: 'text' }
    }
    if ('{}[]=:,'.includes(char)) {
      at++
      return { kind: 'sign', offset, text: char, shown: quoted(char) }
    }
    const heredoc = match(HEREDOC)
    if (heredoc) {
      return { kind: 'text', offset, text: readHeredoc(offset, heredoc[1] === '-', heredoc[2] ?? ''), shown: 'text' }
    }
    const number = match(NUMBER)?.[0]
    if (number !== undefined && Number.isFinite(numberOf(number)))
      return { kind: 'number', offset, value: numberOf(number), shown: 'a number' }
    at = offset
    const word = match(WORD)?.[0]
    if (word !== undefined) return { kind: 'word', offset, text: word, shown: quoted(word) }
    throw new Refused(offset, `unexpected ${quoted(String.fromCodePoint(text.codePointAt(at) ?? 0))}`)
  }

  return {
    get offset() {
      skipSpace()
      return at
    },
    next: read,
    take(sign) {
      skipSpace()
      if (text[at] !== sign) return false
      at++
      return true
    },
  }
}

// Number() knows no sign before 0x.
function numberOf(text: string): number {
  return text.startsWith('-') ? -Number(text.slice(1)) : Number(text)
}

/** Without the white space that all lines begin with. */
function outdented(lines: readonly string[]): string[] {
  const indents = lines.filter((line) => line.trim() !== '').map((line) => line.length - line.trimStart().length)
  const least = indents.reduce((least, indent) => Math.min(least, indent), Number.MAX_SAFE_INTEGER)
  return lines.map((line) => line.slice(least))
}
