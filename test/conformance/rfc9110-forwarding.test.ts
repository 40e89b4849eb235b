// RFC 9110 sections 7.2 to 7.7: Host, loops, Max-Forwards, Via, and what may not be changed on the way.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { startGateway } from '../kit/gateway.js'
import { freePort } from '../kit/ports.js'
import { assertRefused, get, members, ok, startRig } from './rig.js'

const rig = await startRig({ after })
const { ask } = rig
const VIA = 'serverpy-test'

test('RFC 9110 7.2: a forwarded request has exactly one Host, with a valid value', async () => {
  for (const bytes of [get(), get('', 'http://example.net/s'), 'GET /s HTTP/1.0\r\n\r\n'])
    assert.deepEqual((await ask(bytes)).sentValues('host'), [rig.origin.address])
})

test('RFC 9110 7.2 SHOULD: Host is the first field of a forwarded request', async () => {
  const answer = await ask('GET /s HTTP/1.1\r\nX-A: 1\r\nAccept: b\r\nHost: example.org\r\n\r\n')
  assert.equal(answer.requests[0]?.fields[0]?.[0].toLowerCase(), 'host')
})

test('RFC 9110 7.4: a request for an https resource is rejected on a connection without TLS', async () => {
  assertRefused(await ask(get('', 'https://example.org/s'), { toEnd: true }), /^4(00|21)$/)
})

test('RFC 9110 7.6: methods, status codes and fields nobody knows are forwarded', async () => {
  const answer = await ask('BREW /s HTTP/1.1\r\nHost: h\r\nX-Odd: 1\r\n\r\n', {
    reply: 'HTTP/1.1 477 Odd\r\nX-Odd: 2\r\nContent-Length: 0\r\n\r\n',
  })
  assert.equal(answer.requests[0]?.startLine, 'BREW /s HTTP/1.1')
  assert.equal(answer.answers[0]?.startLine, 'HTTP/1.1 477 Odd')
})

test('RFC 9110 7.6: a message for the gateway itself does not go round', async (t) => {
  const port = await freePort()
  const service = { servers: [`127.0.0.1:${port}`], apis: ['/s'], polling: { method: 'tcp' } }
  const gateway = await startGateway(t, { services: { self: service } }, port)
  const answer = await ask(get(), { port })
  assert.match(String(answer.status), /^50[28]$/)
  assert.ok(gateway.report().served <= 2)
})

test('RFC 9110 7.6: a message that has passed the gateway before is not forwarded again', async () => {
  const answer = await ask(get(`Via: 1.1 other, 1.1 ${VIA}, 1.1 third\r\n`))
  assert.match(String(answer.status), /^50[28]$/)
  assert.equal(answer.sent, '')
})

for (const method of ['OPTIONS', 'TRACE']) {
  test(`RFC 9110 7.6.2: ${method} with Max-Forwards 0 is answered here and not forwarded`, async () => {
    const answer = await ask(`${method} /s HTTP/1.1\r\nHost: h\r\nMax-Forwards: 0\r\n\r\n`)
    assert.equal(answer.sent, '')
    assert.match(String(answer.status), method === 'OPTIONS' ? /^20[04]$/ : /^(200|405|501)$/)
  })

  test(`RFC 9110 7.6.2: Max-Forwards of ${method} is forwarded one lower`, async () => {
    for (const [received, forwarded] of [
      ['1', '0'],
      ['5', '4'],
      ['10', '9'],
      ['007', '6'],
    ]) {
      const answer = await ask(`${method} /s HTTP/1.1\r\nHost: h\r\nmax-forwards: ${received}\r\n\r\n`)
      assert.equal(answer.requests[0]?.startLine, `${method} /s HTTP/1.1`)
      assert.deepEqual(answer.sentValues('max-forwards'), [forwarded], received)
    }
  })
}

test('RFC 9110 7.6.2: a huge Max-Forwards becomes the lesser of one less and what can be counted', async () => {
  const answer = await ask(`OPTIONS /s HTTP/1.1\r\nHost: h\r\nMax-Forwards: ${'9'.repeat(30)}\r\n\r\n`)
  const [value = ''] = answer.sentValues('max-forwards')
  assert.match(value, /^\d{1,30}$/)
  assert.ok(BigInt(value) < BigInt('9'.repeat(30)))
})

