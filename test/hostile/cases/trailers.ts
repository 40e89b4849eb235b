// Trailers: an origin that merges them into the head would believe what the gateway has kept out of it.
import type { Expectation, HostileCase } from '../case.js'
import { arrival, chunked, CONTROLS, either, hostile, nameOf, SMUGGLED, spelt } from '../write.js'

const START = '5\r\nhello\r\n0\r\n'

// Between the last chunk line and the empty line; each line has its CRLF.
const TRAILERS: readonly (readonly [Expectation, readonly string[]])[] = [
  [
    'forwarded',
    [
      'X-Sum: 1\r\n',
      'X-Sum:1\r\n',
      'X-Sum: \t 1 \t \r\n',
      'X-Sum:\r\n',
      'X-Sum: 1\r\nX-Sum: 2\r\n',
      'Server-Timing: a;dur=1\r\n',
      'Digest: x\r\n',
    ],
  ],
  [
    'refused',
    [
      'X-Sum: 1\n',
      'X-Sum: 1\r',
      'X-Sum: 1\nX: 2\r\n',
      'X-Sum: 1\rX: 2\r\n',
      'X-Sum: 1\r\r\n',
      'X-Sum: 1\n\r\n',
      '\n',
      '\r',
      '\r\r\n',
    ],
  ],
  [
    'refused',
    [
      'X-Sum: a\r\n b\r\n',
      'X-Sum: a\r\n\tb\r\n',
      ' X-Sum: a\r\n',
      '\tX-Sum: a\r\n',
      'X-Sum : a\r\n',
      'X-Sum\t: a\r\n',
      ': a\r\n',
      'X-Sum\r\n',
      'X Sum: a\r\n',
    ],
  ],
  [
    'refused',
    [
      'X\0Sum: a\r\n',
      'X-Sum: a\0b\r\n',
      'X-Sum: \x7f\r\n',
      'X-S\xfcm: a\r\n',
      'X-Sum; a\r\n',
      '=a\r\n',
      '0\r\n',
      '"X": a\r\n',
      'X(: a\r\n',
      '{}: a\r\n',
    ],
  ],
  ['refused', [`X-Sum: ${'a'.repeat(100_000)}\r\n`, 'X: y\r\n'.repeat(20_000), `${'X'.repeat(100_000)}: a\r\n`]],
  ['either', [`X-Sum: ${'a'.repeat(7000)}\r\n`, 'X: y\r\n'.repeat(90), 'X-Sum: \xe4\r\n']],
]

// RFC 9110 section 6.5.1, and what only a gateway may say: dropped or refused, in every spelling.
const FORBIDDEN = [
  ...[
    'Content-Length: 5',
    'Transfer-Encoding: chunked',
    'Host: other.test',
    'Connection: close',
    'Connection: X-Sum',
    'Keep-Alive: timeout=5',
  ],
  ...[
    'TE: trailers',
    'Trailer: X',
    'Upgrade: websocket',
    'Expect: 100-continue',
    'Max-Forwards: 0',
    'Via: 1.1 x',
    'Proxy-Connection: close',
  ],
  ...[
    'X-Forwarded-For: 10.0.0.1',
    'X-Forwarded-Host: other.test',
    'X-Forwarded-Proto: https',
    'X-Forwarded-Port: 1',
    'X-Forwarded-Prefix: /x',
  ],
  ...[
    'X-Real-IP: 10.0.0.1',
    'X-Request-Id: other',
    'Forwarded: for=10.0.0.1',
    'Proxy-Authorization: Basic eA==',
    'HTTP2-Settings: AAMAAABk',
  ],
  ...[
    'Content_Length: 5',
    'Transfer_Encoding: chunked',
    'X_Forwarded_For: 10.0.0.1',
    'X-Forwarded_For: 10.0.0.1',
    'X_Real_IP: 10.0.0.1',
    'X_Request_Id: x',
  ],
]

const trailerCase = (name: string, expect: Expectation, trailer: string): HostileCase =>
  hostile(name, expect, chunked(START + trailer), [arrival('POST', 'hello')], { breaksOff: true })

export const trailers: readonly HostileCase[] = [
  ...TRAILERS.flatMap(([expect, all]) =>
    all.map((lines) => trailerCase(`the trailer ${spelt(lines)}`, expect, `${lines}\r\n`)),
  ),
  ...FORBIDDEN.map((line) => trailerCase(`the trailer ${line}`, 'either', `${line}\r\n\r\n`)),
  ...CONTROLS.flatMap((byte) => [
    trailerCase(`a trailer's name with ${nameOf(byte)}`, 'refused', `X${byte}Y: z\r\n\r\n`),
    trailerCase(`a trailer's value with ${nameOf(byte)}`, 'refused', `X: y${byte}z\r\n\r\n`),
  ]),
  either('a trailer that Connection names', chunked(`${START}X-Sum: 1\r\n\r\n`, 'Connection: X-Sum\r\n'), [
    arrival('POST', 'hello', { lacks: ['x-sum'] }),
  ]),
  trailerCase('a trailer without its empty line, then a request', 'refused', `X-Sum: 1\r\n${SMUGGLED}`),
  trailerCase('no empty line, then a request', 'refused', SMUGGLED),
  trailerCase('a bare LF for the empty line, then a request', 'refused', `\n${SMUGGLED}`),
  trailerCase('a trailer that ends in bare LF twice, then a request', 'refused', `X: y\n\n${SMUGGLED}`),
  trailerCase('a trailer that ends in bare CR twice, then a request', 'refused', `X: y\r\r${SMUGGLED}`),
]
