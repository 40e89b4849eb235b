// Expectations, and answers that come before their request is whole: what follows on the connection is nobody's request.
import type { Expectation, HostileCase } from '../case.js'
import {
  arrival,
  CHUNKED,
  either,
  forwarded,
  get,
  hostile,
  post,
  refused,
  request,
  SMUGGLED,
  TARGET,
} from '../write.js'

const EXPECT = 'Expect: 100-continue\r\n'
const LENGTH = 'Content-Length: 5\r\n'
const FINAL = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nearly'
const REFUSAL = 'HTTP/1.1 417 Expectation Failed\r\nContent-Length: 2\r\n\r\nno'

const VALUES: readonly (readonly [Expectation, readonly string[]])[] = [
  ['forwarded', ['100-continue', ' 100-continue ', '100-Continue', '100-CONTINUE', '\t100-continue']],
  [
    'either',
    [
      '100-continue, 100-continue',
      '100-continue,',
      '100-continue, foo',
      'foo, 100-continue',
      'foo',
      '',
      '100',
      '200-ok',
      'x=y',
      '100-continue;q=1',
    ],
  ],
  [
    'either',
    [
      '"100-continue"',
      '100-continuex',
      '100 -continue',
      '100_continue',
      '100-continue 100-continue',
      '101-continue',
      '\xa0100-continue',
    ],
  ],
  [
    'refused',
    [
      '\x0b100-continue',
      '100-continue\x0c',
      '100-\x00continue',
      '\r\n 100-continue',
      '100-continue\r\n ',
      '100-continue\n',
      '100-continue\r',
    ],
  ],
]

const expectations: readonly HostileCase[] = [
  ...VALUES.flatMap(([expect, values]) =>
    values.map((value) =>
      hostile(`Expect: ${JSON.stringify(value)}`, expect, post(`Expect: ${value}\r\n${LENGTH}`, 'hello'), [
        arrival('POST', 'hello'),
      ]),
    ),
  ),
  either('Expect twice', post(`${EXPECT}${EXPECT}${LENGTH}`, 'hello'), [arrival('POST', 'hello')]),
  refused('Expect with a space before its colon', post(`Expect : 100-continue\r\n${LENGTH}`, 'hello')),
  {
    name: 'a client that waits for its 100',
    expect: 'forwarded',
    send: [post(`${EXPECT}${LENGTH}`, ''), { awaits: 1 }, 'hello'],
    arrives: [arrival('POST', 'hello')],
    interim: [100],
  },
  {
    name: 'a client that waits for its 100 to send chunks',
    expect: 'forwarded',
    send: [post(`${EXPECT}${CHUNKED}`, ''), { awaits: 1 }, '5\r\nhello\r\n0\r\n\r\n'],
    arrives: [arrival('POST', 'hello')],
    interim: [100],
  },
  forwarded('Expect without a body', get(EXPECT)),
  forwarded('Expect with an empty body', post(`${EXPECT}Content-Length: 0\r\n`, ''), [arrival('POST')]),
  forwarded('Expect in HTTP/1.0', `POST ${TARGET} HTTP/1.0\r\nHost: gate.test\r\n${EXPECT}${LENGTH}\r\nhello`, [
    arrival('POST', 'hello'),
  ]),
  forwarded('Expect in the second of two requests', get() + post(`${EXPECT}${LENGTH}`, 'hello'), [
    arrival('GET'),
    arrival('POST', 'hello'),
  ]),
]

/** The origin answers at the head; `rest` is what the client sends when it has the answer. */
function early(name: string, head: string, rest: string, answer = FINAL): HostileCase {
  const status = Number(answer.slice(9, 12))
  return {
    name,
    expect: 'passes',
    send: [head, { awaits: 1 }, rest],
    breaksOff: true,
    after: 'closed',
    script: { at: 'head', play: [answer] },
    shows: { status, body: answer.slice(answer.indexOf('\r\n\r\n') + 4) },
    poison: 'smuggled',
  }
}

const lengthOf = (bytes: number): string => `Content-Length: ${bytes}\r\n`

const earlyAnswers: readonly HostileCase[] = [
  early('an early answer, and the body is a request', post(lengthOf(SMUGGLED.length), ''), SMUGGLED),
  early('an early answer, and the body is a request and more', post(lengthOf(10), ''), SMUGGLED),
  early('an early answer, and a request instead of the body', post(lengthOf(1000), 'hello'), SMUGGLED),
  early('an early answer, and the chunks that follow', post(CHUNKED, '5\r\nhello\r\n'), `0\r\n\r\n${SMUGGLED}`),
  early('an early answer, and a request instead of chunks', post(CHUNKED, '5\r\nhello\r\n'), SMUGGLED),
  early('an early answer within a chunk', post(CHUNKED, 'ff\r\nhello'), SMUGGLED),
  early('an early answer within a chunk size', post(CHUNKED, 'f'), SMUGGLED),
  early('an early answer, and nothing more', post(lengthOf(1000), 'hello'), ''),
  early('417 for who waits, and then the body', post(`${EXPECT}${lengthOf(SMUGGLED.length)}`, ''), SMUGGLED, REFUSAL),
  early('417 for who waits, and then another request', post(`${EXPECT}${lengthOf(5)}`, ''), SMUGGLED, REFUSAL),
  early('200 for who waits, and then another request', post(`${EXPECT}${lengthOf(5)}`, ''), SMUGGLED),
  early(
    '417 for who waits to send chunks, and then another request',
    post(`${EXPECT}${CHUNKED}`, ''),
    SMUGGLED,
    REFUSAL,
  ),
  {
    ...early('an early answer behind a 100', post(`${EXPECT}${lengthOf(SMUGGLED.length)}`, ''), SMUGGLED),
    script: { at: 'head', play: ['HTTP/1.1 100 Continue\r\n\r\n', FINAL] },
    send: [post(`${EXPECT}${lengthOf(SMUGGLED.length)}`, ''), { awaits: 2 }, SMUGGLED],
  },
  {
    ...early('an early answer whose connection the origin ends', post(lengthOf(1000), 'hello'), SMUGGLED),
    script: { at: 'head', play: [FINAL, 'close'] },
  },
  {
    ...early('an early answer that says close', post(lengthOf(1000), 'hello'), SMUGGLED),
    script: { at: 'head', play: ['HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nearly', 'close'] },
  },
  {
    ...early('an early answer to a whole request in one piece', post(lengthOf(5), 'hello') + request('GET'), ''),
    send: [post(lengthOf(5), 'hello')],
    arrives: [arrival('POST', 'hello')],
    after: 'open',
  },
]

export const early100: readonly HostileCase[] = [...expectations, ...earlyAnswers]
