// What a config keeps of a password: never the password itself, once it has been read.
import { createHash } from 'node:crypto'
import type { Fault } from '../problem.js'

/** Hashes and salts in base64. */
export type StoredPassword =
  | { readonly kind: 'digest'; readonly hash: 'sha1' | 'sha256'; readonly value: string }
  | {
      readonly kind: 'scrypt'
      readonly cost: number
      readonly blockSize: number
      readonly parallelization: number
      readonly salt: string
      readonly value: string
    }

export type ReadPassword =
  | { readonly password: StoredPassword; /** It stood there as it is typed. */ readonly clear: boolean }
  | { readonly fault: Fault }

const DIGESTS = { '{SHA}': ['sha1', 20], '{SHA256}': ['sha256', 32] } as const
const SCRYPT = /^scrypt:(\d{1,8}):(\d{1,3}):(\d{1,3}):([A-Za-z0-9+/_-]{8,200}={0,2}):([A-Za-z0-9+/_-]{22,200}={0,2})$/
/** Hashes as crypt(3) and its kin write them. Taken for a password, one would let in whoever reads it, and not its user. */
const CRYPT = /^\$(?:2[abxy]?|apr1|1|5|6|7|y|argon2(?:id|i|d)|scrypt|pbkdf2[\w-]*)\$[\w./$=,+-]{8,}$/
/** What one check may take of the memory. */
const MOST_SCRYPT_BYTES = 64 * 1024 * 1024

export function readPassword(text: string): ReadPassword {
  if (text.startsWith('scrypt:')) return readScrypt(text)
  if (CRYPT.test(text)) return { fault: unsupportedHash(text) }
  const scheme = /^\{[A-Z0-9-]+\}/i.exec(text)?.[0]
  if (scheme === undefined) return { password: clearPassword(text), clear: true }
  const known = Object.entries(DIGESTS).find(([name]) => name === scheme.toUpperCase())
  if (known === undefined)
    return { fault: { message: `a hash of the kind ${scheme} cannot be checked here`, hint: HINT } }
  const [hash, bytes] = known[1]
  const value = Buffer.from(text.slice(scheme.length), 'base64')
  if (value.length !== bytes) return { fault: { message: `not a hash of ${bytes} bytes in base64` } }
  return { password: { kind: 'digest', hash, value: value.toString('base64') }, clear: false }
}

/** `hash`: of a kind that Node cannot check. */
export function unsupportedHash(hash: string): Required<Fault> {
  const kind = /^\$2[abxy]?\$/.test(hash) ? 'bcrypt' : hash.startsWith('$apr1$') ? 'MD5 (apr1)' : 'crypt'
  const message = `a hash of the kind ${kind} cannot be checked here`
  return { message, hint: 'use htpasswd -s, or "users" with scrypt:…' }
}

const HINT = 'scrypt:N:r:p:SALT:HASH, {SHA256}HASH or {SHA}HASH'

function clearPassword(text: string): StoredPassword {
  return { kind: 'digest', hash: 'sha256', value: createHash('sha256').update(text, 'utf8').digest('base64') }
}

function readScrypt(text: string): ReadPassword {
  const [, n, r, p, salt = '', value = ''] = SCRYPT.exec(text) ?? []
  if (n === undefined) return { fault: { message: 'not scrypt:N:r:p:SALT:HASH, the last two in base64' } }
  const [cost, blockSize, parallelization] = [Number(n), Number(r), Number(p)]
  if (cost < 2 || (cost & (cost - 1)) !== 0) return { fault: { message: 'the N of scrypt must be a power of two' } }
  if (blockSize < 1 || parallelization < 1) return { fault: { message: 'the r and p of scrypt must be 1 or more' } }
  if (128 * cost * blockSize > MOST_SCRYPT_BYTES || parallelization > 16)
    return { fault: { message: 'one check would take too much', hint: 'such as N 16384, r 8, p 1' } }
  return { password: { kind: 'scrypt', cost, blockSize, parallelization, salt, value }, clear: false }
}
