// Tokens: `auth/validator` of KrakenD as the pipe `auth-jwt`.
import type { Path } from '../../document.js'
import type { Sketch } from '../sketch.js'
import { addPipe, some } from './pipe.js'
import type { Source } from './source.js'

export function readValidator(extra: Source, key: string, list: Path, sketch: Sketch): void {
  const given = extra.object(key)
  if (!given) return
  const set = addPipe(sketch, list, 'auth-jwt', given)
  set('jwks', given.text('jwk_url'), 'jwk_url')
  set('jwks_file', given.text('jwk_local_path'), 'jwk_local_path')
  set('algorithms', [given.text('alg') ?? 'RS256'], 'alg')
  set('issuer', given.text('issuer'), 'issuer')
  set('audience', some(given.texts('audience')), 'audience')
  const roles = some(given.texts('roles'))
  const rolesKey = given.text('roles_key')
  set('roles', roles, 'roles')
  if (roles) set('roles_key', rolesKey, 'roles_key')
  const scopes = some(given.texts('scopes'))
  const scopesKey = given.text('scopes_key')
  const matcher = given.text('scopes_matcher')
  set('scopes', scopes, 'scopes')
  if (scopes) {
    set('scopes_key', scopesKey, 'scopes_key')
    set('scopes_matcher', matcher, 'scopes_matcher')
  }
  set('claims_to_headers', readClaims(given, sketch), 'propagate_claims')
  set('header', given.text('auth_header_name'), 'auth_header_name')
  set('cookie', given.text('cookie_key'), 'cookie_key')
  set('leeway', given.duration('leeway'), 'leeway')
  set('jwks_ttl', given.number('cache_duration'), 'cache_duration')
  set('refusal', 'empty')
  // A dot in the name of a claim leads inside where there is no such claim; key sets are always kept; http:// is
  // taken with a warning.
  for (const flag of ['roles_key_is_nested', 'cache', 'disable_jwk_security', 'operation_debug']) given.flag(flag)
  given.noteUnread(() => ({
    message: 'this option of the validator has no counterpart here',
    hint: 'see the options of the pipe `auth-jwt`',
  }))
}

/** Pairs of claim and header field. */
function readClaims(given: Source, sketch: Sketch): Record<string, string> | undefined {
  const pairs = given.raw('propagate_claims')
  if (pairs === undefined || pairs === null) return undefined
  const claims: Record<string, string> = {}
  for (const [i, pair] of (Array.isArray(pairs) ? (pairs as unknown[]) : [pairs]).entries()) {
    const [claim, field]: unknown[] = Array.isArray(pair) ? pair : []
    if (typeof claim === 'string' && typeof field === 'string') claims[claim] = field
    else sketch.fault([...given.at('propagate_claims'), i], 'must be a pair of claim and header field')
  }
  return Object.keys(claims).length > 0 ? claims : undefined
}

/** `auth/signer` as the pipe `jwt-sign`. */
export function readSigner(extra: Source, key: string, list: Path, sketch: Sketch): void {
  const given = extra.object(key)
  if (!given) return
  // KrakenD says nothing about the wholeness of what it has signed.
  addPipe(sketch, list, 'headers', given)('response', { remove: ['X-Krakend-Completed'] })
  const set = addPipe(sketch, list, 'jwt-sign', given)
  set('jwks', given.text('jwk_url'), 'jwk_url')
  set('jwks_file', given.text('jwk_local_path'), 'jwk_local_path')
  set('algorithm', given.text('alg'), 'alg')
  set('kid', given.text('kid'), 'kid')
  set('fields', some(given.texts('keys_to_sign')), 'keys_to_sign')
  if (given.flag('full')) given.note('full', 'tokens are written in the compact form', 'leave "full" out')
  given.flag('disable_jwk_security')
  given.noteUnread(() => ({
    message: 'this option of the signer has no counterpart here',
    hint: 'see the options of the pipe `jwt-sign`',
  }))
}
