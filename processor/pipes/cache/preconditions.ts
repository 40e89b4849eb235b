// What a client that has something already is told: that it is still good (RFC 9110 section 13), or the part that it asks for
// (section 14).
import type { Entry } from './entry.js'
import { httpDateMs } from './http-date.js'
import type { Wishes } from './wishes.js'

export type Part = { readonly start: number; readonly end: number }

/** The client's copy is as good as this answer. */
export function isNotModified(entry: Entry, { ifNoneMatch, ifModifiedSince }: Wishes, wallMs: number): boolean {
  if (entry.status !== 200) return false
  if (ifNoneMatch !== undefined) return ifNoneMatch.trim() === '*' || isAmong(entry.etag, ifNoneMatch)
  if (ifModifiedSince === undefined || entry.modifiedMs === undefined) return false
  const since = httpDateMs(ifModifiedSince, wallMs)
  return since !== undefined && entry.modifiedMs <= since
}

/** `none`: no byte of the body is in it. Undefined: the whole answer. `end` is the byte after the last. */
export function partOf(entry: Entry, { range, ifRange }: Wishes): Part | 'none' | undefined {
  if (range === undefined || entry.status !== 200) return undefined
  if (ifRange !== undefined && !isSame(entry, ifRange)) return undefined
  // Of several parts at once a whole answer is an answer, too, and no client can make a large one of a small.
  const [, first, last] = /^bytes=[ \t]*(\d*)-(\d*)[ \t]*$/i.exec(range) ?? []
  if (first === undefined || last === undefined || (first === '' && last === '')) return undefined
  const { length } = entry
  if (first === '') {
    const count = Math.min(Number(last), length)
    return count === 0 ? 'none' : { start: length - count, end: length }
  }
  const start = Number(first)
  if (last !== '' && Number(last) < start) return undefined
  return start >= length ? 'none' : { start, end: last === '' ? length : Math.min(Number(last) + 1, length) }
}

/** RFC 9110 section 13.1.5: by strong comparison. */
function isSame({ etag, modified, modifiedIsStrong }: Entry, ifRange: string): boolean {
  if (ifRange.startsWith('"')) return etag === ifRange
  return modifiedIsStrong && modified === ifRange
}

const TAG = /(?:W\/)?("[^"]*")/g

/** RFC 9110 section 13.1.2: by weak comparison. */
function isAmong(etag: string | undefined, list: string): boolean {
  if (etag === undefined) return false
  // However it is written, it is the same.
  if (list === etag) return true
  const wanted = opaque(etag)
  for (const [, tag] of list.matchAll(TAG)) if (tag === wanted) return true
  // Some tags have no quotes.
  return !list.includes('"') && list.split(',').some((tag) => tag.trim() === etag)
}

function opaque(etag: string): string {
  return etag.startsWith('W/') ? etag.slice(2) : etag
}
