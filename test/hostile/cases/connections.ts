// What follows what on a client's connection: pipelines with a poisoned member, clients that leave, and requests without measure.
import type { ClientStep, HostileCase } from '../case.js'
import {
  arrival,
  CHUNKED,
  either,
  forwarded,
  get,
  hostile,
  HOST,
  post,
  refused,
  request,
  SMUGGLED,
  TARGET,
} from '../write.js'

const LENGTH = 'Content-Length: 5\r\n'
const CHUNKS = '5\r\nhello\r\n0\r\n\r\n'
const postLength = post(LENGTH, 'hello')
const postChunks = post(CHUNKED, CHUNKS)

const POISON: readonly (readonly [string, string])[] = [
  ['two lengths', post('Content-Length: 5\r\nContent-Length: 6\r\n', 'hello')],
  ['a length and a coding', post(`${LENGTH}${CHUNKED}`, CHUNKS)],
  ['an unknown coding', post('Transfer-Encoding: xchunked\r\n', CHUNKS)],
  ['a signed length', post('Content-Length: +5\r\n', 'hello')],
  ['a space before a colon', get('X : y\r\n')],
  ['a folded line', get('X: y\r\n z\r\n')],
  ['a bare LF', get('X: y\nZ: a\r\n')],
  ['a bare CR', get('X: y\rZ: a\r\n')],
  ['NUL', get('X: \0\r\n')],
  ['no Host', `GET ${TARGET} HTTP/1.1\r\n\r\n`],
  ['two Hosts', get(HOST)],
  ['HTTP/0.9', `GET ${TARGET}\r\n\r\n`],
  ['two spaces', `GET  ${TARGET} HTTP/1.1\r\n${HOST}\r\n`],
  ['CONNECT', request('CONNECT', '', '', 'gate.test:443')],
  ['a body that nobody announced', 'hello=world'],
  ['a chunk that nobody announced', CHUNKS],
  ['an answer', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'],
  ['Connection that names X-Forwarded-For', get('Connection: X-Forwarded-For\r\n')],
]
const LEADERS: readonly (readonly [string, string, ReturnType<typeof arrival>])[] = [
  ['GET', get(), arrival('GET')],
  ['POST with a length', postLength, arrival('POST', 'hello')],
  ['POST with chunks', postChunks, arrival('POST', 'hello')],
]

const forwardedWith = (name: string, send: string, count: number, more: Partial<HostileCase>): HostileCase =>
  hostile(
    name,
    'forwarded',
    send,
    Array.from({ length: count }, () => arrival('GET')),
    more,
  )

export const pipelines: readonly HostileCase[] = [
  ...POISON.flatMap(([name, bad]) => [
    refused(`${name}, then a good request`, bad + SMUGGLED),
    ...LEADERS.map(([leader, good, before]) =>
      refused(`${leader}, then ${name}`, good + bad + SMUGGLED, { before: [before] }),
    ),
  ]),
  forwardedWith('fifty requests at once', get().repeat(50), 50, { after: 'open' }),
  forwarded('one of each kind', get() + postLength + postChunks + request('HEAD') + get(), [
    arrival('GET'),
    arrival('POST', 'hello'),
    arrival('POST', 'hello'),
    arrival('HEAD'),
    arrival('GET'),
  ]),
  forwarded('HEAD, then GET', request('HEAD') + get(), [arrival('HEAD'), arrival('GET')]),
  forwardedWith('a request that ends the connection, then another', get('Connection: close\r\n') + SMUGGLED, 1, {
    after: 'closed',
  }),
  forwardedWith('HTTP/1.0, then another', `GET ${TARGET} HTTP/1.0\r\n${HOST}\r\n${SMUGGLED}`, 1, { after: 'closed' }),
  hostile('a body, then an empty line, then a request', 'forwarded', `${postLength}\r\n${get()}`, [
    arrival('POST', 'hello'),
    arrival('GET'),
  ]),
  hostile('a path that is not routed, then a request', 'answered', get('', '/nowhere'), [], {
    status: [404],
    after: 'open',
  }),
]

// ---- answers of the gateway's own, to requests whose bodies nobody reads

const HIDING = `Content-Length: ${SMUGGLED.length}\r\n`
const OWN: readonly (readonly [string, string, number])[] = [
  ['a path that is not routed', '/nowhere', 404],
  ['a path that is ambiguous', '/app/../secret', 400],
  ['*', '*', 204],
]

export const ownAnswers: readonly HostileCase[] = OWN.flatMap(([what, target, status]) => {
  const method = target === '*' ? 'OPTIONS' : 'POST'
  const head = (fields: string): string => request(method, fields, '', target)
  const one = (name: string, send: readonly ClientStep[], more: Partial<HostileCase> = {}): HostileCase => ({
    name: `${what}${name}`,
    expect: 'answered',
    send,
    status: [status],
    poison: 'smuggled',
    ...more,
  })
  return [
    one(', and no body', [head('')], { after: 'open' }),
    one(', and a body that is a request', [head(HIDING) + SMUGGLED]),
    one(', and a body that is a request and comes later', [head(HIDING), { awaits: 1 }, SMUGGLED]),
    one(', and a body that comes in two pieces', [
      head(HIDING) + SMUGGLED.slice(0, 20),
      { awaits: 1 },
      SMUGGLED.slice(20),
    ]),
    one(', and a request instead of the body', [head('Content-Length: 1000\r\n'), { awaits: 1 }, SMUGGLED]),
    one(', and chunks that are a request', [
      head(CHUNKED) + `${SMUGGLED.length.toString(16)}\r\n${SMUGGLED}\r\n0\r\n\r\n`,
    ]),
    one(', and a request instead of chunks', [head(CHUNKED), { awaits: 1 }, SMUGGLED]),
    one(', and a body that waits for its 100', [head(`Expect: 100-continue\r\n${HIDING}`), { awaits: 1 }, SMUGGLED]),
    ...(method === 'OPTIONS' ? [] : [one(', and HEAD', [request('HEAD', '', '', target)], { after: 'open' })]),
  ]
})

// ---- clients that leave

const leaving = (name: string, send: readonly ClientStep[], more: Partial<HostileCase> = {}): HostileCase => ({
  name,
  expect: 'abandoned',
  send,
  ...more,
})

/** Cut behind every byte; the last LF alone does not end a message for some, so the cut before it says nothing. */
const cuts = (what: string, text: string): HostileCase[] =>
  [...text].slice(2).flatMap((_, i) => {
    const part = text.slice(0, i + 1)
    return (['fin', 'reset'] as const).map((how) =>
      leaving(`${what}, cut behind byte ${i + 1} with a ${how}`, [part, how]),
    )
  })

export const cut: readonly HostileCase[] = [
  ...cuts('GET', get()),
  ...cuts('POST with a length', postLength),
  ...cuts('POST with chunks', post(CHUNKED, '5;a=b\r\nhello\r\n0\r\nX: y\r\n\r\n')),
]

export const leavers: readonly HostileCase[] = [
  hostile('a client that ends its side behind its request', 'forwarded', '', [arrival('GET')], {
    send: [get(), 'fin'],
  }),
  hostile('a client that ends its side behind its body', 'forwarded', '', [arrival('POST', 'hello')], {
    send: [postLength, 'fin'],
  }),
  hostile('a client that ends its side behind its chunks', 'forwarded', '', [arrival('POST', 'hello')], {
    send: [postChunks, 'fin'],
  }),
  hostile(
    'a client that ends its side behind three requests',
    'forwarded',
    '',
    [arrival('GET'), arrival('GET'), arrival('GET')],
    {
      send: [get().repeat(3), 'fin'],
    },
  ),
  leaving('a client that ends its side within its second request', [get() + get().slice(0, 20), 'fin'], {
    before: [arrival('GET')],
  }),
  leaving('a client that ends its side at once', ['fin']),
  leaving('a client that resets at once', ['reset']),
  leaving('a client that sends an empty line and leaves', ['\r\n', 'fin']),
  leaving('a client that leaves within a chunk that is a request', [post(CHUNKED, `ff\r\n${SMUGGLED}`), 'fin']),
  leaving('a client that leaves within a body that is a request', [post('Content-Length: 500\r\n', SMUGGLED), 'reset']),
  {
    ...leaving('a client that gives up between an interim answer and the final one', [get(), { awaits: 1 }, 'reset'], {
      before: [arrival('GET')],
    }),
    script: { play: ['HTTP/1.1 103 X\r\n\r\n', 'answered', 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nPOISON'] },
    poison: 'POISON',
  },
  {
    ...leaving('a client that has given up gets no answer, nor does the next', [get(), 'reset'], {
      before: [arrival('GET')],
    }),
    script: { play: ['answered', 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nPOISON'] },
    poison: 'POISON',
  },
]

// ---- without measure

const fieldsOf = (count: number): string => Array.from({ length: count }, (_, i) => `X-${i}: y\r\n`).join('')

export const limits: readonly HostileCase[] = [
  refused('a value of 40 KiB', get(`X: ${'y'.repeat(40_000)}\r\n`), { status: [431] }),
  refused('a name of 40 KiB', get(`${'X'.repeat(40_000)}: y\r\n`), { status: [400, 431] }),
  refused('a head of 40 KiB in many lines', get(`Cookie: ${'a'.repeat(1000)}\r\n`.repeat(40)), { status: [431] }),
  refused('101 fields and more', get(fieldsOf(101)), { status: [431] }),
  refused('ten thousand fields', get(fieldsOf(10_000)), { status: [431] }),
  refused('a target of 17 KiB', get('', `/app/${'x'.repeat(17_000)}`), { status: [414] }),
  refused('a query of 40 KiB', get('', `/app?${'x'.repeat(40_000)}`), { status: [414] }),
  refused('an absolute target of 17 KiB', get('', `http://gate.test/app/${'x'.repeat(17_000)}`), { status: [414] }),
  refused('a line without an end', `GET ${'x'.repeat(100_000)}`, { status: [400, 414] }),
  refused('a method without an end', 'A'.repeat(100_000), { status: [400, 414, 431] }),
  refused('a field without an end', `GET ${TARGET} HTTP/1.1\r\n${HOST}X: ${'y'.repeat(100_000)}`, { status: [431] }),
  refused('a name without an end', `GET ${TARGET} HTTP/1.1\r\n${HOST}${'X'.repeat(100_000)}`, { status: [400, 431] }),
  refused('a Host of 40 KiB', `GET ${TARGET} HTTP/1.1\r\nHost: ${'a'.repeat(40_000)}\r\n\r\n`, { status: [400, 431] }),
  refused('white space of 40 KiB before a value', get(`X:${' '.repeat(40_000)}y\r\n`), { status: [400, 431] }),
  refused('white space of 40 KiB behind a value', get(`X: y${' '.repeat(40_000)}\r\n`), { status: [400, 431] }),
  refused('ten thousand empty lines', `${'\r\n'.repeat(10_000)}${get()}`),
  refused('a version without an end', `GET ${TARGET} HTTP/1.${'1'.repeat(50_000)}\r\n${HOST}\r\n`, {
    status: [400, 431, 505],
  }),
  refused('a Connection of 40 KiB', get(`Connection: ${'a,'.repeat(20_000)}\r\n`), { status: [431] }),
  forwarded('a head of 30 KiB', get(`X: ${'y'.repeat(30_000)}\r\n`)),
  forwarded('ninety fields', get(fieldsOf(90))),
  forwarded('a target of 8 KiB', get('', `/app/${'x'.repeat(8000)}`), [
    arrival('GET', '', { target: `/app/${'x'.repeat(8000)}` }),
  ]),
  forwarded('a Connection with a thousand empty members', get(`Connection: ${','.repeat(1000)}close\r\n`)),
  forwarded('a body of a megabyte', post('Content-Length: 1000000\r\n', 'x'.repeat(1_000_000)), [
    arrival('POST', 'x'.repeat(1_000_000)),
  ]),
  either('a hundred requests in small chunks', post(CHUNKED, `1\r\nx\r\n`.repeat(3000) + '0\r\n\r\n'), [
    arrival('POST', 'x'.repeat(3000)),
  ]),
]
