// What belongs to one hop, what only a gateway may say, and what Connection may have removed.
import type { Expectation, HostileCase } from '../case.js'
import { arrival, chunked, either, forwarded, get, hostile, post, refused, request, TARGET } from '../write.js'

// Never a client's to remove (RFC 9110 section 7.6.1): framing, routing, and what this gateway adds.
const NOT_TO_REMOVE = [
  'Host',
  'X-Forwarded-For',
  'X-Forwarded-Host',
  'X-Forwarded-Proto',
  'X-Request-Id',
  'Via',
  'x-forwarded-for',
  'X-FORWARDED-FOR',
  'via',
  'host',
]

const DISGUISED = [
  ...[
    'close, X-Forwarded-For',
    'X-Forwarded-For, close',
    'keep-alive, X-Forwarded-For',
    'X-Forwarded-For,keep-alive',
    ', ,X-Forwarded-For',
    'X-Forwarded-For,,',
  ],
  ...[
    'foo,X-Forwarded-For,bar',
    '\tX-Forwarded-For\t',
    'close ,\tX-Forwarded-For',
    'upgrade, X-Forwarded-Host',
    'TE, X-Forwarded-For',
    'close\r\nConnection: X-Forwarded-For',
  ],
  ...[
    'X-Forwarded-For\r\nConnection: close',
    'close, Host',
    'keep-alive, Via',
    'Foo\r\nX: y\r\nConnection: X-Request-Id',
  ],
]

// No tokens, or names of fields that are for the recipient: dropped as named, refused, or left alone.
const ODD_OPTIONS = [
  ...[
    '"X-Forwarded-For"',
    '"close"',
    'close;x',
    'foo bar',
    'X-Forwarded-For X-Forwarded-Host',
    'X-Forwarded-*',
    '*',
    '(close)',
    '=',
    'X_Forwarded_For',
    'X-Forwarded-For:',
  ],
  ...[
    'Cookie',
    'Authorization',
    'Cache-Control',
    'Content-Type',
    'Accept',
    'Origin',
    'Range',
    'If-Match',
    'Forwarded',
    'X-Real-IP',
    'Date',
    'Expect',
    'Max-Forwards',
  ],
]
const OF_THE_CLIENT =
  'Cookie: a=b\r\nAuthorization: Basic eA==\r\nCache-Control: no-store\r\nAccept: */*\r\nOrigin: null\r\n'

const PLAIN_OPTIONS: readonly (readonly [string, string])[] = [
  ['Connection: X-Foo\r\nX-Foo: 1\r\n', 'x-foo'],
  ['Connection: x-foo\r\nX-FOO: 1\r\nx-Foo: 2\r\n', 'x-foo'],
  ['X-Foo: 1\r\nConnection: X-Foo, X-Bar\r\n', 'x-foo'],
  ['X-Foo: 1\r\nConnection: keep-alive\r\nConnection: X-Foo\r\n', 'x-foo'],
  ['Connection: ,, X-Foo ,,keep-alive,\r\nX-Foo: 1\r\n', 'x-foo'],
  ['Connection: keep-alive\r\nKeep-Alive: timeout=5, max=100\r\n', 'keep-alive'],
  ['Keep-Alive: 300\r\n', 'keep-alive'],
  ['Proxy-Connection: keep-alive\r\n', 'proxy-connection'],
  ['Proxy-Connection: close\r\n', 'proxy-connection'],
  ['Proxy-Authorization: Basic eA==\r\n', 'proxy-authorization'],
  ['TE: gzip\r\n', 'te'],
  ['TE: deflate;q=0.5\r\nConnection: TE\r\n', 'te'],
  ['Upgrade: foo\r\n', 'upgrade'],
  ['Connection: foo\r\n', 'foo'],
  ['Connection:\r\n', 'x'],
  ['Connection: ,\r\n', 'x'],
  ['CONNECTION: KEEP-ALIVE\r\n', 'x'],
  ['connection:keep-alive\r\n', 'x'],
]

