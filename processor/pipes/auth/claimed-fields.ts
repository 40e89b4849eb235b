// Fields in which the gateway tells instances who asks: what a client sends in them is never believed.
import type { FieldLines } from '../pipe.js'

/**
 * Takes every line with one of `names` out. An origin that maps `_` to `-`, as CGI does, would take `X_User` for `X-User`:
 * such lines go, too.
 */
export function createRemoval(names: readonly string[]): (fields: FieldLines) => void {
  if (names.length === 0) return () => undefined
  const pattern = new RegExp(`^(?:${names.map(anySpelling).join('|')}):[^\\r\\n]*\\r\\n`, 'gim')
  return (fields) => {
    pattern.lastIndex = 0
    if (pattern.test(fields.text)) fields.text = fields.text.replace(pattern, '')
  }
}

/** The source of a pattern for a name in each spelling that origins take for the same. */
export function anySpelling(name: string): string {
  return name.replace(/[.*+^$|]/g, '\\$&').replace(/[-_]/g, '[-_]')
}

const MOST_CHARS = 4096

/**
 * A text as the bytes of a field, in UTF-8 whatever it holds: two different names never become one. Undefined for what no
 * field can hold, or is so long that an instance would refuse the head.
 */
export function fieldText(text: string): string | undefined {
  if (text.length > MOST_CHARS || /[^\t\x20-\x7e\u0080-\uffff]/.test(text)) return undefined
  // Whoever reads it takes the spaces around it away.
  if (/^[\t ]|[\t ]$/.test(text)) return undefined
  return Buffer.from(text, 'utf8').toString('latin1')
}
