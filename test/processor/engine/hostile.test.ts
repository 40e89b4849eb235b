// Bytes that two readers could see in two ways: refused once with a problem, and nothing of them reaches the origin.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startGateway } from '../../kit/gateway.js'
import { parseAnswer, rawRequest, request } from '../../kit/http.js'
import { startOrigin } from '../../kit/origin.js'

const HOST = 'Host: h\r\n'
const head = (fields: string, body = '') => `POST /s HTTP/1.1\r\n${HOST}${fields}\r\n${body}`

const refused: readonly (readonly [string, string, number])[] = [
  // Framing
  ['both lengths', head('Content-Length: 5\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n'), 400],
  ['two lengths', head('Content-Length: 5\r\nContent-Length: 5\r\n', 'hello'), 400],
  ['a list of lengths', head('Content-Length: 5, 5\r\n', 'hello'), 400],
  ['a signed length', head('Content-Length: +5\r\n', 'hello'), 400],
  ['a negative length', head('Content-Length: -1\r\n'), 400],
  ['a length with a space', head('Content-Length: 1 0\r\n'), 400],
  ['an empty length', head('Content-Length: \r\n'), 400],
  ['a hexadecimal length', head('Content-Length: 0x5\r\n'), 400],
  ['a length beyond 2^53', head('Content-Length: 9007199254740993\r\n'), 400],
  ['a length of many digits', head('Content-Length: 10000000000000000005\r\n'), 400],
  ['identity', head('Transfer-Encoding: identity\r\n'), 400],
  ['chunked twice', head('Transfer-Encoding: chunked, chunked\r\n'), 400],
  ['chunked first', head('Transfer-Encoding: chunked, gzip\r\n'), 400],
  ['another coding', head('Transfer-Encoding: gzip, chunked\r\n'), 501],
  ['a quoted coding', head('Transfer-Encoding: "chunked"\r\n'), 400],
  ['a coding with a tail', head('Transfer-Encoding: chunked;q=1\r\n'), 400],
  ['two encodings', head('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n'), 400],
  ['an encoding in 1.0', `POST /s HTTP/1.0\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 400],
  ['a vertical tab before chunked', head('Transfer-Encoding:\x0bchunked\r\n'), 400],
  // Lines
  ['bare LF after the request line', `GET /s HTTP/1.1\n${HOST}\r\n`, 400],
  ['bare LF after a field', `GET /s HTTP/1.1\r\nHost: h\nX: y\r\n\r\n`, 400],
  ['bare LF at the end', `GET /s HTTP/1.1\r\n${HOST}\n`, 400],
  ['bare CR in a value', head('X: a\rb\r\n'), 400],
  ['bare CR as a line end', `GET /s HTTP/1.1\r\n${HOST}X: y\rZ: 1\r\n\r\n`, 400],
  ['NUL in a value', head('X: a\0b\r\n'), 400],
  ['NUL in a name', head('X\0: a\r\n'), 400],
  ['a folded line', head('X: a\r\n b\r\n'), 400],
  ['a folded first line', `GET /s HTTP/1.1\r\n ${HOST}\r\n`, 400],
  ['space before the colon', head('Content-Length : 5\r\n', 'hello'), 400],
  ['tab before the colon', head('Transfer-Encoding\t: chunked\r\n'), 400],
  ['an empty name', head(': x\r\n'), 400],
  ['a line without a colon', head('nonsense\r\n'), 400],
  ['a name with a bracket', head('X[y]: 1\r\n'), 400],
  ['a name with a byte above ASCII', head('X\xe4: 1\r\n'), 400],
  ['DEL in a value', head('X: a\x7f\r\n'), 400],
  // Request line
  ['two spaces', `GET  /s HTTP/1.1\r\n${HOST}\r\n`, 400],
  ['a space in the target', `GET /s x HTTP/1.1\r\n${HOST}\r\n`, 400],
  ['a tab between', `GET\t/s HTTP/1.1\r\n${HOST}\r\n`, 400],
  ['HTTP/0.9', 'GET /s\r\n\r\n', 400],
  ['HTTP/2.0', `GET /s HTTP/2.0\r\n${HOST}\r\n`, 505],
  ['HTTP/3.0', `GET /s HTTP/3.0\r\n${HOST}\r\n`, 505],
  ['a lower-case version', `GET /s http/1.1\r\n${HOST}\r\n`, 400],
  ['a longer version', `GET /s HTTP/1.10\r\n${HOST}\r\n`, 400],
  ['a control byte in the target', `GET /s\x01 HTTP/1.1\r\n${HOST}\r\n`, 400],
  ['a byte above ASCII in the target', `GET /s\xe4 HTTP/1.1\r\n${HOST}\r\n`, 400],
  ['a fragment', `GET /s#x HTTP/1.1\r\n${HOST}\r\n`, 400],
  ['a target without a slash', `GET s HTTP/1.1\r\n${HOST}\r\n`, 400],
  ['a method that is no token', `GE(T /s HTTP/1.1\r\n${HOST}\r\n`, 400],
  ['CONNECT', `CONNECT h:443 HTTP/1.1\r\n${HOST}\r\n`, 405],
  ['* for GET', `GET * HTTP/1.1\r\n${HOST}\r\n`, 400],
  ['an absolute form with userinfo', `GET http://u@h/s HTTP/1.1\r\n${HOST}\r\n`, 400],
  ['an absolute form of another scheme', `GET ftp://h/s HTTP/1.1\r\n${HOST}\r\n`, 400],
  ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 505],
  ['a TLS hello', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400],
  // Host
  ['no Host', 'GET /s HTTP/1.1\r\n\r\n', 400],
  ['two Hosts', `GET /s HTTP/1.1\r\n${HOST}Host: h\r\n\r\n`, 400],
  ['an empty Host', 'GET /s HTTP/1.1\r\nHost:\r\n\r\n', 400],
  ['a Host with a path', 'GET /s HTTP/1.1\r\nHost: h/x\r\n\r\n', 400],
  ['a Host with userinfo', 'GET /s HTTP/1.1\r\nHost: u@h\r\n\r\n', 400],
  ['a Host with a space', 'GET /s HTTP/1.1\r\nHost: h x\r\n\r\n', 400],
  ['a Host with a port that is none', 'GET /s HTTP/1.1\r\nHost: h:99999\r\n\r\n', 400],
  ['a Host list', 'GET /s HTTP/1.1\r\nHost: h, i\r\n\r\n', 400],
  // Connection
  ['removing what we add', head('Connection: X-Forwarded-For\r\n'), 400],
  ['removing the length', head('Connection: content-length\r\nContent-Length: 0\r\n'), 400],
  ['removing Host', head('Connection: close, Host\r\n'), 400],
  ['an unknown expectation', head('Expect: the-unexpected\r\n'), 417],
  // Paths that two parsers read in two ways
  ['out of the route', `GET /s/../admin HTTP/1.1\r\n${HOST}\r\n`, 400],
  ['out of the route, encoded', `GET /s/%2e%2e/admin HTTP/1.1\r\n${HOST}\r\n`, 400],
  ['out of the route, by backslash', `GET /s/..\\admin HTTP/1.1\r\n${HOST}\r\n`, 400],
  ['out of the route, by encoded slash', `GET /s/..%2fadmin HTTP/1.1\r\n${HOST}\r\n`, 400],
  ['out of the route, by parameter', `GET /s/..;/admin HTTP/1.1\r\n${HOST}\r\n`, 400],
  ['into a route', `GET //s HTTP/1.1\r\n${HOST}\r\n`, 400],
  ['into a route, encoded', `GET /%73 HTTP/1.1\r\n${HOST}\r\n`, 400],
  ['an encoded NUL', `GET /s/%00 HTTP/1.1\r\n${HOST}\r\n`, 400],
  ['half an escape', `GET /s/%2 HTTP/1.1\r\n${HOST}\r\n`, 400],
  // Sizes
  ['a long target', `GET /s?${'x'.repeat(17_000)} HTTP/1.1\r\n${HOST}\r\n`, 414],
  ['a head of many bytes', head(`X: ${'y'.repeat(40_000)}\r\n`), 431],
  ['a head of many fields', head('X: y\r\n'.repeat(101)), 431],
]

