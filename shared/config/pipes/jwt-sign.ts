// Options of `jwt-sign`: which fields of an answer become signed tokens, and with which key.
import { z } from 'zod'
import { isObject } from '../reader.js'
import { nonEmpty, oneOf, text } from '../schema/fields.js'
import { readTextFile } from './auth-fields.js'
import { builtIn } from './builtin.js'
import { ALGORITHMS, keysOf, targetFault, type KeyData } from './jwt-keys.js'
import { isLoopbackUrl, plainUrlFault } from './web-address.js'

type SignKeys =
  | { readonly kind: 'url'; readonly url: string }
  | { readonly kind: 'service'; readonly service: string; readonly path: string }
  | { readonly kind: 'set'; readonly keys: readonly KeyData[] }

export interface JwtSignOptions {
  readonly keys: SignKeys
  readonly algorithm: (typeof ALGORITHMS)[number]
  /** Of the key in the set. */
  readonly kid: string
  /** Fields at the top of the answer. */
  readonly fields: readonly string[]
}

const service = z.strictObject({
  service: nonEmpty().meta({ description: 'Service that has the key set.' }),
  path: text(targetFault).meta({ description: 'Path of the key set there.' }),
})

const FIELDS = ['access_token', 'refresh_token']

const schema = z.strictObject({
  jwks: z
    .union([text(plainUrlFault), service], { error: 'must be a URL, or an object with service and path' })
    .optional()
    .meta({ description: 'Key set with the private key: its URL, or the service and path to ask for it.' }),
  jwks_file: nonEmpty().optional().meta({ description: 'File with the key set; relative to this file.' }),
  algorithm: oneOf(ALGORITHMS).meta({ description: 'Signature.' }),
  kid: nonEmpty().meta({ description: 'Name of the key in the set.' }),
  fields: z
    .array(nonEmpty())
    .min(1)
    .optional()
    .meta({ description: 'Fields of the answer whose objects become tokens.', default: FIELDS }),
})

export const jwtSign = builtIn({
  name: 'jwt-sign',
  description: 'Turns fields of a JSON answer into signed tokens.',
  schema,
  read(draft, path, context): JwtSignOptions {
    const { report } = context
    const { jwks, jwks_file: file } = draft
    let keys: SignKeys = { kind: 'set', keys: [] }
    if (jwks === undefined && file === undefined && !report.has([...path, 'jwks']))
      report.fault(path, { message: 'there is no key', hint: 'give jwks or jwks_file' }, 'key')
    if (typeof jwks === 'string') {
      if (jwks.startsWith('http:') && !isLoopbackUrl(jwks))
        report.warn([...path, 'jwks'], { message: 'the private key travels unprotected', hint: 'use https://' })
      keys = { kind: 'url', url: jwks }
    } else if (isObject(jwks) && typeof jwks.service === 'string' && typeof jwks.path === 'string') {
      keys = { kind: 'service', service: jwks.service, path: jwks.path }
    } else if (file !== undefined) {
      const content = readTextFile(file, [...path, 'jwks_file'], context)
      const read = content === undefined ? [] : keysOf(content)
      if (typeof read === 'string') report.fault([...path, 'jwks_file'], read)
      else keys = { kind: 'set', keys: read }
    }
    return {
      keys,
      algorithm: draft.algorithm ?? 'HS256',
      kid: draft.kid ?? '',
      fields: draft.fields?.filter((name) => name !== undefined) ?? FIELDS,
    }
  },
})
