// The straight path: bytes in, the same bytes out, over real sockets.
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import net from 'node:net'
import { test } from 'node:test'
import { startGateway } from '../kit/gateway.js'
import { parseAnswer, rawRequest, request } from '../kit/http.js'
import { startOrigin } from '../kit/origin.js'
import { waitFor } from '../kit/wait.js'

const service = (address: string, more = {}) => ({ services: { s: { servers: [address], apis: ['/s'], ...more } } })

test('every method reaches the origin with its body, and its answer the client', async (t) => {
  const origin = await startOrigin(t, async (r) => r.answer(200, `${r.method} ${(await r.body()).toString()}`))
  const gateway = await startGateway(t, service(origin.address))
  for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PURGE']) {
    const body = method === 'GET' ? '' : 'body of ' + method
    const length = body === '' ? '' : `Content-Length: ${body.length}\r\n`
    const answer = parseAnswer(
      await rawRequest(gateway.port, `${method} /s/x HTTP/1.1\r\nHost: h\r\n${length}\r\n${body}`),
    )
    assert.equal(answer.status, 200)
    assert.equal(answer.body.toString(), `${method} ${body}`)
  }
  const head = parseAnswer(await rawRequest(gateway.port, 'HEAD /s HTTP/1.1\r\nHost: h\r\n\r\n', { head: true }), {
    head: true,
  })
  assert.equal(head.status, 200)
})

test('path, query and repeated fields arrive byte for byte', async (t) => {
  const origin = await startOrigin(t, (r) =>
    r.send(
      'HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2; Path=/\r\nX-Odd:  spaced \r\nContent-Length: 2\r\n\r\nok',
    ),
  )
  const gateway = await startGateway(t, service(origin.address))
  const target = '/s/%C3%A4/A%2Fb?a=1&a=2&b=%26&c=%20x'
  const raw = await rawRequest(gateway.port, `GET ${target} HTTP/1.1\r\nHost: h\r\nX-A: 1\r\nX-A: 2\r\n\r\n`)
  assert.equal(origin.requests[0]?.target, target)
  assert.deepEqual(
    origin.requests[0]?.fields.filter(([name]) => name === 'X-A').map(([, value]) => value),
    ['1', '2'],
  )
  const text = raw.toString('latin1')
  assert.match(text, /Set-Cookie: a=1\r\nSet-Cookie: b=2; Path=\/\r\nX-Odd: {2}spaced \r\n/)
})

test('one request after the other uses one connection to the origin', async (t) => {
  const origin = await startOrigin(t, (r) => r.answer(200, 'ok'))
  const gateway = await startGateway(t, service(origin.address))
  for (let i = 0; i < 5; i++) assert.equal((await request(gateway.port, 'GET', '/s')).status, 200)
  assert.equal(origin.connections.length, 1)
})

test('requests sent ahead are answered in their order', async (t) => {
  const origin = await startOrigin(t, (r) => r.answer(200, r.target))
  const gateway = await startGateway(t, service(origin.address))
  const many = Array.from({ length: 50 }, (_, i) => `GET /s/${i} HTTP/1.1\r\nHost: h\r\n\r\n`).join('')
  const raw = (await rawRequest(gateway.port, many, { answers: 50 })).toString('latin1')
  assert.deepEqual(
    raw.match(/\/s\/\d+/g),
    Array.from({ length: 50 }, (_, i) => `/s/${i}`),
  )
})

test('a head and a body that arrive byte by byte are the same message', async (t) => {
  const origin = await startOrigin(t, async (r) => r.answer(200, await r.body()))
  const gateway = await startGateway(t, service(origin.address))
  const bytes =
    'POST /s HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nX-T: 1\r\n\r\n'
  const answer = parseAnswer(await rawRequest(gateway.port, [...bytes]))
  assert.equal(answer.status, 200)
  assert.equal(answer.body.toString(), 'abcde')
})

test('an answer that arrives byte by byte is the same answer', async (t) => {
  const bytes = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-A: b\r\n\r\n4\r\nwiki\r\n0\r\n\r\n'
  const origin = await startOrigin(t, (r) => r.drip(bytes, { pieceBytes: 1, everyMs: 1 }))
  const gateway = await startGateway(t, service(origin.address))
  const answer = parseAnswer(await rawRequest(gateway.port, 'GET /s HTTP/1.1\r\nHost: h\r\n\r\n'))
  assert.equal(answer.status, 200)
  assert.equal(answer.body.toString(), 'wiki')
})

test('HEAD, 204 and 304 end with their head, and the connection goes on', async (t) => {
  const answers = [
    'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n',
    'HTTP/1.1 204 No Content\r\n\r\n',
    'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\nContent-Length: 10\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
  ]
  let next = 0
  const origin = await startOrigin(t, (r) => r.send(answers[next++] ?? ''))
  const gateway = await startGateway(t, service(origin.address))
  const head = await rawRequest(gateway.port, 'HEAD /s HTTP/1.1\r\nHost: h\r\n\r\n', { head: true })
  assert.match(head.toString('latin1'), /Content-Length: 1000\r\n/)
  for (const status of [204, 304, 200]) assert.equal((await request(gateway.port, 'GET', '/s')).status, status)
  assert.equal(origin.connections.length, 1)
})

