// What a request says that a cache has to look at, beside its method and target. Most requests say nothing of the kind.
import type { FieldLines } from '../../field-lines.js'
import { type Directives, parseDirectives, secondsOf } from './directives.js'

export interface Wishes {
  readonly directives: Directives
  readonly noStore: boolean
  /** Only what has just been validated is wanted. */
  readonly fresh: boolean
  readonly onlyIfCached: boolean
  /** Seconds. */
  readonly maxAge: number | undefined
  readonly minFresh: number | undefined
  /** Infinity: however stale. */
  readonly maxStale: number | undefined
  readonly staleIfError: number | undefined
  readonly range: string | undefined
  readonly ifRange: string | undefined
  readonly ifNoneMatch: string | undefined
  readonly ifModifiedSince: string | undefined
  /** Preconditions that only the service can judge. */
  readonly forService: boolean
}

export const NO_WISHES: Wishes = readWishes(undefined)

/** Whether `text`, whole field lines, holds one of the fields that `readWishes` reads. */
export function hasWishes(text: string): boolean {
  for (let start = 0; start < text.length;) {
    // In lower case: of `cache-control`, `pragma`, `range` and `if-…` the first letters.
    const letter = text.charCodeAt(start) | 0x20
    if ((letter === 0x63 || letter === 0x69 || letter === 0x70 || letter === 0x72) && isWish(text, start)) return true
    const end = text.indexOf('\n', start)
    if (end < 0) return false
    start = end + 1
  }
  return false
}

const NAME = /cache-control:|pragma:|range:|if-/iy

function isWish(text: string, start: number): boolean {
  NAME.lastIndex = start
  return NAME.test(text)
}

/** `obey` false: Cache-Control and Pragma do not count. */
export function readWishes(fields: FieldLines | undefined, obey = true): Wishes {
  const control = obey ? fields?.get('cache-control') : undefined
  const directives = parseDirectives(control)
  // RFC 9111 section 5.4: only for those who do not know Cache-Control.
  const pragma = obey && control === undefined ? parseDirectives(fields?.get('pragma')) : undefined
  return {
    directives,
    noStore: directives.has('no-store'),
    fresh: directives.has('no-cache') || pragma?.has('no-cache') === true,
    onlyIfCached: directives.has('only-if-cached'),
    maxAge: secondsOf(directives, 'max-age'),
    minFresh: secondsOf(directives, 'min-fresh'),
    maxStale:
      directives.has('max-stale') && !directives.get('max-stale') ? Infinity : secondsOf(directives, 'max-stale'),
    staleIfError: secondsOf(directives, 'stale-if-error'),
    range: fields?.get('range'),
    ifRange: fields?.get('if-range'),
    ifNoneMatch: fields?.get('if-none-match'),
    ifModifiedSince: fields?.get('if-modified-since'),
    forService: fields !== undefined && (fields.has('if-match') || fields.has('if-unmodified-since')),
  }
}
