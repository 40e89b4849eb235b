// Requests by their grammar: valid ones, and in some of them one part that is doubtful or wrong.
import fc from 'fast-check'
import { chunkedBody, content } from './chunks.js'
import { doubtfulField, usualField } from './request-fields.js'
import { among, choice, textOf } from './weights.js'

interface Parts {
  readonly before: string
  readonly method: string
  readonly target: string
  readonly version: string
  /** Field lines without their CRLF. */
  readonly host: string
  readonly framing: string
  readonly body: string
  readonly fields: readonly string[]
}

const method = choice(
  [10, among('GET', 'POST', 'HEAD', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE')],
  [1, among('get', 'M-SEARCH', "!#$%&'*+-.^_`|~", 'X'.repeat(64))],
)

const segment = choice(
  [8, textOf('abz09-._~', 1, 6)],
  [2, among('%41', '%2f', '%2E', '..', '.', ';a=1', 'a%20b', '@:!$&()*+,=', '\\', '|"<>^`{}')],
  [1, among('%00', '%', '%zz', '%7f', '%0d%0a')],
)
const path = fc.array(segment, { maxLength: 4 }).map((segments) => `/${segments.join('/')}`)
const query = choice([5, fc.constant('')], [2, among('?', '?a=b', '?a=b&c=%00', '?/?', '?x=[y]|z', '?http://other/')])
const longQuery = fc.integer({ min: 450, max: 550 }).map((length) => `/?${'q'.repeat(length)}`)

const authority = choice(
  [3, among('h', 'example.org', 'EXAMPLE.org:8080', '127.0.0.1', 'a-b._~', 'h:', 'h:0', 'h:65535')],
  [1, among('[::1]', '[::1]:80', '[2001:db8::7]', '[::ffff:1.2.3.4]', '[1:2:3:4:5:6:7:8]', '[::]:', '[::A]')],
)
const noAuthority = among(
  ...['', 'u@h', 'h/', 'h:65536', 'h:000080', 'h:-1', 'h,h', 'h h', '%41', 'h:80:80', ':80'],
  ...['[1]', '[:::]', '[::1', '[::g]', '[v1.x]', '[1::2::3]', '[::1]x', '[1.2.3.4]', '[::1%25eth0]', '[::256.0.0.1]'],
)
const absolute = (names: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc
    .tuple(among('http://', 'http://', 'HTTP://'), names, choice([3, path], [1, fc.constant('')]), query)
    .map((parts) => parts.join(''))

const target = choice([12, fc.tuple(path, query).map((parts) => parts.join(''))], [2, absolute(authority)])

/** A body and the line that frames it. */
const framed = choice<readonly [string, string]>(
  [6, fc.constant(['', ''] as const)],
  [4, content.map((text) => [`Content-Length: ${text.length}`, text] as const)],
  [4, fc.tuple(among('Transfer-Encoding: chunked', 'transfer-encoding:Chunked'), chunkedBody)],
)
const doubtfulFraming = among(
  ...['Transfer-Encoding: gzip, chunked', 'Transfer-Encoding: identity', 'Transfer-Encoding:\x0bchunked'],
  ...['Transfer-Encoding: chunked,', 'Transfer-Encoding: chunked, chunked', 'Transfer-Encoding: "chunked"'],
  ...['Transfer-Encoding: chunked\r\nContent-Length: 3', 'Content-Length: 3\r\nContent-Length: 3'],
  ...['Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked', 'Transfer-Encoding: chunked;q=1'],
  ...[
    'Content-Length: 3, 3',
    'Content-Length: 03',
    'Content-Length: 0000000000000003',
    'Content-Length: 00000000000000003',
  ],
  ...['Content-Length: 3 ', 'Content-Length: \t3', 'Content-Length: +3', 'Content-Length:', 'Content-Length: 3;'],
)

const valid: fc.Arbitrary<Parts> = fc
  .record({
    before: choice([15, fc.constant('')], [1, fc.constant('\r\n')]),
    method,
    target,
    version: choice([16, fc.constant('HTTP/1.1')], [2, fc.constant('HTTP/1.0')], [1, fc.constant('HTTP/1.7')]),
    host: choice([3, fc.constant('Host: h')], [1, authority.map((text) => `Host: ${text}`)]),
    framed,
    fields: fc.array(usualField, { maxLength: 5 }),
  })
  .map(({ framed: [framing, body], version, ...rest }) => {
    // RFC 9112 section 6.1: HTTP/1.0 knows no transfer coding.
    const spoken = /^transfer/i.test(framing) ? 'HTTP/1.1' : version
    return rest.method === 'TRACE'
      ? { ...rest, framing: '', body: '', version }
      : { ...rest, framing, body, version: spoken }
  })

const flaw: fc.Arbitrary<Partial<Parts>> = fc.oneof(
  among('\n', '\r\n\r\n', ' ', '\r').map((before) => ({ before })),
  among('X'.repeat(65), 'CONNECT', 'TRACE', 'G(T', '').map((name) => ({ method: name })),
  choice(
    [2, absolute(noAuthority)],
    [1, longQuery],
    [1, among('*', 'a', 'https://h/', 'h:80', '//h/x', '/#f', '')],
  ).map((text) => ({ target: text })),
  among('HTTP/1.:', 'HTTP/2.0', 'http/1.1', 'HTTP/1.', 'HTTP/1.10', 'HTTP/1.0').map((version) => ({ version })),
  choice([3, noAuthority.map((text) => `Host: ${text}`)], [1, among('', 'Host: h\r\nHost: h', 'Host : h')]).map(
    (host) => ({ host }),
  ),
  fc.tuple(doubtfulFraming, among('abc', '3\r\nabc\r\n0\r\n\r\n')).map(([framing, body]) => ({ framing, body })),
  fc.array(usualField, { minLength: 13, maxLength: 18 }).map((fields) => ({ fields })),
  fc.array(choice([1, doubtfulField], [1, usualField]), { minLength: 1, maxLength: 3 }).map((fields) => ({ fields })),
)

export const request = fc
  .tuple(valid, choice<Partial<Parts>>([5, fc.constant({})], [1, flaw]), fc.nat(20), fc.nat(20))
  .map(([parts, wrong, first, second]) => {
    const { before, method, target, version, host, framing, body, fields } = { ...parts, ...wrong }
    const lines = [...fields]
    if (framing !== '') lines.splice(first % (lines.length + 1), 0, framing)
    if (host !== '') lines.splice(second % (lines.length + 1), 0, host)
    return `${before}${method} ${target} ${version}\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n${body}`
  })