test('RFC 9110 7.6.2: a Max-Forwards that is no number is refused, or passed without being acted upon', async () => {
  for (const value of ['x', '-1', '1.5', '']) {
    const answer = await ask(`OPTIONS /s HTTP/1.1\r\nHost: h\r\nMax-Forwards: ${value}\r\n\r\n`)
    if (answer.status === 200) assert.deepEqual(answer.sentValues('max-forwards'), [value])
    else assert.equal(answer.status, 400)
  }
})

test('RFC 9110 7.6.2: Max-Forwards of other methods passes untouched or is not acted upon', async () => {
  const answer = await ask(get('Max-Forwards: 0\r\n'))
  assert.equal(answer.status, 200)
  assert.equal(answer.requests.length, 1)
})

test('RFC 9110 9.3.7: no Max-Forwards is made where none came', async () => {
  for (const method of ['OPTIONS', 'TRACE'])
    assert.deepEqual((await ask(`${method} /s HTTP/1.1\r\nHost: h\r\n\r\n`)).sentValues('max-forwards'), [])
})

test('RFC 9110 7.6.3: a forwarded request says in Via how it was received', async () => {
  assert.deepEqual((await ask(get())).sentValues('via'), [`1.1 ${VIA}`])
  assert.deepEqual((await ask('GET /s HTTP/1.0\r\n\r\n', { toEnd: true })).sentValues('via'), [`1.0 ${VIA}`])
})

test('RFC 9110 7.6.3: Via of the gateway comes after those of the hops before', async () => {
  const answer = await ask(get('Via: 1.0 fred, 1.1 p.example.net (Apache/1.1)\r\nVia: HTTP/2.0 third\r\n'))
  const via = members(answer.sentValues('via'))
  assert.deepEqual(via, ['1.0 fred', '1.1 p.example.net (apache/1.1)', 'http/2.0 third', `1.1 ${VIA}`])
})

test('RFC 9110 7.7: path and query are forwarded as they were received', async () => {
  const targets = [
    '/s?',
    '/s?a=1&a=2&b=%26&c=%20x&d=+',
    "/s/%C3%A4/A%2Fb/~user/!$&'()*+,=:@",
    '/s/a?b?c=/../d',
    '/s/%7Euser/%41',
    '/s/a//b',
    '/s/;v=1/x;y',
    '/s/',
    '/s?x=[]{}|^"<>`',
  ]
  for (const target of targets)
    assert.equal((await ask(get('', target))).requests[0]?.startLine, `GET ${target} HTTP/1.1`)
})

test('RFC 9110 7.7: of an absolute target path and query are forwarded as they were received', async () => {
  const answer = await ask(get('', 'http://example.org/s/%7Ex?a=%2F&b'))
  assert.equal(answer.requests[0]?.startLine, 'GET /s/%7Ex?a=%2F&b HTTP/1.1')
})

test('RFC 9110 7.7: content that must not be transformed is passed byte for byte', async () => {
  const content = gzipSync('x'.repeat(5000)).toString('latin1')
  const reply = ok('Cache-Control: no-transform\r\nContent-Type: text/html\r\nContent-Encoding: gzip\r\n', content)
  for (const fields of ['', 'Accept-Encoding: identity\r\n', 'Accept-Encoding: br\r\nCache-Control: no-transform\r\n'])
    assert.equal((await ask(get(fields), { reply })).body, content)
})

test('RFC 9110 7.7 SHOULD NOT: fields about the endpoints and the representation are not modified', async () => {
  const asked = { 'User-Agent': 'curl/8 (x; y)', From: 'a@example.org', Accept: 'text/*;q=0.3, */*', Origin: 'null' }
  const said = {
    Server: 'Apache/2.4 (Unix)',
    ETag: 'W/"a,b"',
    'Last-Modified': 'Sun Nov  6 08:49:37 1994',
    'Content-Location': '/s/%7e',
    'Content-Type': 'Text/HTML;Charset="utf-8"',
    'Content-Language': 'mi, en',
    'Content-Encoding': 'x-gzip',
    'Accept-Ranges': 'bytes',
    Vary: '*',
    Location: '/elsewhere?x#y',
  }
  const lines = (all: object) => Object.entries(all).map(([name, value]) => `${name}: ${String(value)}\r\n`)
  const answer = await ask(get(lines(asked).join('')), { reply: ok(lines(said).join('')) })
  for (const [name, value] of Object.entries(asked)) assert.deepEqual(answer.sentValues(name), [value])
  for (const [name, value] of Object.entries(said)) assert.deepEqual(answer.values(name), [value])
})
