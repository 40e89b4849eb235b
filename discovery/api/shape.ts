// Checking the members of a JSON body one by one, with bounds; each failure is a 400 that names the member.
import { badField } from './problem.js'

export type Fields = Readonly<Record<string, unknown>>

export function fields(value: unknown, name: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw badField(name, 'must be an object')
  return value as Fields
}

export function list(value: unknown, name: string, most: number): readonly unknown[] {
  if (!Array.isArray(value)) throw badField(name, 'must be a list')
  if (value.length > most) throw badField(name, `holds more than ${most} entries`)
  return value
}

export function text(value: unknown, name: string, longest: number): string {
  if (typeof value !== 'string') throw badField(name, 'must be a text')
  if (value.length > longest) throw badField(name, `is longer than ${longest} characters`)
  return value
}

/** A whole number from 0 to `most`. */
export function natural(value: unknown, name: string, most = Number.MAX_SAFE_INTEGER): number {
  if (!Number.isSafeInteger(value) || (value as number) < 0 || (value as number) > most) {
    throw badField(name, `must be a whole number from 0 to ${most}`)
  }
  return value as number
}

/** A number from 0. */
export function number(value: unknown, name: string): number {
  if (typeof value !== 'number' || !Number.isFinite(value) || value < 0 || value > Number.MAX_SAFE_INTEGER) {
    throw badField(name, 'must be a number from 0')
  }
  return value
}

/** Of either sign. */
export function anyNumber(value: unknown, name: string): number {
  if (typeof value !== 'number' || !(Math.abs(value) <= Number.MAX_SAFE_INTEGER))
    throw badField(name, 'must be a number')
  return value
}

export function oneOf<T extends string>(value: unknown, name: string, known: readonly T[]): T {
  const found = known.find((one) => one === value)
  if (found === undefined) throw badField(name, 'is not a known value')
  return found
}
