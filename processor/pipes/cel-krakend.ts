// The variables of KrakenD's expressions, from an exchange: lists of values, names of fields in their canonical spelling.
import type { Uses } from '../../shared/config/pipes/cel-uses.js'
import { claimsOf } from './claims.js'
import type { AnswerHead, PipeExchange } from './pipe.js'

type Variable = (x: PipeExchange, answer: AnswerHead | undefined, keys: ReadonlySet<string>) => unknown

const VARIABLES: Readonly<Record<string, Variable>> = {
  req_method: (x) => x.method,
  req_path: (x) => x.path,
  req_params: (x, _, keys) => paramMap(x, keys),
  req_headers: (x) => fieldLists(x.headers),
  req_querystring: (x) => queryLists(x.target),
  resp_completed: (_, answer) => answer?.headers.get('x-krakend-completed') === 'true',
  resp_metadata_status: (_, answer) => BigInt(answer?.status ?? 0),
  resp_metadata_headers: (_, answer) => (answer ? fieldLists(answer.headers) : new Map()),
  resp_data: (_, answer) => dataOf(answer?.body),
  JWT: (x) => claimsOf(x) ?? {},
  now: () => new Date().toISOString(),
}

const NO_KEYS: ReadonlySet<string> = new Set()

export function krakendVariables(uses: Uses, x: PipeExchange, answer: AnswerHead | undefined): Record<string, unknown> {
  const found: Record<string, unknown> = {}
  for (const name of uses.whole) {
    const variable = Object.hasOwn(VARIABLES, name) ? VARIABLES[name] : undefined
    if (variable) found[name] = variable(x, answer, uses.keys.get(name) ?? NO_KEYS)
  }
  return found
}

/** It writes the names of parameters with a capital first letter. */
function paramMap(x: PipeExchange, keys: ReadonlySet<string>): Map<string, string> {
  const map = new Map<string, string>()
  for (const key of keys) {
    const value = x.param(key) ?? x.param(key.charAt(0).toLowerCase() + key.slice(1)) ?? x.param(key.toLowerCase())
    if (value !== undefined) map.set(key, value)
  }
  return map
}

function fieldLists(fields: Iterable<[string, string]>): Map<string, string[]> {
  const map = new Map<string, string[]>()
  for (const [spelled, value] of fields) {
    const name = spelled.toLowerCase().replace(/(^|-)[a-z]/g, (letter) => letter.toUpperCase())
    collect(map, name, value)
  }
  return map
}

function queryLists(target: string): Map<string, string[]> {
  const map = new Map<string, string[]>()
  const at = target.indexOf('?')
  if (at !== -1) for (const [name, value] of new URLSearchParams(target.slice(at + 1))) collect(map, name, value)
  return map
}

function collect(map: Map<string, string[]>, name: string, value: string): void {
  const before = map.get(name)
  if (before) before.push(value)
  else map.set(name, [value])
}

/** A list stands under `collection`, as everywhere in KrakenD; what is no JSON holds nothing. */
function dataOf(body: Buffer | undefined): unknown {
  if (body === undefined) return {}
  try {
    const data: unknown = JSON.parse(body.toString('utf8'))
    if (Array.isArray(data)) return { collection: data }
    return typeof data === 'object' && data !== null ? data : {}
  } catch {
    return {}
  }
}
