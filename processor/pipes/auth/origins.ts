// Which origins of pages are meant by those of a config.
import type { CorsOptions } from '../../../shared/config/pipes/cors.js'

/** Longer than any browser writes one: a scheme, a name of 253 characters, a port. */
const LONGEST = 300

/** Whether a page of this origin, as its browser writes it, is allowed. */
export function createOrigins(allowed: CorsOptions['origins']): (origin: string) => boolean {
  if (allowed === '*') return (origin) => origin.length <= LONGEST
  const exact = new Set(allowed.filter((origin) => !origin.includes('://*.')))
  const wide = allowed
    .filter((origin) => origin.includes('://*.'))
    .map((origin) => {
      const star = origin.indexOf('*')
      return { head: origin.slice(0, star), tail: origin.slice(star + 1) }
    })
  return (origin) => {
    if (origin.length > LONGEST) return false
    if (exact.has(origin)) return true
    return wide.some(({ head, tail }) => {
      if (!origin.startsWith(head) || !origin.endsWith(tail)) return false
      // What the star stands for: labels, and nothing that would end the host.
      return /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/.test(origin.slice(head.length, -tail.length))
    })
  }
}
