// Reads a part of another gateway's config key by key, and knows in the end which keys nobody asked for.
import type { Document, Path } from '../document.js'
import { quoted } from '../problem.js'
import { isObject } from '../reader.js'
import { closest } from '../suggest.js'
import { isNumeric, isReference } from '../variables.js'
import type { Sketch } from './sketch.js'

export interface Entry {
  readonly value: unknown
  readonly path: Path
  /** Where the value is an object. */
  readonly section: Section | undefined
}

/** A value of the wrong type is a fault at its place, and counts as absent. So does null, but without a fault. */
export interface Section {
  readonly path: Path
  readonly keys: readonly string[]
  has(key: string): boolean
  text(key: string): string | undefined
  number(key: string): number | undefined
  boolean(key: string): boolean | undefined
  /** What stands in the file, where it is text: with its variables, which may hold secrets. For messages. */
  written(key: string): string | undefined
  /** As it is; it may be a variable that stands for a number. */
  value(key: string): unknown
  /** An object; the one of HCL, where blocks are lists. */
  section(key: string): Section | undefined
  /** A list of objects; what is none is a fault. */
  sections(key: string): Section[]
  /** A list, or one entry alone. */
  list(key: string): Entry[]
  /** An object of objects, or of lists of them as HCL has them. */
  named(key: string): { readonly name: string; readonly section: Section }[]
  /** The path of a key of this section. */
  at(key: string): Path
  required(key: string): void
  /**
   * Notes every key that nobody has asked for. `known`: the original's keys that have no counterpart, each with what
   * would replace it.
   */
  rest(known?: Readonly<Record<string, string>>): void
}

export function createSection(document: Document, path: Path, sketch: Sketch): Section {
  const found = document.value(path)
  const data: Readonly<Record<string, unknown>> = isObject(found) && !Array.isArray(found) ? found : {}
  const asked = new Set<string>()

  function value(key: string): unknown {
    asked.add(key)
    return Object.hasOwn(data, key) ? (data[key] ?? undefined) : undefined
  }
  const at = (key: string): Path => [...path, key]
  const inside = (from: Path) => createSection(document, from, sketch)

  function typed<T>(key: string, is: (value: unknown) => value is T, wanted: string): T | undefined {
    const given = value(key)
    if (given === undefined || is(given)) return given
    if (!document.isBroken(at(key))) sketch.fault(at(key), `must be ${wanted}`)
    return undefined
  }

  function scalar<T>(
    key: string,
    read: (text: string) => T | undefined,
    is: (value: unknown) => value is T,
    wanted: string,
  ) {
    const given = value(key)
    const fromVariable = typeof given === 'string' && isReference(document.template(at(key)) ?? '')
    const spelled = fromVariable ? read(given) : undefined
    return spelled === undefined ? typed(key, is, wanted) : spelled
  }

  function objects(key: string): { value: unknown; path: Path }[] {
    const given = value(key)
    return Array.isArray(given)
      ? given.map((one: unknown, i) => ({ value: one, path: [...path, key, i] }))
      : given === undefined
        ? []
        : [{ value: given, path: at(key) }]
  }

  function sectionsOf(entries: readonly { value: unknown; path: Path }[]): Section[] {
    return entries.flatMap((entry) => {
      if (isObject(entry.value) && !Array.isArray(entry.value)) return [inside(entry.path)]
      sketch.fault(entry.path, 'must be an object')
      return []
    })
  }

  return {
    path,
    keys: Object.keys(data),
    has: (key) => Object.hasOwn(data, key) && data[key] !== null,
    text: (key) => typed(key, isText, 'text'),
    number: (key) => scalar(key, (text) => (isNumeric(text) ? Number(text) : undefined), isNumber, 'a number'),
    boolean: (key) =>
      scalar(
        key,
        (text) => (text === 'true' || text === 'false' ? text === 'true' : undefined),
        isBoolean,
        'true or false',
      ),
    written(key) {
      const given = value(key)
      return document.template(at(key)) ?? (isText(given) ? given : undefined)
    },
    value,
    section(key) {
      const given = sectionsOf(objects(key))
      if (given[1]) sketch.fault(given[1].path, `${quoted(key)} is there already`)
      return given[0]
    },
    sections: (key) => sectionsOf(objects(key)),
    list: (key) =>
      objects(key).map((entry) => ({ ...entry, section: isMap(entry.value) ? inside(entry.path) : undefined })),
    named(key) {
      const given = typed(key, isMap, 'an object')
      return Object.entries(given ?? {}).flatMap(([name, entry]) => {
        const from = [...path, key, name]
        const list = Array.isArray(entry) ? entry.map((_, i) => [...from, i]) : [from]
        return sectionsOf(list.map((one) => ({ value: document.value(one), path: one }))).map((section) => ({
          name,
          section,
        }))
      })
    },
    at,
    required(key) {
      const given: unknown = Object.hasOwn(data, key) ? data[key] : undefined
      if (given === undefined || given === null) sketch.fault(path, `${quoted(key)} is required`, undefined, 'key')
    },
    rest(known = {}) {
      for (const key of Object.keys(data)) {
        if (asked.has(key)) continue
        const hint = Object.hasOwn(known, key) ? known[key] : undefined
        if (hint !== undefined) {
          if (data[key] !== null) sketch.note(at(key), `${quoted(key)} has no counterpart`, hint)
        } else {
          const near = closest(key, [...asked, ...Object.keys(known)])
          const meant = near === undefined ? 'look it up in docs/moving, or drop it' : `did you mean "${near}"?`
          sketch.note(at(key), `unknown key ${quoted(key)}; it is left out`, meant)
        }
      }
    },
  }
}

function isText(value: unknown): value is string {
  return typeof value === 'string'
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value)
}

function isBoolean(value: unknown): value is boolean {
  return typeof value === 'boolean'
}

function isMap(value: unknown): value is Record<string, unknown> {
  return isObject(value) && !Array.isArray(value)
}
