// Paths in the file: of an API, of a health endpoint, of an instance's base.
import type { Fault } from '../problem.js'

const PARAMETER = /^\{[A-Za-z_][A-Za-z0-9_-]*\}$/
const DOTS = /^(?:\.|%2e){1,2}$/i

/** What holds for every path: it is matched and sent byte for byte, so it must be written as it stands on the wire. */
function wireFault(path: string): Fault | undefined {
  if (!path.startsWith('/')) return { message: 'a path must begin with "/"' }
  if (!/^[\x21-\x7e]*$/.test(path)) {
    return { message: 'a path holds printable ASCII only', hint: 'percent-encode spaces and other characters' }
  }
  if (/%(?![0-9a-f]{2})/i.test(path)) return { message: 'a "%" in a path needs two hexadecimal digits after it' }
  if (path.includes('\\')) return { message: 'a path must not hold a backslash' }
  return undefined
}

function segmentsFault(segments: readonly string[]): Fault | undefined {
  if (segments.some((segment) => DOTS.test(segment))) return { message: 'a path must not hold "." or ".." segments' }
  return segments.includes('') ? { message: 'a path must not hold an empty segment ("//")' } : undefined
}

/** An API path: `/a`, `/a/{id}`, `/a/*`. */
export function apiPathFault(path: string): Fault | undefined {
  if (/[?#]/.test(path))
    return { message: 'an API path must not hold "?" or "#"', hint: 'match a query with match.query of a route' }
  const wire = wireFault(path)
  if (wire) return wire
  const segments = path === '/' ? [] : trimSlash(path).slice(1).split('/')
  const names = segments.filter((segment) => PARAMETER.test(segment))
  if (new Set(names).size < names.length) return { message: 'two parameters of the path have the same name' }
  if (segments.slice(0, -1).includes('*')) return { message: '"*" may only be the last segment' }
  if (segments.some((segment) => segment.includes('*') && segment !== '*')) {
    return { message: '"*" must be a segment of its own, the last one' }
  }
  if (segments.some((segment) => /[{}]/.test(segment) && !PARAMETER.test(segment))) {
    return { message: 'a parameter is a whole segment, such as "/{id}"' }
  }
  return segmentsFault(segments)
}

/** Of a health poll: a query is welcome. */
export function endpointFault(path: string): Fault | undefined {
  return wireFault(path) ?? (path.includes('#') ? { message: 'an endpoint must not hold "#"' } : undefined)
}

/** What stands after the authority of an instance's address; may be empty. */
export function basePathFault(path: string): Fault | undefined {
  if (path === '' || path === '/') return undefined
  return wireFault(path) ?? segmentsFault(trimSlash(path).slice(1).split('/'))
}

/** Without one trailing slash, save the root. */
export function trimSlash(path: string): string {
  return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path
}
