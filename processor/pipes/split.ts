// Divides clients without remembering any: a number that stays the same for one client, and the cookie that keeps it.
import { randomInt } from 'node:crypto'
import type { SplitCookie } from '../../shared/config/pipes/canary.js'
import type { StickyKey } from '../../shared/config/pipes/traffic.js'
import type { PipeExchange } from './pipe.js'

/** A share is met to one part in so many. */
export const PLACES = 10_000

/**
 * The place of a text, 0 to 9999, evenly spread also where texts differ in little. `salt` keeps two splits apart: who is
 * in the first tenth of one is anywhere in the other.
 */
export function placeOf(text: string, salt: string): number {
  // FNV-1a, then the finalizer of MurmurHash3, whose last steps make every bit depend on every other.
  let hash = 0x811c9dc5
  const all = `${salt}\0${text}`
  for (let i = 0; i < all.length; i++) hash = Math.imul(hash ^ all.charCodeAt(i), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return ((hash ^ (hash >>> 16)) >>> 0) % PLACES
}

export function randomPlace(): number {
  return randomInt(PLACES)
}

/** The place that a key gives; undefined where the client has to be given one. */
export function keyedPlace(key: StickyKey, salt: string, x: PipeExchange): number | undefined {
  if (key.by === 'ip') return placeOf(x.address, salt)
  if (key.by !== 'header') return undefined
  const value = x.headers.get(key.name)
  // Those without the field belong together: a client that sometimes sends it is no other one each time.
  return placeOf(value ?? '', salt)
}

/** Makes the line that gives a client its cookie. */
export function cookieLine({ name, maxAgeSeconds }: SplitCookie): (value: string, x: PipeExchange) => string {
  const age = maxAgeSeconds === undefined ? '' : `; Max-Age=${maxAgeSeconds}`
  return (value, x) =>
    `Set-Cookie: ${name}=${value}; Path=/${age}; HttpOnly${x.secure ? '; Secure' : ''}; SameSite=Lax\r\n`
}
