// The health probe against real servers, well-behaved and not.
import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import type { Socket } from 'node:net'
import { test, type TestContext } from 'node:test'
import { VERSION } from '../../../../shared/version.js'
import { freePort } from '../../../kit/ports.js'
import { waitFor, within } from '../../../kit/wait.js'
import { server } from '../../servers.js'
import { listen, prober, raw } from './listen.js'

function http(t: TestContext, handler: RequestListener): Promise<string> {
  return listen(t, createServer(handler))
}

const health = (address: string, patch = {}, spec = {}) => server(address, { method: 'health', ...patch }, spec)
const expecting = (expect: object) => ({ expect: { statuses: [[200, 299]], ...expect } })

test('a 2xx passes, anything else does not, and a redirect is not followed', async (t) => {
  const probe = prober(t)
  let hits = 0
  const address = await http(t, (request, response) => {
    hits++
    response.writeHead(Number(request.url?.slice(1)), { location: '/200' }).end()
  })
  const cases: [number, string, string][] = [
    [200, 'passed', 'active'],
    [204, 'passed', 'active'],
    [302, 'failed', 'inactive'],
    [404, 'failed', 'inactive'],
    [503, 'failed', 'inactive'],
  ]
  for (const [code, verdict, status] of cases) {
    const result = await probe(health(address, { endpoint: `/${code}` }))
    assert.deepEqual([result.verdict, result.status, result.response], [verdict, status, `HTTP ${code}`])
  }
  assert.equal(hits, cases.length)
})

test('the request is what the config asks for, below the base path of the instance', async (t) => {
  const probe = prober(t)
  const seen: IncomingMessage[] = []
  const address = await http(t, (request, response) => {
    seen.push(request)
    response.end()
  })
  const patch = { endpoint: '/ready?deep=1', httpMethod: 'HEAD', headers: { Host: 'orders.example', 'X-Probe': 'yes' } }
  assert.equal((await probe(health(address, patch, { basePath: '/base' }))).verdict, 'passed')
  await probe(health(address, { headers: { 'user-agent': 'mine' } }))
  const [first, second] = seen
  assert.deepEqual([first?.method, first?.url], ['HEAD', '/base/ready?deep=1'])
  assert.deepEqual([first?.headers.host, first?.headers['x-probe']], ['orders.example', 'yes'])
  assert.equal(first?.headers['user-agent'], `serverpy/${VERSION}`)
  assert.deepEqual([second?.method, second?.headers.host, second?.headers['user-agent']], ['GET', address, 'mine'])
})

test('expected statuses are ranges', async (t) => {
  const probe = prober(t)
  const address = await http(t, (_request, response) => response.writeHead(418).end())
  assert.equal(
    (
      await probe(
        health(
          address,
          expecting({
            statuses: [
              [200, 299],
              [418, 418],
            ],
          }),
        ),
      )
    ).verdict,
    'passed',
  )
  assert.equal((await probe(health(address, expecting({ statuses: [[200, 417]] })))).verdict, 'failed')
})

test('a body is held against a text or a pattern', async (t) => {
  const probe = prober(t)
  const address = await http(t, (_request, response) => response.end('{"state":"ok", "name":"grün"}'))
  const verdict = async (body: object) => (await probe(health(address, expecting({ body })))).response
  assert.equal(await verdict({ kind: 'text', text: '"grün"' }), 'HTTP 200')
  assert.equal(await verdict({ kind: 'text', text: '"rot"' }), 'HTTP 200: body does not match')
  assert.equal(await verdict({ kind: 'pattern', pattern: '"state":\\s*"(ok|fine)"' }), 'HTTP 200')
  assert.equal(await verdict({ kind: 'pattern', pattern: '^ok$' }), 'HTTP 200: body does not match')
})

test('a pattern that would backtrack for ever is cut short and says nothing of the instance', async (t) => {
  const probe = prober(t)
  const address = await http(t, (_request, response) => response.end('a'.repeat(60_000) + '!'))
  const startedAt = performance.now()
  const result = await probe(health(address, expecting({ body: { kind: 'pattern', pattern: '^(a+)+$' } })))
  assert.deepEqual([result.verdict, result.status], ['inconclusive', 'discovery server error'])
  assert.match(result.response, /pattern takes too long/)
  assert.ok(performance.now() - startedAt < 5000)
})

