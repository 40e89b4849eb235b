// Heads of answers that are none, and answers that break off: the client gets a whole 502, or sees that the end is missing.
import type { Expectation, HostileCase, Script } from '../case.js'
import { CONTROLS, get, nameOf, spelt } from '../write.js'
import { answered, hello } from './answered.js'

const LENGTH = 'Content-Length: 5\r\n'
const withLine = (line: string): string => `${line}\r\n${LENGTH}\r\nhello`
const withFields = (fields: string): string => `HTTP/1.1 200 OK\r\n${fields}${LENGTH}\r\nhello`

const STATUS_LINES: readonly (readonly [Expectation, readonly string[]])[] = [
  ['passes', ['HTTP/1.1 200 OK', 'HTTP/1.1 200 ', 'HTTP/1.1 200 A b c', 'HTTP/1.1 200 \xfcber', 'HTTP/1.1 200 OK\t']],
  ['passes or no answer', ['HTTP/1.1 200', 'HTTP/1.1 200  OK', 'HTTP/1.2 200 OK', 'HTTP/1.9 200 OK']],
  [
    '502',
    [
      'HTTP/1.1',
      'HTTP/1.1 ',
      'HTTP/1.1 20',
      'HTTP/1.1 2000 OK',
      'HTTP/1.1 020 OK',
      'HTTP/1.1 99 OK',
      'HTTP/1.1 099 OK',
      'HTTP/1.1 000 OK',
      'HTTP/1.1 1000 OK',
      'HTTP/1.1 -200 OK',
      'HTTP/1.1 +200 OK',
      'HTTP/1.1 2x0 OK',
    ],
  ],
  [
    '502',
    [
      'HTTP/1.1 OK',
      'HTTP/1.1 OK 200',
      'HTTP/1.1  200 OK',
      'HTTP/1.1\t200 OK',
      'HTTP/1.1 200\tOK',
      'HTTP/1.1 200OK',
      'HTTP/1.1 200.0 OK',
      'HTTP/1.1200 OK',
      'HTTP/1.1 0xc8 OK',
      'HTTP/1.1 2e2 OK',
      'HTTP/1.1 "200" OK',
    ],
  ],
  [
    '502',
    [
      'HTTP/2.0 200 OK',
      'HTTP/2 200',
      'HTTP/0.9 200 OK',
      'HTTP/3 200 OK',
      'HTTP/1 200 OK',
      'HTTP/1.10 200 OK',
      'HTTP/01.1 200 OK',
      'http/1.1 200 OK',
      'HTTPS/1.1 200 OK',
      'ICY 200 OK',
      'RTSP/1.0 200 OK',
      'HTTP /1.1 200 OK',
    ],
  ],
  [
    '502',
    [
      ' HTTP/1.1 200 OK',
      '\tHTTP/1.1 200 OK',
      '\0HTTP/1.1 200 OK',
      'XHTTP/1.1 200 OK',
      'GET / HTTP/1.1',
      '<html>',
      'hello',
      '200 OK',
      '\xff',
      'HTTP/1.1 200 O\0K',
      'HTTP/1.1 200 O\x0bK',
      'HTTP/1.1 200 O\x7fK',
    ],
  ],
  [
    '502',
    [
      'HTTP/1.1 200 O\rK',
      'HTTP/1.1 200 O\nK',
      'HTTP/1.1 200 OK\r',
      'HTTP/1.1 200 OK\n',
      'HTTP/1.1 200 OK\n\r',
      'HTTP/1.1 200\n',
      'HTTP/1.1\r\n200 OK',
      '\nHTTP/1.1 200 OK',
      '\rHTTP/1.1 200 OK',
      'HTTP/1.1\xa0200 OK',
    ],
  ],
]

const FIELDS: readonly (readonly [Expectation, readonly string[]])[] = [
  [
    'passes',
    [
      'X: y\r\n',
      'X:y\r\n',
      'X:\r\n',
      'X: \xe4\r\n',
      'X: \t y \t \r\n',
      'Set-Cookie: a=b\r\nSet-Cookie: c=d\r\n',
      'X_Y: z\r\n',
      'Connection: X-Foo\r\nX-Foo: 1\r\n',
      'Keep-Alive: timeout=5\r\n',
      'Upgrade: h2c\r\n',
    ],
  ],
  [
    'passes or no answer',
    [
      'X: a\r\n b\r\n',
      'X:\r\n b\r\n',
      'X: a\r\n\tb\r\n',
      'Connection: Content-Length\r\n',
      'Connection: Set-Cookie\r\n',
      'Connection: Date\r\n',
      'Proxy-Connection: close\r\n',
      'Trailer: X\r\n',
      'TE: gzip\r\n',
      'X : y\r\n',
      'X\t: y\r\n',
    ],
  ],
  [
    '502',
    [
      'X: y\n',
      'X: y\r',
      'X: a\nb\r\n',
      'X: a\rb\r\n',
      'X: y\r\r\n',
      'X: y\n\r\n',
      '\n',
      ' X: y\r\n',
      '\tX: y\r\n',
      ': y\r\n',
      'X\r\n',
      'X y\r\n',
      'X\0: y\r\n',
      'X\x0b: y\r\n',
      '\xa0X: y\r\n',
      'X(: y\r\n',
      '"X": y\r\n',
    ],
  ],
  [
    '502',
    [
      'HTTP/1.1 200 OK\r\n',
      'X: y\n\nHTTP/1.1 200 OK\r\n',
      'X: y\r\n\nZ: a\r\n',
      'X: y\r\nZ a: b\r\n',
      '<html>\r\n',
      '{"a":1}\r\n\r\n ',
      `X: ${'y'.repeat(200_000)}\r\n`,
      'X: y\r\n'.repeat(3000),
      `${'X'.repeat(200_000)}: y\r\n`,
    ],
  ],
]

