// How faults of a config file are collected, placed and shown.
import type { Problem } from './model.js'
import type { Document, Path } from './document.js'

/** What is wrong with one value, without its place. Messages never hold the value of a secret. */
export interface Fault {
  readonly message: string
  readonly hint?: string
}

/** One line for a person: `file:line:col  path  message  (hint)`. Whatever the file holds, it stays one line. */
export function formatProblem(problem: Problem): string {
  const place = problem.line > 0 ? `${problem.file}:${problem.line}:${problem.col}` : problem.file
  const parts = [place, problem.path, problem.message, problem.hint === undefined ? '' : `(${problem.hint})`]
  return oneLine(parts.filter((part) => part !== '').join('  '))
}

// Control characters could forge lines or move a terminal's cursor; the direction marks could reorder what is read.
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/g

function oneLine(text: string): string {
  return text.replace(UNPRINTABLE, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** Nobody reads more at once. */
export const MOST_SHOWN = 100

/** A line each, of the first ones; then how many more there are. */
export function formatProblems(problems: readonly Problem[]): string[] {
  const lines = problems.slice(0, MOST_SHOWN).map(formatProblem)
  const rest = problems.length - lines.length
  return rest === 0 ? lines : [...lines, `… and ${rest} more`]
}

/** `services.orders.servers[0].url`; keys that are no plain words stand in quotes, passwords in addresses are masked. */
export function pathText(path: Path): string {
  let text = ''
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`
    else if (/^[\w$-]+$/.test(step)) text += text === '' ? step : `.${step}`
    else text += `[${quoted(step)}]`
  }
  return text
}

const LONGEST_QUOTE = 80

/** A text of the file inside a message: shortened, and without what stands before an `@`. */
export function quoted(text: string): string {
  const masked = text.slice(0, 4 * LONGEST_QUOTE).replace(/[^/\s]*@/g, '***@')
  return JSON.stringify(masked.length > LONGEST_QUOTE ? `${masked.slice(0, LONGEST_QUOTE)}…` : masked)
}

/** Which part of an entry a problem is about: unknown keys are marked at the key, wrong values at the value. */
export type Part = 'key' | 'value'

export interface Report {
  fault(path: Path, fault: Fault | string, part?: Part): void
  warn(path: Path, warning: Fault | string, part?: Part): void
  /** Whether a fault was reported for exactly this path. */
  has(path: Path): boolean
  readonly failed: boolean
  /** In the order of the file, each once. */
  problems(): Problem[]
  warnings(): Problem[]
}

export function createReport(document: Document): Report {
  const faults: Problem[] = []
  const warnings: Problem[] = []
  const paths = new Set<string>()
  function problem(path: Path, given: Fault | string, part: Part): Problem {
    const { message, hint } = typeof given === 'string' ? { message: given } : given
    const { line, col } = document.place(path, part)
    const at = { file: document.file, line, col, path: pathText(document.shown?.(path) ?? path) }
    const hidden = (text: string) => hideExpansion(text, path, document)
    return hint === undefined
      ? { ...at, message: hidden(message) }
      : { ...at, message: hidden(message), hint: hidden(hint) }
  }
  return {
    fault(path, fault, part = 'value') {
      if (!document.isBroken(path)) faults.push(problem(path, fault, part))
      paths.add(JSON.stringify(path))
    },
    warn: (path, warning, part = 'value') => void warnings.push(problem(path, warning, part)),
    has: (path) => paths.has(JSON.stringify(path)),
    get failed() {
      return faults.length > 0 || document.problems.length > 0
    },
    problems: () => inFileOrder([...document.problems, ...faults]),
    warnings: () => inFileOrder(warnings),
  }
}

/** A value that came from a variable is shown as `${NAME}`: it may be a secret that was put in the wrong place. */
export function hideExpansion(text: string, path: Path, document: Document): string {
  const template = document.template(path)
  const value = document.value(path)
  return template === undefined || typeof value !== 'string' ? text : text.replaceAll(quoted(value), quoted(template))
}

/** Each once. */
export function inFileOrder(problems: readonly Problem[]): Problem[] {
  const seen = new Map(problems.map((p) => [JSON.stringify([p.line, p.col, p.path, p.message]), p]))
  return [...seen.values()].sort((a, b) => a.line - b.line || a.col - b.col)
}
