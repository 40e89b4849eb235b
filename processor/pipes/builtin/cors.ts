// Tells browsers which pages of other origins may use what is here (https://fetch.spec.whatwg.org/#http-cors-protocol).
import type { CorsOptions } from '../../../shared/config/pipes/cors.js'
import { createRemoval } from '../auth/claimed-fields.js'
import { createOrigins } from '../auth/origins.js'
import { definePipe, type PipeExchange, type Reply } from '../pipe.js'
import { addVary } from '../varying.js'

/** What an instance says about it itself would speak against this pipe. */
const TAKEN_OVER = [
  'Access-Control-Allow-Origin',
  'Access-Control-Allow-Credentials',
  'Access-Control-Allow-Methods',
  'Access-Control-Allow-Headers',
  'Access-Control-Allow-Private-Network',
  'Access-Control-Expose-Headers',
  'Access-Control-Max-Age',
]

const PREFLIGHT_VARY = 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers'
/** A page has no reason to ask for more. */
const MOST_ASKED_CHARS = 4096

/** Two of these may be on the way of one exchange. */
let places = 0

export default definePipe<CorsOptions>({
  create(options) {
    const mine = `cors.origin ${++places}`
    const allows = createOrigins(options.origins)
    const decidePreflight = createPreflight(options)
    const removeOwn = createRemoval(TAKEN_OVER)
    const always =
      (options.credentials ? 'Access-Control-Allow-Credentials: true\r\n' : '') +
      (options.expose.length > 0 ? `Access-Control-Expose-Headers: ${options.expose.join(', ')}\r\n` : '')
    const lines = (origin: string): string =>
      `Access-Control-Allow-Origin: ${options.origins === '*' ? '*' : origin}\r\n${always}`

    return {
      onRequest(x) {
        const origin = x.headers.get('origin')
        if (origin === undefined) return undefined
        const allowed = allows(origin)
        // A later pipe may take the field out before the answer comes.
        if (allowed) x.state.set(mine, origin)
        if (x.method !== 'OPTIONS') return undefined
        const method = x.headers.get('access-control-request-method')
        return method === undefined ? undefined : decidePreflight(x, allowed ? origin : undefined, method)
      },
      onResponse(x, { headers }) {
        removeOwn(headers)
        // Whether Origin is there decides what an answer says, even where every origin is allowed.
        addVary(headers, 'Origin')
        const origin = x.state.get(mine)
        if (typeof origin === 'string') headers.text += lines(origin)
      },
    }
  },
})

type Preflight = (x: PipeExchange, origin: string | undefined, method: string) => Reply

/** Answered here, whatever is said: a browser that is told nothing does not ask. */
function createPreflight({ origins, methods, headers, credentials, maxAgeMs }: CorsOptions): Preflight {
  const asked = new Set(headers)
  const more = {
    ...(credentials && { 'Access-Control-Allow-Credentials': 'true' }),
    ...(maxAgeMs !== undefined && { 'Access-Control-Max-Age': String(Math.floor(maxAgeMs / 1000)) }),
  }
  const denied: Reply = { status: 204, headers: { Vary: PREFLIGHT_VARY } }
  return (x, origin, method) => {
    const fields = x.headers.get('access-control-request-headers') ?? ''
    if (origin === undefined || fields.length > MOST_ASKED_CHARS) return denied
    if (!/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/.test(method) || (methods !== '*' && !methods.includes(method))) return denied
    if (!isAllowed(fields, headers === '*' ? undefined : asked)) return denied
    return {
      status: 204,
      headers: {
        'Access-Control-Allow-Origin': origins === '*' ? '*' : origin,
        'Access-Control-Allow-Methods': method,
        ...(fields !== '' && { 'Access-Control-Allow-Headers': fields }),
        ...more,
        Vary: PREFLIGHT_VARY,
      },
    }
  }
}

/** A list of names, each of them in `allowed`; without it, each of them a name. */
function isAllowed(fields: string, allowed: ReadonlySet<string> | undefined): boolean {
  if (fields === '') return true
  return fields.split(',').every((one) => {
    const name = one.trim().toLowerCase()
    return allowed === undefined ? /^[a-z0-9!#$%&'*+.^_`|~-]+$/.test(name) : allowed.has(name)
  })
}
