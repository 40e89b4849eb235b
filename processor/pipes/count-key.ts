// What an exchange is counted as: the key that pipes with a count for each client, route or tenant look it up by.
import { isIPv6 } from 'node:net'
import type { CountKey } from '../../shared/config/pipes/counted-by.js'
import { bareAddress } from './auth/address-list.js'
import { claimAt } from './claims.js'
import type { PipeExchange } from './pipe.js'

export type KeyReader = (x: PipeExchange) => string | undefined

/** Undefined: the exchange lacks something that it would be counted by. Two that differ never have the same key. */
export function keyReader(keys: readonly CountKey[]): KeyReader {
  const readers = keys.map(readerOf)
  const [only] = readers
  if (only !== undefined && readers.length === 1) return only
  return (x) => {
    let key = ''
    for (const read of readers) {
      const part = read(x)
      if (part === undefined) return undefined
      // With its length before it nothing in a part can be taken for the beginning of the next.
      key += `${part.length}:${part}`
    }
    return key
  }
}

/** For people. */
export function namesOf(keys: readonly CountKey[]): string {
  return keys
    .map((key) =>
      key.on === 'claim' ? `claim ${key.path.join('.')}` : 'name' in key ? `${key.on} ${key.name}` : key.on,
    )
    .join(', ')
}

function readerOf(key: CountKey): KeyReader {
  switch (key.on) {
    case 'ip':
      return (x) => networkOf(x.address)
    case 'route':
      return (x) => x.route
    case 'service':
      return (x) => x.service
    case 'header': {
      const { name } = key
      return (x) => x.headers.get(name) || undefined
    }
    case 'param': {
      const { name } = key
      return (x) => plainParam(x.param(name))
    }
    case 'claim': {
      const { path } = key
      return (x) => plainText(claimAt(x, path))
    }
  }
}

/** Without its encoding, byte by byte: else each way to write it would have a count of its own. */
function plainParam(raw: string | undefined): string | undefined {
  if (raw === undefined || !raw.includes('%')) return raw
  return raw.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}

function plainText(claim: unknown): string | undefined {
  if (typeof claim === 'string') return claim === '' ? undefined : claim
  return typeof claim === 'number' || typeof claim === 'boolean' ? String(claim) : undefined
}

const GROUPS = 8

/** An IPv4 address as it is; of an IPv6 address its /64, which one host has to itself: else it had 2^64 counts. */
export function networkOf(address: string): string | undefined {
  if (address === '') return undefined
  if (!address.includes(':')) return address
  // Proxies may say the port, too, which is another one with each connection.
  if (!isIPv6(address)) {
    const bare = bareAddress(address)
    return bare === address ? address : networkOf(bare)
  }
  if (address.startsWith('::ffff:') && address.includes('.')) return address.slice('::ffff:'.length)
  const [head = '', tail] = address.split('%', 1)[0]?.toLowerCase().split('::') ?? []
  const groups = head === '' ? [] : head.split(':')
  if (tail !== undefined) {
    // A dotted end stands for two groups.
    const after = tail === '' ? 0 : tail.split(':').length + (tail.includes('.') ? 1 : 0)
    const behind = tail === '' ? [] : tail.split(':')
    for (let zeros = GROUPS - groups.length - after; zeros > 0; zeros--) groups.push('0')
    groups.push(...behind)
  }
  return `${groups
    .slice(0, GROUPS / 2)
    .map((group) => group.replace(/^0+(?=.)/, ''))
    .join(':')}::/64`
}
