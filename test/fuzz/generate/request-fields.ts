// Fields of a request that mean something to a gateway, that only look so, and that mean nothing.
import fc from 'fast-check'
import { among, anyBytes, choice, textOf } from './weights.js'

const name = textOf('aAbBxX-_', 1, 8)
const value = choice(
  [3, textOf('ab =;,"', 0, 10)],
  [1, anyBytes(6).map((bytes) => bytes.replace(/[^\t\x20-\x7e\x80-\xff]/g, ''))],
)
const connection = choice(
  [
    4,
    among(
      'close',
      'keep-alive',
      'Keep-Alive',
      'X-Drop',
      'TE',
      'Upgrade, te',
      'close, X-T',
      ',close,',
      'x-drop ,\tkeep-alive',
      'upgrade',
    ),
  ],
  [
    2,
    among(
      'close, keep-alive',
      'TE, close',
      'close;x',
      '"close"',
      '\xa0close',
      'close\x85',
      'x_drop',
      'Expect',
      'Close',
    ),
  ],
)

export const usualField = choice(
  [6, among('Accept: */*', 'X-Drop: 1', 'x-drop:2', 'User-Agent:\tq ', 'Cookie: a=b', 'X:', 'Accept:a,b', 'Close: 1')],
  [3, fc.tuple(name, among(':', ': ', ':\t', ':  '), value, among('', ' ', '\t')).map((parts) => parts.join(''))],
  [2, connection.map((options) => `Connection: ${options}`)],
  [
    2,
    among(
      'TE: trailers',
      'TE: \xa0trailers',
      'te:gzip , trailers',
      'Upgrade: websocket',
      'Keep-Alive: timeout=5',
      'Upgrade: h2c',
      'HTTP2-Settings: AA',
      'Proxy-Connection: close',
    ),
  ],
  [
    1,
    among(
      'Expect: 100-continue',
      'expect:100-Continue',
      'Proxy-Authorization: Basic eA==',
      'Authorization: Basic eA==',
    ),
  ],
  [
    1,
    among('X-Request-Id: r1', 'x-request-id: not plain', 'Via: 1.0 a', 'Via: 1.1 b, 1.0 c', 'Via: 1.1 serverpy-test'),
  ],
  [
    1,
    among(
      `traceparent: 00-${'4b'.repeat(16)}-${'a1'.repeat(8)}-01`,
      `Traceparent: 7f-${'4b'.repeat(16)}-${'a1'.repeat(8)}-00-more`,
      `traceparent: 00-${'0'.repeat(32)}-${'a1'.repeat(8)}-01`,
      'traceparent: 00-1-2-01',
      'tracestate: a=1',
      'Connection: traceparent',
    ),
  ],
  [1, among('Max-Forwards: 0', 'Max-Forwards: 7', 'max-forwards: 99999999999999999999', 'Max-Forwards: 010')],
  [2, among('X-Forwarded-For: 1.2.3.4', 'X-Forwarded-Proto: https', 'X-Forwarded-Host: evil', 'X-Forwarded-Port: 1')],
  [
    1,
    among('Forwarded: for=x', 'X-Real-IP: 1', 'X-Real_IP: 1', 'X_Forwarded_For: 1', 'X-Forwarded_A: 2', 'X_Real_IP: 1'),
  ],
  [1, among('Content_Length: 3', 'Transfer_Encoding: chunked', 'x-request_id: 2', 'Transfer-Encoding_: x', 'Hos_t: i')],
)

export const doubtfulField = choice(
  [
    2,
    among(
      'Expect: x',
      'Expect: 100-continue, x',
      'Expect:',
      'Content-Length: 0',
      'Transfer-Encoding: chunked',
      'Host: i',
    ),
  ],
  [
    2,
    among(
      'X-Folded: a\r\n b',
      '\tX: y',
      'No-Colon',
      ': no name',
      'X : y',
      'X\xe9: y',
      'X(: y',
      'X: \0',
      'X: a\rb',
      'X: a\nY: b',
    ),
  ],
  [
    1,
    among('Host', 'Content-Length', 'X-Forwarded-For', 'Cookie', 'x-real-ip', 'X-Forwarded-').map(
      (n) => `Connection: ${n}`,
    ),
  ],
)
