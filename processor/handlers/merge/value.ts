// Data of answers while they are put together: as JSON has them, with numbers to the last digit and names that are data only.

/** A number that a double would change: its text stays as it came. */
export class Exact {
  constructor(readonly text: string) {}
}

export type Value = null | boolean | number | string | Exact | Value[] | Fields

/** A map and no object: whatever an answer calls its fields, none of them means anything to the language. */
export type Fields = Map<string, Value>

export function isFields(value: Value | undefined): value is Fields {
  return value instanceof Map
}

/** Of plain data of the config. */
export function toValue(plain: unknown): Value {
  if (Array.isArray(plain)) return plain.map(toValue)
  if (typeof plain === 'object' && plain !== null) return toFields(plain)
  return typeof plain === 'string' || typeof plain === 'number' || typeof plain === 'boolean' ? plain : null
}

export function toFields(plain: object): Fields {
  return new Map(Object.entries(plain).map(([name, value]) => [name, toValue(value)]))
}

/** Text of a value without structure; undefined for lists and fields. */
export function scalarText(value: Value): string | undefined {
  if (value instanceof Exact) return value.text
  if (value === null || typeof value === 'object') return value === null ? '' : undefined
  return String(value)
}

/** Names in the order of their bytes in UTF-8, which beyond the basic plane is another one than that of their units. */
export function sortedNames(fields: Fields): readonly string[] {
  const names = [...fields.keys()]
  for (let i = 1; i < names.length; i++) {
    if ((names[i] as string) < (names[i - 1] as string)) {
      names.sort()
      break
    }
  }
  return names.some(isBeyond) ? names.sort(byBytes) : names
}

function isBeyond(name: string): boolean {
  return SURROGATE.test(name)
}

const SURROGATE = /[\ud800-\udfff]/

function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}
