// Where an answer ends: an origin that says it twice, wrongly or not at all must not decide where the next client's begins.
import type { Expectation, HostileCase } from '../case.js'
import { CHUNKED, spelt } from '../write.js'
import { answered, hello, ok } from './answered.js'

// Values of Content-Length, the body has five bytes; the origin then waits.
const LENGTHS: readonly (readonly [Expectation, readonly string[]])[] = [
  ['passes', [' 5', '5', '\t5', ' 5 ', ' 5\t']],
  ['passes or no answer', [' 05', ' 0000005', ' 5, 5', ' 5,5', ' 5,', ' ,5']],
  [
    '502',
    [
      ' +5',
      ' -5',
      ' -1',
      ' 0x5',
      ' 5_0',
      ' 5.0',
      ' 5e0',
      ' five',
      ' 5 5',
      ' 5;',
      ' "5"',
      '',
      ' ',
      ' 5, 6',
      ' 6,5',
      ' 5\x00',
      ' \x0b5',
      ' 5\x0c',
      ' 5\xa0',
      ' \x855',
      ' NaN',
    ],
  ],
  [
    '502',
    [
      ' 9007199254740993',
      ' 18446744073709551621',
      ` ${'9'.repeat(100)}`,
      '\r\n 5',
      ' 5\r\n 0',
      ' 5\r',
      ' 5\n',
      ' \xef\xbc\x95',
      ' 0b101',
      ' 5h',
    ],
  ],
]

const LINES: readonly (readonly [Expectation, string])[] = [
  ['passes or no answer', 'Content-Length: 5\r\nContent-Length: 5\r\n'],
  ['502', 'Content-Length: 5\r\nContent-Length: 6\r\n'],
  ['502', 'Content-Length: 0\r\nContent-Length: 5\r\n'],
  ['502', 'Content-Length: 5\r\nContent-Length: 0\r\n'],
  ['502', 'Content-Length: 5\r\nContent-Length:\r\n'],
  ['502', 'Content-Length : 5\r\n'],
  ['502', 'X: y\r\n Content-Length: 5\r\n'],
  ['502', 'X: y\rContent-Length: 5\r\n'],
  ['502', 'Content-Length\0: 5\r\n'],
  ['502', 'Content-Length 5\r\n'],
  ['502', `Content-Length: 5\r\n${CHUNKED}`],
  ['502', `${CHUNKED}Content-Length: 5\r\n`],
  ['502', `${CHUNKED}Content-Length: 0\r\n`],
  ['502', 'Content-Length: 5\r\nTransfer-Encoding: identity\r\n'],
  ['502', 'Content-Length: 5\r\nTransfer-Encoding: xchunked\r\n'],
  ['502', 'Content-Length: 5\r\nTransfer-Encoding : chunked\r\n'],
]

// Codings of a body in chunks; the origin then waits.
const CODINGS: readonly (readonly [Expectation, readonly string[]])[] = [
  ['passes', [' chunked', 'chunked', '\tchunked', ' Chunked', ' CHUNKED', ' chunked ']],
  [
    'passes or no answer',
    [' chunked,', ' ,chunked', ' identity, chunked', ' gzip, chunked', ' chunked\r\nTransfer-Encoding:'],
  ],
  [
    '502',
    [
      ' xchunked',
      ' chunkedx',
      ' chunked, chunked',
      ' chunked, gzip',
      ' chunked\r\nTransfer-Encoding: chunked',
      ' chunked\r\nTransfer-Encoding: identity',
    ],
  ],
  [
    '502',
    [
      ' "chunked"',
      ' chunked;q=1',
      ' \x0bchunked',
      ' chunked\x0c',
      ' chunked\x00',
      '\r\n chunked',
      ' chunked\r\n ',
      ' chun\xe2\x84\xaaed',
      ' \xa0chunked',
      ' chunked chunked',
    ],
  ],
]

