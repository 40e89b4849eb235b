// The address of an instance: bare host, host:port, [v6]:port, http://… or https://…, with a base path if any.
import type { Fault } from '../problem.js'
import { readHost } from './host.js'
import { basePathFault, trimSlash } from './path.js'

export interface Address {
  readonly secure: boolean
  /** IPv6 without brackets. */
  readonly host: string
  readonly port: number
  /** Empty, or `/base` without a trailing slash. */
  readonly basePath: string
}

const SCHEME = /^([a-z][a-z0-9+.-]*):\/\//i

/** Bare means http. Faults never echo the text: it may hold a password. */
export function readAddress(text: string): { address: Address } | { fault: Fault } {
  const fault = (message: string, hint?: string) => ({ fault: hint === undefined ? { message } : { message, hint } })
  if (text === '') return fault('the address is empty')
  if (/[\s\u0000-\u001f\u007f]/.test(text)) return fault('an address must not hold spaces or control characters')
  const scheme = SCHEME.exec(text)?.[1]?.toLowerCase()
  if (scheme !== undefined && scheme !== 'http' && scheme !== 'https') {
    return fault('the address has a scheme other than http and https')
  }
  const rest = scheme === undefined ? text : text.slice(scheme.length + 3)
  const slash = rest.search(/[/\\?#]/)
  const authority = slash === -1 ? rest : rest.slice(0, slash)
  const path = slash === -1 ? '' : rest.slice(slash)
  if (authority.includes('@')) return fault('an address must not hold a user or a password')
  if (/[?#]/.test(path)) return fault('an address must not hold a query or a fragment')

  const [, bracketed, plain, colon, digits = ''] = /^(?:\[(.*)\]|([^:[\]]*))(:(.*))?$/.exec(authority) ?? []
  if (bracketed === undefined && plain === undefined) {
    return fault('the host is neither a name nor an IP address', 'an IPv6 address stands in brackets: [::1]:8080')
  }
  const read = readHost(bracketed ?? plain ?? '')
  if ('fault' in read) return read
  if (bracketed !== undefined && !read.host.includes(':')) return fault('only an IPv6 address stands in brackets')
  const secure = scheme === 'https'
  const port = colon === undefined ? (secure ? 443 : 80) : /^\d{1,5}$/.test(digits) ? Number(digits) : 0
  if (port < 1 || port > 65535) return fault('the port must be a number from 1 to 65535')
  const base = basePathFault(path)
  if (base) return { fault: base }
  return { address: { secure, host: read.host, port, basePath: path === '/' ? '' : trimSlash(path) } }
}

export function addressFault(text: string): Fault | undefined {
  const read = readAddress(text)
  return 'fault' in read ? read.fault : undefined
}

/** A URL that something is sent to. */
export function receiverFault(text: string): Fault | undefined {
  if (SCHEME.test(text)) return addressFault(text)
  return { message: 'not a URL', hint: 'it begins with http:// or https://' }
}

/** `service/host:port/base`, the port always written. */
export function instanceId(service: string, { host, port, basePath }: Address): string {
  return `${service}/${host.includes(':') ? `[${host}]` : host}:${port}${basePath}`
}
