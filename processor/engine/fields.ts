// The grammar of a field section (RFC 9112 section 5), shared by requests, answers and trailers: one pass over the bytes,
// results in a table of offsets that the caller reads at once, before any other head is parsed.
import { COLON, CR, FIELD_VALUE, LF, SPACE, TAB, TOKEN } from './bytes.js'
import { BAD_FIELD_NAME, BAD_FIELD_VALUE, BARE_CR, BARE_LF, FOLDED_LINE, INCOMPLETE, TOO_MANY_FIELDS } from './fault.js'

/** More fields than this no config may allow. */
export const MOST_FIELDS = 1000

const ZERO = 0x30
const STRIDE = 4
const offsets = new Int32Array((MOST_FIELDS + 1) * STRIDE)

/** Fields found by the last call of `parseFields`. */
export let fieldCount = 0

export const nameStart = (i: number): number => offsets[i * STRIDE] ?? 0
export const nameEnd = (i: number): number => offsets[i * STRIDE + 1] ?? 0
/** Values come without the white space around them. */
export const valueStart = (i: number): number => offsets[i * STRIDE + 2] ?? 0
export const valueEnd = (i: number): number => offsets[i * STRIDE + 3] ?? 0
/** Where the line after field `i` begins. */
export const lineEnd = (i: number): number => offsets[(i + 1) * STRIDE] ?? 0

/**
 * Reads field lines from `pos` up to and including the empty line. Returns the index after it, INCOMPLETE, or a fault.
 * `most` bounds the number of fields.
 */
export function parseFields(buf: Uint8Array, pos: number, end: number, most: number): number {
  // Locals: a binding of another module is looked up anew for each byte.
  const tokens = TOKEN
  const values = FIELD_VALUE
  const found = offsets
  let count = 0
  let at = 0
  fieldCount = 0
  for (;;) {
    if (pos >= end) return INCOMPLETE
    let byte = buf[pos] as number
    if (byte === CR) {
      if (pos + 1 >= end) return INCOMPLETE
      if (buf[pos + 1] !== LF) return BARE_CR
      found[at] = pos
      fieldCount = count
      return pos + 2
    }
    if (byte === SPACE || byte === TAB) return FOLDED_LINE
    if (count === most) return TOO_MANY_FIELDS

    const name = pos
    while (pos < end && tokens[(byte = buf[pos] as number)] === 1) pos++
    if (pos >= end) return INCOMPLETE
    if (byte !== COLON || pos === name) return byte === LF ? BARE_LF : BAD_FIELD_NAME
    found[at] = name
    found[at + 1] = pos++

    while (pos < end && ((byte = buf[pos] as number) === SPACE || byte === TAB)) pos++
    const value = pos
    while (pos < end && values[(byte = buf[pos] as number)] === 1) pos++
    if (pos + 1 >= end) return pos < end && byte !== CR ? (byte === LF ? BARE_LF : BAD_FIELD_VALUE) : INCOMPLETE
    if (byte !== CR) return byte === LF ? BARE_LF : BAD_FIELD_VALUE
    if (buf[pos + 1] !== LF) return BARE_CR
    let last = pos
    while (last > value && ((byte = buf[last - 1] as number) === SPACE || byte === TAB)) last--
    found[at + 2] = value
    found[at + 3] = last
    pos += 2
    at += STRIDE
    count++
  }
}

/** A plain decimal number below 2^53, or -1: no sign, no space, no list (RFC 9110 section 8.6). */
export function plainNumber(buf: Uint8Array, start: number, end: number): number {
  if (end === start) return -1
  while (start < end - 1 && buf[start] === ZERO) start++
  if (end - start > 16) return -1
  let n = 0
  for (let i = start; i < end; i++) {
    const digit = (buf[i] as number) - 0x30
    if (digit < 0 || digit > 9) return -1
    n = n * 10 + digit
  }
  return n <= Number.MAX_SAFE_INTEGER ? n : -1
}