test('interim answers reach the client that can take them', async (t) => {
  const origin = await startOrigin(t, (r) =>
    r.send('HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'),
  )
  const gateway = await startGateway(t, service(origin.address))
  const raw = (await rawRequest(gateway.port, 'GET /s HTTP/1.1\r\nHost: h\r\n\r\n')).toString('latin1')
  assert.match(raw, /^HTTP\/1\.1 103 Early Hints\r\nLink: <\/a\.css>\r\n\r\nHTTP\/1\.1 200 OK/)
  const old = (await rawRequest(gateway.port, 'GET /s HTTP/1.0\r\nHost: h\r\n\r\n', { untilClose: true })).toString(
    'latin1',
  )
  assert.match(old, /^HTTP\/1\.1 200 OK/)
})

test('a client that expects 100-continue gets it from the origin, then sends its body', async (t) => {
  const origin = await startOrigin(t, async (r) => {
    assert.equal(r.field('expect'), '100-continue')
    r.send('HTTP/1.1 100 Continue\r\n\r\n')
    r.answer(200, await r.body())
  })
  const gateway = await startGateway(t, service(origin.address))
  const socket = net.connect(gateway.port, '127.0.0.1')
  t.after(() => socket.destroy())
  let got = ''
  socket.on('data', (chunk) => (got += chunk.toString('latin1')))
  socket.write('PUT /s HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n')
  await waitFor(() => got.startsWith('HTTP/1.1 100 Continue\r\n\r\n'))
  socket.write('hello')
  await waitFor(() => got.endsWith('hello'))
})

test('an answer that ends with its connection becomes chunked for 1.1 and stays as it is for 1.0', async (t) => {
  const origin = await startOrigin(t, (r) => {
    r.send('HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nsome bytes')
    r.close()
  })
  const gateway = await startGateway(t, service(origin.address))
  const answer = parseAnswer(await rawRequest(gateway.port, 'GET /s HTTP/1.1\r\nHost: h\r\n\r\n'))
  assert.equal(answer.body.toString(), 'some bytes')
  const old = (await rawRequest(gateway.port, 'GET /s HTTP/1.0\r\nHost: h\r\n\r\n', { untilClose: true })).toString(
    'latin1',
  )
  assert.match(old, /\r\n\r\nsome bytes$/)
  assert.doesNotMatch(old, /chunked/i)
})

test('a chunked answer reaches an HTTP/1.0 client without its framing', async (t) => {
  const origin = await startOrigin(t, (r) =>
    r.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nwiki\r\n5\r\npedia\r\n0\r\n\r\n'),
  )
  const gateway = await startGateway(t, service(origin.address))
  const old = (
    await rawRequest(gateway.port, 'GET /s HTTP/1.0\r\nHost: h\r\nConnection: keep-alive\r\n\r\n', { untilClose: true })
  ).toString('latin1')
  assert.match(old, /Connection: close\r\n\r\nwikipedia$/)
})

test('hop-by-hop fields end here, in both directions, with those that Connection names', async (t) => {
  const origin = await startOrigin(t, (r) =>
    r.send(
      'HTTP/1.1 200 OK\r\nConnection: keep-alive, X-Hop\r\nKeep-Alive: timeout=5\r\nX-Hop: 1\r\nX-Stay: 1\r\nContent-Length: 0\r\n\r\n',
    ),
  )
  const gateway = await startGateway(t, service(origin.address))
  const raw = (
    await rawRequest(
      gateway.port,
      'GET /s HTTP/1.1\r\nHost: h\r\nX-Mine: 1\r\nConnection: keep-alive, x-mine\r\nKeep-Alive: 1\r\nTE: trailers\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\nProxy-Connection: close\r\nX-Stay: 1\r\n\r\n',
    )
  ).toString('latin1')
  const sent = origin.connections[0]?.received().toString('latin1') ?? ''
  assert.doesNotMatch(sent, /x-mine|keep-alive|^te:|upgrade|http2|proxy-connection|^connection:/im)
  assert.match(sent, /X-Stay: 1\r\n/)
  assert.doesNotMatch(raw, /X-Hop|Keep-Alive/)
  assert.match(raw, /X-Stay: 1\r\n/)
})

