// Whether an answer may be stored, and for how long it is fresh and useful. The rules are those of http-cache-semantics, with
// what it reads too loosely, or not at all, put right before it sees it.
import CachePolicy from 'http-cache-semantics'
import type { CacheOptions } from '../../../shared/config/pipes/cache.js'
import type { FieldLines } from '../../field-lines.js'
import { deltaSeconds, type Directives, fieldNames, parseDirectives, secondsOf } from './directives.js'
import { httpDateMs } from './http-date.js'

/** A request and its answer, as far as they count here. */
export interface Judged {
  readonly method: string
  readonly requestDirectives: Directives
  /** The request had Authorization. */
  readonly authorized: boolean
  readonly status: number
  readonly fields: FieldLines
  /** Monotonic milliseconds. */
  readonly askedAt: number
  readonly answeredAt: number
  /** Epoch milliseconds at `answeredAt`. */
  readonly wallMs: number
}

/** Times are monotonic milliseconds. */
export interface Terms {
  /** When its age was 0. */
  readonly bornAt: number
  /** Its birth where it must be validated first. */
  readonly freshUntil: number
  /** It may be served stale while it is refreshed. */
  readonly staleUntil: number
  /** It may be served when the service fails. */
  readonly onErrorUntil: number
  /** Served stale never, whoever allows it. */
  readonly strict: boolean
  /** Not even served fresh without validation. */
  readonly checked: boolean
  /** Lower-case names of fields that are not stored. */
  readonly dropped: readonly string[]
}

export type PolicyOptions = Pick<
  CacheOptions,
  'ttlMs' | 'heuristic' | 'setCookie' | 'staleWhileRevalidateMs' | 'staleIfErrorMs'
>

/** Statuses that mean more to a cache than their fields say: parts of a body, and nothing of its own. */
const NEVER_STORED: ReadonlySet<number> = new Set([206, 304, 416])
/** What `must-understand` asks for (RFC 9111 section 5.2.2.3). */
const UNDERSTOOD: ReadonlySet<number> = new Set([
  200, 203, 204, 300, 301, 302, 303, 307, 308, 404, 405, 410, 414, 421, 451, 501,
])
/** RFC 9110 section 15.1. */
const BY_DEFAULT: ReadonlySet<number> = new Set([200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501])

/** Undefined: it must not be stored. */
export function judge(judged: Judged, options: PolicyOptions): Terms | undefined {
  const { status, fields, wallMs, answeredAt, askedAt } = judged
  if (status < 200 || status > 599 || NEVER_STORED.has(status)) return undefined
  const given = parseDirectives(fields.get('cache-control'))
  const dropped = namesIn(given, 'no-cache').concat(namesIn(given, 'private'))
  const cookies = fields.has('set-cookie')
  if (cookies && !options.setCookie && !dropped.includes('set-cookie')) return undefined

  const directives = rightened(given, status)
  const expires = directives.has('max-age') || directives.has('s-maxage') ? undefined : expiryOf(fields, wallMs)
  const dateMs = httpDateMs(fields.get('date'), wallMs) ?? wallMs
  const explicit = directives.has('max-age') || directives.has('s-maxage') || expires !== undefined
  const policy = new CachePolicy(
    requestOf(judged),
    {
      // With a time of its own any answer may be stored (RFC 9111 section 3); the package takes fewer statuses than that.
      status: explicit || directives.has('public') ? 200 : status,
      headers: {
        ...(directives.size > 0 && { 'cache-control': written(directives) }),
        ...(expires !== undefined && { expires, date: new Date(dateMs).toUTCString() }),
        ...heuristicFields(fields, wallMs, dateMs),
      },
    },
    { shared: true, cacheHeuristic: options.heuristic, immutableMinTimeToLive: 0 },
  )
  if (!policy.storable()) return undefined

  const usual = !explicit && (BY_DEFAULT.has(status) || directives.has('public')) ? options.ttlMs : 0
  const checked = directives.has('no-cache')
  const lifetimeMs = checked ? 0 : Math.max(policy.maxAge() * 1000, usual)
  // Dates are whole seconds.
  const apparentMs = Math.floor((wallMs - dateMs) / 1000) * 1000
  const ageMs = Math.max(apparentMs, (ageOf(fields) ?? 0) * 1000 + (answeredAt - askedAt), 0)
  // What can be neither served nor validated is of no use.
  const validated = fields.has('etag') || fields.has('last-modified')
  const bornAt = answeredAt - ageMs
  const freshUntil = bornAt + lifetimeMs
  const forbidden = checked || given.has('must-revalidate') || given.has('proxy-revalidate')
  // RFC 9111 section 5.2.2.10: s-maxage forbids it, too, unless the same answer says otherwise.
  const strict = forbidden || given.has('s-maxage')
  const until = (name: string, usualMs: number): number => {
    const seconds = forbidden ? undefined : secondsOf(given, name)
    if (seconds === undefined && strict) return -Infinity
    return freshUntil + (seconds === undefined ? usualMs : seconds * 1000)
  }
  const staleUntil = until('stale-while-revalidate', options.staleWhileRevalidateMs)
  const onErrorUntil = until('stale-if-error', options.staleIfErrorMs)
  if (lifetimeMs === 0 && !validated && staleUntil <= bornAt && onErrorUntil <= bornAt) return undefined
  return { bornAt, freshUntil, staleUntil, onErrorUntil, strict, checked, dropped }
}