test('an answer that takes longer than allowed fails though its status is right', async (t) => {
  const probe = prober(t)
  const address = await http(t, (_request, response) => setTimeout(() => response.end(), 60))
  const result = await probe(health(address, expecting({ maxLatencyMs: 20 })))
  assert.deepEqual([result.verdict, result.status], ['failed', 'inactive'])
  assert.match(result.response, /^HTTP 200: took \d+ ms, more than 20 ms$/)
  assert.ok(result.latencyMs >= 50)
})

test('only the first 64 KiB of a body are looked at, however much comes', async (t) => {
  const probe = prober(t)
  let socket: Socket | undefined
  const address = await http(t, (request, response) => {
    socket = request.socket
    const more = (): void => {
      while (!response.destroyed && response.write('x'.repeat(1000)));
    }
    response.on('drain', more)
    more()
  })
  for (const expect of [{}, { body: { kind: 'text', text: 'xxx' } }]) {
    assert.equal((await probe(health(address, expecting(expect)))).verdict, 'passed')
    await waitFor(() => socket?.destroyed, { what: 'the endless body to be cut off' })
  }
  assert.equal((await probe(health(address, expecting({ body: { kind: 'text', text: 'y' } })))).verdict, 'failed')
})

test('a body that never ends is judged by its head when the time is up, unless a body is expected', async (t) => {
  const probe = prober(t)
  const address = await http(t, (_request, response) => response.write('begun'))
  const passed = await probe(health(address, { timeoutMs: 100 }))
  assert.deepEqual([passed.verdict, passed.response], ['passed', 'HTTP 200'])
  const failed = await probe(health(address, { timeoutMs: 100, ...expecting({ body: { kind: 'text', text: 'end' } }) }))
  assert.deepEqual([failed.verdict, failed.response], ['failed', 'HTTP 200: the body did not end within 100 ms'])
})

test('connections are kept where the next poll comes soon, and not where it comes late or the server will not wait', async (t) => {
  const probe = prober(t)
  const ports: (number | undefined)[] = []
  const web = createServer((request, response) => {
    ports.push(request.socket.remotePort)
    response.end('ok')
  })
  web.keepAliveTimeout = 20_000
  const address = await listen(t, web)
  const connectionsOf = async (ms: number) => {
    ports.length = 0
    const target = health(address, { frequency: { kind: 'every', ms } })
    for (let i = 0; i < 4; i++) await probe(target)
    return new Set(ports).size
  }
  assert.equal(await connectionsOf(10_000), 1)
  assert.ok((await connectionsOf(25_000)) >= 3, 'the server drops it after 20 s')
  assert.equal(await connectionsOf(60_000), 4)
})

test('a kept connection that the server closed just then is replaced within the same try', async (t) => {
  const probe = prober(t)
  const requests: string[] = []
  let connections = 0
  // Answers once on each connection and resets it when the second request arrives.
  const address = await raw(t, (socket) => {
    connections++
    let answered = false
    socket.on('data', (data) => {
      requests.push(String(data).split('\r\n')[0] ?? '')
      if (answered) socket.resetAndDestroy()
      else socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
      answered = true
    })
  })
  const target = health(address)
  for (let i = 0; i < 3; i++) {
    const result = await probe(target)
    assert.deepEqual([result.verdict, result.response], ['passed', 'HTTP 200'])
  }
  assert.equal(connections, 3)
  assert.equal(requests.length, 4, 'only the second poll met a kept connection')
})

test('a fresh connection that is reset is not tried again', async (t) => {
  const probe = prober(t)
  let connections = 0
  const address = await raw(t, (socket) => {
    connections++
    socket.on('data', () => socket.resetAndDestroy())
  })
  const result = await probe(health(address))
  assert.deepEqual(
    [result.verdict, result.status, result.response],
    ['failed', 'service unreachable', 'connection reset'],
  )
  assert.equal(connections, 1)
})