test('the origin learns who asked, and nobody outside trusted_proxies can say otherwise', async (t) => {
  const origin = await startOrigin(t, (r) => r.answer(200))
  const ask =
    'GET /s HTTP/1.1\r\nHost: Example.org:81\r\nX-Forwarded-For: 9.9.9.9\r\nX_Forwarded_For: 8.8.8.8\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: evil\r\nX-Forwarded-Port: 1\r\nForwarded: for=9.9.9.9\r\nX-Real-IP: 9.9.9.9\r\n\r\n'
  const gateway = await startGateway(t, service(origin.address))
  await rawRequest(gateway.port, ask)
  const plain = origin.connections[0]?.received().toString('latin1') ?? ''
  assert.match(
    plain,
    /X-Forwarded-For: 127\.0\.0\.1\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: example\.org:81\r\n/,
  )
  assert.doesNotMatch(plain, /9\.9\.9\.9|8\.8\.8\.8|evil|X-Forwarded-Port/)
  assert.match(plain, new RegExp(`Host: 127\\.0\\.0\\.1:${origin.port}\r\n`))

  const trusting = await startGateway(t, {
    ...service(origin.address),
    processor: { trusted_proxies: ['127.0.0.0/8'] },
  })
  await rawRequest(trusting.port, ask)
  const trusted = origin.connections[1]?.received().toString('latin1') ?? ''
  assert.match(
    trusted,
    /X-Forwarded-For: 9\.9\.9\.9, 127\.0\.0\.1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: evil\r\n/,
  )
})

test('a request id is kept when it is one, made when not, and the client learns it', async (t) => {
  const origin = await startOrigin(t, (r) => r.answer(200))
  const gateway = await startGateway(t, service(origin.address))
  const kept = await rawRequest(gateway.port, 'GET /s HTTP/1.1\r\nHost: h\r\nX-Request-Id: abc-1\r\n\r\n')
  assert.match(kept.toString('latin1'), /X-Request-Id: abc-1\r\n/)
  assert.equal(origin.requests[0]?.field('x-request-id'), 'abc-1')
  await rawRequest(gateway.port, 'GET /s HTTP/1.1\r\nHost: h\r\nX-Request-Id: "bad id"\r\n\r\n')
  assert.match(origin.requests[1]?.field('x-request-id') ?? '', /^[A-Za-z0-9_-]{8,}$/)
})

test('bodies of every framing and size go both ways unchanged', { timeout: 60_000 }, async (t) => {
  const echo = http.createServer((req, res) => {
    res.writeHead(200, req.headers['content-length'] ? { 'content-length': req.headers['content-length'] } : {})
    req.pipe(res)
  })
  await new Promise<void>((resolve) => echo.listen(0, '127.0.0.1', resolve))
  t.after(() => void (echo.closeAllConnections(), echo.close()))
  const gateway = await startGateway(t, service(`127.0.0.1:${(echo.address() as AddressInfo).port}`))
  const sizes = [0, 1, 100, 16_384, 16_385, 65_536, 1_000_003, 20_000_000]
  for (const size of sizes) {
    for (const chunked of [false, true]) {
      const body = randomBytes(size)
      const got = await new Promise<Buffer>((resolve, reject) => {
        const req = http.request({
          port: gateway.port,
          method: 'POST',
          path: '/s/echo',
          headers: chunked ? {} : { 'content-length': size },
        })
        req.on('error', reject)
        req.on('response', (res) => {
          const parts: Buffer[] = []
          res.on('data', (part: Buffer) => parts.push(part))
          res.on('end', () => resolve(Buffer.concat(parts)))
          res.on('error', reject)
        })
        for (let at = 0; at < size; at += 50_000) req.write(body.subarray(at, at + 50_000))
        req.end()
      })
      const hash = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')
      assert.equal(hash(got), hash(body), `${size} bytes, ${chunked ? 'chunked' : 'with a length'}`)
    }
  }
})

test(
  'a client that does not read stops the origin, and gets every byte once it does',
  { timeout: 30_000 },
  async (t) => {
    const piece = Buffer.alloc(256 * 1024, 'x')
    const total = 400
    let written = 0
    const server = http.createServer((_, res) => {
      res.writeHead(200, { 'content-length': piece.length * total })
      const more = (): void => {
        while (written < total) {
          written++
          if (!res.write(piece)) return void res.once('drain', more)
        }
        res.end()
      }
      more()
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    t.after(() => void (server.closeAllConnections(), server.close()))
    const gateway = await startGateway(t, service(`127.0.0.1:${(server.address() as AddressInfo).port}`))
    const socket = net.connect(gateway.port, '127.0.0.1')
    t.after(() => socket.destroy())
    socket.pause()
    socket.write('GET /s HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n')
    // The origin comes to a halt with most of its bytes unsent.
    let before = -1
    await waitFor(
      () => {
        const still = written === before && written > 0
        before = written
        return still
      },
      { timeoutMs: 10_000, intervalMs: 200 },
    )
    assert.ok(written < total / 2, `the origin wrote ${written} of ${total} pieces`)
    let bytes = 0
    socket.on('data', (chunk) => (bytes += chunk.length))
    socket.resume()
    await new Promise((resolve) => socket.on('end', resolve))
    assert.ok(bytes > piece.length * total)
  },
)
