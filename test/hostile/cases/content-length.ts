// Content-Length in every spelling: two servers that read it differently disagree about where the next request begins.
import type { Expectation, HostileCase } from '../case.js'
import { arrival, hostile, post, refused, request, SMUGGLED, spelt } from '../write.js'

const BODY = 'hello'

// The value as it stands behind the colon; the body has five bytes.
const VALUES: readonly (readonly [Expectation, readonly string[]])[] = [
  ['forwarded', [' 5', '5', '  5', '\t5', ' 5 ', ' 5\t', ' \t 5 \t ']],
  [
    'either',
    [' 05', ' 005', ' 0000000005', ' 00000000000000000005', ' 5, 5', ' 5,5', ' 5,', ' ,5', ` ${'0'.repeat(300)}5`],
  ],
  [
    'refused',
    [' +5', ' -5', ' -1', ' -0', ' +0', ' 0x5', ' 0x05', ' 0X5', ' x5', ' 0o5', ' 0b101', ' 5h', ' 5_0', ' 5_', ' _5'],
  ],
  [
    'refused',
    [
      ' 5.0',
      ' 5.',
      ' .5',
      ' 5e0',
      ' 1e1',
      ' 5E0',
      ' 5d',
      ' 5L',
      ' 5n',
      ' five',
      ' NaN',
      ' Infinity',
      ' null',
      ' 5%',
      ' 5/1',
    ],
  ],
  [
    'refused',
    [
      ' 5 5',
      ' 5 0',
      ' 5\t5',
      ' 5, 6',
      ' 6, 5',
      ' 5,6',
      ' 5,5,6',
      ' 5;5',
      ' 5;',
      ' 5:5',
      ' "5"',
      " '5'",
      ' (5)',
      ' 5#',
      ' #5',
      ' \\5',
    ],
  ],
  [
    'refused',
    ['', ' ', '\t', ' \x0b5', ' 5\x0b', ' \x0c5', ' 5\x0c', ' \x005', ' 5\x00', ' \x015', ' 5\x1f', ' \x7f5', ' 5\x08'],
  ],
  [
    'refused',
    [
      ' \x855',
      ' 5\x85',
      ' \xa05',
      ' 5\xa0',
      ' \xc2\xa05',
      ' \xef\xbb\xbf5',
      ' \xd9\xa5',
      ' \xef\xbc\x95',
      ' \xb5',
      ' \xe2\x81\xb5',
    ],
  ],
  [
    'refused',
    ['\r\n 5', ' 5\r\n ', ' 5\r\n\t', '\r\n\t5', ' 5\r\n 0', ' 5\r', ' 5\n', ' \r5', ' \n5', ' 5\r0', ' 5\n0', '\n 5'],
  ],
  [
    'refused',
    [' 9007199254740992', ' 9007199254740993', ' 9223372036854775807', ' 9223372036854775808', ' 9223372036854775813'],
  ],
  ['refused', [' 18446744073709551615', ' 18446744073709551616', ' 18446744073709551621', ` ${'9'.repeat(400)}`]],
]