const CHUNKS: readonly (readonly [Expectation, readonly string[]])[] = [
  [
    'passes',
    [
      '5\r\nhello\r\n0\r\n\r\n',
      '005\r\nhello\r\n00\r\n\r\n',
      '5;a=b\r\nhello\r\n0\r\n\r\n',
      '5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n',
      '2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n',
    ],
  ],
  [
    'passes or no answer',
    [
      '5 \r\nhello\r\n0\r\n\r\n',
      '5;\r\nhello\r\n0\r\n\r\n',
      '5\r\nhello\r\n0 \r\n\r\n',
      '5\r\nhello\r\n0\r\nContent-Length: 3\r\n\r\n',
      '5\r\nhello\r\n0\r\nSet-Cookie: a=b\r\n\r\n',
    ],
  ],
  [
    'no answer',
    [
      '+5\r\nhello\r\n0\r\n\r\n',
      '-5\r\nhello\r\n0\r\n\r\n',
      '0x5\r\nhello\r\n0\r\n\r\n',
      '5_\r\nhello\r\n0\r\n\r\n',
      ' 5\r\nhello\r\n0\r\n\r\n',
      'g\r\nhello\r\n0\r\n\r\n',
      '\r\nhello\r\n0\r\n\r\n',
    ],
  ],
  [
    'no answer',
    [
      '5\nhello\r\n0\r\n\r\n',
      '5\r\nhello\n0\r\n\r\n',
      '5\r\nhello0\r\n\r\n',
      '5\r\nhelloX\r\n0\r\n\r\n',
      '5\r\nhell\r\n0\r\n\r\n',
      '5\rhello\r\n0\r\n\r\n',
      '5\r\nhello\r\n0\n\n',
      '5\r\nhello\r\n0\r\n\n',
    ],
  ],
  [
    'no answer',
    [
      'ffffffffffffffff\r\nhello',
      '10000000000000005\r\nhello\r\n0\r\n\r\n',
      '5;a\nb\r\nhello\r\n0\r\n\r\n',
      '5;\0\r\nhello\r\n0\r\n\r\n',
      `5;${'a'.repeat(20_000)}\r\nhello\r\n0\r\n\r\n`,
    ],
  ],
  [
    'no answer',
    [
      '5\r\nhello\r\n0\r\nX: y\n\r\n',
      '5\r\nhello\r\n0\r\nX: a\0\r\n\r\n',
      '5\r\nhello\r\n0\r\n X: y\r\n\r\n',
      '5\r\nhello\r\n0\r\nX : y\r\n\r\n',
      '5\r\nhello\r\n0\r\nX\r\n\r\n',
      `5\r\nhello\r\n0\r\nX: ${'y'.repeat(100_000)}\r\n\r\n`,
    ],
  ],
]

export const answerLengths: readonly HostileCase[] = [
  ...LENGTHS.flatMap(([expect, values]) =>
    values.map((value) =>
      answered(
        `Content-Length:${spelt(value)} in an answer`,
        expect,
        [ok(`Content-Length:${value}\r\n`, 'hello')],
        hello,
      ),
    ),
  ),
  ...LINES.map(([expect, lines]) =>
    answered(
      `the lines ${spelt(lines)} in an answer`,
      expect,
      [ok(lines, lines.includes('chunked') ? '5\r\nhello\r\n0\r\n\r\n' : 'hello')],
      hello,
    ),
  ),
  ...CODINGS.flatMap(([expect, values]) =>
    values.map((value) =>
      answered(
        `Transfer-Encoding:${spelt(value)} in an answer`,
        expect,
        [ok(`Transfer-Encoding:${value}\r\n`, '5\r\nhello\r\n0\r\n\r\n')],
        hello,
      ),
    ),
  ),
  answered(
    'only an unknown coding, and the end of the connection',
    'passes or no answer',
    [ok('Transfer-Encoding: gzip\r\n', 'hello'), 'close'],
    hello,
  ),
  answered(
    'identity, and the end of the connection',
    'passes or no answer',
    [ok('Transfer-Encoding: identity\r\n', 'hello'), 'close'],
    hello,
  ),
  answered('chunks in HTTP/1.0', 'no answer', [
    'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
    'close',
  ]),
  answered('chunks and a length in HTTP/1.0', 'no answer', [
    `HTTP/1.0 200 OK\r\nContent-Length: 5\r\n${CHUNKED}\r\nhello`,
    'close',
  ]),
]

export const answerChunks: readonly HostileCase[] = CHUNKS.flatMap(([expect, all]) =>
  all.map((chunks) => answered(`the chunks ${spelt(chunks)} in an answer`, expect, [ok(CHUNKED, chunks)], hello)),
)
