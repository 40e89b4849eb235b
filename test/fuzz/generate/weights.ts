// Choices with weights, written as pairs, so that a grammar below reads like one.
import fc from 'fast-check'

/** One of several, each as often as its weight says. */
export function choice<T>(
  ...options: readonly (readonly [weight: number, arbitrary: fc.Arbitrary<T>])[]
): fc.Arbitrary<T> {
  return fc.oneof(...options.map(([weight, arbitrary]) => ({ weight, arbitrary })))
}

export function among<T>(...values: readonly T[]): fc.Arbitrary<T> {
  return fc.constantFrom(...values)
}

/** A string of characters of `alphabet`. */
export function textOf(alphabet: string, minLength: number, maxLength: number): fc.Arbitrary<string> {
  return fc.string({ unit: fc.constantFrom(...alphabet), minLength, maxLength })
}

const everyByte = Array.from({ length: 256 }, (_, byte) => String.fromCharCode(byte))

/** Any bytes, as Latin-1 text. */
export function anyBytes(maxLength: number): fc.Arbitrary<string> {
  return fc.string({ unit: fc.constantFrom(...everyByte), maxLength })
}

export const oneByte = fc.constantFrom(...everyByte)
