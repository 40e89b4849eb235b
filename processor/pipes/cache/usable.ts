// Whether a stored answer may be used for a request as it is, or only while another one is on its way.
import type { Entry } from './entry.js'
import type { Wishes } from './wishes.js'

/** `refresh`: it may be used, and has to be refreshed meanwhile. */
export type Use = 'yes' | 'refresh' | 'no'

/** RFC 9111 sections 4.2 and 5.2.1, RFC 5861 section 3. `now`: monotonic milliseconds. */
export function useOf(entry: Entry, wishes: Wishes, now: number): Use {
  const { freshUntil, staleUntil, strict, checked } = entry.terms
  const { maxAge, minFresh, maxStale } = wishes
  if (checked || wishes.fresh) return 'no'
  // Who says 0 wants what is validated, however young.
  if (maxAge !== undefined && (maxAge === 0 || entry.age(now) > maxAge)) return 'no'
  if (minFresh !== undefined && freshUntil - now < minFresh * 1000) return 'no'
  if (freshUntil > now) return 'yes'
  if (maxStale !== undefined && !strict && now - freshUntil <= maxStale * 1000) return 'yes'
  return staleUntil > now ? 'refresh' : 'no'
}

/** What counts as a failure of the service (RFC 5861 section 4). */
const FAILURES: ReadonlySet<number> = new Set([500, 502, 503, 504])

export function isFailure(status: number): boolean {
  return FAILURES.has(status)
}

/** Whether it may be used in place of a failure. */
export function servesOnError(entry: Entry, { staleIfError }: Wishes, now: number): boolean {
  const { freshUntil, onErrorUntil, strict } = entry.terms
  if (strict) return onErrorUntil > now
  // Who asks says for how long it may be, where the request says so.
  if (staleIfError !== undefined) return now - freshUntil <= staleIfError * 1000
  return onErrorUntil > now || freshUntil > now
}
