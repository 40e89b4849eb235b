// Options of `auth-jwt`: which tokens are believed, where they stand, and what becomes of their claims.
import { z } from 'zod'
import type { Path } from '../document.js'
import { readMs, type Context, type Draft } from '../normalise/context.js'
import { count, durations, nonEmpty, oneOf, POSITIVE_TIMER, size, TIMER } from '../schema/fields.js'
import { sizeBytes } from '../text/size.js'
import {
  cookieName,
  DEFAULT_REALM,
  fieldName,
  forward,
  listed,
  oneOrMore,
  queryName,
  realm,
  refusal,
} from './auth-fields.js'
import { builtIn } from './builtin.js'
import { ALGORITHMS, keySources, readAlgorithms, readKeys, type JwtKeys } from './jwt-keys.js'

/** Plain JSON data. */
export interface AuthJwtOptions {
  readonly keys: JwtKeys
  readonly algorithms: readonly string[]
  /** Empty: any. */
  readonly issuers: readonly string[]
  readonly audiences: readonly string[]
  /** One of them is needed; empty: none is. */
  readonly roles: readonly string[]
  readonly rolesKey: string
  readonly scopes: readonly string[]
  readonly scopesKey: string
  readonly allScopes: boolean
  /** Claims that must be there. */
  readonly required: readonly string[]
  readonly claimsToHeaders: readonly { readonly claim: string; readonly field: string }[]
  readonly from: { readonly field: string; readonly cookie?: string; readonly query?: string }
  readonly forward: boolean
  readonly leewayMs: number
  readonly optional: boolean
  readonly realm: string
  readonly refusal: 'problem' | 'empty'
  readonly jwks: {
    readonly ttlMs: number
    readonly cooldownMs: number
    readonly timeoutMs: number
    readonly mostBytes: number
  }
  /** Verified tokens that are remembered per worker. */
  readonly tokens: number
}

const DEFAULTS = {
  field: 'Authorization',
  rolesKey: 'roles',
  scopesKey: 'scope',
  ttlMs: 600_000,
  cooldownMs: 30_000,
  timeoutMs: 3000,
  mostBytes: 256 * 1024,
  tokens: 1000,
}

const schema = z.strictObject({
  ...keySources,
  algorithms: z.array(oneOf(ALGORITHMS)).min(1).optional().meta({
    description:
      'Signatures that are believed. Without it, those that fit the key; with a key set, all that are not HS….',
  }),
  issuer: oneOrMore('an issuer').optional().meta({ description: 'What the claim iss must be.' }),
  audience: oneOrMore('an audience').optional().meta({ description: 'Of which the claim aud must hold one.' }),
  roles: z.array(nonEmpty()).min(1).optional().meta({ description: 'Roles of which one is needed; else 403.' }),
  roles_key: nonEmpty()
    .optional()
    .meta({ description: 'Claim with the roles; `a.b` looks inside.', default: DEFAULTS.rolesKey }),
  scopes: z.array(nonEmpty()).min(1).optional().meta({ description: 'Scopes that are needed; else 403.' }),
  scopes_key: nonEmpty()
    .optional()
    .meta({ description: 'Claim with the scopes; `a.b` looks inside.', default: DEFAULTS.scopesKey }),
  scopes_matcher: oneOf(['any', 'all'])
    .optional()
    .meta({ description: 'Whether one of the scopes is enough.', default: 'any' }),
  require: z.array(nonEmpty()).min(1).optional().meta({ description: 'Claims that must be there, such as exp.' }),
  claims_to_headers: z
    .record(z.string(), fieldName())
    .optional()
    .meta({ description: 'Claim to header field for instances; what clients send in these fields is always removed.' }),
  header: fieldName()
    .optional()
    .meta({ description: 'Field with the token, behind "Bearer" or alone.', default: DEFAULTS.field }),
  cookie: cookieName().optional().meta({ description: 'Cookie with the token, where the field has none.' }),
  query: queryName()
    .optional()
    .meta({ description: 'Query parameter with the token, where neither has one; instances never get it.' }),
  forward: forward('the token', true),
  ...durations('leeway', 'How far clocks may differ.', TIMER, 0),
  optional: z.boolean().optional().meta({ description: 'Whether requests without a token pass.', default: false }),
  realm: realm(),
  refusal: refusal(),
  ...durations('jwks_ttl', 'After so long a key set is asked for anew.', POSITIVE_TIMER, DEFAULTS.ttlMs),
  ...durations('jwks_cooldown', 'How often unknown keys may cause that.', POSITIVE_TIMER, DEFAULTS.cooldownMs),
  ...durations('jwks_timeout', 'How long its answer may take.', POSITIVE_TIMER, DEFAULTS.timeoutMs),
  jwks_size: size(1, 2 ** 24)
    .optional()
    .meta({ description: 'Longest key set.', default: DEFAULTS.mostBytes }),
  tokens: count(0, 1_000_000)
    .optional()
    .meta({ description: 'Verified tokens remembered per worker; 0: none.', default: DEFAULTS.tokens }),
})

