// Writes data as YAML in block style: plain where nothing can be misread, else as JSON writes it, which is YAML too.
import { Exact, isFields, sortedNames, type Fields, type Value } from '../value.js'
import { bounded } from './bounded.js'

const PLAIN = /^(?:[A-Za-z_/]|-[A-Za-z_])[\w /.@+,:()=?%~'-]*$/
const MISREAD = /^(?:y|n|yes|no|on|off|true|false|null|nan|inf)$|: |[: ]$/i

export function writeYaml(data: Fields): string {
  return data.size === 0 ? '{}\n' : block(data, '')
}

/** `lead`: stands before the first line in place of the indent. To cut it off again would copy the block at each level. */
function block(value: Fields | readonly Value[], indent: string, lead = indent): string {
  let lines = ''
  let before = lead
  if (value instanceof Map) {
    for (const name of sortedNames(value)) {
      lines = bounded(`${lines}${before}${text(name)}:${below(value.get(name) as Value, indent)}`)
      before = indent
    }
    return lines
  }
  for (const one of value) {
    const rest = isNested(one) ? block(one, `${indent}  `, '') : `${scalar(one)}\n`
    lines = bounded(`${lines}${before}- ${rest}`)
    before = indent
  }
  return lines
}

function below(value: Value, indent: string): string {
  if (!isNested(value)) return ` ${scalar(value)}\n`
  return `\n${block(value, Array.isArray(value) ? indent : `${indent}  `)}`
}

function isNested(value: Value): value is Fields | Value[] {
  return Array.isArray(value) ? value.length > 0 : isFields(value) && value.size > 0
}

function scalar(value: Value): string {
  if (typeof value === 'string') return text(value)
  if (value instanceof Exact) return value.text
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? '[]' : '{}'
  return String(value)
}

function text(given: string): string {
  return PLAIN.test(given) && !MISREAD.test(given) ? given : JSON.stringify(given)
}
