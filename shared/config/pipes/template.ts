// Texts with places that each exchange fills in: `{id}`, `{header.x-tenant}`; read here, filled by the processor.
import type { z } from 'zod'
import type { Fault } from '../problem.js'
import { text } from '../schema/fields.js'
import { suggest } from '../suggest.js'

/** What an exchange has one of. */
const PLAIN = ['id', 'trace', 'client', 'host', 'method', 'path', 'query', 'scheme', 'route', 'service'] as const
/** What it has by name: `{param.id}`. */
const NAMED = ['param', 'query', 'header', 'cookie', 'claim'] as const

export type Slot =
  | { readonly of: (typeof PLAIN)[number]; readonly name?: undefined }
  | { readonly of: (typeof NAMED)[number]; readonly name: string }

/** Texts as they are, and the places between them. Plain JSON data. */
export type Template = readonly (string | Slot)[]

const SLOT = /\{\{|\}\}|\{([^{}]*)\}|[{}]/g
const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,200}$/

/** `{{` and `}}` stand for braces. */
export function readTemplate(given: string): Template | Fault {
  const parts: (string | Slot)[] = []
  let plain = ''
  let at = 0
  for (const match of given.matchAll(SLOT)) {
    plain += given.slice(at, match.index)
    at = match.index + match[0].length
    if (match[0] === '{{' || match[0] === '}}') {
      plain += match[0][0] as string
      continue
    }
    if (match[1] === undefined)
      return { message: `a "${match[0]}" stands alone`, hint: `write ${match[0]}${match[0]} for a brace` }
    const slot = readSlot(match[1])
    if ('message' in slot) return slot
    if (plain !== '') parts.push(plain)
    plain = ''
    parts.push(slot)
  }
  plain += given.slice(at)
  return plain !== '' || parts.length === 0 ? [...parts, plain] : parts
}

function readSlot(inside: string): Slot | Fault {
  const dot = inside.indexOf('.')
  const of = dot === -1 ? inside : inside.slice(0, dot)
  const name = dot === -1 ? undefined : inside.slice(dot + 1)
  if (name === undefined && isOneOf(PLAIN, of)) return { of }
  if (name !== undefined && NAME.test(name) && isOneOf(NAMED, of)) return { of, name }
  const words = [...PLAIN, ...NAMED.map((kind) => `${kind}.NAME`)]
  const near = suggest(inside, PLAIN)
  return { message: `{${inside.slice(0, 40)}} is nothing that can be filled in`, hint: near ?? words.join(', ') }
}

function isOneOf<const T extends string>(words: readonly T[], word: string): word is T {
  return (words as readonly string[]).includes(word)
}

/** Of a text that has passed `template`. */
export function toTemplate(given: string): Template {
  const read = readTemplate(given)
  return 'message' in read ? [given] : read
}

/** What the text is where nothing in it changes; undefined otherwise. */
export function constantOf(template: Template): string | undefined {
  const [first] = template
  return template.length === 1 && typeof first === 'string' ? first : undefined
}

/** A text with places; what stands between them must pass `check`. */
export function template(check?: (plain: string) => Fault | undefined): z.ZodString {
  return text((value) => {
    const read = readTemplate(value)
    if ('message' in read) return read
    const plain = read.map((part) => (typeof part === 'string' ? part : 'x')).join('')
    return check?.(plain)
  })
}
