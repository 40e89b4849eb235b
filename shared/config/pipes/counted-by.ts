// What requests are told apart by where they are counted: by who asks, or by what is asked for.
import { z } from 'zod'
import { quoted, type Fault } from '../problem.js'
import { fieldNameFault } from '../text/http.js'
import type { Draft } from '../normalise/context.js'
import { text } from '../schema/fields.js'

export type CountKey =
  /** `ip`: the client's address, of IPv6 its /64. */
  | { readonly on: 'ip' | 'route' | 'service' }
  /** In lower case. */
  | { readonly on: 'header'; readonly name: string }
  /** Path into the claims of the client's token. */
  | { readonly on: 'claim'; readonly path: readonly string[] }
  /** Of the route's path. */
  | { readonly on: 'param'; readonly name: string }

const PLAIN = ['ip', 'route', 'service'] as const
const HINT = 'one of ip, route, service, header:NAME, claim:NAME, param:NAME'
const MOST_KEYS = 8

function keyFault(given: string): Fault | undefined {
  if (PLAIN.some((plain) => plain === given)) return undefined
  const [, on, name] = /^(header|claim|param):(.*)$/s.exec(given) ?? []
  if (on === undefined || name === undefined) return { message: `${quoted(given)} is nothing to count by`, hint: HINT }
  if (on === 'header') return fieldNameFault(name)
  if (on === 'claim' && !name.split('.').every((part) => part !== ''))
    return { message: 'not the name of a claim', hint: 'as in "claim:sub" or "claim:realm.tenant"' }
  if (on === 'param' && !/^\w+$/.test(name))
    return { message: 'not the name of a parameter', hint: 'as in "param:id", for a path such as /orders/{id}' }
  return undefined
}

export function countedBy() {
  const one = text(keyFault)
  return z.union([one, z.array(one).min(1).max(MOST_KEYS)], { error: `must be ${HINT}, or a list of them` })
}

/** In the order of the file; `otherwise` where it says nothing. */
export function readCountedBy(
  given: Draft<string | readonly string[]> | undefined,
  otherwise: CountKey,
): readonly CountKey[] {
  if (given === undefined) return [otherwise]
  const list = typeof given === 'string' ? [given] : given
  return list.flatMap((one) => (one === undefined ? [] : [keyOf(one)]))
}

function keyOf(given: string): CountKey {
  const colon = given.indexOf(':')
  const name = given.slice(colon + 1)
  switch (colon < 0 ? given : given.slice(0, colon)) {
    case 'header':
      return { on: 'header', name: name.toLowerCase() }
    case 'claim':
      return { on: 'claim', path: name.split('.') }
    case 'param':
      return { on: 'param', name }
    case 'route':
      return { on: 'route' }
    case 'service':
      return { on: 'service' }
    default:
      return { on: 'ip' }
  }
}
