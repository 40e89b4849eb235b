// The ABNF of RFC 9110, 9112 and 3986 as pieces of regular expressions over Latin-1 text, where one character is one byte.

/** The whole text, or nothing of it, is what `piece` says. */
export function exactly(piece: string, flags = ''): RegExp {
  return new RegExp(`^(?:${piece})$`, flags)
}

// RFC 9110 section 5.6
export const TOKEN = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+"
const BWS = '[ \\t]*'
const QDTEXT = '[\\t \\x21\\x23-\\x5b\\x5d-\\x7e\\x80-\\xff]'
const QUOTED_PAIR = '\\\\[\\t \\x21-\\x7e\\x80-\\xff]'
const QUOTED_STRING = `"(?:${QDTEXT}|${QUOTED_PAIR})*"`

/** RFC 9110 section 5.5: visible characters, obs-text, and white space between and around them. */
export const FIELD_CONTENT = '[\\t \\x21-\\x7e\\x80-\\xff]*'

// RFC 3986 section 3.2.2
const DEC_OCTET = '(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])'
const IPV4 = `${DEC_OCTET}(?:\\.${DEC_OCTET}){3}`
const H16 = '[0-9A-Fa-f]{1,4}'
const LS32 = `(?:${H16}:${H16}|${IPV4})`
const upTo = (groups: number): string => `(?:(?:${H16}:){0,${groups}}${H16})?`
const IPV6 = [
  `(?:${H16}:){6}${LS32}`,
  `::(?:${H16}:){5}${LS32}`,
  `${upTo(0)}::(?:${H16}:){4}${LS32}`,
  `${upTo(1)}::(?:${H16}:){3}${LS32}`,
  `${upTo(2)}::(?:${H16}:){2}${LS32}`,
  `${upTo(3)}::${H16}:${LS32}`,
  `${upTo(4)}::${LS32}`,
  `${upTo(5)}::${H16}`,
  `${upTo(6)}::`,
].join('|')

/** Stricter than RFC 3986: names of unreserved characters only, no percent-encoding, no IPvFuture. */
const REG_NAME = '[A-Za-z0-9\\-._~]+'

/** RFC 9110 section 4.2.1: an http URI has a host that is not empty; section 4.2.4: and no userinfo. */
export const AUTHORITY = `(?:\\[(?:${IPV6})\\]|${REG_NAME})(?::([0-9]{0,5}))?`

/** Wider than RFC 3986, where `"<>\^{|}` and the backtick stand nowhere: clients do send them. No fragment. */
const TARGET_CHAR = '[\\x21\\x22\\x24-\\x7e]'
const BEFORE_QUERY = '[\\x21\\x22\\x24-\\x3e\\x40-\\x7e]'
const IN_AUTHORITY = '[\\x21\\x22\\x24-\\x2e\\x30-\\x3e\\x40-\\x7e]'

// RFC 9112 section 3.2: origin-form, absolute-form; groups are authority, path, query with its mark
export const ORIGIN_FORM = `()(/${BEFORE_QUERY}*)(\\?${TARGET_CHAR}*)?`
export const ABSOLUTE_FORM = `[Hh][Tt][Tt][Pp]://(${IN_AUTHORITY}+)(/${BEFORE_QUERY}*)?(\\?${TARGET_CHAR}*)?`

// RFC 9112 sections 3 and 4; groups are method, target, minor version and minor version, status, reason with its space
export const REQUEST_LINE = `(${TOKEN}) (${TARGET_CHAR}+) HTTP/1\\.([0-9])`
/** Wider than the RFC, which wants the space also where there is no reason. */
export const STATUS_LINE = `HTTP/1\\.([0-9]) ([1-9][0-9]{2})( ${FIELD_CONTENT})?`

/** RFC 9112 section 5: no white space before the colon. */
export const FIELD_LINE = `(${TOKEN}):(${FIELD_CONTENT})`

// RFC 9112 section 7.1, stricter: no white space between size and extension
const CHUNK_EXT = `${TOKEN}(?:${BWS}=${BWS}(?:${TOKEN}|${QUOTED_STRING}))?`
export const CHUNK_LINE = `([0-9A-Fa-f]+)(?:;(${BWS}${CHUNK_EXT}(?:${BWS};${BWS}${CHUNK_EXT})*))?`