export const answerHeads: readonly HostileCase[] = [
  ...STATUS_LINES.flatMap(([expect, lines]) =>
    lines.map((line) => answered(`the status line ${spelt(line)}`, expect, [withLine(line), 'close'], hello)),
  ),
  ...[600, 700, 999].map((status) =>
    answered(`the status ${status}`, 'passes or no answer', [withLine(`HTTP/1.1 ${status} X`)], {
      status,
      body: 'hello',
    }),
  ),
  ...FIELDS.flatMap(([expect, all]) =>
    all.map((lines) =>
      answered(`the lines ${spelt(lines)} in an answer's head`, expect, [withFields(lines), 'close'], hello),
    ),
  ),
  ...CONTROLS.flatMap((byte) => [
    answered(`${nameOf(byte)} in a value of an answer`, '502', [withFields(`X: y${byte}z\r\n`)]),
    answered(`${nameOf(byte)} in a name of an answer`, '502', [withFields(`X${byte}Y: z\r\n`)]),
  ]),
  answered('HTTP/0.9', '502', ['hello, this is a document of 1991\r\n', 'close']),
  answered('HTTP/0.9 with an empty line', '502', ['<html>\r\n\r\nPOISON', 'close']),
  answered('the preface of HTTP/2 from a server', '502', [
    '\0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0\x80\0\x04\0\x01\0\0\0\x05\0\xff\xff\xff',
    'close',
  ]),
  answered('a TLS alert', '502', ['\x15\x03\x01\x00\x02\x02\x46', 'close']),
  answered('a banner', '502', ['220 mail.test ESMTP\r\n', 'close']),
  answered('nothing but empty lines', '502', ['\r\n\r\n\r\n', 'close']),
  answered('every line ends in a bare LF', '502', [withFields('').replaceAll('\r\n', '\n'), 'close']),
  answered('every line ends in a bare CR', '502', [withFields('').replaceAll('\r\n', '\r'), 'close']),
  answered('a field that hides another answer behind bare LFs', '502', [
    `HTTP/1.1 200 OK\r\nX: y\n\nHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nPOISON`,
  ]),
  answered('a field that Connection names', 'passes', [withFields('Connection: X-Foo\r\nX-Foo: 1\r\n')], {
    ...hello,
    lacks: ['x-foo'],
  }),
  answered('fields of one hop', 'passes', [withFields('Keep-Alive: timeout=5\r\nProxy-Connection: close\r\n')], {
    ...hello,
    lacks: ['keep-alive', 'proxy-connection'],
  }),
]

// ---- interim answers

const INTERIM = 'HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n'
const FINAL = `HTTP/1.1 200 OK\r\n${LENGTH}\r\nhello`
const POISONED = 'POISON'

const interimCase = (
  name: string,
  expect: Expectation,
  play: Script['play'],
  interim?: readonly number[],
): HostileCase => answered(name, expect, play, hello, interim === undefined ? {} : { interim })

