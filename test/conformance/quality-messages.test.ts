// What an operator expects of messages that pass, beyond the letter of the RFCs: nothing lost, nothing invented, nothing respelled.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { get, members, OK, ok, startRig } from './rig.js'

const { ask, origin } = await startRig({ after })

/** Field lines as they were spelled, in their order. */
const lines = (raw: string): string[] => (raw.split('\r\n\r\n')[0] ?? '').split('\r\n').slice(1)
const names = (raw: string): string[] => lines(raw).map((line) => line.slice(0, line.indexOf(':')))

test('quality: the Date of the origin is kept as it was written, and stays the only one', async () => {
  for (const date of ['Tue, 15 Nov 1994 08:12:31 GMT', 'Sunday, 06-Nov-94 08:49:37 GMT', 'Sun Nov  6 08:49:37 1994'])
    assert.deepEqual((await ask(get(), { reply: ok(`Date: ${date}\r\n`) })).values('date'), [date])
})

test('quality: each Set-Cookie keeps its line and its place', async () => {
  const cookies = ['a=1; Path=/', 'b=2; Expires=Wed, 09 Jun 2021 10:18:14 GMT', 'a=3, x; HttpOnly', 'c=']
  const answer = await ask(get(), { reply: ok(cookies.map((cookie) => `Set-Cookie: ${cookie}\r\n`).join('')) })
  assert.deepEqual(answer.values('set-cookie'), cookies)
})

test('quality: Cookie lines are neither joined nor reordered nor decoded', async () => {
  const answer = await ask(get('Cookie: z=%20; a="b,c"\r\nCookie: y=\xe4\r\n'))
  assert.deepEqual(answer.sentValues('cookie'), ['z=%20; a="b,c"', 'y=\xe4'])
})

test('quality: names and values of a request go on in their own spelling and order', async () => {
  const given = ['x-LOWER-Upper:  two spaces ', 'ACCEPT: a', 'sec-ch-ua: "x";v="1"', 'X-Tab:\ta\tb', 'X-Empty:']
  const answer = await ask(get(given.map((line) => `${line}\r\n`).join('')))
  assert.deepEqual(
    lines(answer.sent).filter((line) => given.includes(line)),
    given,
  )
})

test('quality: names and values of an answer go on in their own spelling and order', async () => {
  const given = ['x-LOWER-Upper:  two spaces ', 'content-TYPE: text/Plain', 'X-Tab:\ta\tb', 'X-Empty:', 'eTag: "a"']
  const answer = await ask(get(), { reply: ok(given.map((line) => `${line}\r\n`).join('')) })
  assert.deepEqual(
    lines(answer.raw).filter((line) => given.includes(line)),
    given,
  )
})

test('quality: what the gateway adds to a request is known', async () => {
  const answer = await ask(get('Accept: a\r\n'))
  const forwarded = ['X-Forwarded-For', 'X-Forwarded-Host', 'X-Forwarded-Proto']
  const known = ['Host', 'Accept', 'Via', ...forwarded, 'X-Request-Id', 'traceparent']
  assert.deepEqual(names(answer.sent).sort(), known.sort())
})

test('quality: what the gateway adds to an answer is known, and no Server is invented', async () => {
  const answer = await ask(get())
  assert.deepEqual(names(answer.raw).sort(), ['Content-Length', 'Date', 'Via', 'X-Request-Id'])
  for (const bytes of [get('', '/nowhere'), get('bad\r\n')]) {
    const own = await ask(bytes)
    assert.deepEqual([own.values('server'), own.values('x-powered-by')], [[], []])
  }
})

test('quality: answers say in Via how they were received, behind the hops before', async () => {
  assert.deepEqual((await ask(get())).values('via'), ['1.1 serverpy-test'])
  const answer = await ask(get(), { reply: ok('Via: 1.1 cache, 2 deep\r\n').replace('HTTP/1.1', 'HTTP/1.0') })
  assert.deepEqual(members(answer.values('via')), ['1.1 cache', '2 deep', '1.0 serverpy-test'])
})

test('quality: the reason phrase is that of the origin', async () => {
  for (const reason of ['Alles gut', 'gr\xfc\xdfe', 'a  b\tc', "it's (not) OK!"]) {
    const answer = await ask(get(), { reply: OK.replace('OK', reason) })
    assert.equal(answer.answers[0]?.startLine, `HTTP/1.1 200 ${reason}`)
  }
})

