// Other protocols on a route that allows websocket: what is not switched stays HTTP, and nothing else is ever spoken.
import type { Expectation, HostileCase, Script } from '../case.js'
import type { Layout } from '../lane.js'
import { arrival, CHUNKED, get, HOST, post, SMUGGLED, TARGET } from '../write.js'

export const WEBSOCKET: Layout = { services: { app: { apis: ['/app'], upgrade: ['websocket'] } } }

const KEYS = 'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n'
const ASK = `Connection: Upgrade\r\nUpgrade: websocket\r\n${KEYS}`
const ACCEPT = 'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n'
const SWITCH = `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${ACCEPT}\r\n`
const PLAIN = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello'
const FRAME = '\x81\x05hello'

interface Upgrade {
  readonly send?: HostileCase['send']
  readonly body?: string
  readonly method?: string
  readonly lacks?: readonly string[]
}

function upgrade(
  name: string,
  expect: Expectation,
  play: Script['play'],
  more: Upgrade & Partial<HostileCase> = {},
): HostileCase {
  const { body = '', method = 'GET', lacks = [], ...rest } = more
  return {
    name,
    expect,
    send: [get(ASK)],
    arrives: [arrival(method, body, { lacks: ['http2-settings', ...lacks] })],
    script: { play },
    mayUpgrade: true,
    poison: 'POISON',
    ...(expect === 'switches' ? { tunnel: { toClient: '', toOrigin: '' } } : { shows: { status: 200, body: 'hello' } }),
    ...rest,
  }
}

const switched = (fields: string): string => `HTTP/1.1 101 Switching Protocols\r\n${fields}\r\nPOISON`
const asks = (fields: string): HostileCase['send'] => [get(fields)]

/** The origin stays with HTTP: what the client sends behind its question are requests. */
const declined = (name: string, answer: string, status: number, body: string): HostileCase =>
  upgrade(`${name}, and another request behind it`, 'passes', [answer], {
    send: [get(ASK) + get('', '/app/behind')],
    arrives: [arrival('GET'), arrival('GET', '', { target: '/app/behind' })],
    shows: { status, body },
  })

