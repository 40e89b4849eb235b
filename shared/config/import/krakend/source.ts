// Reads an object of a KrakenD file key by key; what nobody has asked for by the end is reported, so nothing gets lost.
import type { Document, Path } from '../../document.js'
import { quoted } from '../../problem.js'
import { isObject } from '../../reader.js'
import { isReference, scalarOf } from '../../variables.js'
import { durationText, readGoDuration } from './duration.js'
import type { Sketch } from '../sketch.js'

export interface Source {
  readonly path: Path
  has(key: string): boolean
  /** Of the value of `key`. */
  at(key: string): Path
  /** As it is. */
  raw(key: string): unknown
  /** Undefined where the key is absent or has another type; the latter is a fault. So it is for all of these. */
  text(key: string): string | undefined
  flag(key: string): boolean | undefined
  number(key: string): number | undefined
  texts(key: string): string[] | undefined
  object(key: string): Source | undefined
  objects(key: string): Source[] | undefined
  /** A span such as `2s` or `1m30s`, as this product writes it; undefined for none and for 0. */
  duration(key: string): string | undefined
  /** What is noted from now on, here and below, is written beside this entry of the native config. */
  beside(entry: Path): void
  /** Notes one thing about `key`. */
  note(key: string, message: string, hint: string): void
  /** Notes every key that was not read. */
  noteUnread(tell: (key: string) => { readonly message: string; readonly hint: string }): void
}

/** Keys for people and editors: KrakenD ignores them, too. */
const REMARK = /^[$@_#/]/

/** `path` is that of an object. */
export function createSource(document: Document, path: Path, sketch: Sketch, entry?: Path): Source {
  const found = document.value(path)
  const value: Readonly<Record<string, unknown>> = isPlain(found) ? found : {}
  const read = new Set<string>()
  let written = entry
  const at = (key: string): Path => [...path, key]

  function raw(key: string): unknown {
    read.add(key)
    return Object.hasOwn(value, key) ? value[key] : undefined
  }

  function typed<T>(key: string, is: (value: unknown) => value is T, what: string, given = raw(key)): T | undefined {
    if (given === undefined || given === null) return undefined
    if (is(given)) return given
    if (!document.isBroken(at(key))) sketch.fault(at(key), `must be ${what}`)
    return undefined
  }

  /** A variable is text until a number or a boolean is asked for and it spells one. */
  function spelled(key: string): unknown {
    const given = raw(key)
    const variable = isText(given) && isReference(document.template(at(key)) ?? '')
    return variable ? (scalarOf(given) ?? given) : given
  }

  const source: Source = {
    path,
    at,
    raw,
    has: (key) => Object.hasOwn(value, key),
    text: (key) => typed(key, isText, 'text'),
    flag: (key) => typed(key, (given): given is boolean => typeof given === 'boolean', 'true or false', spelled(key)),
    number: (key) => typed(key, (given): given is number => Number.isFinite(given), 'a number', spelled(key)),
    texts(key) {
      const list = typed(key, isList, 'a list of texts')
      list?.forEach((one, i) => {
        if (!isText(one)) sketch.fault([...at(key), i], 'must be text')
      })
      return list?.filter(isText)
    },
    object(key) {
      const given = typed(key, isPlain, 'an object')
      return given && createSource(document, at(key), sketch, written)
    },
    objects(key) {
      const list = typed(key, isList, 'a list of objects')
      return list?.flatMap((one, i) => {
        if (isPlain(one)) return [createSource(document, [...at(key), i], sketch, written)]
        sketch.fault([...at(key), i], 'must be an object')
        return []
      })
    },
    duration(key) {
      const given = typed(key, isText, 'a duration such as "2s"')
      if (given === undefined || given === '') return undefined
      const ms = readGoDuration(given)
      if (ms === undefined) sketch.fault(at(key), `${quoted(given)} is not a duration`, 'such as "300ms" or "1m30s"')
      return ms === undefined || ms <= 0 ? undefined : durationText(ms)
    },
    beside(native) {
      written = native
    },
    note(key, message, hint) {
      sketch.note(at(key), message, hint, { part: 'key', ...(written && { at: written }) })
    },
    noteUnread(tell) {
      for (const key of Object.keys(value)) {
        if (read.has(key) || REMARK.test(key)) continue
        const { message, hint } = tell(key)
        source.note(key, message, hint)
      }
    },
  }
  return source
}

const isText = (given: unknown): given is string => typeof given === 'string'
const isList = (given: unknown): given is unknown[] => Array.isArray(given)
const isPlain = (given: unknown): given is Record<string, unknown> => isObject(given) && !Array.isArray(given)