test('nobody listening is a refused connection, and a name that does not exist says so', async (t) => {
  const probe = prober(t)
  const refused = await probe(health(`127.0.0.1:${await freePort()}`))
  assert.deepEqual(
    [refused.verdict, refused.status, refused.response],
    ['failed', 'service unreachable', 'connection refused'],
  )
  const nameless = await probe(health('does-not-exist.invalid:80'))
  assert.notEqual(nameless.verdict, 'passed')
  assert.match(nameless.response, /name does not resolve|DNS resolver does not answer/)
})

test('an instance that accepts and says nothing times out on time, and its socket is closed', async (t) => {
  const probe = prober(t)
  let closed = false
  const address = await raw(t, (socket) => socket.on('close', () => (closed = true)).resume())
  for (const timeoutMs of [100, 300]) {
    closed = false
    const startedAt = performance.now()
    const result = await probe(health(address, { timeoutMs }))
    const tookMs = performance.now() - startedAt
    assert.deepEqual(
      [result.verdict, result.status, result.response],
      ['failed', 'service unreachable', `timeout after ${timeoutMs} ms`],
    )
    assert.ok(tookMs >= timeoutMs * 0.98 && tookMs < timeoutMs * 1.1 + 500, `took ${tookMs} ms`)
    await waitFor(() => closed, { what: 'the socket to close' })
  }
})

test('an abort ends a try at once and closes its socket', async (t) => {
  const probe = prober(t)
  const abort = new AbortController()
  const closed = new Promise<void>((resolve) => {
    void raw(t, (socket) => {
      socket.on('close', () => resolve()).resume()
      abort.abort()
    }).then((address) => within(probe(health(address, { timeoutMs: 60_000 }), abort.signal), 1000, 'the aborted try'))
  })
  await within(closed, 2000, 'the close')
})

const misbehaviour: Record<string, (socket: Socket) => void> = {
  'sends garbage': (s) => s.end('\x00\x01\x02 SSH-2.0-OpenSSH\r\n\r\n'),
  'closes without a word': (s) => s.end(),
  'resets at once': (s) => s.resetAndDestroy(),
  'sends half a head': (s) => s.end('HTTP/1.1 200 OK\r\nContent-Le'),
  'sends half a head and waits': (s) => s.write('HTTP/1.1 200 OK\r\nContent-Le'),
  'sends a head without end': (s) => {
    const more = (): void => {
      while (!s.destroyed && s.write(`X-Filler: ${'x'.repeat(500)}\r\n`));
    }
    s.write('HTTP/1.1 200 OK\r\n')
    s.on('drain', more)
    more()
  },
  'sends informational answers without end': (s) => {
    const timer = setInterval(() => s.write('HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n'), 5)
    s.on('close', () => clearInterval(timer))
  },
  'switches protocols': (s) => s.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n'),
  'breaks off in the body': (s) => s.end('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc'),
  'resets in the body': (s) => s.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc', () => s.resetAndDestroy()),
  'sends two lengths': (s) => s.end('HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab'),
  'sends a length and chunks': (s) =>
    s.end('HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'),
  'sends a broken chunk': (s) => s.end('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nab'),
  'sends a status of its own making': (s) => s.end('HTTP/1.1 99999 WAT\r\n\r\n'),
  'speaks TLS': (s) => s.end(Buffer.from([0x15, 3, 1, 0, 2, 2, 70])),
}

for (const [what, act] of Object.entries(misbehaviour)) {
  test(`a server that ${what} gets a failed verdict in time`, async (t) => {
    const probe = prober(t)
    const address = await raw(t, (socket) => socket.once('data', () => act(socket)))
    const result = await within(probe(health(address, { timeoutMs: 200 })), 5000, 'the try')
    assert.equal(result.verdict, 'failed', result.response)
    assert.ok(['inactive', 'service unreachable'].includes(result.status))
    assert.ok(result.response.length > 0 && result.response.length <= 512)
    const secure = await within(probe(health(address, { timeoutMs: 200 }, { secure: true })), 5000, 'the try over TLS')
    assert.equal(secure.verdict, 'failed', secure.response)
  })
}

test('a header value that cannot be sent is our own fault, not an exception', async (t) => {
  const result = await prober(t)(health('127.0.0.1:1', { headers: { 'X-Bad': 'a\r\nb' } }))
  assert.deepEqual([result.verdict, result.status], ['inconclusive', 'discovery server error'])
})
