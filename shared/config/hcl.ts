// Reads HCL: blocks with labels, attributes, texts with escapes and heredocs, numbers, booleans, lists and maps.
import type { Path } from './document.js'
import { createHclLexer, type HclLexer } from './hcl-lexer.js'
import { quoted, type Fault } from './problem.js'
import { expandEntry, isObject, Refused, type Spots } from './reader.js'
import type { Environment } from './variables.js'

interface HclDeps {
  readonly env: Environment | 'as-written'
  readonly note: (offset: number, path: Path, fault: Fault) => void
  readonly spots: WeakMap<object, Spots>
}

const DEEPEST = 64

type Body = Record<string, unknown>

/**
 * Plain data. Blocks are lists of bodies, one for each time the block is there: `server { a = 1 }` is
 * `{ server: [{ a: 1 }] }`. Each label is a key above that: `http "x" { a = 1 }` is `{ http: { x: [{ a: 1 }] } }`.
 * Throws `Refused` at the first place that is no HCL.
 */
export function readHcl(text: string, { env, note, spots }: HclDeps): Body {
  const lexer: HclLexer = createHclLexer(text)
  const path: (string | number)[] = []
  /** Lists and maps that are values: blocks of the same name do not join them. */
  const attributes = new Set<unknown>()

  function created<T extends object>(made: T): T {
    spots.set(made, new Map())
    return made
  }

  function put(into: object, step: string | number, given: unknown, at: { key: number; value: number }): void {
    const { value, spot } = expandEntry(given, at, env, (fault) => note(at.value, [...path, step], fault))
    Object.defineProperty(into, step, { value, enumerable: true, configurable: true, writable: true })
    spots.get(into)?.set(step, spot)
  }

  /** To the end of the file, or behind the closing brace. */
  function readBody(end: '}' | ''): Body {
    const body = created<Body>({})
    if (path.length > DEEPEST) throw new Refused(lexer.offset, 'nested too deeply')
    for (;;) {
      const token = lexer.next()
      if (token.kind === 'end' && end === '') return body
      if (token.kind === 'sign' && token.text === '}' && end === '}') return body
      if (token.kind === 'sign' && token.text === ',') continue
      if (token.kind === 'end') throw new Refused(token.offset, 'the file ends before a block is closed with "}"')
      if (token.kind !== 'word' && token.kind !== 'text')
        throw new Refused(token.offset, `the name of a block or of an attribute is expected here, not ${token.shown}`)
      readItem(body, token.text, token.offset)
    }
  }

  function readItem(body: Body, key: string, offset: number): void {
    const labels: { text: string; offset: number }[] = []
    for (;;) {
      const token = lexer.next()
      if (token.kind === 'text' || token.kind === 'word') {
        labels.push({ text: token.text, offset: token.offset })
        continue
      }
      const sign = token.kind === 'sign' ? token.text : ''
      if (sign === '=' || sign === ':') {
        if (labels.length > 0) throw new Refused(labels[0]?.offset ?? 0, 'an attribute has no label')
        return readAttribute(body, key, offset)
      }
      if (sign !== '{')
        throw new Refused(token.offset, `"=" or "{" is expected after ${quoted(key)}, not ${token.shown}`)
      return readBlock(body, [{ text: key, offset }, ...labels], token.offset)
    }
  }

  function readAttribute(body: Body, key: string, offset: number): void {
    const { value, at } = within(key, readValue)
    if (key === '__proto__') return note(offset, path, { message: '"__proto__" cannot be a key' })
    if (Object.hasOwn(body, key)) return note(offset, [...path, key], { message: `duplicate key ${quoted(key)}` })
    attributes.add(value)
    put(body, key, value, { key: offset, value: at })
  }

  function readBlock(body: Body, names: readonly { text: string; offset: number }[], brace: number): void {
    let into: object = body
    const before = path.length
    names.forEach(({ text: name, offset }, i) => {
      if (name === '__proto__') throw new Refused(offset, '"__proto__" cannot be a name')
      const last = i === names.length - 1
      const there: unknown = Object.hasOwn(into, name) ? (into as Body)[name] : undefined
      const fits = isObject(there) && Array.isArray(there) === last && !attributes.has(there)
      if (there !== undefined && !fits)
        throw new Refused(offset, `${quoted(name)} is there already, and is no such block`)
      path.push(name)
      const next = isObject(there) ? there : created(last ? [] : {})
      if (there === undefined) put(into, name, next, { key: offset, value: offset })
      into = next
    })
    const at = { key: names[0]?.offset ?? 0, value: brace }
    const index = (into as unknown[]).length
    path.push(index)
    put(into, index, readBody('}'), at)
    path.length = before
  }

  function within<T>(step: string | number, read: () => T): T {
    path.push(step)
    const value = read()
    path.pop()
    return value
  }

  function readValue(): { value: unknown; at: number } {
    const token = lexer.next()
    const at = token.offset
    if (token.kind === 'text') return { value: token.text, at }
    if (token.kind === 'number') return { value: token.value, at }
    if (token.kind === 'sign' && token.text === '{') return { value: readBody('}'), at }
    if (token.kind === 'sign' && token.text === '[') return { value: readList(), at }
    const word = token.kind === 'word' ? token.text : ''
    if (word === 'true' || word === 'false') return { value: word === 'true', at }
    if (word === 'null') return { value: null, at }
    if (word !== '') throw new Refused(at, `${token.shown} is an expression; only plain values are read`)
    throw new Refused(at, `a value is expected here, not ${token.shown}`)
  }

  function readList(): unknown[] {
    const list = created<unknown[]>([])
    if (path.length > DEEPEST) throw new Refused(lexer.offset, 'nested too deeply')
    for (;;) {
      if (lexer.take(']')) return list
      const { value, at } = within(list.length, readValue)
      put(list, list.length, value, { key: at, value: at })
      if (lexer.take(',')) continue
      if (lexer.take(']')) return list
      throw new Refused(lexer.offset, '"," or "]" is expected here')
    }
  }

  return readBody('')
}
