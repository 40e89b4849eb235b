// Answers by their grammar, interim ones before them, and what an origin might send behind them; in some one part is wrong.
import fc from 'fast-check'
import { chunkedBody, content } from './chunks.js'
import { among, choice, textOf } from './weights.js'

interface Parts {
  readonly before: readonly string[]
  readonly line: string
  readonly framing: string
  readonly body: string
  readonly fields: readonly string[]
  readonly behind: string
}

const status = choice(
  [6, among('200', '404', '206', '301', '500', '205', '599', '999', '426')],
  [1, among('204', '304')],
)
const reason = choice([5, among(' OK', ' Not Found', ' ')], [2, among('', ' \xe9', ' a\tb', '  ', ' 200 OK')])

const name = textOf('aBx-_', 1, 6)
const field = choice(
  [
    6,
    among('Server: o', 'X-Drop: 1', 'Set-Cookie: a=b', 'Set-Cookie: c=d', 'X:', 'Content-Type: text/plain', 'Close: 1'),
  ],
  [
    2,
    among('Date: Sun, 06 Nov 1994 08:49:37 GMT', 'X-Request-Id: theirs', 'Via: 1.1 o', 'Trailer: X-T', 'X-L:  \xff '),
  ],
  [
    2,
    among('close', 'keep-alive', 'X-Drop', 'close, X-Drop', 'close, keep-alive', '\xa0close').map(
      (o) => `Connection: ${o}`,
    ),
  ],
  [
    2,
    among('Keep-Alive: timeout=5', 'Keep-Alive: timeout=1, max=1', 'Upgrade: h2c', 'TE: x', 'Proxy-Connection: close'),
  ],
  [1, fc.tuple(name, textOf('a ,;"', 0, 8)).map(([n, v]) => `${n}: ${v}`)],
)
const wrongField = among(
  ...['Connection: Set-Cookie', 'Connection: content-length', 'Content-Length: 0', 'Transfer-Encoding: chunked'],
  ...['X : y', 'X: a\r\n b', 'no colon', 'X: \0', ': x', 'X: a\rb', 'X: a\nY: b', '\tX: y'],
)

const framed = choice<readonly [string, string]>(
  [4, content.map((text) => [`Content-Length: ${text.length}`, text] as const)],
  [4, fc.tuple(fc.constant('Transfer-Encoding: chunked'), chunkedBody)],
  [2, content.map((text) => ['', text] as const)],
)
const wrongFraming = among(
  ...['Transfer-Encoding: gzip, chunked', 'Transfer-Encoding: chunked, chunked', 'Content-Length: +3'],
  ...['Content-Length: 3\r\nContent-Length: 3', 'Content-Length: 3\r\nTransfer-Encoding: chunked'],
  ...['Content-Length: 3, 3', 'Transfer-Encoding: identity', 'Content-Length: 9007199254740992'],
)

const interim = choice(
  [
    6,
    among(
      'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n',
      'HTTP/1.1 100 Continue\r\n\r\n',
      'HTTP/1.1 199 \r\nX: y\r\n\r\n',
    ),
  ],
  [1, among('HTTP/1.1 102\r\n\r\n', 'HTTP/1.0 103 Old\r\n\r\n', 'HTTP/1.1 103 Framed\r\nContent-Length: 3\r\n\r\n')],
)

/** Another protocol from here on, for a client that asked for it. */
const switched = fc
  .tuple(
    among('Upgrade: websocket', 'upgrade:WebSocket', 'Upgrade: h2c', 'Upgrade: websocket, x'),
    among('Connection: Upgrade', 'connection:keep-alive, upgrade', 'Connection: close'),
    choice([6, fc.constant('')], [1, among('Content-Length: 2\r\n', 'X-Own: 1\r\n', 'Transfer-Encoding: chunked\r\n')]),
    among('', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', '\x81\x02hi', '0\r\n\r\n'),
  )
  .map(([upgrade, connection, more, frames]) => {
    return `HTTP/1.1 101 Switching Protocols\r\n${upgrade}\r\n${more}${connection}\r\n\r\n${frames}`
  })

const valid: fc.Arbitrary<Parts> = fc
  .record({
    before: choice<readonly string[]>([5, fc.constant([])], [1, fc.array(interim, { minLength: 1, maxLength: 3 })]),
    version: choice([12, fc.constant('HTTP/1.1')], [3, fc.constant('HTTP/1.0')], [1, fc.constant('HTTP/1.3')]),
    status,
    reason,
    fields: fc.array(field, { maxLength: 4 }),
    framed,
    behind: choice(
      [14, fc.constant('')],
      [1, among('x', '\r\n', 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nPOISON')],
    ),
  })
  .map(({ version, status, reason, framed: [framing, body], ...rest }) => {
    const spoken = framing.startsWith('T') ? 'HTTP/1.1' : version
    const bodiless = status === '204' || status === '304'
    return { ...rest, framing, body: bodiless ? '' : body, line: `${spoken} ${status}${reason}` }
  })

const flaw: fc.Arbitrary<Partial<Parts>> = fc.oneof(
  among('1.: 200 OK', '2.0 200 OK', '1 200 OK', '1.1', '1.1 99 x', '1.1  200 OK').map((line) => ({
    line: `HTTP/${line}`,
  })),
  among('101 Switching', '101 ', '099 x', '20', '2000 OK', '2x0 OK', '100 ').map((line) => ({
    line: `HTTP/1.1 ${line}`,
  })),
  among('http/1.1 200 OK', 'HTTP/1.0 200', 'ICY 200 OK', '').map((line) => ({ line })),
  fc.tuple(wrongFraming, among('abc', '3\r\nabc\r\n0\r\n\r\n')).map(([framing, body]) => ({ framing, body })),
  fc.array(choice([1, field], [1, wrongField]), { minLength: 1, maxLength: 3 }).map((fields) => ({ fields })),
  fc.tuple(interim, fc.integer({ min: 254, max: 258 })).map(([one, times]) => ({ before: [one.repeat(times)] })),
)

export const answer = fc
  .tuple(valid, choice<Partial<Parts>>([5, fc.constant({})], [1, flaw]), fc.nat(20))
  .map(([parts, wrong, place]) => {
    const { before, line, framing, body, fields, behind } = { ...parts, ...wrong }
    const lines = [...fields]
    if (framing !== '') lines.splice(place % (lines.length + 1), 0, framing)
    return `${before.join('')}${line}\r\n${lines.map((text) => `${text}\r\n`).join('')}\r\n${body}${behind}`
  })

/** To a request that asks for another protocol. */
export const agreement = choice([1, answer], [2, switched])
