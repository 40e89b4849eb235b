// Options of `auth-basic`: users and what their passwords must come to.
import { z } from 'zod'
import type { Path } from '../document.js'
import type { Context } from '../normalise/context.js'
import { count, nonEmpty } from '../schema/fields.js'
import { DEFAULT_REALM, fieldName, forward, readTextFile, realm, refusal } from './auth-fields.js'
import { builtIn } from './builtin.js'
import { readPassword, unsupportedHash, type StoredPassword } from './stored-password.js'

/** Plain JSON data. No password stands in it as it is typed. */
export interface AuthBasicOptions {
  readonly users: readonly { readonly name: string; readonly password: StoredPassword }[]
  readonly realm: string
  readonly refusal: 'problem' | 'empty'
  /** Whether instances get the Authorization field. */
  readonly forward: boolean
  /** Field with the user's name for instances. */
  readonly userField?: string
  /** Verified credentials that are remembered per worker. */
  readonly remembered: number
}

const REMEMBERED = 1000
const MOST_USERS = 100_000

const schema = z.strictObject({
  users: z
    .record(z.string(), nonEmpty())
    .optional()
    .meta({ description: 'Name to password: scrypt:N:r:p:SALT:HASH, {SHA256}HASH, or the password itself as ${VAR}.' }),
  htpasswd: nonEmpty()
    .optional()
    .meta({ description: 'File with users; relative to this file. Entries with {SHA} only.' }),
  realm: realm(),
  refusal: refusal(),
  forward: forward('the Authorization field', true),
  user_header: fieldName().optional().meta({ description: "Field with the user's name for instances." }),
  remembered: count(0, 1_000_000)
    .optional()
    .meta({ description: 'Verified credentials remembered per worker; 0: none.', default: REMEMBERED }),
})

export const authBasic = builtIn({
  name: 'auth-basic',
  description: 'Lets requests with the name and password of a known user pass.',
  schema,
  guards: true,
  read(draft, path, context): AuthBasicOptions {
    const users = new Map<string, StoredPassword>()
    const add = (name: string, value: string, at: Path, where: string): void => {
      const fault = nameFault(name) ?? (users.has(name) ? 'the user is there twice' : undefined)
      const read = fault === undefined ? readPassword(value) : { fault: { message: fault } }
      if ('fault' in read) {
        context.report.fault(at, { ...read.fault, message: where + read.fault.message })
        return
      }
      if (read.clear) {
        const message = 'the password stands in the config as it is typed'
        context.report.warn(at, { message, hint: 'give its hash, scrypt:…, or take care who can read it' })
      }
      users.set(name, read.password)
    }
    const { users: given, htpasswd } = draft
    for (const [name, value] of Object.entries(given ?? {})) {
      if (value !== undefined) add(name, value, [...path, 'users', name], '')
    }
    const file = [...path, 'htpasswd']
    const content = htpasswd === undefined ? undefined : readTextFile(htpasswd, file, context)
    content?.split(/\r?\n/).forEach((line, i) => {
      const colon = line.indexOf(':')
      if (line.trim() === '' || line.startsWith('#')) return
      const where = `line ${i + 1} of the file: `
      if (colon < 1) context.report.fault(file, `${where}not NAME:HASH`)
      else if (!line.startsWith('{', colon + 1)) {
        const { message, hint } = unsupportedHash(line.slice(colon + 1))
        context.report.fault(file, { message: where + message, hint })
      } else add(line.slice(0, colon), line.slice(colon + 1), file, where)
    })
    if (users.size > MOST_USERS) context.report.fault(path, `${users.size} users are too many; at most ${MOST_USERS}`)
    if (users.size === 0) checkSomebody(given !== undefined || htpasswd !== undefined, path, context)
    return {
      users: Array.from(users, ([name, password]) => ({ name, password })),
      realm: draft.realm ?? DEFAULT_REALM,
      refusal: draft.refusal ?? 'problem',
      forward: draft.forward ?? true,
      ...(draft.user_header !== undefined && { userField: draft.user_header }),
      remembered: draft.remembered ?? REMEMBERED,
    }
  },
})

// RFC 7617 section 2: a colon ends the name.
function nameFault(name: string): string | undefined {
  if (name === '' || name.length > 256) return 'the name of a user has 1 to 256 characters'
  return /[:\p{Cc}]/u.test(name) ? 'the name of a user holds neither ":" nor control characters' : undefined
}

function checkSomebody(named: boolean, path: Path, { report }: Context): void {
  const told = ['users', 'htpasswd'].some((key) => report.has([...path, key]))
  if (!told && !named) report.fault(path, { message: 'there is no user', hint: 'give "users" or "htpasswd"' }, 'key')
}
