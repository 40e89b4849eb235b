// The readers that judge the gateway, judged themselves: a reader that sees no difference would make every case pass.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { disagreements } from './compare.js'
import { STRICT } from './dialect.js'
import { pathReadings } from './path.js'
import { read } from './read.js'

const HEAD = 'POST /a HTTP/1.1\r\nHost: h\r\n'
const NEXT = 'GET /b HTTP/1.1\r\nHost: h\r\n\r\n'

const AMBIGUOUS: readonly (readonly [string, string])[] = [
  ['a length beside chunks', `${HEAD}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${NEXT}`],
  ['an unknown coding', `${HEAD}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n${NEXT}`],
  ['two codings', `${HEAD}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n`],
  ['a coding behind a tab', `${HEAD}Transfer-Encoding:\tchunked\r\n\r\n0\r\n\r\n`],
  ['a coding behind VT', `${HEAD}Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n`],
  ['a coding in capitals', `${HEAD}Transfer-Encoding: CHUNKED\r\n\r\n0\r\n\r\n`],
  ['a coding in HTTP/1.0', 'POST /a HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
  ['a space before the colon', `${HEAD}Content-Length : 5\r\n\r\nhello`],
  ['an underscore', `${HEAD}Content_Length: 5\r\n\r\nhello`],
  ['an underscore in a trusted name', 'GET /a HTTP/1.1\r\nX_Forwarded_For: 10.0.0.1\r\n\r\n'],
  ['a folded field', `${HEAD}X: y\r\n Content-Length: 5\r\n\r\nhello`],
  ['a bare LF', `${HEAD}X: y\nContent-Length: 5\r\n\r\nhello`],
  ['a bare CR', `${HEAD}X: y\rContent-Length: 5\r\n\r\nhello`],
  ['NUL', `${HEAD}Content-Length: 5\0\r\n\r\nhello`],
  ['a control byte in a name', `${HEAD}Content-\x01Length: 5\r\n\r\nhello`],
  ['two lengths', `${HEAD}Content-Length: 5\r\nContent-Length: 0\r\n\r\nhello`],
  ['a list of lengths', `${HEAD}Content-Length: 5, 0\r\n\r\nhello`],
  ['a signed length', `${HEAD}Content-Length: +5\r\n\r\nhello`],
  ['a length of words', `${HEAD}Content-Length: five\r\n\r\nhello`],
  ['a signed chunk size', `${HEAD}Transfer-Encoding: chunked\r\n\r\n+5\r\nhello\r\n0\r\n\r\n`],
  ['a chunk size beyond 64 bits', `${HEAD}Transfer-Encoding: chunked\r\n\r\n10000000000000005\r\nhello\r\n0\r\n\r\n`],
  ['a chunk size beyond 32 bits', `${HEAD}Transfer-Encoding: chunked\r\n\r\n100000005\r\nhello\r\n0\r\n\r\n`],
  ['a bare LF behind a chunk size', `${HEAD}Transfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n`],
  ['a bare LF in an extension', `${HEAD}Transfer-Encoding: chunked\r\n\r\n5;a\nx\r\nhello\r\n0\r\n\r\n`],
  ['an open quote in an extension', `${HEAD}Transfer-Encoding: chunked\r\n\r\n5;a="\r\nhello\r\n0\r\n\r\n`],
  ['what is no CRLF behind the data', `${HEAD}Transfer-Encoding: chunked\r\n\r\n5\r\nhelloXX0\r\n\r\n`],
  ['a trusted trailer', `${HEAD}Transfer-Encoding: chunked\r\n\r\n0\r\nX-Forwarded-For: 10.0.0.1\r\n\r\n`],
  ['a trusted trailer with underscores', `${HEAD}Transfer-Encoding: chunked\r\n\r\n0\r\nX_Real_IP: 10.0.0.1\r\n\r\n`],
]

const PLAIN: readonly (readonly [string, string])[] = [
  ['a length', `${HEAD}Content-Length: 5\r\n\r\nhello${NEXT}`],
  ['chunks', `${HEAD}Transfer-Encoding: chunked\r\n\r\n5;a="b;c"\r\nhello\r\n0\r\nX-A: b\r\n\r\n${NEXT}`],
  ['a body that looks like a request', `${HEAD}Content-Length: ${NEXT.length}\r\n\r\n${NEXT}`],
  ['no body', NEXT + NEXT],
  ['a head that is cut off', NEXT.slice(0, 30)],
  ['chunks that are cut off', `${HEAD}Transfer-Encoding: chunked\r\n\r\n5\r\nhel`],
]

for (const [what, stream] of AMBIGUOUS) {
  test(`some reader sees something else in ${what}`, () => assert.notDeepEqual(disagreements(stream), []))
}

test('all readers agree on what is plain', () => {
  for (const [what, stream] of PLAIN) assert.deepEqual(disagreements(stream), [], what)
})

test('the strict reader finds bodies, trailers and the end of each message', () => {
  const { messages, ends } = read(`${PLAIN[1]?.[1]}${PLAIN[0]?.[1]}${NEXT.slice(0, 9)}`, STRICT)
  assert.deepEqual(
    messages.map(({ start, body, trailers }) => [start, body, trailers.map(({ name }) => name)]),
    [
      ['POST /a HTTP/1.1', 'hello', ['x-a']],
      ['GET /b HTTP/1.1', '', []],
      ['POST /a HTTP/1.1', 'hello', []],
      ['GET /b HTTP/1.1', '', []],
    ],
  )
  assert.equal(ends, 'within')
})

test('answers are read by the method that they answer, interim ones by none', () => {
  const stream = 'HTTP/1.1 103 E\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHTTP/1.1 200 OK\r\n\r\nrest'
  const options = { answersTo: ['HEAD', 'GET'] }
  assert.equal(read(stream, STRICT, options).ends, 'within')
  const { messages, ends } = read(stream, STRICT, { ...options, closed: true })
  assert.deepEqual([messages.map(({ body }) => body), ends], [['', '', 'rest'], 'between'])
})

test('an origin may read a path in as many ways as there are origins', () => {
  const leadsOut = (target: string) => pathReadings(target).some((path) => !/^\/a(\/|$)/.test(path))
  const out = [
    '/a/../b',
    '/a/%2e%2e/b',
    '/a/..;/b',
    '/a/%252e%252e/b',
    '/a%2f..%2fb',
    '/a\\..\\b',
    '/a/x%2fy/../../../b',
    '//a/b',
  ]
  for (const target of [...out, '/a/x%2fy/../../b', '/a//../b', '/a/%c0%ae%c0%ae/b', '/a/%u002e./b'])
    assert.ok(leadsOut(target), target)
  for (const target of ['/a/b', '/a/%20', '/a/x%2fy', '/a/x;y=z/b', '/a/x/../b', '/a?x=/../..'])
    assert.ok(!leadsOut(target), target)
})
