// Fills in texts of the config that have places for what an exchange brings.
import { constantOf, type Slot, type Template } from '../../shared/config/pipes/template.js'
import { findCookie } from '../balancing/cookies.js'
import { claimAt } from './claims.js'
import type { PipeExchange } from './pipe.js'

/** What is done with a value of an exchange before it is filled in. */
export type Escape = (value: string, of: Slot['of'] | typeof PAIRS) => string

/** The whole query, in the place of one. */
const PAIRS = 'pairs'

export type Filler = (x: PipeExchange) => string

/** Bytes of one value that are filled in at most. */
const MOST_CHARS = 4096

/** A text where nothing in it changes, else a function that makes it. */
export function compileTemplate(template: Template, escape: Escape): string | Filler {
  const constant = constantOf(template)
  if (constant !== undefined) return constant
  const mark = template.findIndex((part) => typeof part === 'string' && part.includes('?'))
  const kindOf = (slot: Slot, i: number): Parameters<Escape>[1] =>
    slot.of === 'query' && slot.name === undefined && -1 < mark && mark < i ? PAIRS : slot.of
  const parts = template.map((part, i) =>
    typeof part === 'string' ? part : { read: readerOf(part), of: kindOf(part, i) },
  )
  return (x) => {
    let text = ''
    for (const part of parts)
      text += typeof part === 'string' ? part : escape(part.read(x).slice(0, MOST_CHARS), part.of)
    return text
  }
}

const UNFIT = /[\x00-\x08\x0a-\x1f\x7f]+/g

/** For the value of a header field: nothing in it may end the line. */
export const inField: Escape = (value) => value.replace(UNFIT, ' ')

/** As it came but for what no address may hold. */
const UNFIT_IN_QUERY = /[^\w.~!$&'()*+,;=:@/?%-]/g

/**
 * For a path or a query: what has a meaning there is percent-encoded, and so is what could lead elsewhere, such as `/` and
 * `..`. A whole path keeps its slashes, a query behind its mark its pairs, a parameter of the route is encoded as it came,
 * and the host is one already.
 */
export const inTarget: Escape = (value, of) => {
  if (of === 'host') return value
  if (of === PAIRS) return value.replace(UNFIT_IN_QUERY, encodeByte)
  if (of === 'path') return value.replace(/[^\w.~!$&'()*+,;=:@/%-]/g, encodeByte)
  const plain =
    of === 'param' ? value.replace(/[^\w.~!$'()*,:@%-]/g, encodeByte) : encodeURIComponent(wellFormed(value))
  return plain === '.' || plain === '..' ? plain.replaceAll('.', '%2E') : plain
}

/** Paths are bytes. */
function encodeByte(char: string): string {
  return `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`
}

/** For the value of a parameter in a query. */
export const inQuery: Escape = (value) => encodeURIComponent(wellFormed(value))

/** Lone surrogates cannot be encoded. */
function wellFormed(value: string): string {
  return Buffer.from(value, 'utf8').toString('utf8')
}

function readerOf(slot: Slot): Filler {
  switch (slot.of) {
    case 'id':
      return (x) => x.id
    case 'trace':
      return (x) => x.traceId
    case 'client':
      return (x) => x.address
    case 'host':
      return (x) => x.host
    case 'method':
      return (x) => x.method
    case 'path':
      return (x) => x.path
    case 'scheme':
      return (x) => (x.secure ? 'https' : 'http')
    case 'route':
      return (x) => x.route
    case 'service':
      return (x) => x.service
    case 'query':
      return slot.name === undefined ? queryOf : named(slot.name, (x, name) => x.query(name))
    case 'param':
      return named(slot.name, (x, name) => x.param(name))
    case 'header':
      return named(slot.name, (x, name) => x.headers.get(name))
    case 'cookie':
      return named(slot.name, (x, name) => findCookie(x.headers.get('cookie') ?? '', name, (value) => value))
    case 'claim': {
      const path = slot.name.split('.')
      return (x) => textOf(claimAt(x, path))
    }
  }
}

function named(name: string, read: (x: PipeExchange, name: string) => string | undefined): Filler {
  return (x) => read(x, name) ?? ''
}

/** As it came, without the question mark. */
function queryOf(x: PipeExchange): string {
  const at = x.asked.indexOf('?')
  return at === -1 ? '' : x.asked.slice(at + 1)
}

/** A list in the form of a field with several values. */
function textOf(claim: unknown): string {
  if (typeof claim === 'string') return claim
  if (typeof claim === 'number' || typeof claim === 'boolean') return String(claim)
  if (Array.isArray(claim)) return claim.map(textOf).join(', ')
  return claim === undefined || claim === null ? '' : JSON.stringify(claim)
}
