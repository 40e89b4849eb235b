// Reads JSON, YAML or HCL text into plain data, and remembers where each key and value stands.
import { LineCounter, parseDocument } from 'yaml'
import { readHcl } from './hcl.js'
import { findJsonFault } from './json.js'
import type { Problem } from './model.js'
import { pathText, type Fault } from './problem.js'
import { createReader, isObject, Refused, type Spot, type Spots } from './reader.js'
import type { Environment } from './variables.js'

export type Path = readonly (string | number)[]

/** From 1. */
export interface Place {
  readonly line: number
  readonly col: number
}

export interface Document {
  readonly file: string
  /** Strings, finite or non-finite numbers, booleans, nulls, arrays and plain objects, with variables expanded. */
  readonly data: unknown
  /** Syntax faults, duplicate keys, unset variables. */
  readonly problems: readonly Problem[]
  /** Where the entries stand whose key was there before; the first few. */
  readonly duplicates: readonly { readonly from: Place; readonly to: Place }[]
  /** Line and column, from 1, of an entry's key or value; of its nearest parent where the path is not in the file. */
  place(path: Path, part: 'key' | 'value'): Place
  value(path: Path): unknown
  /** The text of the file, where it held a variable. */
  template(path: Path): string | undefined
  /** Whether the value is known to be wrong already, because its variable could not be expanded. */
  isBroken(path: Path): boolean
  /** The path that messages name; without it, the entry's own. */
  shown?(path: Path): Path
}

export type Format = 'json' | 'yaml' | 'hcl'

const TOO_DEEP = 'nested too deeply'
const MOST_SYNTAX_FAULTS = 20
const MOST_DUPLICATES = 100

/**
 * Never throws. Where `problems` tells of broken syntax, `data` is undefined. `env` may say that variables stay as they
 * are written. `kept` says which of several entries with one key is in `data`.
 */
export function readDocument(
  written: string,
  file: string,
  format: Format,
  env: Environment | 'as-written',
  kept: 'first' | 'last' = 'first',
): Document {
  // A byte order mark is no text. A lone CR ends a line (YAML 1.2 section 5.4), which the reader of YAML does not know.
  const text = written.replace(/^\ufeff/, '').replace(/\r(?!\n)/g, '\n')
  const lines = new LineCounter()
  const spots = new WeakMap<object, Spots>()
  const problems: Problem[] = []
  const duplicates: { from: Place; to: Place }[] = []
  const place = (offset: number): Place => lines.linePos(offset)
  const note = (offset: number, path: Path, fault: Fault) => {
    problems.push({ file, ...place(offset), path: pathText(path), ...fault })
  }
  let data: unknown
  try {
    data = read()
  } catch (error) {
    if (error instanceof Refused) note(error.offset, [], { message: error.message })
    else if (error instanceof RangeError) note(0, [], { message: TOO_DEEP })
    else throw error
  }

  function read(): unknown {
    const fault = format === 'json' ? findJsonFault(text) : undefined
    if (fault || format === 'hcl') {
      lines.addNewLine(0)
      for (let i = text.indexOf('\n'); i !== -1; i = text.indexOf('\n', i + 1)) lines.addNewLine(i + 1)
    }
    if (format === 'hcl') return readHcl(text, { env, note, spots })
    if (fault) {
      const { offset, ...told } = fault
      note(offset, [], told)
      return undefined
    }
    const yaml = parseDocument(text, {
      lineCounter: lines,
      prettyErrors: false,
      keepSourceTokens: false,
      // Quadratic in the reader; done below in one pass.
      uniqueKeys: false,
      merge: format === 'yaml',
      logLevel: 'error',
    })
    const faults = [...yaml.errors, ...yaml.warnings]
    for (const { message, pos } of faults.slice(0, MOST_SYNTAX_FAULTS)) {
      note(pos[0], [], syntaxFault(message))
      if (problems.at(-1)?.message === TOO_DEEP) break
    }
    // What has an unknown tag can be read all the same, and who knows the file knows whether it matters.
    if (faults.some(({ code }) => code !== 'TAG_RESOLVE_FAILED')) return undefined
    const duplicate = (from: number, to: number) => {
      if (duplicates.length < MOST_DUPLICATES) duplicates.push({ from: place(from), to: place(to) })
    }
    const lineOf = (offset: number) => place(offset).line
    return createReader({ env, note, spots, json: format === 'json', kept, duplicate, lineOf })(yaml.contents)
  }

  function spotOf(path: Path): Spot | undefined {
    const last = path.at(-1)
    const parent = valueAt(data, path.slice(0, -1))
    return last === undefined || !isObject(parent) ? undefined : spots.get(parent)?.get(last)
  }
  return {
    file,
    data,
    problems,
    duplicates,
    place(path, part) {
      for (let end = path.length; end > 0; end--) {
        const spot = spotOf(path.slice(0, end))
        // A parent is marked at its key: that is where the reader looks for what is missing inside it.
        if (spot) return place(end === path.length ? spot[part] : spot.key)
      }
      return { line: 1, col: 1 }
    },
    value: (path) => valueAt(data, path),
    template: (path) => spotOf(path)?.template,
    isBroken: (path) => spotOf(path)?.broken === true,
  }
}

function syntaxFault(text: string): Fault {
  if (text.startsWith('Source contains multiple documents'))
    return { message: 'the file holds more than one YAML document' }
  if (text.startsWith('Maximum call stack')) return { message: TOO_DEEP }
  const message = text.replace(/\s+/g, ' ')
  return message === 'Unresolved tag: !include'
    ? { message, hint: 'put what is in that file in its place' }
    : { message }
}

export function valueAt(data: unknown, path: Path): unknown {
  let value = data
  for (const step of path) {
    if (!isObject(value) || !Object.hasOwn(value, step)) return undefined
    value = value[step]
  }
  return value
}
