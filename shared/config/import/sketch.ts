// Builds a native config entry by entry, and remembers for each where in the source it comes from.
import type { Path } from '../document.js'
import type { Part } from '../problem.js'
import { isObject } from '../reader.js'
import type { Comment, Imported, Note, SourceFault } from './import.js'

export interface Sketch {
  /**
   * Puts `value` at `path` of the native config; objects and lists on the way are made. `from`: where in the source it
   * comes from; without it, from where its parent does. An undefined value puts nothing. A value that is an object or a
   * list is copied.
   */
  put(path: Path, value: unknown, from?: Path): void
  /** As `put`, at the end of the list at `path`. Returns the path of the new entry. */
  add(path: Path, value: unknown, from: Path): Path
  /** What is at `path` of the native config so far. */
  at(path: Path): unknown
  /** See `Note`. */
  note(path: Path, message: string, hint: string, more?: { readonly part?: Part; readonly at?: Path }): void
  comment(path: Path, text: string): void
  /** Whatever else there is, the source cannot be used. */
  fault(path: Path, message: string, hint?: string, part?: Part): void
  /** All of it. */
  done(): Imported
}

export function createSketch(): Sketch {
  const config: Record<string, unknown> = { version: 1 }
  const origins = new Map<string, Path>()
  const notes: Note[] = []
  const comments: Comment[] = []
  const faults: SourceFault[] = []

  function at(path: Path): unknown {
    let value: unknown = config
    for (const step of path) {
      if (!isObject(value) || !Object.hasOwn(value, step)) return undefined
      value = value[step]
    }
    return value
  }

  function put(path: Path, value: unknown, from?: Path): void {
    if (value === undefined) return
    let into: Record<string | number, unknown> = config
    path.slice(0, -1).forEach((step, i) => {
      const there = Object.hasOwn(into, step) ? into[step] : undefined
      const next = isObject(there) ? there : typeof path[i + 1] === 'number' ? [] : {}
      define(into, step, next)
      into = next as Record<string | number, unknown>
    })
    define(into, path.at(-1) ?? '', isObject(value) ? structuredClone(value) : value)
    if (from !== undefined) origins.set(keyOf(path), from)
  }

  return {
    put,
    add(path, value, from) {
      const list = at(path)
      const entry = [...path, Array.isArray(list) ? list.length : 0]
      put(entry, value, from)
      return entry
    },
    at,
    note(path, message, hint, more = {}) {
      notes.push({ path, message, hint, ...more })
    },
    comment: (path, text) => void comments.push({ path, text }),
    fault(path, message, hint, part) {
      faults.push({ path, message, ...(hint !== undefined && { hint }), ...(part !== undefined && { part }) })
    },
    done() {
      if (faults.length > 0) return { ok: false, faults }
      return { ok: true, config: inOrder(config), origin: (path) => originOf(path, origins), notes, comments }
    },
  }
}

const FIRST = ['version', 'discovery', 'processor', 'services', 'routes']

/** As people write it, whatever was put first. */
function inOrder(config: Record<string, unknown>): Record<string, unknown> {
  const keys = [...new Set([...FIRST, ...Object.keys(config)])].filter((key) => key in config)
  return Object.fromEntries(keys.map((key) => [key, config[key]]))
}

/** That of the entry, or of its nearest parent that has one. */
function originOf(path: Path, origins: ReadonlyMap<string, Path>): Path {
  for (let end = path.length; end > 0; end--) {
    const found = origins.get(keyOf(path.slice(0, end)))
    if (found) return found
  }
  return []
}

function keyOf(path: Path): string {
  return JSON.stringify(path)
}

/** Names of services come from the file: `__proto__` must be a key like any other. */
function define(into: Record<string | number, unknown>, key: string | number, value: unknown): void {
  if (key !== '__proto__') into[key] = value
  else Object.defineProperty(into, key, { value, enumerable: true, configurable: true, writable: true })
}
