// Expressions of a config over an exchange: what each looks at is gathered, and nothing else.
import { readExpression, TooLong, type Dialect, type Expression } from '../../shared/config/pipes/cel.js'
import { lenient, type Uses } from '../../shared/config/pipes/cel-uses.js'
import type { Log } from '../../shared/log.js'
import { findCookie } from '../balancing/cookies.js'
import { claimsOf } from './claims.js'
import { krakendVariables } from './cel-krakend.js'
import type { AnswerHead, PipeExchange } from './pipe.js'

export type Condition = (x: PipeExchange, answer?: AnswerHead) => boolean

/**
 * Of an expression that has passed `celFault`. Where it has no value, e.g. because it compares a text with a number, the
 * condition is `valueless`; `log` is told of the first time. `tooLong` is what it is where a client sent a text that is longer
 * than a pattern is tried on: true where a pipe takes part or refuses by it, false where something must hold.
 */
export function compileCondition(
  text: string,
  log?: Log,
  dialect: Dialect = 'serverpy',
  tooLong = dialect === 'serverpy',
  valueless = false,
): Condition {
  const expression = compileExpression(text, dialect)
  let told = false
  return (x, answer) => {
    try {
      return expression(x, answer) === true
    } catch (error) {
      if (error instanceof TooLong) return tooLong
      if (!told) {
        told = true
        // The message may hold what a client sent.
        const code = error instanceof Error && 'code' in error ? String(error.code) : 'failed'
        log?.warn({ expression: text, error: code }, `an expression has no value and counts as ${valueless}`)
      }
      return valueless
    }
  }
}

/** The value of the expression. Throws where it has none. */
export function compileExpression(
  text: string,
  dialect: Dialect = 'serverpy',
): (x: PipeExchange, answer?: AnswerHead) => unknown {
  const read = readExpression(text, dialect)
  if ('message' in read) throw new TypeError(read.message)
  if (dialect === 'krakend') return (x, answer) => read.evaluate(krakendVariables(read.uses, x, answer))
  const gather = gatherer(read)
  return (x, answer) => read.evaluate(gather(x, answer))
}

type Field = (x: PipeExchange, answer: AnswerHead | undefined) => unknown

/** Maps with an own key for each that the expression names. */
type LookUp = (x: PipeExchange, answer: AnswerHead | undefined, key: string) => unknown

const FIELDS: Readonly<Record<string, Field>> = {
  'request.id': (x) => x.id,
  'request.method': (x) => x.method,
  'request.scheme': (x) => (x.secure ? 'https' : 'http'),
  'request.host': (x) => x.host,
  'request.path': (x) => plainPath(x.path),
  'request.address': (x) => x.address,
  'request.route': (x) => x.route,
  'request.service': (x) => x.service,
  'request.headers': (x) => fieldMap(x.headers),
  'request.query': (x) => queryMap(x.target),
  'request.cookies': (x) => cookieMap(x.headers.get('cookie') ?? ''),
  'response.status': (_, answer) => BigInt(answer?.status ?? 0),
  'response.headers': (_, answer) => (answer ? fieldMap(answer.headers) : new Map<string, string>()),
}

const LOOK_UPS: Readonly<Record<string, LookUp>> = {
  'request.headers': (x, _, key) => x.headers.get(key) ?? '',
  'request.query': (x, _, key) => x.query(key) ?? '',
  'request.params': (x, _, key) => x.param(key) ?? '',
  'request.cookies': (x, _, key) => findCookie(x.headers.get('cookie') ?? '', key, (value) => value) ?? '',
  'response.headers': (_, answer, key) => answer?.headers.get(key) ?? '',
  jwt: (x, _, key) => claimsOf(x)?.[key] ?? null,
}

function gatherer({ uses }: Expression): (x: PipeExchange, answer?: AnswerHead) => Record<string, unknown> {
  const request = partOf(uses, 'request')
  const response = partOf(uses, 'response')
  const claims = keysIn(uses, 'jwt')
  const clock = uses.whole.has('now')
  return (x, answer) => ({
    request: request(x, answer),
    response: response(x, answer),
    jwt: claimsOf(x) ?? {},
    ...(claims && { [lenient('jwt')]: claims(x, answer) }),
    ...(clock && { now: new Date() }),
  })
}

/** The fields of one variable that the expression looks at. */
function partOf(uses: Uses, variable: 'request' | 'response'): Field {
  const fields: (readonly [string, Field])[] = []
  for (const [name, field] of Object.entries(FIELDS))
    if (uses.whole.has(name) && name.startsWith(`${variable}.`)) fields.push([name.slice(variable.length + 1), field])
  for (const name of uses.keys.keys()) {
    const field = name.startsWith(`${variable}.`) ? keysIn(uses, name) : undefined
    if (field) fields.push([lenient(name.slice(variable.length + 1)), field])
  }
  return (x, answer) => {
    const part: Record<string, unknown> = {}
    for (const [name, field] of fields) part[name] = field(x, answer)
    return part
  }
}

function keysIn(uses: Uses, map: string): Field | undefined {
  const keys = uses.keys.get(map)
  const look = LOOK_UPS[map]
  if (keys === undefined || look === undefined) return undefined
  const list = [...keys]
  return (x, answer) => {
    const found = new Map<string, unknown>()
    for (const key of list) found.set(key, look(x, answer, key))
    return found
  }
}

/** Escapes that need not be there are taken out (RFC 3986 section 6.2.2.2): to an instance the two are one. */
function plainPath(path: string): string {
  if (!path.includes('%')) return path
  return path.replace(/%[0-9a-f]{2}/gi, (escape) => {
    const char = String.fromCharCode(parseInt(escape.slice(1), 16))
    return /[\w.~-]/.test(char) ? char : escape
  })
}

/** Names in lower case; several of one name are joined (RFC 9110 section 5.3). */
function fieldMap(fields: Iterable<[string, string]>): Map<string, string> {
  const map = new Map<string, string>()
  for (const [spelled, value] of fields) {
    const name = spelled.toLowerCase()
    const before = map.get(name)
    map.set(name, before === undefined ? value : `${before}, ${value}`)
  }
  return map
}

/** The first value of each. */
function queryMap(target: string): Map<string, string> {
  const at = target.indexOf('?')
  const map = new Map<string, string>()
  if (at === -1) return map
  for (const [name, value] of new URLSearchParams(target.slice(at + 1))) if (!map.has(name)) map.set(name, value)
  return map
}

function cookieMap(header: string): Map<string, string> {
  const map = new Map<string, string>()
  for (const pair of header.split(/[;,]/)) {
    const equals = pair.indexOf('=')
    const name = pair.slice(0, equals).trim()
    if (equals > 0 && !map.has(name)) map.set(name, pair.slice(equals + 1).trim())
  }
  return map
}
