// What the options of the pipes that ask who is there have in common.
import { resolve } from 'node:path'
import { z } from 'zod'
import type { Path } from '../document.js'
import type { Context } from '../normalise/context.js'
import { UNREAD } from '../normalise/tls.js'
import type { Fault } from '../problem.js'
import { nonEmpty, oneOf, text } from '../schema/fields.js'
import { readSmallFile } from '../small-file.js'
import { cookieNameFault, sentFieldFault } from '../text/http.js'

// It stands in a quoted string of WWW-Authenticate.
function realmFault(realm: string): Fault | undefined {
  return /^[\x20\x21\x23-\x5b\x5d-\x7e]{1,200}$/.test(realm)
    ? undefined
    : { message: 'a realm holds up to 200 printable ASCII characters, without quotes and backslashes' }
}

export const DEFAULT_REALM = 'api'

export const realm = () =>
  text(realmFault)
    .optional()
    .meta({ description: 'Name of what is guarded, shown to clients.', default: DEFAULT_REALM })

export const refusal = () =>
  oneOf(['problem', 'empty'])
    .optional()
    .meta({ description: 'Body of a refusal: a problem in JSON, or none.', default: 'problem' })

export const forward = (what: string, otherwise: boolean) =>
  z
    .boolean()
    .optional()
    .meta({ description: `Whether instances get ${what}.`, default: otherwise })

/** A header field that a pipe sets or reads. */
export const fieldName = () => text(ownFieldFault)

function ownFieldFault(name: string): Fault | undefined {
  return /^(host|proxy-connection)$/i.test(name)
    ? { message: `the field ${name.toLowerCase()} is set by the gateway alone` }
    : sentFieldFault(name)
}

export const cookieName = () => text(cookieNameFault)

export const queryName = () => nonEmpty()

/** One text, or a list of them. */
export function oneOrMore(what: string) {
  return z.union([nonEmpty(), z.array(nonEmpty()).min(1)], { error: `must be ${what} or a list of them` })
}

/** The entries that are left. */
export function listed(given: string | readonly (string | undefined)[] | undefined): string[] {
  if (given === undefined) return []
  return (typeof given === 'string' ? [given] : given).filter((one) => one !== undefined)
}

/**
 * Text of a file that the option at `path` names, relative to the config; undefined where it cannot be read, which has
 * been reported, or is not to be looked at.
 */
export function readTextFile(name: string, path: Path, context: Context): string | undefined {
  if (context.certificates === UNREAD) return undefined
  const file = readSmallFile(resolve(context.directory, name))
  if (file.ok) return file.bytes.toString('utf8')
  const hint = file.absent ? { hint: 'it is relative to this config file' } : {}
  context.report.fault(path, { message: file.message, ...hint })
  return undefined
}
