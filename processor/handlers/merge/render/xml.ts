// Writes data as XML, the way back from how XML is read: `-name` are attributes, `#text` is text, a list is repeated.
import { Exact, isFields, scalarText, sortedNames, type Fields, type Value } from '../value.js'
import { bounded } from './bounded.js'

/** Around what has no single name of its own. */
const ROOT = 'doc'

export function writeXml(data: Fields): string {
  const [only] = data.keys()
  const value = only === undefined || data.size > 1 ? undefined : data.get(only)
  if (only === undefined || value === undefined || Array.isArray(value) || /^[-#]/.test(only))
    return element(ROOT, data)
  return element(only, value)
}

function element(name: string, value: Value): string {
  const tag = tagOf(name)
  if (Array.isArray(value)) return wrapped(tag, '', elements(name, value))
  if (!isFields(value)) return wrapped(tag, '', escaped(textOf(value)))
  let attributes = ''
  let content = ''
  for (const field of sortedNames(value)) {
    const given = value.get(field) as Value
    if (isAttribute(field, given))
      attributes = bounded(`${attributes} ${tagOf(field.slice(1))}="${escaped(textOf(given))}"`)
    else if (field === '#text') content += escaped(Array.isArray(given) ? given.map(textOf).join(' ') : textOf(given))
    else content = bounded(content + (Array.isArray(given) ? elements(field, given) : element(field, given)))
  }
  return wrapped(tag, attributes, content)
}

function elements(name: string, list: readonly Value[]): string {
  let text = ''
  for (const one of list) text = bounded(text + element(name, one))
  return text
}

function isAttribute(field: string, value: Value): boolean {
  return field.startsWith('-') && field.length > 1 && (value instanceof Exact || typeof value !== 'object')
}

function textOf(value: Value): string {
  return scalarText(value) ?? ''
}

function wrapped(tag: string, attributes: string, content: string): string {
  return content === '' ? `<${tag}${attributes}/>` : `<${tag}${attributes}>${content}</${tag}>`
}

/** Names of JSON that are none of XML would be markup of their own. */
function tagOf(name: string): string {
  const tag = name.replace(/^[-#]+/, '').replace(/[^\w.\-\u00b7-\ud7ff\uf900-\ufffd]/g, '_')
  return /^[A-Za-z_\u00c0-\uffff]/.test(tag) ? tag : `_${tag}`
}

const MARKUP: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
}

/** Section 2.2 of XML 1.0: control characters cannot be written at all. */
function escaped(text: string): string {
  return text.replace(/[&<>"'\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/g, (found) => MARKUP[found] ?? '\ufffd')
}
