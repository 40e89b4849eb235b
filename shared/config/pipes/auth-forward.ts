// Options of `auth-forward`: who is asked whether a request may pass, what it is told, and what its answer brings.
import { z } from 'zod'
import type { Path } from '../document.js'
import { readMs, type Context, type Draft } from '../normalise/context.js'
import { count, durations, nonEmpty, POSITIVE_TIMER, size, text } from '../schema/fields.js'
import { fieldNameFault } from '../text/http.js'
import { sizeBytes } from '../text/size.js'
import { fieldName, listed } from './auth-fields.js'
import { builtIn } from './builtin.js'
import { targetFault } from './jwt-keys.js'
import { isLoopbackUrl, plainUrlFault } from './web-address.js'

/** Plain JSON data. */
export interface AuthForwardOptions {
  readonly asks:
    | { readonly kind: 'service'; readonly service: string; readonly path: string }
    | { readonly kind: 'url'; readonly url: string }
  /** Fields of the request that the question has, too. */
  readonly requestFields: readonly string[]
  /** Fields of a friendly answer that instances get. */
  readonly answerFields: readonly string[]
  readonly timeoutMs: number
  /** Of an answer's body. */
  readonly mostBytes: number
  readonly cache?: { readonly fields: readonly string[]; readonly ttlMs: number; readonly entries: number }
}

const DEFAULTS = { requestFields: ['Authorization', 'Cookie'], timeoutMs: 3000, mostBytes: 64 * 1024 }
const CACHE = { ttlMs: 10_000, entries: 1000 }

const cache = z
  .strictObject({
    headers: z
      .array(text(fieldNameFault))
      .min(1)
      .meta({ description: 'Fields that tell requests apart, beside method, host, path and query.' }),
    ...durations('ttl', 'How long a friendly answer holds.', POSITIVE_TIMER, CACHE.ttlMs),
    entries: count(1, 1_000_000)
      .optional()
      .meta({ description: 'Answers remembered per worker.', default: CACHE.entries }),
  })
  .meta({ id: 'AuthForwardCache', description: 'Friendly answers are remembered for a while.' })

const schema = z.strictObject({
  service: nonEmpty().optional().meta({ description: 'Service that is asked.' }),
  path: text(targetFault).optional().meta({ description: 'Path that it is asked for.', default: '/' }),
  url: text(plainUrlFault).optional().meta({ description: 'In place of a service: the URL that is asked.' }),
  request_headers: z.array(fieldName()).optional().meta({
    description: 'Fields of the request that the question has, too.',
    default: DEFAULTS.requestFields,
  }),
  answer_headers: z
    .array(fieldName())
    .optional()
    .meta({ description: 'Fields of a friendly answer that instances get; never from the client.', default: [] }),
  ...durations('timeout', 'How long the answer may take.', POSITIVE_TIMER, DEFAULTS.timeoutMs),
  size: size(0, 2 ** 26)
    .optional()
    .meta({ description: 'Longest body of an answer.', default: DEFAULTS.mostBytes }),
  cache: cache.optional(),
})

type AuthForwardDraft = Draft<z.input<typeof schema>>

export const authForward = builtIn({
  name: 'auth-forward',
  description: 'Asks a service whether a request may pass.',
  schema,
  guards: true,
  read(draft, path, context): AuthForwardOptions {
    const requestFields = listed(draft.request_headers ?? DEFAULTS.requestFields)
    const kept = readCache(draft, requestFields, path, context)
    return {
      asks: readAsked(draft, path, context),
      requestFields,
      answerFields: listed(draft.answer_headers),
      timeoutMs: readMs(draft, 'timeout', path, context) ?? DEFAULTS.timeoutMs,
      mostBytes: draft.size === undefined ? DEFAULTS.mostBytes : (sizeBytes(draft.size) ?? DEFAULTS.mostBytes),
      ...(kept && { cache: kept }),
    }
  },
})

function readAsked(
  { service, path: target, url }: AuthForwardDraft,
  path: Path,
  context: Context,
): AuthForwardOptions['asks'] {
  const { report, services } = context
  if (url === undefined) {
    const told = ['service', 'url'].some((key) => report.has([...path, key]))
    if (service === undefined && !told)
      report.fault(path, { message: 'nobody is asked', hint: 'give "service" and "path", or "url"' }, 'key')
    if (service !== undefined) services.use(service, [...path, 'service'])
    return { kind: 'service', service: service ?? '', path: target ?? '/' }
  }
  for (const [key, value] of [
    ['service', service],
    ['path', target],
  ] as const) {
    if (value !== undefined)
      report.fault([...path, key], { message: '"url" is there too', hint: 'keep one of the two' }, 'key')
  }
  if (url.startsWith('http:') && !isLoopbackUrl(url))
    report.warn([...path, 'url'], { message: 'credentials of clients travel unprotected', hint: 'use https://' })
  return { kind: 'url', url }
}

function readCache(
  { cache: given }: AuthForwardDraft,
  requestFields: readonly string[],
  path: Path,
  context: Context,
): AuthForwardOptions['cache'] {
  if (given === undefined) return undefined
  const at = [...path, 'cache']
  const fields = listed(given.headers)
  const lower = fields.map((name) => name.toLowerCase())
  const ignored = requestFields.filter((name) => !lower.includes(name.toLowerCase()))
  if (ignored.length > 0 && given.headers !== undefined)
    context.report.warn([...at, 'headers'], {
      message: `the answer may depend on ${ignored.join(', ')}, which does not tell requests apart here`,
      hint: 'add it, or take it out of "request_headers"',
    })
  return { fields, ttlMs: readMs(given, 'ttl', at, context) ?? CACHE.ttlMs, entries: given.entries ?? CACHE.entries }
}