test('what is ambiguous is refused before anything of it leaves', async (t) => {
  const origin = await startOrigin(t, (r) => r.answer(200, 'innocent'))
  const gateway = await startGateway(t, { services: { s: { servers: [origin.address], apis: ['/s', '/other'] } } })
  for (const [what, bytes, status] of refused) {
    const answer = parseAnswer(await rawRequest(gateway.port, Buffer.from(bytes, 'latin1')))
    assert.equal(answer.status, status, what)
    assert.equal(answer.field('content-type'), 'application/problem+json', what)
    assert.equal(origin.requests.length, 0, `${what} reached the origin`)
  }
  assert.equal((await request(gateway.port, 'GET', '/s')).text(), 'innocent')
})

const badChunks: readonly (readonly [string, string])[] = [
  ['a sign', '+5\r\nhello\r\n0\r\n\r\n'],
  ['a prefix', '0x5\r\nhello\r\n0\r\n\r\n'],
  ['an underscore', '1_0\r\nhello\r\n'],
  ['a space before the size', ' 5\r\nhello\r\n0\r\n\r\n'],
  ['a space after the size', '5 \r\nhello\r\n0\r\n\r\n'],
  ['no size', '\r\nhello\r\n'],
  ['an overflow', 'fffffffffffffffff\r\nhello'],
  ['data longer than its size', '3\r\nhello\r\n0\r\n\r\n'],
  ['bare LF after the size', '5\nhello\r\n0\r\n\r\n'],
  ['bare CR after the size', '5\rhello\r\n0\r\n\r\n'],
  ['bare LF after the data', '5\r\nhello\n0\r\n\r\n'],
  ['a control byte in an extension', '5;a=\x01\r\nhello\r\n0\r\n\r\n'],
  ['a CR in an extension', '5;a=\rb\r\nhello\r\n0\r\n\r\n'],
  ['an endless extension', `5;${'x'.repeat(300)}\r\nhello\r\n0\r\n\r\n`],
  ['a folded trailer', '0\r\nX: a\r\n b\r\n\r\n'],
  ['a framing field in the trailer', '0\r\nContent-Length: 5\r\n\r\n'],
  ['a bare LF in the trailer', '0\r\nX: a\n\r\n'],
  ['an endless trailer', `0\r\n${'X: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n'.repeat(300)}\r\n`],
]

