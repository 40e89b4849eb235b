// What is known of who asks: claims of a token, kept with the exchange by the pipe that has checked it, for those behind it.
import type { PipeExchange } from './pipe.js'

export type Claims = Readonly<Record<string, unknown>>

/** Keys in the `state` of an exchange: of a token's claims, of a user's name, of a key's name. */
export const CLAIMS = 'jwt.claims'
export const USER = 'auth.user'
export const KEY_NAME = 'auth.key'

/** A pipe has let somebody in whom it knows: what is answered may be for that one alone. */
export function isKnown({ state }: Pick<PipeExchange, 'state'>): boolean {
  return state.has(CLAIMS) || state.has(USER) || state.has(KEY_NAME)
}

/** Undefined: nobody has checked a token. */
export function claimsOf(x: Pick<PipeExchange, 'state'>): Claims | undefined {
  return x.state.get(CLAIMS) as Claims | undefined
}

/** A claim within others: `['realm', 'tenant']`. */
export function claimAt(x: Pick<PipeExchange, 'state'>, path: readonly string[]): unknown {
  let value: unknown = claimsOf(x)
  for (const step of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined
    value = (value as Record<string, unknown>)[step]
  }
  return value
}
