// Where the keys come from that tokens are checked with, and which signatures go with them.
import { createPublicKey } from 'node:crypto'
import { z } from 'zod'
import type { Path } from '../document.js'
import type { Context, Draft } from '../normalise/context.js'
import type { Fault } from '../problem.js'
import { isObject } from '../reader.js'
import { nonEmpty, text } from '../schema/fields.js'
import { listed, readTextFile } from './auth-fields.js'
import { isLoopbackUrl, plainUrlFault } from './web-address.js'

/** JSON Web Keys as they are; what is in them is checked when one is used. */
export type KeyData = Readonly<Record<string, unknown>>

export type JwtKeys =
  | { readonly kind: 'url'; readonly url: string }
  | { readonly kind: 'service'; readonly service: string; readonly path: string }
  | { readonly kind: 'set'; readonly keys: readonly KeyData[] }
  | { readonly kind: 'public'; readonly pem: string }
  | { readonly kind: 'secret'; readonly secret: string }

const SYMMETRIC = ['HS256', 'HS384', 'HS512'] as const
const RSA = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'] as const
const ELLIPTIC = ['ES256', 'ES384', 'ES512'] as const
const EDWARDS = ['EdDSA', 'Ed25519'] as const

/** RFC 7518 section 3.1, RFC 8037, RFC 9864; `none` is not among them and never will be. */
export const ALGORITHMS = [...RSA, ...ELLIPTIC, ...EDWARDS, ...SYMMETRIC] as const

const MOST_KEYS = 100
/** RFC 7518 section 3.2: as long as the output of the hash. */
const SHORT_SECRET_BYTES = 32

const service = z.strictObject({
  service: nonEmpty().meta({ description: 'Service that has the key set.' }),
  path: text(targetFault).meta({ description: 'Path of the key set there.' }),
})

export function targetFault(target: string): Fault | undefined {
  return /^\/[\x21\x22\x24-\x7e]*$/.test(target)
    ? undefined
    : { message: 'a path begins with "/" and holds neither spaces nor "#"' }
}

export const keySources = {
  jwks: z
    .union([text(plainUrlFault), service], { error: 'must be a URL, or an object with service and path' })
    .optional()
    .meta({ description: 'Key set: its URL, or the service and path to ask for it.' }),
  jwks_file: nonEmpty().optional().meta({ description: 'File with a key set; relative to this file.' }),
  key: nonEmpty().optional().meta({ description: 'Public key or certificate, in PEM.' }),
  key_file: nonEmpty().optional().meta({ description: 'File with it; relative to this file.' }),
  secret: nonEmpty().optional().meta({ description: 'Secret of HS…; best given as ${VAR}.' }),
  secret_file: nonEmpty().optional().meta({ description: 'File with it; relative to this file.' }),
}

type Sources = Draft<z.input<z.ZodObject<typeof keySources>>>

const NO_KEYS: JwtKeys = { kind: 'set', keys: [] }

export function readKeys(draft: Sources, path: Path, context: Context): JwtKeys {
  const { report } = context
  const names = Object.keys(keySources) as (keyof typeof keySources)[]
  const given = names.filter((name) => draft[name] !== undefined)
  const [first, second] = given
  if (first === undefined) {
    if (!names.some((name) => report.has([...path, name])))
      report.fault(path, { message: 'there is no key', hint: `give one of ${names.join(', ')}` }, 'key')
    return NO_KEYS
  }
  if (second !== undefined)
    report.fault([...path, second], { message: `"${first}" is there too`, hint: 'keep one of the two' }, 'key')
  const at = [...path, first]
  const value = draft[first]
  if (typeof value !== 'string') return readService(value, at, context) ?? NO_KEYS
  const content = first.endsWith('_file') ? readTextFile(value, at, context) : value
  if (content === undefined) return NO_KEYS
  if (first === 'jwks') return readUrl(content, at, context)
  if (first === 'jwks_file') return readSet(content, at, context)
  return first.startsWith('key') ? readPublic(content, at, context) : readSecret(content, at, context)
}

function readService(
  given: Draft<z.input<typeof service>> | undefined,
  path: Path,
  { services }: Context,
): JwtKeys | undefined {
  if (given?.service === undefined || given.path === undefined) return undefined
  services.use(given.service, [...path, 'service'])
  return { kind: 'service', service: given.service, path: given.path }
}