// Field lines, the body has five bytes.
const LINES: readonly (readonly [Expectation, string])[] = [
  ['forwarded', 'content-length: 5\r\n'],
  ['forwarded', 'CONTENT-LENGTH: 5\r\n'],
  ['forwarded', 'cOnTeNt-LeNgTh: 5\r\n'],
  ['either', 'Content-Length: 5\r\nContent-Length: 5\r\n'],
  ['either', 'Content-Length: 5\r\ncontent-length: 5\r\n'],
  ['either', 'Content-Length: 5\r\nX: y\r\nContent-Length: 5\r\nContent-Length: 5\r\n'],
  ['refused', 'Content-Length: 5\r\nContent-Length: 6\r\n'],
  ['refused', 'Content-Length: 6\r\nContent-Length: 5\r\n'],
  ['refused', 'Content-Length: 0\r\nContent-Length: 5\r\n'],
  ['refused', 'Content-Length: 5\r\nContent-Length: 0\r\n'],
  ['refused', 'Content-Length: 5\r\nContent-Length: +5\r\n'],
  ['refused', 'Content-Length: 5\r\nContent-Length: 05, 6\r\n'],
  ['refused', 'Content-Length: 5\r\nContent-Length:\r\n'],
  ['refused', 'Content-Length:\r\nContent-Length: 5\r\n'],
  ['refused', 'Content-Length: 5\r\nCONTENT-LENGTH: 4\r\n'],
  ['refused', 'Content-Length: 5\r\nX: y\r\nContent-Length: 50\r\n'],
  ['refused', 'Content-Length : 5\r\n'],
  ['refused', 'Content-Length\t: 5\r\n'],
  ['refused', 'X: y\r\n Content-Length: 5\r\n'],
  ['refused', 'X: y\r\n\tContent-Length: 5\r\n'],
  ['refused', 'Content-Length\0: 5\r\n'],
  ['refused', 'Content\0-Length: 5\r\n'],
  ['refused', 'Content-Length\x0b: 5\r\n'],
  ['refused', 'Content-Length\xa0: 5\r\n'],
  ['refused', '\xa0Content-Length: 5\r\n'],
  ['refused', 'Content Length: 5\r\n'],
  ['refused', 'Content-Length; 5\r\n'],
  ['refused', 'Content-Length= 5\r\n'],
  ['refused', 'Content-Length 5\r\n'],
  ['refused', 'Content-Length\r\n'],
  ['refused', 'Content-Length\r\n: 5\r\n'],
  ['refused', 'Content-Length\n: 5\r\n'],
  ['refused', '"Content-Length": 5\r\n'],
  ['refused', 'X: y\rContent-Length: 5\r\n'],
  ['refused', 'X: y\nContent-Length: 5\r\n'],
  ['refused', 'X: y\n\rContent-Length: 5\r\n'],
  ['refused', 'Content-L\xc3\xa9ngth: 5\r\n'],
]

const METHODS = ['GET', 'HEAD', 'DELETE', 'OPTIONS', 'PUT', 'PATCH', 'PROPFIND', 'BREW'] as const

export const contentLength: readonly HostileCase[] = [
  ...VALUES.flatMap(([expect, values]) =>
    values.map((value) =>
      hostile(`Content-Length:${spelt(value)}`, expect, post(`Content-Length:${value}\r\n`, BODY), [
        arrival('POST', BODY),
      ]),
    ),
  ),
  ...LINES.map(([expect, lines]) =>
    hostile(`the lines ${spelt(lines)}`, expect, post(lines, BODY), [arrival('POST', BODY)]),
  ),
  ...METHODS.map((method) =>
    hostile(
      `${method} with a body that looks like a request`,
      'forwarded',
      request(method, length(SMUGGLED), SMUGGLED),
      [arrival(method, SMUGGLED)],
    ),
  ),
  ...METHODS.map((method) =>
    hostile(`${method} with no bytes of body`, 'forwarded', request(method, length('')), [arrival(method)]),
  ),
  ...['GET', 'HEAD', 'DELETE', 'OPTIONS'].map((method) =>
    refused(
      `${method} with two lengths, one of which hides a request`,
      request(method, `${length('')}${length(SMUGGLED)}`, SMUGGLED),
    ),
  ),
  hostile('TRACE with a body', 'either', request('TRACE', length(BODY), BODY), [arrival('TRACE', BODY)]),
  hostile('POST without a length', 'forwarded', post('', ''), [arrival('POST')]),
  hostile('a body and a second request behind it', 'forwarded', post(length(BODY), BODY) + post(length('x'), 'x'), [
    arrival('POST', BODY),
    arrival('POST', 'x'),
  ]),
  refused('a length that is too small, and a byte that begins no method', post('Content-Length: 4\r\n', 'hell\0'), {
    before: [arrival('POST', 'hell')],
  }),
]

function length(body: string): string {
  // What stands for the id is as long as the id.
  return `Content-Length: ${body.length}\r\n`
}
