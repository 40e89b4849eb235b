// Control bytes, bare CR, bare LF and bytes beyond ASCII in every place of a head: what ends a line, or is dropped, for some.
import type { HostileCase } from '../case.js'
import {
  arrival,
  either,
  forwarded,
  get,
  hostile,
  HOST,
  nameOf,
  post,
  refused,
  SMUGGLED,
  spelt,
  TARGET,
} from '../write.js'

const line = `GET ${TARGET} HTTP/1.1\r\n`

/** Where a byte may stand that belongs nowhere. */
const PLACES: readonly (readonly [string, (byte: string) => string])[] = [
  ['in the method', (byte) => `GE${byte}T ${TARGET} HTTP/1.1\r\n${HOST}\r\n`],
  ['behind the method', (byte) => `GET${byte} ${TARGET} HTTP/1.1\r\n${HOST}\r\n`],
  ['instead of the first space', (byte) => `GET${byte}${TARGET} HTTP/1.1\r\n${HOST}\r\n`],
  ['before the target', (byte) => `GET ${byte}${TARGET} HTTP/1.1\r\n${HOST}\r\n`],
  ['in the target', (byte) => `GET ${TARGET}/x${byte}y HTTP/1.1\r\n${HOST}\r\n`],
  ['in the query', (byte) => `GET ${TARGET}?x${byte}y HTTP/1.1\r\n${HOST}\r\n`],
  ['instead of the second space', (byte) => `GET ${TARGET}${byte}HTTP/1.1\r\n${HOST}\r\n`],
  ['before the version', (byte) => `GET ${TARGET} ${byte}HTTP/1.1\r\n${HOST}\r\n`],
  ['in the version', (byte) => `GET ${TARGET} HTTP/1${byte}.1\r\n${HOST}\r\n`],
  ['behind the version', (byte) => `GET ${TARGET} HTTP/1.1${byte}\r\n${HOST}\r\n`],
  ['before a name', (byte) => `${line}${HOST}${byte}X-Y: z\r\n\r\n`],
  ['before the first name', (byte) => `${line}${byte}${HOST}\r\n`],
  ['in a name', (byte) => `${line}${HOST}X${byte}Y: z\r\n\r\n`],
  ['before a colon', (byte) => `${line}${HOST}X-Y${byte}: z\r\n\r\n`],
  ['in Host', (byte) => `${line}Host: gate${byte}.test\r\n\r\n`],
  ['behind Host', (byte) => `${line}Host: gate.test${byte}x\r\n\r\n`],
]

/** Where bytes beyond ASCII, and TAB, are allowed. */
const VALUE_PLACES: readonly (readonly [string, (byte: string) => string])[] = [
  ['at the beginning of a value', (byte) => get(`X-Y: ${byte}z\r\n`)],
  ['in a value', (byte) => get(`X-Y: y${byte}z\r\n`)],
  ['at the end of a value', (byte) => get(`X-Y: z${byte}\r\n`)],
  ['behind a colon', (byte) => get(`X-Y:${byte}z\r\n`)],
]

const CONTROLS = [...Array(32).keys(), 127].map((code) => String.fromCharCode(code))
const BEYOND = ['\x80', '\x85', '\xa0', '\xad', '\xc3\xa4', '\xff']
/** Not grammar, but without harm where it is decoded by nobody. */
const IN_TARGET = /in the (target|query)|before the target/