export const authJwt = builtIn({
  name: 'auth-jwt',
  description: 'Lets requests with a valid JSON Web Token pass.',
  schema,
  guards: true,
  read(draft, path, context): AuthJwtOptions {
    const keys = readKeys(draft, path, context)
    const { cookie, query } = draft
    context.credentials.push(...listed([draft.header, query]))
    warnWithoutNeed(draft, path, context)
    return {
      keys,
      algorithms: readAlgorithms(draft.algorithms, keys, path, context),
      issuers: listed(draft.issuer),
      audiences: listed(draft.audience),
      roles: listed(draft.roles),
      rolesKey: draft.roles_key ?? DEFAULTS.rolesKey,
      scopes: listed(draft.scopes),
      scopesKey: draft.scopes_key ?? DEFAULTS.scopesKey,
      allScopes: draft.scopes_matcher === 'all',
      required: listed(draft.require),
      claimsToHeaders: Object.entries(draft.claims_to_headers ?? {}).flatMap(([claim, field]) =>
        field === undefined ? [] : [{ claim, field }],
      ),
      from: {
        field: draft.header ?? DEFAULTS.field,
        ...(cookie !== undefined && { cookie }),
        ...(query !== undefined && { query }),
      },
      forward: draft.forward ?? true,
      leewayMs: readMs(draft, 'leeway', path, context) ?? 0,
      optional: draft.optional ?? false,
      realm: draft.realm ?? DEFAULT_REALM,
      refusal: draft.refusal ?? 'problem',
      jwks: {
        ttlMs: readMs(draft, 'jwks_ttl', path, context) ?? DEFAULTS.ttlMs,
        cooldownMs: readMs(draft, 'jwks_cooldown', path, context) ?? DEFAULTS.cooldownMs,
        timeoutMs: readMs(draft, 'jwks_timeout', path, context) ?? DEFAULTS.timeoutMs,
        mostBytes: (draft.jwks_size !== undefined && sizeBytes(draft.jwks_size)) || DEFAULTS.mostBytes,
      },
      tokens: draft.tokens ?? DEFAULTS.tokens,
    }
  },
})

function warnWithoutNeed(draft: Draft<z.input<typeof schema>>, path: Path, { report }: Context): void {
  const keys = [
    ['roles_key', draft.roles_key, draft.roles],
    ['scopes_key', draft.scopes_key, draft.scopes],
    ['scopes_matcher', draft.scopes_matcher, draft.scopes],
  ] as const
  for (const [key, value, needed] of keys) {
    const other = key.slice(0, key.indexOf('_'))
    if (value !== undefined && needed === undefined)
      report.warn([...path, key], `"${key}" is of no use without "${other}"`, 'key')
  }
}
