// How servers in the wild read HTTP/1 where they are laxer than the grammar. Whatever reaches an origin must mean the same to
// all of them. Nothing here is shared with the product: what its parsers get wrong must show.

export interface Field {
  readonly name: string
  readonly value: string
}

/** A number, `undefined` for "there is none", or NaN for "this server would answer 400". */
export type Size = number | undefined

export interface Dialect {
  readonly name: string
  /** What ends a line beside CRLF: nothing, a bare LF, or a bare CR as well. */
  readonly lineEnd: 'crlf' | 'lf' | 'cr'
  /** A line that begins with white space: belongs to the one before, is a field of its own, or is skipped. */
  readonly fold: 'join' | 'field' | 'skip'
  /** What a line's bytes become before anything is looked for in them. */
  line(raw: string): string
  fieldName(raw: string): string
  value(raw: string): string
  isChunked(values: readonly string[]): boolean
  length(values: readonly string[]): Size
  /** Which of the two counts where both are there. */
  readonly prefers: 'coding' | 'length'
  /** Whether HTTP/1.0 may be chunked. */
  readonly codingIn10: boolean
  chunkSize(text: string): number
  /** Quotes in a chunk extension hide what would end the line. */
  readonly quotes: boolean
  /** What has to stand after a chunk's data: CRLF, or whatever is there. */
  readonly dataEnd: 'crlf' | 'anything'
  /** Trailer fields are taken for fields of the head. */
  readonly mergesTrailers: boolean
}

const trim = (text: string, space: string): string => {
  let from = 0
  let to = text.length
  while (from < to && space.includes(text.charAt(from))) from++
  while (to > from && space.includes(text.charAt(to - 1))) to--
  return text.slice(from, to)
}

const members = (values: readonly string[]): string[] => values.flatMap((value) => value.split(','))
const hex = (text: string): number => (/^[0-9a-f]+$/i.test(text) ? Number.parseInt(text, 16) : Number.NaN)
const wrapped = (text: string, bits: number): number =>
  /^[0-9a-f]+$/i.test(text) ? Number(BigInt.asUintN(bits, BigInt(`0x${text}`))) : Number.NaN

export const STRICT: Dialect = {
  name: 'goes by the grammar',
  lineEnd: 'crlf',
  fold: 'join',
  line: (raw) => raw,
  fieldName: (raw) => raw.toLowerCase(),
  value: (raw) => trim(raw, ' \t'),
  isChunked: (values) => values.length > 0 && /^chunked$/i.test(trim(members(values).at(-1) ?? '', ' \t')),
  length: (values) => (values.length === 0 ? undefined : /^\d+$/.test(values.join()) ? Number(values[0]) : Number.NaN),
  prefers: 'coding',
  codingIn10: true,
  chunkSize: (text) => hex(trim(text, ' \t')),
  quotes: false,
  dataEnd: 'crlf',
  mergesTrailers: false,
}

const like = (name: string, changes: Partial<Dialect>): Dialect => ({ ...STRICT, name, ...changes })

/** As strtol and parseInt read: what stands first and looks like a number. */
const leading = (text: string): Size => {
  const found = /^[\s\v]*([+-]?(?:0x[0-9a-f]+|\d+))/i.exec(text)?.[1]
  return found === undefined ? undefined : Number(found.replace(/^[+-]/, ''))
}

const leadingHex = (text: string): number => Number.parseInt(text.replace(/_/g, ''), 16)

// Every byte that some isspace() or trim() takes for white space.
const WIDE_SPACE = ' \t\v\f\r\n\0\x1c\x1d\x1e\x1f\x85\xa0'

export const LAX: readonly Dialect[] = [
  like('puts Content-Length before Transfer-Encoding', { prefers: 'length' }),
  like('puts Content-Length first and reads its beginning', {
    prefers: 'length',
    length: (values) => (values[0] === undefined ? undefined : leading(values[0])),
  }),
  like('takes any coding that has "chunked" in it', { isChunked: (values) => /chunked/i.test(values.join()) }),
  like('takes the first coding', { isChunked: (values) => /^chunked$/i.test(trim(members(values)[0] ?? '', ' \t')) }),
  like('takes nothing but the very bytes "chunked"', { isChunked: (values) => values.join() === 'chunked' }),
  like('trims spaces and no tabs', {
    value: (raw) => trim(raw, ' '),
    isChunked: (values) => members(values).some((value) => /^chunked$/i.test(trim(value, ' '))),
    length: (values) => (/^\d+$/.test(values.join()) ? Number(values[0]) : undefined),
    chunkSize: (text) => hex(trim(text, ' ')),
  }),
  like('takes every control byte for white space', {
    value: (raw) => trim(raw, WIDE_SPACE),
    fieldName: (raw) => trim(raw, WIDE_SPACE).toLowerCase(),
    isChunked: (values) => members(values).some((value) => /^chunked$/i.test(trim(value, WIDE_SPACE))),
    chunkSize: (text) => hex(trim(text, WIDE_SPACE)),
  }),
  like('ends lines at a bare LF', { lineEnd: 'lf' }),
  like('ends lines at a bare CR', { lineEnd: 'cr' }),
  like('takes a folded line for a field', { fold: 'field', fieldName: (raw) => trim(raw, ' \t').toLowerCase() }),
  like('skips folded lines', { fold: 'skip' }),
  like('allows space before the colon', { fieldName: (raw) => trim(raw, ' \t').toLowerCase() }),
  like('takes _ for -', { fieldName: (raw) => raw.toLowerCase().replaceAll('_', '-') }),
  like('ends a line at NUL', { line: (raw) => raw.split('\0', 1)[0] ?? '' }),
  like('drops control bytes', { line: (raw) => [...raw].filter((char) => char >= ' ' || char === '\t').join('') }),
  like('reads the beginning of a number', {
    length: (values) => (values[0] === undefined ? undefined : leading(values[0])),
    chunkSize: leadingHex,
  }),
  like('takes the last of several lengths', {
    prefers: 'length',
    length: (values) => (values.length === 0 ? undefined : leading(members(values).at(-1) ?? '')),
  }),
  like('takes the first of several lengths', {
    length: (values) => (values.length === 0 ? undefined : leading(members(values)[0] ?? '')),
  }),
  like('ignores a length that is no number', {
    length: (values) => (/^\d+$/.test(values.join()) ? Number(values.join()) : undefined),
  }),
  like('knows no coding in HTTP/1.0', { codingIn10: false }),
  like('keeps 64 bits of a chunk size', { chunkSize: (text) => wrapped(trim(text, ' \t'), 64) }),
  like('keeps 32 bits of a chunk size', { chunkSize: (text) => wrapped(trim(text, ' \t'), 32) }),
  like('lets quotes hide the end of a chunk line', { quotes: true }),
  like('does not look at what follows the data of a chunk', { dataEnd: 'anything' }),
  like('takes trailers for fields', { mergesTrailers: true }),
  like('takes trailers for fields and _ for -', {
    mergesTrailers: true,
    fieldName: (raw) => raw.toLowerCase().replaceAll('_', '-'),
  }),
]
