// Reads JSON (RFC 8259) so that it can be written again unchanged: a number that a double would change keeps its text.
import { Budget, Unreadable } from '../budget.js'
import { Exact, type Fields, type Value } from '../value.js'

const TAB = 9
const LF = 10
const CR = 13
const SPACE = 32
const QUOTE = 34
const COMMA = 44
const MINUS = 45
const ZERO = 48
const NINE = 57
const COLON = 58
const BACKSLASH = 92
const OPEN_LIST = 91
const CLOSE_LIST = 93
const OPEN_FIELDS = 123
const CLOSE_FIELDS = 125

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
/** A double holds every whole number of so many digits. */
const SAFE_DIGITS = 15

/** Throws `Unreadable`. Of two fields with one name the later counts. */
export function readJson(text: string, budget: Budget = new Budget()): Value {
  return new Reader(text, budget).whole()
}

class Reader {
  private at = 0

  constructor(
    private readonly text: string,
    private readonly budget: Budget,
  ) {}

  whole(): Value {
    const value = this.value(0)
    this.space()
    if (this.at < this.text.length) throw this.fault()
    return value
  }

  private value(depth: number): Value {
    switch (this.space()) {
      case OPEN_FIELDS:
        return this.fields(depth + 1)
      case OPEN_LIST:
        return this.list(depth + 1)
      case QUOTE:
        this.budget.value()
        return this.string()
      case 116:
        return this.word('true', true)
      case 102:
        return this.word('false', false)
      case 110:
        return this.word('null', null)
      default:
        return this.number()
    }
  }

  private fields(depth: number): Fields {
    this.budget.structure(depth)
    const fields: Fields = new Map()
    this.at++
    if (this.space() === CLOSE_FIELDS) return this.closed(fields)
    for (;;) {
      if (this.space() !== QUOTE) throw this.fault()
      const name = this.string()
      if (this.space() !== COLON) throw this.fault()
      this.at++
      fields.set(name, this.value(depth))
      if (!this.more(CLOSE_FIELDS)) return this.closed(fields)
    }
  }

  private list(depth: number): Value[] {
    this.budget.structure(depth)
    const list: Value[] = []
    this.at++
    if (this.space() === CLOSE_LIST) return this.closed(list)
    for (;;) {
      list.push(this.value(depth))
      if (!this.more(CLOSE_LIST)) return this.closed(list)
    }
  }

  private closed<T>(value: T): T {
    this.at++
    return value
  }

  /** Behind an element: whether another one follows. */
  private more(close: number): boolean {
    const next = this.space()
    if (next === close) return false
    if (next !== COMMA) throw this.fault()
    this.at++
    return true
  }

  private string(): string {
    const { text } = this
    const start = this.at + 1
    let escaped = false
    for (let at = start; ; at++) {
      const unit = text.charCodeAt(at)
      if (unit === QUOTE) {
        this.at = at + 1
        return escaped ? this.unescaped(start - 1, at + 1) : text.slice(start, at)
      }
      if (unit === BACKSLASH) {
        escaped = true
        at++
      } else if (!(unit >= SPACE)) {
        this.at = at
        throw this.fault()
      }
    }
  }

  private unescaped(start: number, end: number): string {
    try {
      return JSON.parse(this.text.slice(start, end)) as string
    } catch {
      this.at = start
      throw this.fault()
    }
  }

  private number(): number | Exact {
    this.budget.value()
    const { text, at: start } = this
    const first = text.charCodeAt(start)
    let at = first === MINUS ? start + 1 : start
    const digits = at
    for (let unit = text.charCodeAt(at); unit >= ZERO && unit <= NINE; unit = text.charCodeAt(at)) at++
    const next = text.charCodeAt(at)
    const plain = next !== 46 && next !== 101 && next !== 69
    const count = at - digits
    if (plain && count > 0 && count <= SAFE_DIGITS && text.charCodeAt(digits) !== ZERO) {
      this.at = at
      return Number(text.slice(start, at))
    }
    NUMBER.lastIndex = start
    const spelled = NUMBER.exec(text)?.[0]
    if (spelled === undefined) throw this.fault()
    this.at = start + spelled.length
    const number = Number(spelled)
    return String(number) === spelled ? number : new Exact(spelled)
  }

  private word<T extends boolean | null>(word: string, value: T): T {
    this.budget.value()
    if (!this.text.startsWith(word, this.at)) throw this.fault()
    this.at += word.length
    return value
  }

  /** Skips white space; the unit behind it, NaN at the end. */
  private space(): number {
    for (;;) {
      const unit = this.text.charCodeAt(this.at)
      if (unit !== SPACE && unit !== LF && unit !== CR && unit !== TAB) return unit
      this.at++
    }
  }

  private fault(): Unreadable {
    return new Unreadable(
      this.at >= this.text.length ? 'the answer is no JSON: it ends too early' : `the answer is no JSON at ${this.at}`,
    )
  }
}
