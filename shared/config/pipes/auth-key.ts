// Options of `auth-key`: the keys that are known, and where a client shows one.
import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { Path } from '../document.js'
import type { Context } from '../normalise/context.js'
import type { Fault } from '../problem.js'
import { nonEmpty } from '../schema/fields.js'
import { cookieName, DEFAULT_REALM, fieldName, forward, listed, queryName, realm, refusal } from './auth-fields.js'
import { builtIn } from './builtin.js'

/** Plain JSON data. No key stands in it, only its hash. */
export interface AuthKeyOptions {
  readonly keys: readonly {
    /** Empty: it has none. */ readonly name: string
    /** SHA-256 in hex. */ readonly digest: string
  }[]
  readonly from: { readonly field?: string; readonly cookie?: string; readonly query?: string }
  /** Field with the name of the key for instances. */
  readonly nameField?: string
  readonly forward: boolean
  readonly realm: string
  readonly refusal: 'problem' | 'empty'
}

const FIELD = 'X-Api-Key'
const SHORT_KEY = 16
const MOST_KEYS = 100_000

const schema = z.strictObject({
  keys: z
    .union([z.array(nonEmpty()).min(1), z.record(z.string(), nonEmpty())], {
      error: 'must be a list of keys, or an object of names with their keys',
    })
    .meta({ description: 'Keys, best as ${VAR} or as sha256:HEX; with names, or without.' }),
  header: fieldName()
    .optional()
    .meta({ description: 'Field with the key. Used where neither cookie nor query is given.', default: FIELD }),
  cookie: cookieName().optional().meta({ description: 'Cookie with the key.' }),
  query: queryName().optional().meta({ description: 'Query parameter with the key; instances never get it.' }),
  name_header: fieldName().optional().meta({ description: 'Field with the name of the key for instances.' }),
  forward: forward('the key', false),
  realm: realm(),
  refusal: refusal(),
})

export const authKey = builtIn({
  name: 'auth-key',
  description: 'Lets requests with a known key pass.',
  schema,
  guards: true,
  read(draft, path, context): AuthKeyOptions {
    const { cookie, query } = draft
    const field = draft.header ?? (cookie === undefined && query === undefined ? FIELD : undefined)
    context.credentials.push(...listed([field, query]))
    return {
      keys: readKeys(draft.keys, [...path, 'keys'], context),
      from: {
        ...(field !== undefined && { field }),
        ...(cookie !== undefined && { cookie }),
        ...(query !== undefined && { query }),
      },
      ...(draft.name_header !== undefined && { nameField: draft.name_header }),
      forward: draft.forward ?? false,
      realm: draft.realm ?? DEFAULT_REALM,
      refusal: draft.refusal ?? 'problem',
    }
  },
})

type Given = readonly (string | undefined)[] | Readonly<Record<string, string | undefined>>

function readKeys(given: Given | undefined, path: Path, { report }: Context): AuthKeyOptions['keys'] {
  const entries = Array.isArray(given)
    ? Array.from(given as string[], (key) => ['', key] as const)
    : Object.entries(given ?? {})
  const seen = new Set<string>()
  if (entries.length === 0 && given !== undefined) report.fault(path, 'there is no key')
  if (entries.length > MOST_KEYS) report.fault(path, `${entries.length} keys are too many; at most ${MOST_KEYS}`)
  return entries.flatMap(([name, key], i) => {
    const at = [...path, Array.isArray(given) ? i : name]
    if (key === undefined) return []
    if (!/^[\x20-\x7e]{0,256}$/.test(name)) {
      report.fault(at, 'the name of a key holds up to 256 characters of printable ASCII', 'key')
      return []
    }
    const digest = digestOf(key)
    if (typeof digest !== 'string') {
      report.fault(at, digest)
      return []
    }
    if (!key.startsWith('sha256:') && key.length < SHORT_KEY)
      report.warn(at, { message: 'a short key can be guessed', hint: `use ${SHORT_KEY} characters or more` })
    if (seen.has(digest)) report.fault(at, 'the same key is there twice')
    seen.add(digest)
    return [{ name, digest }]
  })
}

function digestOf(key: string): string | Fault {
  if (!key.startsWith('sha256:')) {
    // Anything else has more than one form on the wire.
    if (!/^[\x21-\x7e]+$/.test(key)) return { message: 'a key holds printable ASCII without spaces only' }
    return createHash('sha256').update(key).digest('hex')
  }
  const hex = key.slice('sha256:'.length).toLowerCase()
  return /^[0-9a-f]{64}$/.test(hex) ? hex : { message: 'not a hash', hint: 'sha256: and 64 hexadecimal digits' }
}
