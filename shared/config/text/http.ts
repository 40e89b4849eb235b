// The small grammars of HTTP that a config holds: methods, field names and values, statuses.
import type { Fault } from '../problem.js'

// RFC 9110 section 5.6.2.
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,200}$/
const KNOWN_METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE'])
// They frame a message or concern one hop, so whoever sends the message sets them (RFC 9110 section 7.6.1).
export const FRAMING_FIELDS: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

export function methodFault(text: string): Fault | undefined {
  if (!TOKEN.test(text)) return { message: 'not an HTTP method' }
  const upper = text.toUpperCase()
  if (upper === 'CONNECT') return { message: 'CONNECT cannot be routed' }
  if (text !== upper && KNOWN_METHODS.has(upper))
    return { message: 'methods are case-sensitive', hint: `did you mean "${upper}"?` }
  return undefined
}

export function fieldNameFault(name: string): Fault | undefined {
  return TOKEN.test(name) ? undefined : { message: 'not a name of a header field' }
}

// They end at this hop or are written anew by it, so no route ever sees what the client sent.
const UNMATCHED =
  /^(connection|keep-alive|te|upgrade|http2-settings|proxy-connection|proxy-authorization|x-request-id|x-forwarded-(for|proto|host))$/

/** For fields that a route matches. */
export function matchedFieldFault(name: string): Fault | undefined {
  const lower = name.toLowerCase()
  if (lower === 'host') return { message: 'the field host cannot be matched here', hint: 'use match.host' }
  if (UNMATCHED.test(lower)) return { message: `the field ${lower} ends at the gateway and cannot be matched` }
  return fieldNameFault(name)
}

/** For fields that requests are told apart by, to choose an instance. */
export function hashedFieldFault(name: string): Fault | undefined {
  const lower = name.toLowerCase()
  if (UNMATCHED.test(lower)) return { message: `the field ${lower} ends at the gateway and tells no clients apart` }
  return fieldNameFault(name)
}

/** RFC 6265 section 4.1.1: a token too. */
export function cookieNameFault(name: string): Fault | undefined {
  return TOKEN.test(name) ? undefined : { message: 'not a name of a cookie' }
}

export function cookiePathFault(path: string): Fault | undefined {
  if (!path.startsWith('/')) return { message: 'a path must begin with "/"' }
  return /^[\x21-\x3a\x3c-\x7e]*$/.test(path)
    ? undefined
    : { message: 'the path of a cookie holds printable ASCII, without spaces and ";"' }
}

/** For fields that are sent, as opposed to matched. */
export function sentFieldFault(name: string): Fault | undefined {
  if (FRAMING_FIELDS.has(name.toLowerCase()))
    return { message: `the field ${name.toLowerCase()} is set by the sender alone` }
  return fieldNameFault(name)
}

/** RFC 9110 section 5.5; characters beyond Latin-1 have no byte on the wire. */
export function fieldValueFault(value: string): Fault | undefined {
  if (/^[\t\x20-\x7e\x80-\xff]*$/.test(value) && value.trim() === value) return undefined
  return { message: 'not a value of a header field', hint: 'no line breaks, control characters or outer spaces' }
}

/** A protocol of the Upgrade field (RFC 9110 section 7.8) that a client may switch to. */
export function upgradeFault(text: string): Fault | undefined {
  const [name = '', version, more] = text.toLowerCase().split('/')
  if (more !== undefined || !TOKEN.test(name) || (version !== undefined && !TOKEN.test(version)))
    return { message: 'not the name of a protocol', hint: 'such as websocket' }
  if (name === 'h2c' || name === 'h2' || name === 'http')
    return { message: `${name} may not be switched to: the requests after it would pass unseen` }
  if (name === 'tls')
    return { message: 'tls may not be switched to: the gateway could not see the requests', hint: 'use processor.tls' }
  return undefined
}

/** An inclusive range: `200`, `'200-299'` or `'2xx'`. */
export function statusRange(value: number | string): readonly [number, number] | undefined {
  const text = String(value)
  const [, first = '', last] = /^([1-5]\d\d)(?:-([1-5]\d\d))?$/.exec(text) ?? []
  if (/^[1-5]xx$/.test(text)) return [Number(text[0]) * 100, Number(text[0]) * 100 + 99]
  if (first === '') return undefined
  const range = [Number(first), Number(last ?? first)] as const
  return range[0] <= range[1] ? range : undefined
}

export function statusFault(text: string): Fault | undefined {
  return statusRange(text) ? undefined : { message: 'not a status', hint: '200, "200-299" or "2xx"' }
}
