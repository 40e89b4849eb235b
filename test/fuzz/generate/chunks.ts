// Chunked bodies by their grammar (RFC 9112 section 7.1), with content that looks like framing.
import fc from 'fast-check'
import { among, anyBytes, choice, textOf } from './weights.js'

export const content = choice(
  [60, textOf('ab', 0, 20)],
  [40, anyBytes(30)],
  [
    40,
    among(
      '0\r\n\r\n',
      '\r\n',
      '\r\n0\r\n\r\n',
      'GET /in-a-body HTTP/1.1\r\nHost: h\r\n\r\n',
      'HTTP/1.1 200 OK\r\n\r\n',
    ),
  ],
  [20, fc.integer({ min: 1, max: 3000 }).map((length) => 'x'.repeat(length))],
  // Beyond what one read takes, and what may be sent ahead.
  [1, fc.integer({ min: 60_000, max: 200_000 }).map((length) => 'x'.repeat(length))],
)

const extension = choice(
  [40, fc.constant('')],
  [6, among(';a', ';a=b', ';a="b c"', ';a="\\"";b', '; a = b ', ';a ;b', ';a="\x80;=,"')],
  [1, fc.integer({ min: 200, max: 300 }).map((length) => `;${'e'.repeat(length)}`)],
  [1, among(';', ';;a', ';a=', ';=b', ';a="b', ';a b', ' ;a', ';a="\\', ';a=b=c')],
)

const size = (length: number, how: string): string => {
  const plain = length.toString(16)
  return how === 'upper' ? plain.toUpperCase() : how === 'zeros' ? `${'0'.repeat(length % 300)}${plain}` : plain
}
const style = choice([6, fc.constant('lower')], [1, fc.constant('upper')], [1, fc.constant('zeros')])

const chunk = fc
  .tuple(content, extension, style)
  .filter(([data]) => data !== '')
  .map(([data, more, how]) => `${size(data.length, how)}${more}\r\n${data}\r\n`)

const trailer = choice(
  [20, among('X-T: 1\r\n', 'Digest:\r\n', 'x:\t y \r\n', 'X-Checksum: \xff\r\n')],
  [1, among('Content-Length: 5\r\n', 'Host: h\r\n', 'Transfer-Encoding: chunked\r\n', 'X-Forwarded-For: 1\r\n')],
  [
    1,
    among('Proxy-Status: o\r\n', 'Set-Cookie: a\r\n', 'content_length: 1\r\n', 'X_Real-IP: 1\r\n', 'Content-Type:\r\n'),
  ],
  [1, fc.integer({ min: 4000, max: 9000 }).map((length) => `X: ${'t'.repeat(length)}\r\n`)],
)

export const chunkedBody = fc
  .tuple(
    fc.array(chunk, { maxLength: 4 }),
    choice([9, fc.constant('0')], [1, among('00', '0;a=b', '0000000000000')]),
    choice<readonly string[]>([3, fc.constant([])], [1, fc.array(trailer, { minLength: 1, maxLength: 3 })]),
  )
  .map(([chunks, last, trailers]) => `${chunks.join('')}${last}\r\n${trailers.join('')}\r\n`)
