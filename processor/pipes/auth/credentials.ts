// Finds what a client shows (a token, a key) in a field, a cookie or the query, and takes it out again.
import { findCookie } from '../../balancing/cookies.js'
import type { PipeExchange } from '../pipe.js'

export interface Places {
  readonly field?: string
  readonly cookie?: string
  readonly query?: string
}

export interface Credentials {
  /** The first that is there, in the order of `Places`. What stands in the query is out of the target afterwards. */
  find(x: PipeExchange): string | undefined
  /** Takes it out of the field and the cookie. */
  remove(x: PipeExchange): void
}

/** `bearer`: the field may begin with the scheme (RFC 6750 section 2.1); Authorization must. */
export function createCredentials({ field, cookie, query }: Places, bearer: boolean): Credentials {
  const schemed = field?.toLowerCase() === 'authorization'
  const dropQuery = (name: string): boolean => name === query
  const cookieLine = cookie === undefined ? undefined : cookiePattern(cookie)

  // Several of one name are one text with commas here, which is no credential: an instance might believe another of them.
  function inField(x: PipeExchange): string | undefined {
    const value = field === undefined ? undefined : x.headers.get(field)
    if (value === undefined || !bearer) return value === '' ? undefined : value
    const match = /^bearer +([^ ]*)$/i.exec(value)
    if (match) return match[1]
    // What an instance might still take for a token is one here, and a bad one.
    return value === '' || (schemed && !/(?:^|,)[\t ]*bearer\b/i.test(value)) ? undefined : value
  }

  function inCookie(x: PipeExchange): string | undefined {
    const header = cookie === undefined ? undefined : x.headers.get('cookie')
    if (cookie === undefined || header === undefined) return undefined
    let found: string | undefined
    findCookie(header, cookie, (value) => {
      found = found === undefined || found === value ? value : `${found}, ${value}`
      return undefined
    })
    return found === '' ? undefined : found
  }

  return {
    find(x) {
      // Taken out whether it is used or not: targets end up in logs.
      let asked: string | undefined
      if (query !== undefined && x.target.includes('?')) {
        asked = x.query(query)
        if (asked !== undefined) x.target = withoutParameters(x.target, dropQuery)
      }
      const found = inField(x)
      if (found !== undefined) return found
      return inCookie(x) ?? (asked === '' ? undefined : asked)
    },
    remove(x) {
      if (field !== undefined) x.headers.delete(field)
      if (cookieLine === undefined) return
      const header = x.headers.get('cookie')
      if (header === undefined) return
      const left = header.replace(cookieLine, '').replace(/^[;,\t ]+/, '')
      if (left === header) return
      if (left === '') x.headers.delete('cookie')
      else x.headers.set('Cookie', left)
    },
  }
}

function cookiePattern(name: string): RegExp {
  return new RegExp(`(?:^|[;,])[\\t ]*${name.replace(/[.*+^$|]/g, '\\$&')}=[^;,]*`, 'g')
}

/**
 * A target without the parameters that `drop` names; the others stay as they came. `divided`: what some instances divide a
 * query at, beside `&`; what stands together so goes as soon as one of it does.
 */
export function withoutParameters(target: string, drop: (name: string) => boolean, divided?: string): string {
  const mark = target.indexOf('?')
  if (mark < 0) return target
  const kept = target
    .slice(mark + 1)
    .split('&')
    .filter((part) => {
      const pieces = divided === undefined ? [part] : part.split(divided)
      return part !== '' && !pieces.some((piece) => piece !== '' && drop(parameterName(piece)))
    })
  return kept.length === 0 ? target.slice(0, mark) : `${target.slice(0, mark)}?${kept.join('&')}`
}

/** As an instance would read it. */
function parameterName(part: string): string {
  const equals = part.indexOf('=')
  const raw = equals < 0 ? part : part.slice(0, equals)
  if (!raw.includes('%') && !raw.includes('+')) return raw
  return new URLSearchParams(`?${raw}`).keys().next().value ?? ''
}
