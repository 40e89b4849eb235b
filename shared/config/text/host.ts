// Names and addresses of hosts, as they stand in an instance's address, a listener, or a route's match.
import { isIP, isIPv4, isIPv6 } from 'node:net'
import { domainToASCII } from 'node:url'
import type { Fault } from '../problem.js'

const LABEL = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/

/** Lower case, international names in their ASCII form, IPv6 without brackets; or what is wrong. Never echoes `text`. */
export function readHost(text: string): { host: string } | { fault: Fault } {
  if (text === '') return { fault: { message: 'a host is missing' } }
  // It would become an option of the ping program.
  if (text.startsWith('-')) return { fault: { message: 'a host must not begin with "-"' } }
  if (isIPv4(text)) return { host: text }
  if (isIPv6(text)) {
    return text.includes('%')
      ? { fault: { message: 'an IPv6 zone is not supported here' } }
      : { host: text.toLowerCase() }
  }
  const ascii = /^[\x21-\x7e]*$/.test(text) ? text.toLowerCase() : domainToASCII(text)
  const labels = ascii.replace(/\.$/, '').split('.')
  if (ascii.length > 253 || !labels.every((label) => LABEL.test(label))) {
    return { fault: { message: 'the host is neither a name nor an IP address' } }
  }
  if (/^\d+$/.test(labels.at(-1) ?? '')) return { fault: { message: 'the host is not a valid IPv4 address' } }
  return { host: ascii }
}

export function hostFault(text: string): Fault | undefined {
  const read = readHost(text)
  return 'fault' in read ? read.fault : undefined
}

/** A host of a route: exact, or `*.` before a name for any number of labels. */
export function hostPatternFault(text: string): Fault | undefined {
  const name = text.startsWith('*.') ? text.slice(2) : text
  if (/:\d*$/.test(name) && !isIPv6(name)) return { message: 'a host to match has no port' }
  const read = readHost(name)
  if (!('fault' in read)) return undefined
  return name.includes('*')
    ? { message: 'a host to match may have one "*", as its first label', hint: '*.example.org' }
    : read.fault
}

/** A host that a client asks a certificate for: exact, or `*.` before a name for one label. */
export function serverNamePatternFault(text: string): Fault | undefined {
  // RFC 6066 section 3: literal addresses are not permitted.
  if (isIP(text.replace(/^\[(.*)\]$/, '$1')) !== 0)
    return {
      message: 'a client asks for a certificate by a name, never by an address',
      hint: 'who asks for none gets the first certificate',
    }
  return hostPatternFault(text)
}

/** A valid one as it is compared with the name in a handshake: lower case, in ASCII, without a dot at its end. */
export function plainServerName(text: string): string {
  return plainHostPattern(text).replace(/\.$/, '')
}

/** A valid pattern as it is compared with the host of a request: lower case, names in ASCII, IPv6 in brackets. */
export function plainHostPattern(text: string): string {
  const star = text.startsWith('*.') ? '*.' : ''
  const read = readHost(text.slice(star.length))
  const host = 'fault' in read ? text : read.host
  return star + (host.includes(':') ? `[${host}]` : host)
}

/** An address, or a block of them: `10.0.0.0/8`, `::1`. */
export function cidrFault(text: string): Fault | undefined {
  const [address = '', prefix, more] = text.split('/')
  const family = isIP(address)
  const bits = prefix === undefined ? 0 : /^\d{1,3}$/.test(prefix) ? Number(prefix) : Number.NaN
  if (family !== 0 && !address.includes('%') && more === undefined && bits <= (family === 4 ? 32 : 128))
    return undefined
  return { message: 'not an IP address or CIDR block', hint: 'such as 10.0.0.0/8, 192.168.1.7 or ::1' }
}