export const interimAnswers: readonly HostileCase[] = [
  interimCase('a 103 and the answer', 'passes', [INTERIM + FINAL], [103]),
  interimCase(
    'three interim answers',
    'passes',
    [INTERIM, 'turn', `${INTERIM}HTTP/1.1 102 Processing\r\n\r\n`, FINAL],
    [103, 103, 102],
  ),
  interimCase('a 100 that nobody asked for', 'passes', ['HTTP/1.1 100 Continue\r\n\r\n', FINAL]),
  interimCase('a thousand interim answers', 'passes or no answer', [INTERIM.repeat(1000) + FINAL]),
  interimCase('interim answers without an end', 'no answer', [INTERIM.repeat(20_000)]),
  interimCase('an interim answer of 200 KB', 'no answer', [
    `HTTP/1.1 103 X\r\nX: ${'y'.repeat(200_000)}\r\n\r\n${FINAL}`,
  ]),
  interimCase('an interim answer with a length', 'passes', [`HTTP/1.1 103 X\r\nContent-Length: 0\r\n\r\n${FINAL}`]),
  interimCase('an interim answer with a length and a body', 'no answer', [
    `HTTP/1.1 103 X\r\nContent-Length: 6\r\n\r\nPOISON${FINAL}`,
  ]),
  interimCase('an interim answer with chunks', 'no answer', [
    `HTTP/1.1 103 X\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nPOISON\r\n0\r\n\r\n${FINAL}`,
  ]),
  interimCase('an interim answer that ends in bare LF', 'no answer', [`HTTP/1.1 103 X\n\n${FINAL}`]),
  interimCase('an interim answer with NUL', 'no answer', [`HTTP/1.1 103 X\r\nX: \0\r\n\r\n${FINAL}`]),
  interimCase('an interim answer that is folded', 'passes or no answer', [
    `HTTP/1.1 103 X\r\nX: a\r\n b\r\n\r\n${FINAL}`,
  ]),
  interimCase('an interim answer and the end', '502', [INTERIM, 'close']),
  interimCase('an interim answer and a reset', '502', [INTERIM, 'turn', 'reset']),
  interimCase('half an interim answer and the end', '502', [INTERIM.slice(0, 30), 'close']),
  interimCase('the status 101 that nobody asked for', '502', [
    `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n${POISONED}`,
  ]),
  interimCase('a bare 101', '502', [`HTTP/1.1 101 X\r\n\r\n${FINAL}`]),
  interimCase('a 101 behind a 103', '502', [
    `${INTERIM}HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n${POISONED}`,
  ]),
  interimCase('the status 199', 'passes or no answer', [`HTTP/1.1 199 X\r\n\r\n${FINAL}`]),
  answered('an interim answer for HTTP/1.0', 'passes', [INTERIM + FINAL], hello, {
    send: [get().replace('HTTP/1.1', 'HTTP/1.0')],
    interim: [],
  }),
]

// ---- answers that break off

const CHUNKS = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX: y\r\n\r\n'

/** Cut behind each of its bytes. In the head it is a 502; in the body it is cut off for the client as well. */
const cuts = (what: string, text: string): HostileCase[] =>
  [...text].slice(2).flatMap((_, i) => {
    const part = text.slice(0, i + 1)
    const expect = part.includes('\r\n\r\n') ? 'no answer' : '502'
    return (['close', 'reset'] as const).map((how) =>
      answered(`${what}, cut behind byte ${i + 1} with a ${how}`, expect, [part, 'turn', how]),
    )
  })

export const answerCuts: readonly HostileCase[] = [
  ...cuts('a length', FINAL),
  ...cuts('chunks', CHUNKS),
  answered('no byte at all and the end', '502', ['close']),
  answered('no byte at all and a reset', '502', ['reset']),
  answered('an end that ends the body', 'passes', ['HTTP/1.1 200 OK\r\n\r\nhello', 'turn', 'close'], hello),
  answered('an end that ends the body of HTTP/1.0', 'passes', ['HTTP/1.0 200 OK\r\n\r\nhello', 'turn', 'close'], hello),
  answered('a reset in a body without a length', 'cut off', ['HTTP/1.1 200 OK\r\n\r\nhello', 'turn', 'reset']),
  answered('a body that is one byte short', 'no answer', [
    `HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello`,
    'close',
  ]),
  answered('a body that is a megabyte short', 'no answer', [
    `HTTP/1.1 200 OK\r\nContent-Length: 1000005\r\n\r\nhello`,
    'close',
  ]),
  answered('a chunked body without its last chunk', 'no answer', [
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n',
    'close',
  ]),
  ...['g\r\n', '\n5\r\n', 'ffffffffffffffff\r\n'].map((size) =>
    answered(`${spelt(size)} behind a hundred kilobytes of an answer`, 'no answer', [
      `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n186a0\r\n${'x'.repeat(100_000)}\r\n${size}POISON\r\n0\r\n\r\n`,
    ]),
  ),
  answered('HTTP/1.0 that is cut off', 'no answer', ['HTTP/1.0 200 OK\r\nContent-Length: 6\r\n\r\nhello', 'close']),
  answered(
    'a length cut off for a client of HTTP/1.0',
    'no answer',
    [`HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello`, 'close'],
    undefined,
    {
      send: [get('Connection: keep-alive\r\n').replace('HTTP/1.1', 'HTTP/1.0')],
    },
  ),
  answered('chunks cut off for a client of HTTP/1.0', 'cut off', [CHUNKS.slice(0, -12), 'turn', 'close'], undefined, {
    send: [get().replace('HTTP/1.1', 'HTTP/1.0')],
  }),
]