function readUrl(url: string, path: Path, { report }: Context): JwtKeys {
  if (url.startsWith('http:') && !isLoopbackUrl(url))
    report.warn(path, {
      message: 'the keys travel unprotected: who changes them on the way can sign',
      hint: 'use https://',
    })
  return { kind: 'url', url }
}

function readSet(content: string, path: Path, { report }: Context): JwtKeys {
  const keys = keysOf(content)
  if (typeof keys === 'string') report.fault(path, keys)
  else if (keys.length === 0) report.fault(path, 'the set holds no key')
  else if (keys.some((key) => 'd' in key))
    report.fault(path, { message: 'the set holds a private key', hint: 'whoever checks needs the public parts only' })
  else return { kind: 'set', keys }
  return NO_KEYS
}

/** The keys of a set (RFC 7517 section 5), the first hundred; or what is wrong with it. */
export function keysOf(content: string): readonly KeyData[] | string {
  let data: unknown
  try {
    data = JSON.parse(content)
  } catch {
    return 'not a key set: no JSON'
  }
  const keys = isObject(data) ? data['keys'] : undefined
  if (!Array.isArray(keys)) return 'not a key set: it has no list "keys"'
  return keys.slice(0, MOST_KEYS).filter((key): key is KeyData => isObject(key) && typeof key['kty'] === 'string')
}

function readPublic(pem: string, path: Path, { report }: Context): JwtKeys {
  if (pem.includes('PRIVATE KEY')) {
    report.fault(path, { message: 'this is a private key', hint: 'whoever checks needs the public key only' })
    return NO_KEYS
  }
  try {
    const key = createPublicKey(pem)
    return { kind: 'public', pem: key.export({ type: 'spki', format: 'pem' }).toString() }
  } catch {
    report.fault(path, { message: 'neither a public key nor a certificate in PEM', hint: '-----BEGIN PUBLIC KEY-----' })
    return NO_KEYS
  }
}

function readSecret(content: string, path: Path, { report }: Context): JwtKeys {
  const secret = content.replace(/\r?\n$/, '')
  if (Buffer.byteLength(secret) < SHORT_SECRET_BYTES)
    report.warn(path, {
      message: 'a short secret can be guessed from one token',
      hint: `use ${SHORT_SECRET_BYTES} bytes or more`,
    })
  return { kind: 'secret', secret }
}

export function readAlgorithms(
  given: readonly (string | undefined)[] | undefined,
  keys: JwtKeys,
  path: Path,
  { report }: Context,
): readonly string[] {
  const fitting = fittingAlgorithms(keys)
  if (given === undefined) {
    const onlySecrets = keys.kind === 'set' && keys.keys.length > 0 && keys.keys.every((key) => key['kty'] === 'oct')
    if (onlySecrets)
      report.fault(
        [...path, 'algorithms'],
        { message: 'the set holds secrets only', hint: 'say algorithms: [HS256]' },
        'key',
      )
    return fitting.filter((name) => keys.kind === 'secret' || !name.startsWith('HS'))
  }
  given.forEach((name, i) => {
    if (name !== undefined && !fitting.includes(name))
      report.fault([...path, 'algorithms', i], {
        message: `${name} does not go with this key`,
        hint: fitting.join(', '),
      })
  })
  return listed(given)
}

const CURVES: Readonly<Record<string, readonly string[]>> = {
  prime256v1: ['ES256'],
  secp384r1: ['ES384'],
  secp521r1: ['ES512'],
}

/** A public key never goes with HS…: taken for a secret, everybody would know it. */
function fittingAlgorithms(keys: JwtKeys): readonly string[] {
  if (keys.kind === 'secret') return SYMMETRIC
  if (keys.kind !== 'public') return ALGORITHMS
  const { asymmetricKeyType, asymmetricKeyDetails } = createPublicKey(keys.pem)
  if (asymmetricKeyType === 'rsa') return RSA
  if (asymmetricKeyType === 'rsa-pss') return RSA.filter((name) => name.startsWith('PS'))
  if (asymmetricKeyType === 'ed25519') return EDWARDS
  return CURVES[asymmetricKeyDetails?.namedCurve ?? ''] ?? []
}