test('bad chunks end the request, and the origin never sees it whole', async (t) => {
  let whole = 0
  const origin = await startOrigin(t, async (r) => {
    if (r.method === 'GET') return r.answer(200, 'innocent')
    await r.body().then(
      () => whole++,
      () => undefined,
    )
  })
  const gateway = await startGateway(t, { services: { s: { servers: [origin.address], apis: ['/s'] } } })
  for (const [what, bytes] of badChunks) {
    const raw = await rawRequest(gateway.port, Buffer.from(head('Transfer-Encoding: chunked\r\n', bytes), 'latin1'), {
      untilClose: true,
    })
    assert.equal(parseAnswer(raw).status, 400, what)
    assert.equal((await request(gateway.port, 'GET', '/s')).text(), 'innocent', what)
  }
  assert.equal(whole, 0)
})

test('what is merely unusual passes', async (t) => {
  const origin = await startOrigin(t, async (r) => r.answer(200, await r.body()))
  const gateway = await startGateway(t, { services: { s: { servers: [origin.address], apis: ['/s'] } } })
  const fine: readonly (readonly [string, string])[] = [
    ['an empty line before', `\r\nGET /s HTTP/1.1\r\n${HOST}\r\n`],
    ['no space after the colon', `GET /s HTTP/1.1\r\nHost:h\r\nX:\r\n\r\n`],
    ['an absolute form', `GET http://h:80/s?a HTTP/1.1\r\nHost: other\r\n\r\n`],
    ['an IPv6 host', `GET /s HTTP/1.1\r\nHost: [::1]:80\r\n\r\n`],
    ['HTTP/1.0 without Host', 'GET /s HTTP/1.0\r\n\r\n'],
    ['obs-text in a value', head('X: \xe4\r\nContent-Length: 0\r\n')],
    ['upper-case chunked', head('transfer-encoding: CHUNKED\r\n', '0\r\n\r\n')],
    ['a dot segment that stays in its route', `GET /s/a/../b HTTP/1.1\r\n${HOST}\r\n`],
    ['odd but legal bytes', `GET /s/|{}^"<>?a=[b]#`.replace('#', '') + ` HTTP/1.1\r\n${HOST}\r\n`],
  ]
  for (const [what, bytes] of fine) {
    const raw = await rawRequest(gateway.port, Buffer.from(bytes, 'latin1'))
    assert.equal(parseAnswer(raw).status, 200, what)
  }
  assert.equal(origin.requests[2]?.target, '/s?a')
  assert.match(origin.requests[2]?.field('x-forwarded-host') ?? '', /^h:80$/)
})
