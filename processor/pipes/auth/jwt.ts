// Checks JSON Web Tokens; the only place that knows how they are made.
import { createPublicKey, createSecretKey, type KeyObject } from 'node:crypto'
import { decodeProtectedHeader, errors, importJWK, jwtVerify, type CryptoKey, type JWK, type JWTPayload } from 'jose'
import type { AuthJwtOptions } from '../../../shared/config/pipes/auth-jwt.js'
import type { JwtKeys, KeyData } from '../../../shared/config/pipes/jwt-keys.js'

export type Claims = JWTPayload

export type Checked =
  | { readonly ok: true; readonly claims: Claims }
  /** `unknownKey`: another key set might have the key. */
  | { readonly ok: false; readonly reason: string; readonly unknownKey: boolean }

type Key = CryptoKey | KeyObject | Uint8Array

/** Keys for a token's head, best first; empty: none is known. */
export type KeyRing = (algorithm: string, keyId: string | undefined) => Promise<readonly Key[]>

/** A token without a key id is tried with so many keys. */
const MOST_TRIES = 8

export type Rules = Pick<AuthJwtOptions, 'algorithms' | 'issuers' | 'audiences' | 'required' | 'leewayMs'>

/** Never rejects. RFC 7519 section 7.2, with the rules of RFC 8725. */
export async function checkToken(token: string, ring: KeyRing, rules: Rules): Promise<Checked> {
  try {
    const { alg, kid } = decodeProtectedHeader(token)
    if (alg === undefined || !rules.algorithms.includes(alg))
      return refused('its signature is of a kind that is not accepted')
    const keys = await ring(alg, kid)
    if (keys.length === 0) return { ok: false, reason: 'no key is known for it', unknownKey: true }
    return { ok: true, claims: await verify(token, keys, rules) }
  } catch (error) {
    return refused(reasonOf(error))
  }
}

async function verify(token: string, keys: readonly Key[], rules: Rules): Promise<Claims> {
  const { algorithms, issuers, audiences, required, leewayMs } = rules
  const options = {
    algorithms: [...algorithms],
    clockTolerance: leewayMs / 1000,
    requiredClaims: [...required],
    ...(issuers.length > 0 && { issuer: [...issuers] }),
    ...(audiences.length > 0 && { audience: [...audiences] }),
  }
  let failure: unknown
  for (const key of keys) {
    try {
      return (await jwtVerify(token, key, options)).payload
    } catch (error) {
      if (!(error instanceof errors.JWSSignatureVerificationFailed)) throw error
      failure = error
    }
  }
  throw failure
}

function refused(reason: string): Checked {
  return { ok: false, reason, unknownKey: false }
}

/** Never a part of the token: what is said goes to whoever sent it. */
function reasonOf(error: unknown): string {
  if (error instanceof errors.JWTExpired) return 'it has expired'
  if (error instanceof errors.JWTClaimValidationFailed)
    return error.claim === 'nbf' ? 'it is not valid yet' : `its claim ${error.claim} is not as expected`
  return error instanceof errors.JWSSignatureVerificationFailed ? 'its signature is wrong' : 'it is malformed'
}

/** The ring of keys that lie in the config. */
export function fixedRing(keys: Extract<JwtKeys, { kind: 'set' | 'public' | 'secret' }>): KeyRing {
  if (keys.kind === 'set') return ringOf(keys.keys)
  const only = keys.kind === 'public' ? createPublicKey(keys.pem) : createSecretKey(Buffer.from(keys.secret, 'utf8'))
  return () => Promise.resolve([only])
}

/** The ring of a key set (RFC 7517). */
export function ringOf(set: readonly KeyData[]): KeyRing {
  const imported = new Map<string, Promise<Key | undefined>>()
  return async (algorithm, keyId) => {
    const found: Key[] = []
    for (const [i, data] of set.entries()) {
      if (!fits(data, algorithm, keyId)) continue
      const name = `${i} ${algorithm}`
      let key = imported.get(name)
      if (key === undefined) {
        key = importJWK(publicPart(data), algorithm).catch(() => undefined)
        imported.set(name, key)
      }
      const usable = await key
      if (usable !== undefined) found.push(usable)
      if (found.length === MOST_TRIES) break
    }
    return found
  }
}

const KINDS: Readonly<Record<string, string>> = { RS: 'RSA', PS: 'RSA', ES: 'EC', Ed: 'OKP', HS: 'oct' }
const CURVES: Readonly<Record<string, string>> = { ES256: 'P-256', ES384: 'P-384', ES512: 'P-521' }

/** A key of one kind is never used for another: else a public key could be taken for a secret. */
function fits(data: KeyData, algorithm: string, keyId: string | undefined): boolean {
  if (data['kty'] !== KINDS[algorithm.slice(0, 2)]) return false
  if (keyId !== undefined && data['kid'] !== keyId) return false
  if (typeof data['use'] === 'string' && data['use'] !== 'sig') return false
  if (Array.isArray(data['key_ops']) && !data['key_ops'].includes('verify')) return false
  if (typeof data['alg'] === 'string' && data['alg'] !== algorithm && !isEdwards(data['alg'], algorithm)) return false
  const curve = CURVES[algorithm]
  return curve === undefined || data['crv'] === curve
}

/** RFC 9864 gives EdDSA over Ed25519 a name of its own. */
function isEdwards(a: string, b: string): boolean {
  return /^(EdDSA|Ed25519)$/.test(a) && /^(EdDSA|Ed25519)$/.test(b)
}

const PUBLIC = ['kty', 'n', 'e', 'crv', 'x', 'y', 'k']

function publicPart(data: KeyData): JWK {
  return Object.fromEntries(PUBLIC.flatMap((name) => (name in data ? [[name, data[name]]] : []))) as unknown as JWK
}