// Whatever a client says about its own address or name, in all spellings that some origin takes for the real one.
const SPOOFS = [
  ...[
    'X-Forwarded-For: 10.0.0.1',
    'X-Forwarded-For:',
    'x-forwarded-for: 10.0.0.1, 10.0.0.2',
    'X-FORWARDED-FOR: 10.0.0.1',
    'X-Forwarded-For: 10.0.0.1\r\nX-Forwarded-For: 10.0.0.2',
  ],
  ...[
    'X_Forwarded_For: 10.0.0.1',
    'X-Forwarded_For: 10.0.0.1',
    'X_Forwarded-For: 10.0.0.1',
    'x_forwarded_for: 10.0.0.1',
    'X_FORWARDED_HOST: other.test',
    'X_Forwarded_Proto: https',
  ],
  ...[
    'X-Forwarded-Host: other.test',
    'X-Forwarded-Proto: https',
    'X-Forwarded-Port: 1',
    'X-Forwarded-Server: x',
    'X-Forwarded-Prefix: /x',
    'X-Forwarded-Ssl: on',
    'X-Forwarded-Scheme: https',
  ],
  ...[
    'X_Forwarded_Port: 1',
    'X_Forwarded_Prefix: /x',
    'X-Forwarded-By: x',
    'X-Forwarded-Uri: /x',
    'X-Forwarded-Method: POST',
    'X-Forwarded-Client-Cert: x',
    'X-Forwarded: for=10.0.0.1',
  ],
  ...[
    'Forwarded: for=10.0.0.1;host=other.test',
    'forwarded: for=_x',
    'Forwarded:',
    'X-Real-IP: 10.0.0.1',
    'X_Real_IP: 10.0.0.1',
    'X-Real_IP: 10.0.0.1',
    'x_real-ip: 10.0.0.1',
    'X-REAL-IP: 10.0.0.1',
  ],
  ...[
    'X_Request_Id: x',
    'X-Request_Id: x',
    'X-Request-Id: a b',
    'X-Request-Id: a\r\nX-Request-Id: b',
    'X-Request-Id:',
    `X-Request-Id: ${'a'.repeat(500)}`,
    'X-Request-Id: a"b',
    'X-Request-Id: \xe4',
  ],
]

// Framing under another name: dropped, so that what follows is read by the real one.
const UNDERSCORED = [
  'Content_Length',
  'content_length',
  'CONTENT_LENGTH',
  'Transfer_Encoding',
  'transfer_encoding',
  'TRANSFER_ENCODING',
]

const H2C = 'Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n'
const lacksUpgrade = { lacks: ['upgrade', 'http2-settings'] }

const two = [arrival('POST', ''), arrival('GET')]

export const connectionOptions: readonly HostileCase[] = [
  ...NOT_TO_REMOVE.map((name) =>
    refused(`Connection names ${name}`, get(`Connection: ${name}\r\nX-Forwarded-For: 10.0.0.1\r\n`)),
  ),
  ...DISGUISED.map((value) =>
    refused(`Connection is ${JSON.stringify(value)}`, get(`Connection: ${value}\r\nX-Forwarded-For: 10.0.0.1\r\n`)),
  ),
  ...['Content-Length', 'content-length', 'close, Content-Length', 'Content-Length, keep-alive'].map((value) =>
    refused(`Connection is ${value}, beside a length`, post(`Connection: ${value}\r\nContent-Length: 5\r\n`, 'hello')),
  ),
  ...['Transfer-Encoding', 'transfer-encoding', 'close, Transfer-Encoding', 'TE, Transfer-Encoding'].map((value) =>
    refused(`Connection is ${value}, beside a coding`, chunked('5\r\nhello\r\n0\r\n\r\n', `Connection: ${value}\r\n`)),
  ),
  ...ODD_OPTIONS.map((value) => either(`Connection is ${value}`, get(`Connection: ${value}\r\n${OF_THE_CLIENT}`))),
  ...PLAIN_OPTIONS.map(([lines, name]) =>
    forwarded(`the lines ${JSON.stringify(lines)}`, get(lines), [arrival('GET', '', { lacks: [name] })]),
  ),
  ...[
    'close',
    'Close',
    'CLOSE',
    ' close ',
    'close, foo',
    'foo, close',
    ',close',
    'close\r\nConnection: foo',
    'close, close',
  ].map((value) =>
    hostile(
      `Connection: ${JSON.stringify(value)} ends the connection`,
      'forwarded',
      get(`Connection: ${value}\r\n`) + get(),
      [arrival('GET')],
      {
        after: 'closed',
      },
    ),
  ),
  hostile('Connection: close, keep-alive', 'either', get('Connection: close, keep-alive\r\n'), [arrival('GET')]),
  refused('VT before close', get('Connection: \x0bclose\r\n')),
  refused('a folded Connection', get('Connection: keep-alive,\r\n X-Forwarded-For\r\n')),
  forwarded('TE: trailers', get('TE: trailers\r\nConnection: TE\r\n')),
  forwarded('TE: trailers without Connection', get('TE: trailers\r\n')),
  forwarded('a field that Connection names is not there', get('Connection: X-Not-There\r\n')),
  forwarded(
    'fifty options',
    get(`Connection: ${Array.from({ length: 50 }, (_, i) => `X-${i}`).join(', ')}\r\nX-7: 1\r\n`),
    [arrival('GET', '', { lacks: ['x-7'] })],
  ),
]

export const spoofed: readonly HostileCase[] = [
  ...SPOOFS.map((lines) => forwarded(`the lines ${JSON.stringify(lines)}`, get(`${lines}\r\n`))),
  ...UNDERSCORED.map((name) =>
    forwarded(`${name} is dropped`, post(`${name}: ${/coding/i.test(name) ? 'chunked' : '30'}\r\n`, '') + get(), two),
  ),
  forwarded('Content_Length beside Content-Length', post('Content_Length: 50\r\nContent-Length: 5\r\n', 'hello'), [
    arrival('POST', 'hello'),
  ]),
  forwarded(
    'Transfer_Encoding beside Content-Length',
    post('Transfer_Encoding: chunked\r\nContent-Length: 5\r\n', '0\r\n\r\n'),
    [arrival('POST', '0\r\n\r\n')],
  ),
  forwarded('Content_Length beside chunks', chunked('5\r\nhello\r\n0\r\n\r\n', 'Content_Length: 3\r\n'), [
    arrival('POST', 'hello'),
  ]),
  forwarded('another field with an underscore passes', get('My_Field: 1\r\n'), [
    arrival('GET', '', { has: ['my_field: 1'] }),
  ]),
  forwarded('a request that came through another gateway', get('Via: 1.1 other\r\n')),
  forwarded('the names of the gateway’s own fields as values', get('X-Foo: X-Forwarded-For: 10.0.0.1\r\n')),
]

