// Which byte may stand where: lookup tables of the HTTP grammar, so that a parser's inner loop is one read and one test.

export const TAB = 0x09
export const LF = 0x0a
export const CR = 0x0d
export const SPACE = 0x20
export const PERCENT = 0x25
export const DOT = 0x2e
export const SLASH = 0x2f
export const COLON = 0x3a
export const SEMICOLON = 0x3b
export const QUESTION = 0x3f

function table(allowed: (byte: number) => boolean): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, byte) => (allowed(byte) ? 1 : 0))
}

const among = (chars: string) => (byte: number) => chars.includes(String.fromCharCode(byte))
const isAlpha = (b: number) => (b >= 0x41 && b <= 0x5a) || (b >= 0x61 && b <= 0x7a)
const isDigit = (b: number) => b >= 0x30 && b <= 0x39
const isAlphanumeric = (b: number) => isAlpha(b) || isDigit(b)

/** RFC 9110 section 5.6.2: what field names and methods are made of. */
export const TOKEN = table((b) => isAlphanumeric(b) || among("!#$%&'*+-.^_`|~")(b))

/** RFC 9110 section 5.5: visible bytes, space, tab and obs-text; no other control byte. */
export const FIELD_VALUE = table((b) => b === TAB || (b >= 0x20 && b !== 0x7f))

/** Visible ASCII except `#`, which never travels: RFC 9112 section 3.2 gives a target no fragment. */
export const TARGET = table((b) => b > 0x20 && b < 0x7f && b !== 0x23)

/** A host name or an IPv4 address: unreserved bytes of RFC 3986 that occur in names. */
export const HOST = table((b) => isAlphanumeric(b) || among('-._~')(b))

/** Inside the brackets of an IPv6 literal; a zone has no place in a Host field. */
export const HOST_V6 = table((b) => isDigit(b) || among('abcdefABCDEF:.')(b))

/** Value of a hexadecimal digit, 255 for any other byte. */
export const HEX = Uint8Array.from({ length: 256 }, (_, b) => {
  if (isDigit(b)) return b - 0x30
  const lower = b | 0x20
  return isAlpha(b) && lower <= 0x66 ? lower - 0x57 : 255
})

/** A name's bytes in lower case, for `equalsIgnoreCase`. */
export function lowerBytes(name: string): Uint8Array {
  return Uint8Array.from(name.toLowerCase(), (c) => c.charCodeAt(0))
}

/**
 * Whether the token at `start` is `name` (lower-case letters, digits and `-`), whatever its case. The caller has checked
 * the length and that the bytes are token bytes: among those, setting bit 5 makes no other byte a letter or a hyphen.
 */
export function equalsIgnoreCase(buf: Uint8Array, start: number, name: Uint8Array): boolean {
  for (let i = 0; i < name.length; i++) {
    if (((buf[start + i] ?? 0) | 0x20) !== name[i]) return false
  }
  return true
}

interface Latin1Source {
  latin1Slice(start: number, end: number): string
}

/** The bytes as a string of the same length. `latin1Slice` is what `toString` ends in, without its checks. */
export function latin1(buf: Buffer, start: number, end: number): string {
  return (buf as unknown as Latin1Source).latin1Slice(start, end)
}
