// Names as small integers: an instance's id is stored once, whatever the number of its rows.
// Only ids, services and routes are interned, which come from the config and never from a client; they stay for as long
// as roll-ups may refer to them.
import type { Database } from './driver.js'

export interface Names {
  /** The number of a name, given to it now if it has none. Only inside a write transaction. */
  number(text: string): number
  find(text: string): number | undefined
  text(no: number): string
  /** After a rollback: numbers given since may be gone. */
  forgetCache(): void
}

const CACHED = 50_000

export function createNames(db: Database): Names {
  const insert = db.prepare('INSERT INTO name (text) VALUES (?)')
  const byText = db.prepare<[string], number>('SELECT no FROM name WHERE text = ?').pluck()
  const byNo = db.prepare<[number], string>('SELECT text FROM name WHERE no = ?').pluck()
  const numbers = new Map<string, number>()
  const texts = new Map<number, string>()

  function remember(text: string, no: number): void {
    if (numbers.size >= CACHED) numbers.clear()
    if (texts.size >= CACHED) texts.clear()
    numbers.set(text, no)
    texts.set(no, text)
  }

  function find(text: string): number | undefined {
    const cached = numbers.get(text)
    if (cached !== undefined) return cached
    const no = byText.get(text)
    if (no !== undefined) remember(text, no)
    return no
  }

  return {
    find,
    number(text) {
      const known = find(text)
      if (known !== undefined) return known
      const no = Number(insert.run(text).lastInsertRowid)
      remember(text, no)
      return no
    },
    text(no) {
      const cached = texts.get(no)
      if (cached !== undefined) return cached
      const text = byNo.get(no) ?? ''
      remember(text, no)
      return text
    },
    forgetCache() {
      numbers.clear()
      texts.clear()
    },
  }
}
