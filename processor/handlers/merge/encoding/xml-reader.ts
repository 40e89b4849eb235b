// Reads XML 1.0 into elements: no entities but the five that XML itself has, no declarations, nothing from outside.
import { type Budget, Unreadable } from '../budget.js'

export interface Element {
  /** Without its prefix. */
  readonly name: string
  /** What stands before the colon of its name; may be empty. */
  readonly prefix: string
  /** Names without their prefixes. */
  readonly attributes: readonly (readonly [name: string, value: string])[]
  readonly children: Element[]
  /** What is written in it, piece by piece, without outer white space; none is empty. */
  readonly text: string[]
}

const NAMED: ReadonlyMap<string, string> = new Map([
  ['amp', '&'],
  ['lt', '<'],
  ['gt', '>'],
  ['quot', '"'],
  ['apos', "'"],
])
/** From `&` to `;`. */
const LONGEST_ENTITY = 32

const NAME = '[A-Za-z_\\u0080-\\uffff][\\w.\\-\\u0080-\\uffff]*(?::[A-Za-z_\\u0080-\\uffff][\\w.\\-\\u0080-\\uffff]*)?'
const START = new RegExp(`<(${NAME})`, 'y')
const ATTRIBUTE = new RegExp(`\\s+(${NAME})\\s*=\\s*(?:"([^"<]*)"|'([^'<]*)')`, 'y')
const START_END = /\s*(\/?)>/y
const END = new RegExp(`</(${NAME})\\s*>`, 'y')

/** The outermost element. Throws `Unreadable`. */
export function readXml(text: string, budget: Budget): Element {
  return new Reader(text, budget).root()
}

class Reader {
  private at = 0
  private readonly open: { readonly element: Element; readonly tag: string }[] = []
  private found: Element | undefined

  constructor(
    private readonly text: string,
    private readonly budget: Budget,
  ) {}

  root(): Element {
    const { text } = this
    while (this.at < text.length) {
      const next = text.indexOf('<', this.at)
      this.characters(text.slice(this.at, next < 0 ? undefined : next), true)
      if (next < 0) break
      this.at = next
      this.markup()
    }
    if (this.found === undefined || this.open.length > 0)
      throw new Unreadable('the answer is no XML: it ends too early')
    return this.found
  }

  private markup(): void {
    const { text, at } = this
    if (text.startsWith('<!--', at)) this.skipTo('-->')
    else if (text.startsWith('<?', at)) this.skipTo('?>')
    else if (text.startsWith('<![CDATA[', at)) {
      const end = text.indexOf(']]>', at)
      if (end < 0) throw this.fault()
      this.characters(text.slice(at + 9, end), false)
      this.at = end + 3
    } else if (text.startsWith('<!DOCTYPE', at)) this.skipDoctype()
    else if (text.startsWith('</', at)) this.end()
    else this.start()
  }

  private start(): void {
    const tag = this.take(START)?.[1]
    if (tag === undefined || (this.open.length === 0 && this.found !== undefined)) throw this.fault()
    this.budget.structure(this.open.length + 1)
    const attributes: [string, string][] = []
    for (let found = this.take(ATTRIBUTE); found !== null; found = this.take(ATTRIBUTE)) {
      this.budget.value()
      attributes.push([localName(found[1] as string), this.resolved(found[2] ?? found[3] ?? '')])
    }
    const close = this.take(START_END)?.[1]
    if (close === undefined) throw this.fault()
    const colon = tag.indexOf(':')
    const element = {
      name: localName(tag),
      prefix: colon < 0 ? '' : tag.slice(0, colon),
      attributes,
      children: [],
      text: [],
    }
    const parent = this.open.at(-1)
    if (parent === undefined) this.found = element
    else parent.element.children.push(element)
    if (close === '') this.open.push({ element, tag })
  }

  private end(): void {
    const tag = this.take(END)?.[1]
    if (tag === undefined || this.open.pop()?.tag !== tag) throw this.fault()
  }

  private characters(raw: string, escaped: boolean): void {
    const plain = raw.trim()
    if (plain === '') return
    const parent = this.open.at(-1)
    if (parent === undefined) throw this.fault()
    this.budget.value()
    parent.element.text.push(escaped ? this.resolved(plain) : plain)
  }

  // Whatever a document declares, nothing in it counts: an entity of its own is a fault where it is used.
  private skipDoctype(): void {
    const { text } = this
    if (this.found !== undefined) throw this.fault()
    let brackets = 0
    let quote = ''
    for (let at = this.at; at < text.length; at++) {
      const character = text[at] as string
      if (quote !== '') quote = character === quote ? '' : quote
      else if (character === '"' || character === "'") quote = character
      else if (character === '[') brackets++
      else if (character === ']') brackets--
      else if (character === '>' && brackets === 0) {
        this.at = at + 1
        return
      }
    }
    throw this.fault()
  }

  private skipTo(end: string): void {
    const found = this.text.indexOf(end, this.at)
    if (found < 0) throw this.fault()
    this.at = found + end.length
  }

  private resolved(text: string): string {
    let resolved = ''
    let from = 0
    // One by one: a pattern would look for all of them before the first that is none is a fault.
    for (let at = text.indexOf('&'); at >= 0; at = text.indexOf('&', from)) {
      const end = text.slice(at, at + LONGEST_ENTITY).indexOf(';') + at
      const name = text.slice(at + 1, Math.max(at, end))
      const character = NAMED.get(name) ?? numbered(name)
      if (character === undefined) throw new Unreadable('the answer has an entity that XML itself does not have')
      resolved += text.slice(from, at) + character
      from = end + 1
    }
    return from === 0 ? text : resolved + text.slice(from)
  }

  private take(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.at
    const found = pattern.exec(this.text)
    if (found !== null) this.at = pattern.lastIndex
    return found
  }

  private fault(): Unreadable {
    return new Unreadable(`the answer is no XML at ${this.at}`)
  }
}

function localName(name: string): string {
  return name.slice(name.indexOf(':') + 1)
}

function numbered(name: string): string | undefined {
  const [, hex, decimal] = /^#(?:x([0-9a-fA-F]{1,6})|(\d{1,7}))$/.exec(name) ?? []
  const code = hex !== undefined ? parseInt(hex, 16) : Number(decimal)
  // Section 2.2: these are characters; NaN is none.
  const allowed = code === 9 || code === 10 || code === 13 || (code >= 32 && code < 0xd800)
  if (!allowed && !(code >= 0xe000 && code <= 0xfffd) && !(code >= 0x10000 && code <= 0x10ffff)) return undefined
  return String.fromCodePoint(code)
}