/** Whether it serves others than the one who asked, without another question. */
export function servesOthers({ freshUntil, staleUntil, checked }: Terms, now: number): boolean {
  return !checked && (freshUntil > now || staleUntil > now)
}

/** Age that the answer came with, in seconds: of a list the first member, and nothing that is no number. */
export function ageOf(fields: FieldLines): number | undefined {
  const first = fields.get('age')?.split(/[,;]/, 1)[0]?.trim()
  return deltaSeconds(first)
}

/** The directives as the package is to read them: numbers as numbers, and nothing that it takes for more than it is. */
function rightened(given: Directives, status: number): Directives {
  const directives = new Map<string, string | undefined>()
  for (const name of ['max-age', 's-maxage']) {
    const seconds = secondsOf(given, name)
    if (seconds !== undefined) directives.set(name, String(seconds))
  }
  for (const name of ['public', 'must-revalidate']) if (given.has(name)) directives.set(name, undefined)
  // With names they concern these fields alone.
  for (const name of ['no-cache', 'private']) if (given.has(name) && !given.get(name)) directives.set(name, undefined)
  if (given.has('no-store') && !(given.has('must-understand') && UNDERSTOOD.has(status)))
    directives.set('no-store', undefined)
  return directives
}

function requestOf({ method, requestDirectives, authorized }: Judged) {
  return {
    method,
    headers: {
      ...(requestDirectives.has('no-store') && { 'cache-control': 'no-store' }),
      // Whether it is there counts, and not what it says.
      ...(authorized && { authorization: 'yes' }),
    },
  }
}

/** In the one form that every reader of dates takes; a date that is none is long past. */
function expiryOf(fields: FieldLines, wallMs: number): string | undefined {
  const text = fields.get('expires')
  return text === undefined ? undefined : new Date(httpDateMs(text, wallMs) ?? 0).toUTCString()
}

function heuristicFields(fields: FieldLines, wallMs: number, dateMs: number): Record<string, string> {
  const modified = httpDateMs(fields.get('last-modified'), wallMs)
  if (modified === undefined) return {}
  return { 'last-modified': new Date(modified).toUTCString(), date: new Date(dateMs).toUTCString() }
}

function namesIn(directives: Directives, name: string): string[] {
  const value = directives.get(name)
  return value === undefined ? [] : fieldNames(value)
}

function written(directives: Directives): string {
  return [...directives].map(([name, value]) => (value === undefined ? name : `${name}=${value}`)).join(', ')
}
