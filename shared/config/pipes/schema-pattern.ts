// Patterns of JSON Schemas, which run over what clients send: what could take long is matched in linear time.
import { createSearch, linearPatternFault, stepsOf } from './linear-pattern.js'
import { compilePattern, patternFault } from './pattern.js'

export interface SchemaPattern {
  /** Throws `TextTooLong`. */
  test(text: string): boolean
  /** A compiler of schemas tells patterns apart by it. */
  toString(): string
}

/** Neither that it fits nor that it does not can be said in time. */
export class TextTooLong extends Error {}

/** Steps over one text: some tenths of a second at most. */
const MOST_STEPS = 5_000_000

/** Throws for what is no pattern. */
export function createSchemaPattern(pattern: string, flags: string): SchemaPattern {
  const expression = new RegExp(pattern, flags)
  if (isFast(pattern) || !isLinear(pattern)) return expression
  const search = createSearch([pattern], 'javascript')
  const mostChars = MOST_STEPS / stepsOf(pattern, 'javascript')
  return {
    test(text) {
      if (text.length > mostChars) throw new TextTooLong('a text is too long for its pattern')
      return search(text)
    },
    toString: () => String(expression),
  }
}

/** Whether texts of clients could make it slow, which nothing is done about. */
export function isSlowPattern(pattern: string): boolean {
  return /^a repetition of what varies/.test(patternFault(pattern)?.message ?? '') && !isLinear(pattern)
}

function isFast(pattern: string): boolean {
  return compilePattern(pattern).mostChars === Infinity
}

/** `[]` and `[^]` are nothing and anything to JavaScript alone. */
function isLinear(pattern: string): boolean {
  return !/\[\^?\]/.test(pattern) && linearPatternFault(pattern, 'javascript') === undefined
}
