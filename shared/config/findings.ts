// Turns what the schema rejects into faults that name the entry, the mistake and the remedy.
import type { z } from 'zod'
import type { Document, Path } from './document.js'
import { quoted, type Fault, type Part } from './problem.js'
import { isObject } from './reader.js'
import { homesOf, knownKeys, soleKey } from './shape.js'
import { closest, suggest } from './suggest.js'
import { isNumeric } from './variables.js'

export interface Finding extends Fault {
  readonly path: Path
  readonly part: Part
  /** The entry is not there at all; `path` is where it belongs. */
  readonly missing: boolean
}

type Issue = z.core.$ZodIssue

interface Checked {
  readonly schema: z.ZodType
  readonly document: Document
  /** Where in the document the schema holds. */
  readonly base: Path
}

/** Everything at `base` of `document` that `schema` rejects; empty where it fits. */
export function findings(schema: z.ZodType, document: Document, base: Path = []): Finding[] {
  const result = schema.safeParse(document.value(base))
  if (result.success) return []
  const checked = { schema, document, base }
  return result.error.issues.flatMap((issue) => explain(issue, base, checked))
}

function explain(issue: Issue, base: Path, checked: Checked): Finding[] {
  const { schema, document } = checked
  const path = [...base, ...issue.path.filter((step) => typeof step !== 'symbol')]
  const value = document.value(path)
  const within = path.slice(checked.base.length)
  if (value === undefined && issue.code.startsWith('invalid_')) {
    const above = within.slice(0, -1)
    const given = document.value(path.slice(0, -1))
    const hint = unnamedHint(given, soleKey(schema, above), knownKeys(schema, above))
    return [{ path, part: 'key', missing: true, message: `${quoted(String(path.at(-1)))} is required`, ...hint }]
  }
  const one = (fault: Fault, at: Partial<Finding> = {}): Finding[] => [
    { path, part: 'value', missing: false, ...fault, ...at },
  ]
  switch (issue.code) {
    case 'invalid_union': {
      const branch = issue.errors.find((issues) => !issues.some(isOfAnotherType))
      if (branch) return branch.flatMap((inner) => explain(inner, path, checked))
      const numbers = issue.errors.flat().some((inner) => inner.code === 'invalid_type' && inner.expected === 'number')
      const near = typeof value === 'string' ? closest(value, issue.errors.flat().flatMap(wordsOf)) : undefined
      const hint = near === undefined ? undefined : `did you mean "${near}"?`
      return one(withQuotesHint({ message: issue.message, ...hinted(hint) }, value, numbers))
    }
    case 'unrecognized_keys': {
      const known = knownKeys(schema, within)
      return issue.keys.flatMap((key) => {
        const homes = homesOf(key, schema, within).map((home) => `"${home}"`)
        const belongs = homes.length > 0 ? `it belongs in ${homes.join(' or ')}` : undefined
        const hint = closest(key, known) === undefined ? belongs : undefined
        const fault = { message: `unknown key ${quoted(key)}`, ...hinted(hint ?? suggest(key, known)) }
        return one(fault, { path: [...path, key], part: 'key' })
      })
    }
    case 'invalid_type': {
      const message = `must be ${typeName(issue.expected)}, not ${nameOf(value)}`
      const hint = formHint(issue.expected, value, soleKey(schema, within))
      const isNumber = issue.expected === 'number' || issue.expected === 'int'
      return one(withQuotesHint({ message, ...hinted(hint) }, value, isNumber))
    }
    case 'invalid_value':
      return one(wordFault(value, issue.values))
    case 'too_small':
    case 'too_big':
      return one({ message: boundText(issue) })
    case 'custom': {
      const hint: unknown = issue.params?.['hint']
      return one(typeof hint === 'string' ? { message: issue.message, hint } : { message: issue.message })
    }
    default:
      return one({ message: issue.message })
  }
}

function hinted(hint: string | undefined): { readonly hint?: string } {
  return hint === undefined ? {} : { hint }
}

/** For what stands in the place of an object that only one key makes what it is. */
function formHint(expected: string, value: unknown, key: string | undefined): string | undefined {
  if (key === undefined) return undefined
  if (expected === 'array' && isObject(value)) return `write [{ ${key}: … }]`
  return expected === 'object' && typeof value === 'string' ? `write { ${key}: … }` : undefined
}

/** For an object that has what the key should say as its only key. */
function unnamedHint(given: unknown, key: string | undefined, known: readonly string[]): { readonly hint?: string } {
  const [name, ...others] = isObject(given) ? Object.keys(given) : []
  const isMeant = key !== undefined && name !== undefined && others.length === 0 && !known.includes(name)
  return isMeant ? { hint: `write { ${key}: ${name.slice(0, LONGEST_SHOWN)}, … }` } : {}
}

const LONGEST_SHOWN = 40

/** Whether the branch of a union that raised `issue` is for another type of value altogether. */
function isOfAnotherType(issue: Issue): boolean {
  return issue.path.length === 0 && (issue.code === 'invalid_type' || issue.code === 'invalid_value')
}

/** The words that would do in the place of what `issue` refuses. */
function wordsOf(issue: Issue): string[] {
  return issue.code === 'invalid_value' ? issue.values.filter((word) => typeof word === 'string') : []
}

function wordFault(value: unknown, allowed: readonly unknown[]): Fault {
  const words = allowed.map((word) => JSON.stringify(word)).join(', ')
  const message = `must be ${allowed.length > 1 ? 'one of ' : ''}${words}`
  if (typeof value !== 'string' || isNumeric(value)) {
    return withQuotesHint({ message }, value, typeof allowed[0] === 'number')
  }
  const hint = suggest(value, allowed.map(String))
  return { message: `${message}, not ${quoted(value)}`, ...(hint !== undefined && { hint }) }
}

function withQuotesHint(fault: Fault, value: unknown, wantsNumber: boolean): Fault {
  if (typeof value !== 'string') return fault
  if (wantsNumber && isNumeric(value)) return { ...fault, hint: 'drop the quotes' }
  return fault
}

function boundText(issue: z.core.$ZodIssueTooSmall | z.core.$ZodIssueTooBig): string {
  const counted = issue.origin === 'array' || issue.origin === 'string'
  if (issue.code === 'too_big') return `must be at most ${issue.maximum}`
  if (counted) return 'must not be empty'
  return Number(issue.minimum) === 0 ? 'must not be negative' : `must be at least ${issue.minimum}`
}

const TYPE_NAMES: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
}

function typeName(expected: string): string {
  return TYPE_NAMES[expected] ?? expected
}

function nameOf(value: unknown): string {
  if (value === null) return 'empty'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value)
  return typeof value === 'number' && !Number.isInteger(value) ? 'a fraction' : typeName(typeof value)
}

/** Takes a rejected entry out of the data, so that the rest can still be checked. List positions stay as they are. */
export function prune(document: Document, path: Path): void {
  const parent = document.value(path.slice(0, -1))
  const last = path.at(-1)
  if (last === undefined || !isObject(parent)) return
  if (Array.isArray(parent)) parent[Number(last)] = undefined
  else delete parent[last]
}
