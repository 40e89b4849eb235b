// Reading a query strictly: a key that is unknown, repeated or unusable is the client's to correct, not ours to guess.
import type { Request } from 'express'
import { badField } from './problem.js'

const LONGEST = 2_048

export interface Query<K extends string> {
  text(key: K): string | undefined
  oneOf<T extends string>(key: K, values: readonly T[]): T | undefined
  integer(key: K, bounds: { readonly min: number; readonly max: number }): number | undefined
  /** ISO 8601 or epoch milliseconds, as epoch milliseconds. */
  time(key: K): number | undefined
  /** `key`, `key=true` and `key=1` are true. */
  flag(key: K): boolean
}

/** Throws an ApiProblem (400) that names the key for one that is not in `keys` or comes twice. */
export function readQuery<K extends string>(req: Request, keys: readonly K[]): Query<K> {
  const start = req.url.indexOf('?')
  const found = new Map<string, string>()
  for (const [key, value] of new URLSearchParams(start < 0 ? '' : req.url.slice(start + 1))) {
    const name = key.slice(0, 64)
    if (!(keys as readonly string[]).includes(key)) throw badField(name, `is not known here; known: ${list(keys)}`)
    if (found.has(key)) throw badField(name, 'is given more than once')
    if (value.length > LONGEST) throw badField(name, `is longer than ${LONGEST} characters`)
    found.set(key, value)
  }
  const text = (key: K) => found.get(key)
  return {
    text,
    oneOf(key, values) {
      const value = text(key)
      if (value === undefined) return undefined
      const known = values.find((one) => one === value)
      if (known === undefined) throw badField(key, `must be one of ${list(values)}`)
      return known
    },
    integer(key, { min, max }) {
      const value = text(key)
      if (value === undefined) return undefined
      const number = /^\d{1,15}$/.test(value) ? Number(value) : Number.NaN
      if (!(number >= min && number <= max)) throw badField(key, `must be a whole number from ${min} to ${max}`)
      return number
    },
    time(key) {
      const value = text(key)
      if (value === undefined) return undefined
      const at = /^\d{1,15}$/.test(value) ? Number(value) : isoTime(value)
      if (Number.isNaN(at)) throw badField(key, 'must be a time: ISO 8601 with a zone, or epoch milliseconds')
      return at
    },
    flag(key) {
      const value = text(key)
      if (value === undefined || value === 'false' || value === '0') return false
      if (value === '' || value === 'true' || value === '1') return true
      throw badField(key, 'must be true or false')
    },
  }
}

// Date.parse takes a time without a zone for local time, and much that is no ISO 8601 at all.
const ISO = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d))?$/

function isoTime(value: string): number {
  // In a query a `+` that was not encoded arrives as a space.
  const text = value.replace(/ (?=\d\d:\d\d$)/, '+')
  return ISO.test(text) ? Date.parse(text) : Number.NaN
}

function list(values: readonly string[]): string {
  return values.length === 0 ? 'none' : values.join(', ')
}
