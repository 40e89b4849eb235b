// Options of `cors`: which pages of other origins may read answers, and with what they may ask.
import { z } from 'zod'
import type { Path } from '../document.js'
import { readMs, type Context } from '../normalise/context.js'
import type { Fault } from '../problem.js'
import { durations, text, TIMER } from '../schema/fields.js'
import { plainHostPattern, hostPatternFault } from '../text/host.js'
import { fieldNameFault, methodFault } from '../text/http.js'
import { listed } from './auth-fields.js'
import { builtIn } from './builtin.js'

/** Plain JSON data. */
export interface CorsOptions {
  /** `*`, or origins as browsers write them; `https://*.example.org` takes any number of labels. */
  readonly origins: '*' | readonly string[]
  /** `*`: any. */
  readonly methods: '*' | readonly string[]
  /** Lower case; `*`: any. */
  readonly headers: '*' | readonly string[]
  readonly expose: readonly string[]
  readonly credentials: boolean
  /** How long a browser may keep what a preflight brought; undefined: as it likes. */
  readonly maxAgeMs?: number
}

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']
const HEADERS = ['Accept', 'Authorization', 'Content-Type', 'X-Requested-With']

const schema = z.strictObject({
  origins: z
    .union([text(originFault), z.array(text(originFault)).min(1)], { error: 'must be an origin or a list of them' })
    .meta({ description: 'Origins such as https://app.example.org or https://*.example.org; *: every one.' }),
  methods: z
    .array(text((method) => (method === '*' ? undefined : methodFault(method))))
    .min(1)
    .optional()
    .meta({ description: 'Methods that pages may use; *: any.', default: METHODS }),
  headers: z
    .array(text((name) => (name === '*' ? undefined : fieldNameFault(name))))
    .optional()
    .meta({ description: 'Header fields that pages may send; *: any.', default: HEADERS }),
  expose: z
    .array(text((name) => (name === '*' ? undefined : fieldNameFault(name))))
    .optional()
    .meta({ description: 'Header fields of answers that pages may read, beside the simple ones.', default: [] }),
  credentials: z
    .boolean()
    .optional()
    .meta({ description: 'Whether cookies and the like may come along.', default: false }),
  ...durations('max_age', 'How long browsers may remember what is allowed.', TIMER),
})

export const cors = builtIn({
  name: 'cors',
  description: 'Tells browsers which pages of other origins may use what is here.',
  schema,
  read(draft, path, context): CorsOptions {
    const given = listed(draft.origins)
    const origins = given.includes('*') ? ('*' as const) : given.map(plainOrigin)
    const credentials = draft.credentials ?? false
    const expose = listed(draft.expose)
    checkStars(origins, expose, credentials, path, context)
    const maxAgeMs = readMs(draft, 'max_age', path, context)
    return {
      origins,
      methods: orStar(listed(draft.methods ?? METHODS)),
      headers: orStar(listed(draft.headers ?? HEADERS).map((name) => name.toLowerCase())),
      expose,
      credentials,
      ...(maxAgeMs !== undefined && { maxAgeMs }),
    }
  },
})

function orStar(names: readonly string[]): '*' | readonly string[] {
  return names.includes('*') ? '*' : names
}

function checkStars(
  origins: CorsOptions['origins'],
  expose: readonly string[],
  credentials: boolean,
  path: Path,
  { report }: Context,
): void {
  if (!credentials) return
  if (origins === '*') {
    const message = 'with credentials every page of the web could act as its visitor'
    report.fault([...path, 'origins'], { message, hint: 'name the origins, or leave "credentials" out' })
  }
  if (expose.includes('*'))
    report.fault([...path, 'expose'], { message: '"*" means nothing with credentials', hint: 'name the fields' })
}

/** RFC 6454 section 6.2: scheme, host, and the port unless it is the scheme's own. */
function originFault(origin: string): Fault | undefined {
  if (origin === '*') return undefined
  const hint = 'such as https://app.example.org or http://localhost:3000'
  const [, host, port] = ORIGIN.exec(origin) ?? []
  if (host === undefined) return { message: 'not an origin: a scheme, a host, perhaps a port, and nothing more', hint }
  const fault = hostPatternFault(unbracketed(host))
  if (fault) return fault
  return port === undefined || (Number(port) >= 1 && Number(port) <= 65535)
    ? undefined
    : { message: 'the port must be a number from 1 to 65535' }
}

const ORIGIN = /^[a-z][a-z0-9+.-]*:\/\/(\[[0-9a-f:.]+\]|[^\s/:?#@[\]\\]+)(?::(\d{1,5}))?$/i
const OWN_PORT = /^(https:\/\/.*):443$|^(http:\/\/.*):80$/

function unbracketed(host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1')
}

function plainOrigin(origin: string): string {
  const [, host = '', port] = ORIGIN.exec(origin) ?? []
  const scheme = origin.slice(0, origin.indexOf('://')).toLowerCase()
  const plain = `${scheme}://${plainHostPattern(unbracketed(host))}${port === undefined ? '' : `:${Number(port)}`}`
  return plain.replace(OWN_PORT, '$1$2')
}
