// Reads claims of a token: by name or by a path inside, as values, as lists, as header fields.
import type { AuthJwtOptions } from '../../../shared/config/pipes/auth-jwt.js'
import { lineOf } from '../../field-lines.js'
import { fieldText } from './claimed-fields.js'
import type { Claims } from './jwt.js'

/** The claim of that very name; else what `a.b` names inside of the claim `a`. */
export function claimAt(claims: Claims, name: string): unknown {
  if (Object.hasOwn(claims, name)) return claims[name]
  let value: unknown = claims
  for (const step of name.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined
    value = (value as Record<string, unknown>)[step]
  }
  return value
}

/** Words of a list, or of a text with spaces between them (RFC 8693 section 4.2). */
export function wordsAt(claims: Claims, name: string): string[] {
  const value = claimAt(claims, name)
  if (typeof value === 'string') return value.split(' ').filter((word) => word !== '')
  return Array.isArray(value) ? value.filter((word) => typeof word === 'string') : []
}

/** What the claims do not allow; undefined where they do. */
export function lackOf(
  claims: Claims,
  { roles, rolesKey, scopes, scopesKey, allScopes }: AuthJwtOptions,
): 'role' | 'scope' | undefined {
  if (roles.length > 0) {
    const held = wordsAt(claims, rolesKey)
    if (!roles.some((role) => held.includes(role))) return 'role'
  }
  if (scopes.length === 0) return undefined
  const held = wordsAt(claims, scopesKey)
  const enough = allScopes ? scopes.every((one) => held.includes(one)) : scopes.some((one) => held.includes(one))
  return enough ? undefined : 'scope'
}

/** Field lines for instances. A claim that no field can hold is left out. */
export function linesOf(claims: Claims, wanted: AuthJwtOptions['claimsToHeaders']): string {
  let lines = ''
  for (const { claim, field } of wanted) {
    const text = textOf(claimAt(claims, claim))
    const value = text === undefined ? undefined : fieldText(text)
    if (value !== undefined) lines += lineOf(field, value)
  }
  return lines
}

function textOf(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined
  if (typeof value !== 'object') return String(value)
  if (!Array.isArray(value) || value.some((one) => typeof one === 'object')) return JSON.stringify(value)
  // One that holds a comma would be read as two.
  return value.some((one) => String(one).includes(',')) ? undefined : value.join(',')
}
