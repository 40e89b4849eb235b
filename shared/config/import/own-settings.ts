// Another gateway's file may hold what it has no words for in a block `serverpy`: its `discovery` and `processor`.
import { valueAt, type Document, type Path } from '../document.js'
import { quoted } from '../problem.js'
import { isObject } from '../reader.js'
import type { Imported, SourceFault } from './import.js'

const OWN = 'serverpy'
const PARTS = ['discovery', 'processor']

/** The document as the importer sees it: without the block. */
export function withoutOwn(source: Document): Document {
  const { data } = source
  if (!isObject(data) || !(OWN in data)) return source
  const { [OWN]: _, ...rest } = data
  return { ...source, data: rest, value: (path) => valueAt(rest, path) }
}

/** What was made, with the settings of the block in place of its own, key by key. Lists are replaced as a whole. */
export function withOwn(made: Imported, source: Document): Imported {
  const own = plain(source.value([OWN]))
  if (own === undefined || !made.ok) return made
  const fault = ownFault(own)
  if (fault) return { ok: false, faults: [fault] }
  const config = merged(made.config, own)
  return {
    ...made,
    config: config as Record<string, unknown>,
    origin: (path) => (isIn(path, own) ? sourcePath(path, source) : made.origin(path)),
  }
}

function ownFault(own: unknown): SourceFault | undefined {
  if (!isObject(own) || Array.isArray(own)) return { path: [OWN], message: 'must be an object' }
  const stray = Object.keys(own).find((key) => !PARTS.includes(key))
  if (stray === undefined) return undefined
  return {
    path: [OWN, stray],
    part: 'key',
    message: `unknown key ${quoted(stray)}`,
    hint: 'it holds discovery and processor',
  }
}

function merged(under: unknown, over: unknown): unknown {
  if (!isMap(under) || !isMap(over)) return over
  const both = { ...under }
  for (const [key, value] of Object.entries(over)) both[key] = merged(under[key], value)
  return both
}

/** Whether the entry comes from the block: then it, or a list or value that holds it, is there. */
function isIn(path: Path, own: unknown): boolean {
  let value: unknown = own
  for (const step of path) {
    if (!isObject(value)) return true
    if (!Object.hasOwn(value, step)) return Array.isArray(value)
    value = value[step]
  }
  return !isMap(value)
}

/** In HCL each block is a list with one entry. */
function sourcePath(path: Path, source: Document): Path {
  const found: (string | number)[] = [OWN]
  for (const step of path) {
    const here = source.value(found)
    if (Array.isArray(here) && typeof step === 'string') found.push(0)
    found.push(step)
  }
  return found
}

function plain(value: unknown): unknown {
  if (Array.isArray(value) && value.length === 1 && isMap(value[0])) return plain(value[0])
  return isMap(value) ? Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)])) : value
}

function isMap(value: unknown): value is Record<string, unknown> {
  return isObject(value) && !Array.isArray(value)
}
