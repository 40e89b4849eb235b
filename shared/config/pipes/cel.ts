// Expressions in CEL, the Common Expression Language: read and checked here, with a closed set of variables.
import { Environment, type ParseResult } from '@marcbachmann/cel-js'
import { quoted, type Fault } from '../problem.js'
import { compilePattern, patternFault, type SafePattern } from './pattern.js'
import { findUses, isFault, lenient, type Node, type Uses } from './cel-uses.js'

/** `krakend`: the variables of KrakenD's `validation/cel`. */
export type Dialect = 'serverpy' | 'krakend'

export interface Expression {
  /** Throws where the expression has no value for `variables`, e.g. for a key that is not there. */
  evaluate(variables: Readonly<Record<string, unknown>>): unknown
  readonly uses: Uses
}

const MOST_CHARS = 4000
/** The work of one evaluation grows with these, never with what clients send alone. */
const LIMITS = { maxAstNodes: 1000, maxDepth: 40, maxListElements: 500, maxMapEntries: 100, maxCallArguments: 8 }

/** What `matches` is called inside: the library's own would build a pattern for each evaluation. */
const MATCHES = 'matchesPattern'
const MOST_PATTERNS = 1000
const patterns = new Map<string, SafePattern>()

/** A text is longer than a pattern is tried on: clients must not be able to choose what that means. */
export class TooLong extends Error {}

/** Patterns are written out in expressions and checked there: they are few. */
function matches(value: string, pattern: string): boolean {
  let known = patterns.get(pattern)
  if (known === undefined) {
    if (patterns.size >= MOST_PATTERNS) patterns.clear()
    patterns.set(pattern, (known = compilePattern(pattern)))
  }
  if (value.length > known.mostChars) throw new TooLong('too long to be matched')
  return known.expression.test(value)
}

const environments: Record<Dialect, Environment | undefined> = { serverpy: undefined, krakend: undefined }

function environmentOf(dialect: Dialect): Environment {
  return (environments[dialect] ??= dialect === 'krakend' ? krakendEnvironment() : ownEnvironment())
}

function emptyEnvironment(): Environment {
  return new Environment({ limits: LIMITS, homogeneousAggregateLiterals: false }).registerFunction(
    `string.${MATCHES}(string): bool`,
    matches,
    { async: false },
  )
}

function ownEnvironment(): Environment {
  return (
    emptyEnvironment()
      // A claim that is missing holds nothing: `!('admin' in jwt.roles)` is true for a client without any.
      .registerOperator('dyn in null', () => false)
      .registerVariable('request', 'map<string, dyn>')
      .registerVariable('response', 'map<string, dyn>')
      .registerVariable('jwt', 'map<string, dyn>')
      .registerVariable(lenient('jwt'), 'map<string, dyn>')
      .registerVariable('now', 'google.protobuf.Timestamp')
  )
}

function krakendEnvironment(): Environment {
  return emptyEnvironment()
    .registerVariable('req_method', 'string')
    .registerVariable('req_path', 'string')
    .registerVariable('req_params', 'map<string, string>')
    .registerVariable('req_headers', 'map<string, list<string>>')
    .registerVariable('req_querystring', 'map<string, list<string>>')
    .registerVariable('resp_completed', 'bool')
    .registerVariable('resp_metadata_status', 'int')
    .registerVariable('resp_metadata_headers', 'map<string, list<string>>')
    .registerVariable('resp_data', 'map<string, dyn>')
    .registerVariable('JWT', 'map<string, dyn>')
    .registerVariable('now', 'string')
}

/**
 * What is wrong with a condition that is looked at when a request comes, as `when` of a pipe is; undefined where nothing is.
 */
export function celFault(text: string, dialect: Dialect = 'serverpy'): Fault | undefined {
  const read = readExpression(text, dialect)
  if (isFault(read)) return read
  if (dialect === 'krakend' || !looksAtAnswer(read)) return undefined
  return {
    message: 'there is no answer yet when this is looked at',
    hint: 'rules of the pipe "expression" may look at response',
  }
}

/** Whether it has a value only when there is an answer. */
export function looksAtAnswer({ uses }: Expression): boolean {
  return [...uses.whole, ...uses.keys.keys()].some((name) => /^resp(?:onse\.|_)/.test(name))
}

/** Says yes or no: an expression of another type is a fault. */
export function readExpression(text: string, dialect: Dialect = 'serverpy'): Expression | Fault {
  if (text.trim() === '') return { message: 'must not be empty' }
  if (text.length > MOST_CHARS) return { message: `an expression may have at most ${MOST_CHARS} characters` }
  let parsed: ParseResult
  try {
    parsed = environmentOf(dialect).parse(text)
  } catch (error) {
    return told(error)
  }
  const uses = findUses(parsed.ast as unknown as Node, { matches: MATCHES, patternFault })
  if (isFault(uses)) return uses
  const checked = parsed.check()
  if (!checked.valid) return told(checked.error)
  if (checked.type !== 'bool' && checked.type !== 'dyn')
    return { message: `must say true or false, and is of type ${checked.type ?? 'unknown'}` }
  return { evaluate: (variables) => parsed(variables as Record<string, unknown>) as unknown, uses }
}

interface CelError {
  readonly summary?: string
  readonly range?: { readonly start: number; readonly end: number }
  readonly node?: { readonly input?: string }
}

function told(error: unknown): Fault {
  const { summary, range, node } = error as CelError
  const said = (summary ?? 'it cannot be read').replaceAll(MATCHES, 'matches').replace(/\s+/g, ' ')
  const near = range && node?.input?.slice(range.start, Math.max(range.end, range.start + 1))
  const at = near === undefined || near.trim() === '' ? '' : `, at ${quoted(near)}`
  const message = `not an expression: ${said.charAt(0).toLowerCase()}${said.slice(1)}${at}`
  return said.startsWith('Unknown variable')
    ? { message, hint: 'there are request, response, jwt and now' }
    : { message }
}