test('quality: a body with its length keeps it, a body in chunks stays in chunks, both ways', async () => {
  const sized = await ask('POST /s HTTP/1.1\r\nHost: h\r\nContent-Length: 002\r\n\r\nhi', {
    reply: async (r) => r.answer(200, await r.body()),
  })
  assert.deepEqual([sized.sentValues('content-length').map(Number), sized.sentValues('transfer-encoding')], [[2], []])
  assert.deepEqual([sized.values('content-length'), sized.values('transfer-encoding')], [['2'], []])
  const chunks = '1\r\nh\r\n1\r\ni\r\n0\r\n\r\n'
  const chunked = await ask(`POST /s HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}`, {
    reply: async (r) => (await r.body(), r.send(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}`)),
  })
  assert.deepEqual([chunked.sentValues('content-length'), chunked.values('content-length')], [[], []])
  assert.equal(chunked.requests[0]?.body.toString(), 'hi')
  assert.equal(chunked.body, 'hi')
})

test('quality: an empty body stays one: Content-Length 0 is neither dropped nor made up', async () => {
  const post = await ask('POST /s HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n', { reply: ok('', '') })
  assert.deepEqual([post.sentValues('content-length'), post.values('content-length')], [['0'], ['0']])
  assert.deepEqual((await ask('POST /s HTTP/1.1\r\nHost: h\r\n\r\n')).sentValues('transfer-encoding'), [])
  assert.deepEqual((await ask(get())).sentValues('content-length'), [])
})

test('quality: the origin learns who asked and for what, and nobody can say otherwise', async () => {
  const forged =
    'X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: evil\r\nX-Real-IP: 6.6.6.6\r\n'
  const answer = await ask(get(`${forged}Forwarded: for=6.6.6.6\r\nX_Forwarded_For: 6.6.6.6\r\n`))
  assert.deepEqual(answer.sentValues('x-forwarded-for'), ['127.0.0.1'])
  assert.deepEqual(answer.sentValues('x-forwarded-proto'), ['http'])
  assert.deepEqual(answer.sentValues('x-forwarded-host'), ['example.org'])
  assert.doesNotMatch(answer.sent, /6\.6\.6\.6|evil/)
})

test('quality: one id names a request to the origin and its answer to the client', async () => {
  const made = await ask(get())
  assert.match(made.values('x-request-id')[0] ?? '', /^[\w-]{8,}$/)
  assert.deepEqual(made.values('x-request-id'), made.sentValues('x-request-id'))
  const given = await ask(get('X-Request-Id: abc-123\r\n'))
  assert.deepEqual([given.values('x-request-id'), given.sentValues('x-request-id')], [['abc-123'], ['abc-123']])
})

test('quality: credentials for a proxy stay here', async () => {
  const answer = await ask(get('Proxy-Authorization: Basic c2VjcmV0\r\nAuthorization: Bearer mine\r\n'))
  assert.doesNotMatch(answer.sent, /c2VjcmV0/)
  assert.deepEqual(answer.sentValues('authorization'), ['Bearer mine'])
})

test('quality: a 407 of the origin is passed with its challenge', async () => {
  const answer = await ask(get(), { reply: ok('Proxy-Authenticate: Basic realm="x"\r\n').replace('200 OK', '407 No') })
  assert.equal(answer.status, 407)
  assert.deepEqual(answer.values('proxy-authenticate'), ['Basic realm="x"'])
})

test('quality: a client that takes trailers is announced to the origin', async () => {
  const answer = await ask(get('TE: trailers, deflate;q=0.5\r\nConnection: TE\r\n'))
  assert.deepEqual(members(answer.sentValues('te')), ['trailers'])
})

test('quality: trailers for a client that did not ask for any leave the message well framed', async () => {
  const reply = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX-Sum: 1\r\n\r\n'
  const answer = await ask(get() + get(), { reply, answers: 2 })
  assert.deepEqual(
    answer.answers.map(({ body }) => body.toString()),
    ['hi', 'hi'],
  )
})

test('quality: large fields that are in use pass: a cookie of 8 KiB, an answer with 64 KiB of fields', async () => {
  const cookie = `id=${'x'.repeat(8192)}`
  const answer = await ask(get(`Cookie: ${cookie}\r\n`), { reply: ok(`X-Fat: ${'y'.repeat(8000)}\r\n`.repeat(8)) })
  assert.deepEqual(answer.sentValues('cookie'), [cookie])
  assert.equal(answer.values('x-fat').length, 8)
})

test('quality: a connection to the origin is used for one client after the other', async () => {
  const before = origin.connections.length
  for (let i = 0; i < 5; i++) await ask(get())
  assert.ok(origin.connections.length - before <= 1)
})

test('quality: an answer does not carry keep-alive where that is the default', async () => {
  const answer = await ask(get('Connection: keep-alive\r\n'), {
    reply: ok('Connection: keep-alive\r\nKeep-Alive: timeout=5\r\n'),
  })
  assert.deepEqual([answer.values('connection'), answer.values('keep-alive')], [[], []])
})

test('quality: fields of security and of today pass untouched', async () => {
  const given = {
    'Strict-Transport-Security': 'max-age=63072000; includeSubDomains',
    'Content-Security-Policy': "default-src 'self'; img-src *",
    'Alt-Svc': 'h3=":443"; ma=2592000',
    'Access-Control-Allow-Origin': '*',
    'Server-Timing': 'db;dur=53, app;dur=47.2',
    'Content-Disposition': 'attachment; filename="a.txt"; filename*=UTF-8\'\'%e2%82%ac',
    Link: '</a.css>; rel=preload, </b.js>; rel="next x"',
    Deprecation: '@1688169599',
  }
  const answer = await ask(get(), {
    reply: ok(
      Object.entries(given)
        .map(([name, value]) => `${name}: ${value}\r\n`)
        .join(''),
    ),
  })
  for (const [name, value] of Object.entries(given)) assert.deepEqual(answer.values(name), [value])
})