const upgradeCase = (name: string, expect: Expectation, send: string): HostileCase =>
  hostile(name, expect, send, [
    arrival(send.startsWith('POST') ? 'POST' : 'GET', send.endsWith('hello') ? 'hello' : '', lacksUpgrade),
  ])

export const upgradesNotAllowed: readonly HostileCase[] = [
  upgradeCase('h2c', 'forwarded or answered', get(`Connection: Upgrade, HTTP2-Settings\r\n${H2C}`)),
  upgradeCase(
    'h2c in other letters',
    'forwarded or answered',
    get('Connection: upgrade, http2-settings\r\nUPGRADE: H2C\r\nHTTP2-SETTINGS: AAMAAABk\r\n'),
  ),
  upgradeCase('h2c that Connection does not name', 'forwarded or answered', get(H2C)),
  upgradeCase(
    'h2c whose settings Connection does not name',
    'forwarded or answered',
    get(`Connection: Upgrade\r\n${H2C}`),
  ),
  upgradeCase('settings alone', 'forwarded or answered', get('HTTP2-Settings: AAMAAABk\r\n')),
  upgradeCase(
    'h2c with a body',
    'forwarded or answered',
    post(`Connection: Upgrade, HTTP2-Settings\r\n${H2C}Content-Length: 5\r\n`, 'hello'),
  ),
  upgradeCase(
    'several protocols',
    'forwarded or answered',
    get('Connection: Upgrade\r\nUpgrade: websocket, h2c, TLS/1.0\r\n'),
  ),
  upgradeCase(
    'h2c in two lines',
    'forwarded or answered',
    get('Connection: Upgrade\r\nUpgrade: websocket\r\nUpgrade: h2c\r\n'),
  ),
  upgradeCase('TLS', 'forwarded or answered', get('Connection: Upgrade\r\nUpgrade: TLS/1.2\r\n')),
  upgradeCase('an unknown protocol', 'forwarded or answered', get('Connection: Upgrade\r\nUpgrade: foo/2\r\n')),
  upgradeCase(
    'websocket on a route that does not allow it',
    'forwarded or answered',
    get(
      'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n',
    ),
  ),
  upgradeCase(
    'websocket with a body on a route that does not allow it',
    'forwarded or answered',
    post('Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 5\r\n', 'hello'),
  ),
  upgradeCase(
    'Upgrade in HTTP/1.0',
    'forwarded or answered',
    `GET ${TARGET} HTTP/1.0\r\nHost: gate.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`,
  ),
  forwarded('h2c, then another request', get(`Connection: Upgrade, HTTP2-Settings\r\n${H2C}`) + get(), [
    arrival('GET', '', lacksUpgrade),
    arrival('GET'),
  ]),
  forwarded(
    'websocket that is not allowed, then another request',
    get('Connection: Upgrade\r\nUpgrade: websocket\r\n') + get(),
    [arrival('GET', '', lacksUpgrade), arrival('GET')],
  ),
  refused(
    'h2c, then its preface',
    get(`Connection: Upgrade, HTTP2-Settings\r\n${H2C}`) + 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    { before: [arrival('GET', '', lacksUpgrade)] },
  ),
  refused(
    'websocket that is not allowed, then its frames',
    `${get('Connection: Upgrade\r\nUpgrade: websocket\r\n')}\x81\x85\0\0\0\0hello`,
    { before: [arrival('GET', '', lacksUpgrade)] },
  ),
  refused('Upgrade with NUL', get('Connection: Upgrade\r\nUpgrade: h2c\0\r\n')),
  refused('a folded Upgrade', get('Connection: Upgrade\r\nUpgrade:\r\n h2c\r\n')),
  forwarded('OPTIONS with h2c', request('OPTIONS', `Connection: Upgrade, HTTP2-Settings\r\n${H2C}`), [
    arrival('OPTIONS', '', lacksUpgrade),
  ]),
  ...[
    '101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c',
    '101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket',
    '101 Switching Protocols',
  ].map((answer): HostileCase => ({
    name: `the origin switches unasked: ${JSON.stringify(answer)}`,
    send: [get(`Connection: Upgrade, HTTP2-Settings\r\n${H2C}`)],
    arrives: [arrival('GET', '', lacksUpgrade)],
    expect: '502',
    script: { play: [`HTTP/1.1 ${answer}\r\n\r\nPOISON`] },
    poison: 'POISON',
  })),
]
