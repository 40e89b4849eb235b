// What the reference makes of bytes: a slow parser whose every rule can be read off the RFC, and which shares nothing
// with the engine, so that a mistake would have to be made twice in two ways.

export type Reading<T> =
  | { readonly kind: 'whole'; readonly value: T; /** Length of the text that belongs to it. */ readonly end: number }
  /** Nothing is wrong so far; what comes next decides. */
  | { readonly kind: 'open' }
  /** No continuation could make it valid. */
  | { readonly kind: 'refused'; readonly why: string }

/**
 * Of a sequence of messages. `closed`: the sender said that no more would come, and what comes is not looked at; `switched`:
 * what comes is another protocol.
 */
export type Ending = 'end' | 'open' | 'closed' | 'switched' | 'refused'

export const OPEN = { kind: 'open' } as const

export function refused(why: string): { readonly kind: 'refused'; readonly why: string } {
  return { kind: 'refused', why }
}

export function whole<T>(value: T, end: number): Reading<T> {
  return { kind: 'whole', value, end }
}