export const switching: readonly HostileCase[] = [
  upgrade('websocket that is asked for and granted', 'switches', [SWITCH]),
  upgrade('websocket that is granted with a frame behind it', 'switches', [SWITCH + FRAME], {
    tunnel: { toClient: FRAME, toOrigin: '' },
  }),
  upgrade('websocket, and a frame sent ahead', 'switches', [SWITCH], {
    send: [get(ASK) + FRAME],
    tunnel: { toClient: '', toOrigin: FRAME },
  }),
  upgrade('websocket, and a request sent ahead, which is bytes of the tunnel', 'switches', [SWITCH], {
    send: [get(ASK) + SMUGGLED],
    tunnel: { toClient: '', toOrigin: SMUGGLED },
  }),
  upgrade('websocket in other letters', 'switches', [SWITCH], {
    send: asks(`connection: UPGRADE\r\nUPGRADE: WebSocket\r\n${KEYS}`),
  }),
  upgrade('websocket among other options', 'switches', [SWITCH], {
    send: asks(`Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n${KEYS}`),
  }),
  upgrade('websocket that is declined', 'passes', [PLAIN]),
  declined('websocket that is declined', PLAIN, 200, 'hello'),
  declined(
    'a version that is declined with 426',
    'HTTP/1.1 426 Upgrade Required\r\nSec-WebSocket-Version: 13\r\nContent-Length: 2\r\n\r\nno',
    426,
    'no',
  ),
  declined('a failure', 'HTTP/1.1 500 Oops\r\nContent-Length: 2\r\n\r\nno', 500, 'no'),
  declined(
    'a 200 that speaks of an upgrade',
    `HTTP/1.1 200 OK\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 5\r\n\r\nhello`,
    200,
    'hello',
  ),
  ...[
    ['a 101 without Upgrade', 'Connection: Upgrade\r\n'],
    ['a 101 for h2c', 'Connection: Upgrade\r\nUpgrade: h2c\r\n'],
    ['a 101 for TLS', 'Connection: Upgrade\r\nUpgrade: TLS/1.2\r\n'],
    ['a 101 for two protocols', 'Connection: Upgrade\r\nUpgrade: websocket, h2c\r\n'],
    ['a 101 without any field', ''],
    ['a 101 with an empty Upgrade', 'Connection: Upgrade\r\nUpgrade:\r\n'],
    ['a 101 for websockets', 'Connection: Upgrade\r\nUpgrade: websockets\r\n'],
  ].map(([name = '', fields = '']) => upgrade(name, '502', [switched(fields)])),
  upgrade('a 101 with a folded field', '502', [switched('Connection: Upgrade\r\nUpgrade:\r\n websocket\r\n')]),
  upgrade('a 101 with NUL', '502', [switched('Connection: Upgrade\r\nUpgrade: websocket\0\r\n')]),
  upgrade('a 101 in HTTP/1.0', '502', ['HTTP/1.0 101 X\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nPOISON']),
  upgrade('half a 101 and the end', '502', [SWITCH.slice(0, 50), 'close']),
  // Not asked for, or not in a way that may be granted: Upgrade does not travel, and a 101 is a lie.
  ...[
    ['Upgrade that Connection does not name', `Upgrade: websocket\r\n${KEYS}`],
    ['Connection without Upgrade', `Connection: Upgrade\r\n${KEYS}`],
    ['h2c', 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n'],
    ['an unknown protocol', 'Connection: Upgrade\r\nUpgrade: foo\r\n'],
    ['websockets', `Connection: Upgrade\r\nUpgrade: websockets\r\n${KEYS}`],
    ['a quoted websocket', `Connection: Upgrade\r\nUpgrade: "websocket"\r\n${KEYS}`],
    ['nothing', `Connection: Upgrade\r\nUpgrade:\r\n${KEYS}`],
    ['no question at all', ''],
  ].map(([name = '', fields = '']) =>
    upgrade(`a 101 for who asked for ${name}`, '502', [switched('Connection: Upgrade\r\nUpgrade: websocket\r\n')], {
      send: asks(fields),
      lacks: ['upgrade'],
    }),
  ),
  upgrade('a 101 for HTTP/1.0', '502', [switched('Connection: Upgrade\r\nUpgrade: websocket\r\n')], {
    send: [`GET ${TARGET} HTTP/1.0\r\n${HOST}${ASK}\r\n`],
    lacks: ['upgrade'],
  }),
  // Of several only websocket may be asked for on; or the question is refused or dropped.
  upgrade('websocket and h2c, and the origin declines', 'passes or no answer', [PLAIN], {
    send: asks(`Connection: Upgrade, HTTP2-Settings\r\nUpgrade: websocket, h2c\r\nHTTP2-Settings: AAMAAABk\r\n${KEYS}`),
  }),
  upgrade(
    'h2c and websocket in two lines, and the origin grants h2c',
    '502',
    [switched('Connection: Upgrade\r\nUpgrade: h2c\r\n')],
    {
      send: asks(`Connection: Upgrade\r\nUpgrade: h2c\r\nUpgrade: websocket\r\n${KEYS}`),
    },
  ),
  {
    name: 'websocket with a body that is a request',
    expect: 'forwarded or answered',
    send: [post(`${ASK}Content-Length: ${SMUGGLED.length}\r\n`, SMUGGLED)],
    arrives: [arrival('POST', SMUGGLED)],
    mayUpgrade: true,
  },
  {
    name: 'websocket with chunks',
    expect: 'forwarded or answered',
    send: [post(ASK + CHUNKED, '5\r\nhello\r\n0\r\n\r\n')],
    arrives: [arrival('POST', 'hello')],
    mayUpgrade: true,
  },
  ...(['head', 'end'] as const).map((at) => ({
    ...upgrade(`websocket with a body, and a 101 at its ${at}`, '502', []),
    send: [post(`${ASK}Content-Length: 5\r\n`, 'hello')],
    arrives: [arrival('POST', 'hello', { lacks: ['upgrade'] })],
    script: { at, play: [switched('Connection: Upgrade\r\nUpgrade: websocket\r\n')] },
    breaksOff: true,
  })),
  {
    name: 'websocket that is declined, and its frames behind it',
    expect: 'refused',
    send: [get(ASK) + FRAME],
    before: [arrival('GET')],
    mayUpgrade: true,
  },
  {
    name: 'websocket with two lengths',
    expect: 'refused',
    send: [get(`${ASK}Content-Length: 0\r\nContent-Length: 5\r\n`)],
    mayUpgrade: true,
  },
  { name: 'websocket with a bare LF', expect: 'refused', send: [get(`${ASK}X: y\nZ: a\r\n`)], mayUpgrade: true },
]
