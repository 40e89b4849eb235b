// A list of addresses and blocks: looked up in a time that hardly grows with the list, whatever way an address is spelled.
import { isIPv4, isIPv6 } from 'node:net'

/** The 128 bits of an address in 32 hexadecimal digits; IPv4 as it stands in IPv6 (RFC 4291 section 2.5.5.2). */
export type AddressDigits = string

export interface AddressList {
  has(address: AddressDigits): boolean
}

const DIGITS = 32
const MAPPED = '00000000000000000000ffff'
const MAPPED_BITS = 96

/** `blocks`: addresses and CIDR blocks as the config has checked them. */
export function createAddressList(blocks: readonly string[]): AddressList {
  const { firsts, lasts } = merged(blocks.map(rangeOf))
  return {
    has(address) {
      // The last range that begins at the address or before it.
      let low = 0
      let high = firsts.length
      while (low < high) {
        const middle = (low + high) >>> 1
        if ((firsts[middle] as string) <= address) low = middle + 1
        else high = middle
      }
      return low > 0 && address <= (lasts[low - 1] as string)
    },
  }
}

type Range = readonly [first: AddressDigits, last: AddressDigits]

function rangeOf(block: string): Range {
  const [address = '', prefix] = block.split('/')
  const digits = digitsOf(address)
  if (digits === undefined) throw new TypeError('not an address')
  const bits = prefix === undefined ? 4 * DIGITS : Number(prefix) + (isIPv4(address) ? MAPPED_BITS : 0)
  let first = ''
  let last = ''
  for (let i = 0; i < DIGITS; i++) {
    const kept = Math.min(Math.max(bits - 4 * i, 0), 4)
    const rest = 0xf >> kept
    const digit = Number.parseInt(digits.charAt(i), 16)
    first += (digit & ~rest).toString(16)
    last += (digit | rest).toString(16)
  }
  return [first, last]
}

/** In order, and none within or across another. */
function merged(ranges: readonly Range[]): { firsts: AddressDigits[]; lasts: AddressDigits[] } {
  const firsts: AddressDigits[] = []
  const lasts: AddressDigits[] = []
  for (const [first, last] of ranges.toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    const before = lasts.at(-1)
    if (before === undefined || before < first) {
      firsts.push(first)
      lasts.push(last)
    } else if (before < last) lasts[lasts.length - 1] = last
  }
  return { firsts, lasts }
}

/** Of an address with or without a port, a zone and brackets. Undefined for what is none, as a forwarder may say. */
export function digitsOf(text: string): AddressDigits | undefined {
  if (isIPv4(text)) return MAPPED + digitsOfIPv4(text)
  if (isIPv6(text)) return digitsOfIPv6(text)
  const bare = bareAddress(text)
  return bare === text ? undefined : digitsOf(bare)
}

/** Without a port and brackets; else as it is. */
export function bareAddress(text: string): string {
  return /^\[([^\]]*)\](?::\d{1,5})?$/.exec(text)?.[1] ?? text.replace(/^([\d.]+):\d{1,5}$/, '$1')
}

function digitsOfIPv4(text: string): string {
  let digits = ''
  for (const part of text.split('.')) digits += Number(part).toString(16).padStart(2, '0')
  return digits
}

function digitsOfIPv6(text: string): AddressDigits {
  const zone = text.indexOf('%')
  const [head = '', tail] = (zone < 0 ? text : text.slice(0, zone)).toLowerCase().split('::')
  const before = groupsOf(head)
  const after = groupsOf(tail ?? '')
  return before + '0'.repeat(DIGITS - before.length - after.length) + after
}

function groupsOf(text: string): string {
  if (text === '') return ''
  let digits = ''
  for (const group of text.split(':')) digits += group.includes('.') ? digitsOfIPv4(group) : group.padStart(4, '0')
  return digits
}
