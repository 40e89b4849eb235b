// Regular expressions of a config that run over what clients send: those that could take very long are refused.
import type { Fault } from '../problem.js'
import { readPatternTokens, type Atom, type Token } from './pattern-tokens.js'

export interface SafePattern {
  readonly expression: RegExp
  /** Longer texts would take too long: whoever runs it does not try them. */
  readonly mostChars: number
}

const MOST_CHARS = 500
/** Of texts for which the time grows with the square of their length: some milliseconds. */
const MOST_SQUARE_CHARS = 2048
/** The time may grow with the square of the length. */
const MOST_COST = 2
/** Each may double the time, whatever the length. */
const MOST_CHOICES = 10

/** What is wrong with a pattern; undefined for one that compiles and whose time is bounded. */
export function patternFault(pattern: string): Fault | undefined {
  if (pattern === '') return { message: 'must not be empty' }
  if (pattern.length > MOST_CHARS) return { message: `a pattern may have at most ${MOST_CHARS} characters` }
  try {
    new RegExp(pattern)
  } catch (error) {
    const message = error instanceof Error ? error.message.replace(/^.*: (?=[^:]*$)/, '') : ''
    return { message: `not a regular expression: ${message}` }
  }
  const read = costOf(pattern)
  return typeof read === 'number' ? undefined : read
}

/** Of a pattern that has passed `patternFault`. */
export function compilePattern(pattern: string): SafePattern {
  const cost = costOf(pattern)
  const mostChars = typeof cost === 'number' && cost < MOST_COST ? Infinity : MOST_SQUARE_CHARS
  return { expression: new RegExp(pattern), mostChars }
}

const SLOW = 'could take very long for texts that clients choose'

/** The power of the length with which the time of a search may grow; or why that is too much. */
function costOf(pattern: string): number | Fault {
  const tokens = readPatternTokens(pattern)
  if (typeof tokens === 'string') return { message: `${tokens} ${SLOW}` }
  let choices = 0
  // A search begins at each place of the text, unless it can begin at one alone.
  let branching = pattern.startsWith('^') && !tokens.some(({ kind, depth }) => kind === 'or' && depth === 0) ? 0 : 1
  let cost = 1
  for (const [i, token] of tokens.entries()) {
    if (token.kind === 'or' || (token.kind !== 'zero' && token.optional)) choices++
    if (token.kind === 'zero' || token.kind === 'open' || token.kind === 'or' || !token.repeats) continue
    if (token.kind === 'close' && token.varies)
      return { message: `a repetition of what varies itself ${SLOW}`, hint: 'such as (a+)+ or (a|b)*; use [ab]*' }
    cost = Math.max(cost, branching + 1)
    if (token.kind === 'close' || !isDetermined(token, tokens, i + 1)) branching++
  }
  if (choices > MOST_CHOICES) return { message: `more than ${MOST_CHOICES} choices ("?" and "|") ${SLOW}` }
  if (cost <= MOST_COST) return cost
  const hint = 'begin it with ^, and write [^/]* for a segment of a path'
  return { message: `${pattern.startsWith('^') ? 'so many' : 'such'} repetitions ${SLOW}`, hint }
}

/** Whether a repetition can end at one place only: where what must follow is nothing that it takes itself. */
function isDetermined({ set }: Atom, tokens: readonly Token[], from: number): boolean {
  for (let i = from; i < tokens.length; i++) {
    const next = tokens[i] as Token
    // Behind a choice, or within a repetition, something else may follow.
    if (next.kind === 'or' || (next.kind !== 'zero' && next.optional)) return false
    if (next.kind === 'close' && next.repeats) return false
    if (next.kind === 'open' && next.branches) return false
    if (next.kind === 'atom') return (next.set & set) === 0n
  }
  // Nothing follows: it takes all that there is, or fails once.
  return true
}
