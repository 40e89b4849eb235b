// Bytes behind an answer: for nobody, and the connection that they came on is for nobody any more.
import type { HostileCase, Shown } from '../case.js'
import { arrival, CHUNKED, get, request } from '../write.js'
import { answered, hello, ok } from './answered.js'

const POISON = 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nPOISON'

// What an answer without a body says about one, and the bytes behind it.
const BODILESS: readonly (readonly [string, string, string, number])[] = [
  ['204 with a length', '204 No Content\r\nContent-Length: 5', 'GET', 204],
  ['204 with chunks', '204 No Content\r\nTransfer-Encoding: chunked', 'GET', 204],
  ['304 with a length', '304 Not Modified\r\nContent-Length: 5', 'GET', 304],
  ['304 with chunks', '304 Not Modified\r\nTransfer-Encoding: chunked', 'GET', 304],
  ['304 without a length', '304 Not Modified', 'GET', 304],
  ['HEAD with a length', '200 OK\r\nContent-Length: 5', 'HEAD', 200],
  ['HEAD with chunks', '200 OK\r\nTransfer-Encoding: chunked', 'HEAD', 200],
  ['HEAD without a length', '200 OK', 'HEAD', 200],
  ['a length of 0', '200 OK\r\nContent-Length: 0', 'GET', 200],
]

const bodiless = BODILESS.flatMap(([name, head, method, status]): HostileCase[] => {
  const more = { send: [request(method)], arrives: [arrival(method)] }
  const shows: Shown = { status, body: '' }
  const text = `HTTP/1.1 ${head}\r\n\r\n`
  return [
    answered(name, 'passes', [text], shows, more),
    ...[
      answered(`${name}, and a body`, 'passes', [`${text}hello`], shows, more),
      answered(`${name}, and a body later`, 'passes', [text, 'answered', 'hello'], shows, more),
      answered(`${name}, and another answer`, 'passes', [text + POISON], shows, more),
      answered(`${name}, and another answer in the next turn`, 'passes', [text, 'turn', POISON], shows, more),
    ].map((one) => ({ ...one, retires: true })),
  ]
})

/** An answer that ends where a read of the gateway may end, and another right behind it. */
const straddling = [1024, 4096, 16_384, 32_768, 65_536, 131_072].flatMap((size): HostileCase[] => {
  const head = (length: number): string => ok(`Content-Length: ${length}\r\n`)
  let length = size
  while (head(length).length + length > size) length--
  const body = 'x'.repeat(length)
  return [
    answered(`another answer behind one of ${size} bytes`, 'passes', [head(length) + body + POISON], {
      status: 200,
      body,
    }),
    answered(
      `another answer behind one of ${size} bytes, and a request sent ahead`,
      'passes',
      [head(length) + body + POISON],
      { status: 200, body },
      {
        send: [get() + get('', '/app/ahead')],
        arrives: [arrival('GET'), arrival('GET', '', { target: '/app/ahead' })],
      },
    ),
  ]
})

const behind: readonly HostileCase[] = [
  ...straddling,
  answered('bytes behind a length', 'passes', [ok('Content-Length: 5\r\n', 'helloPOISON')], hello),
  answered('another answer behind a length', 'passes', [ok('Content-Length: 5\r\n', `hello${POISON}`)], hello),
  answered('another answer behind chunks', 'passes', [ok(CHUNKED, `5\r\nhello\r\n0\r\n\r\n${POISON}`)], hello),
  answered('another answer in the next turn', 'passes', [ok('Content-Length: 5\r\n', 'hello'), 'turn', POISON], hello),
  answered(
    'another answer behind chunks in the next turn',
    'passes',
    [ok(CHUNKED, '5\r\nhello\r\n0\r\n\r\n'), 'turn', POISON],
    hello,
  ),
  answered(
    'another answer on the idle connection',
    'passes',
    [ok('Content-Length: 5\r\n', 'hello'), 'answered', POISON],
    hello,
  ),
  answered(
    'one byte on the idle connection',
    'passes',
    [ok('Content-Length: 5\r\n', 'hello'), 'answered', '\n'],
    hello,
  ),
  answered(
    'an empty line on the idle connection',
    'passes',
    [ok('Content-Length: 5\r\n', 'hello'), 'answered', '\r\n'],
    hello,
  ),
  answered(
    'half a status line on the idle connection',
    'passes',
    [ok('Content-Length: 5\r\n', 'hello'), 'answered', 'HTTP/1.1 200'],
    hello,
  ),
  answered(
    'an interim answer on the idle connection',
    'passes',
    [ok('Content-Length: 5\r\n', 'hello'), 'answered', 'HTTP/1.1 103 Early Hints\r\nX: POISON\r\n\r\n'],
    hello,
  ),
  answered(
    '408 on the idle connection, and its end',
    'passes',
    [
      ok('Content-Length: 5\r\n', 'hello'),
      'answered',
      'HTTP/1.1 408 Request Timeout\r\nContent-Length: 6\r\n\r\nPOISON',
      'close',
    ],
    hello,
  ),
  answered(
    'the end of the idle connection',
    'passes',
    [ok('Content-Length: 5\r\n', 'hello'), 'answered', 'close'],
    hello,
  ),
  answered(
    'a reset of the idle connection',
    'passes',
    [ok('Content-Length: 5\r\n', 'hello'), 'answered', 'reset'],
    hello,
  ),
  answered(
    'another answer behind one that says close',
    'passes',
    [ok('Connection: close\r\nContent-Length: 5\r\n', `hello${POISON}`)],
    hello,
  ),
  answered(
    'two answers, and two requests sent ahead',
    'passes',
    [ok('Content-Length: 5\r\n', `hello${POISON}`)],
    hello,
    {
      send: [get() + get('', '/app/ahead')],
      arrives: [arrival('GET'), arrival('GET', '', { target: '/app/ahead' })],
    },
  ),
]

export const surplus: readonly HostileCase[] = [...bodiless, ...behind.map((one) => ({ ...one, retires: true }))]