const everywhere: readonly HostileCase[] = [
  ...PLACES.flatMap(([where, write]) => CONTROLS.map((byte) => refused(`${nameOf(byte)} ${where}`, write(byte)))),
  ...VALUE_PLACES.flatMap(([where, write]) =>
    CONTROLS.map((byte) => (byte === '\t' ? forwarded : refused)(`${nameOf(byte)} ${where}`, write(byte))),
  ),
  ...PLACES.flatMap(([where, write]) =>
    BEYOND.map((byte) =>
      IN_TARGET.test(where)
        ? hostile(`${spelt(byte)} ${where}`, 'either', write(byte), [
            arrival('GET', '', { target: [`${TARGET}/x${byte}y`, `${TARGET}?x${byte}y`] }),
          ])
        : refused(`${spelt(byte)} ${where}`, write(byte)),
    ),
  ),
  ...VALUE_PLACES.flatMap(([where, write]) => BEYOND.map((byte) => forwarded(`${spelt(byte)} ${where}`, write(byte)))),
]

// ---- line ends

const HEAD = `GET ${TARGET} HTTP/1.1\r\n${HOST}Accept: */*\r\nX-Y: z\r\n\r\n`
const LINE_ENDS = ['\n', '\r', '\n\r', '\r\r\n', '\r\n\r', '\n\n', '\r\r', '\r \n', '\r\0\n', '\x0b\n', '\x0c']

const cutEnds = (text: string): string[] => text.split('\r\n').slice(0, -1)

/** The head with another line end behind its line `at`, and a request behind it for who takes that for the end. */
function withLineEnd(text: string, at: number, end: string): string {
  const lines = cutEnds(text)
  return lines.map((one, i) => one + (i === at ? end : '\r\n')).join('') + SMUGGLED
}

const lineEnds: readonly HostileCase[] = cutEnds(HEAD).flatMap((text, at) =>
  // What stands behind the empty line is the next request's.
  LINE_ENDS.filter((end) => text !== '' || !end.startsWith('\r\n')).map((end) =>
    refused(`${spelt(end)} ends line ${at + 1}`, withLineEnd(HEAD, at, end)),
  ),
)

/** The byte at every place of a head; behind its end it would be the next request's. */
function inserted(byte: string): HostileCase[] {
  return [...HEAD].slice(1, -1).map((_, i) => {
    const at = i + 1
    const text = HEAD.slice(0, at) + byte + HEAD.slice(at)
    return refused(`${nameOf(byte)} behind byte ${at}, ${spelt(HEAD.slice(Math.max(0, at - 8), at))}`, text + SMUGGLED)
  })
}

const SECOND = `Content-Length: 0\r\nX: y\r\n`

export const controlBytes: readonly HostileCase[] = everywhere
export const bareLineEnds: readonly HostileCase[] = [
  ...lineEnds,
  ...['\n', '\r', '\0'].flatMap(inserted),
  refused('every line ends in a bare LF', HEAD.replaceAll('\r\n', '\n')),
  refused('every line ends in a bare CR', HEAD.replaceAll('\r\n', '\r')),
  refused('every line ends in LF CR', HEAD.replaceAll('\r\n', '\n\r')),
  refused('a bare LF hides a length', post(`X: y\nContent-Length: ${SMUGGLED.length}\r\n`, SMUGGLED)),
  refused('a bare CR hides a coding', post(`X: y\rTransfer-Encoding: chunked\r\n${SECOND}`, `0\r\n\r\n${SMUGGLED}`)),
  refused('a bare CR hides a second Host', get('X: y\rHost: other.test\r\n')),
  refused('two bare LFs hide a request', get(`X: y\n\n${SMUGGLED}`)),
  refused('two bare CRs hide a request', get(`X: y\r\r${SMUGGLED}`)),
  refused('NUL hides the rest of a line', get('X: y\0\r\n')),
  either('a bare LF before the request', `\n${get()}`),
  either('a bare CR before the request', `\r${get()}`),
  either('two empty lines before the request', `\r\n\r\n${get()}`),
  refused('a line of a space before the request', ` \r\n${get()}`),
  refused('CR CR LF before the request', `\r\r\n${get()}`),
  forwarded('an empty line before the request', `\r\n${get()}`),
  forwarded('an empty line between two requests', `${get()}\r\n${get()}`, [arrival('GET'), arrival('GET')]),
]
