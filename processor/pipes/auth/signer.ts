// Signs claims as a JSON Web Token (RFC 7519), in the compact form.
import { constants, createHmac, createPrivateKey, sign, type JsonWebKey, type KeyObject } from 'node:crypto'
import type { JwtSignOptions } from '../../../shared/config/pipes/jwt-sign.js'
import type { KeyData } from '../../../shared/config/pipes/jwt-keys.js'

export type Signer = (claims: Readonly<Record<string, unknown>>) => string

/** Throws where the key does not go with the algorithm. */
export function createSigner(key: KeyData, algorithm: JwtSignOptions['algorithm'], kid: string): Signer {
  const header = encoded({ alg: algorithm, kid })
  const signature = createSignature(key, algorithm)
  return (claims) => {
    const content = `${header}.${encoded(sorted(claims))}`
    return `${content}.${signature(content).toString('base64url')}`
  }
}

function createSignature(key: KeyData, algorithm: JwtSignOptions['algorithm']): (content: string) => Buffer {
  const hash = `sha${algorithm.slice(2)}`
  if (algorithm.startsWith('HS')) {
    const { k } = key
    if (key['kty'] !== 'oct' || typeof k !== 'string') throw new Error(`${algorithm} needs a key of the type oct`)
    const secret = Buffer.from(k, 'base64url')
    return (content) => createHmac(hash, secret).update(content).digest()
  }
  const from = createPrivateKey({ key: key as JsonWebKey, format: 'jwk' })
  if (algorithm === 'EdDSA' || algorithm === 'Ed25519') return (content) => sign(null, Buffer.from(content), from)
  const how = optionsOf(from, algorithm)
  return (content) => sign(hash, Buffer.from(content), how)
}

/** RFC 7518 sections 3.3 to 3.5. */
function optionsOf(key: KeyObject, algorithm: string) {
  if (algorithm.startsWith('ES')) return { key, dsaEncoding: 'ieee-p1363' as const }
  const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }
  return algorithm.startsWith('PS') ? { key, ...pss } : { key, padding: constants.RSA_PKCS1_PADDING }
}

function encoded(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

/** The same claims make the same token, in whatever order they came. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(entries.map(([name, inner]) => [name, sorted(inner)]))
}
