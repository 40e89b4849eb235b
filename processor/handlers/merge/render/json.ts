// Writes data as JSON with the names of fields in the order of their bytes, safe to stand within a page.
import { Exact, isFields, sortedNames, type Value } from '../value.js'
import { bounded } from './bounded.js'

const SPECIAL = /["\\\x00-\x1f<>&\u2028\u2029]/
const SPECIALS = /["\\\x00-\x1f<>&\u2028\u2029]/g

const SHORT: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
}

export function writeJson(value: Value): string {
  if (typeof value === 'string') return quotedJson(value)
  if (value instanceof Exact) return value.text
  if (Array.isArray(value)) {
    let text = '['
    for (let i = 0; i < value.length; i++) text = bounded(`${text}${i === 0 ? '' : ','}${writeJson(value[i] as Value)}`)
    return `${text}]`
  }
  if (isFields(value)) {
    let text = '{'
    for (const name of sortedNames(value))
      text = bounded(`${text}${text.length === 1 ? '' : ','}${quotedJson(name)}:${writeJson(value.get(name) as Value)}`)
    return `${text}}`
  }
  return typeof value === 'number' && !Number.isFinite(value) ? 'null' : String(value)
}

export function quotedJson(text: string): string {
  return SPECIAL.test(text) ? `"${text.replace(SPECIALS, escaped)}"` : `"${text}"`
}

function escaped(character: string): string {
  return SHORT[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}
