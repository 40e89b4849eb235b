// RFC 9110 sections 4 and 5: URIs and fields, as an intermediary has to read and to pass them.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { assertRefused, get, members, ok, startRig } from './rig.js'

const { ask } = await startRig({ after })

test('RFC 9110 4.2.1: an http URI with an empty host is rejected', async () => {
  for (const target of ['http:///s', 'http://:80/s', 'http://'])
    assertRefused(await ask(get('', target), { toEnd: true }), 400)
})

test('RFC 9110 4.2.4 SHOULD: userinfo in an http URI is an error', async () => {
  for (const target of ['http://user@example.org/s', 'http://user:secret@example.org/s', 'http://@example.org/s'])
    assertRefused(await ask(get('', target), { toEnd: true }), 400)
})

test('RFC 9110 5.1: header fields nobody knows reach the origin', async () => {
  const answer = await ask(get('X-Nobody-Knows: 1\r\nEtaoin~Shrdlu: a;b="c"\r\nEmpty:\r\n'))
  assert.deepEqual(answer.sentValues('x-nobody-knows'), ['1'])
  assert.deepEqual(answer.sentValues('etaoin~shrdlu'), ['a;b="c"'])
  assert.deepEqual(answer.sentValues('empty'), [''])
})

test('RFC 9110 5.1: header fields nobody knows reach the client', async () => {
  const answer = await ask(get(), { reply: ok("X-Nobody-Knows: 1\r\n!#$%&'*+-.^_`|~9: x\r\nEmpty:\r\n") })
  assert.deepEqual(answer.values('x-nobody-knows'), ['1'])
  assert.deepEqual(answer.values("!#$%&'*+-.^_`|~9"), ['x'])
  assert.deepEqual(answer.values('empty'), [''])
})

test('RFC 9110 5.1: names mean the same in any case', async () => {
  const bytes =
    'POST /s HTTP/1.1\r\nhOsT: example.org\r\ntRANSFER-eNCODING: CHUNKED\r\ncOnNeCtIoN: X-HOP\r\nx-hop: 1\r\n\r\n2\r\nhi\r\n0\r\n\r\n'
  const answer = await ask(bytes, { reply: async (r) => r.answer(200, await r.body()) })
  assert.equal(answer.body, 'hi')
  assert.doesNotMatch(answer.sent, /x-hop/i)
  const other = await ask(get(), {
    reply: 'HTTP/1.1 200 OK\r\ncONTENT-lENGTH: 2\r\ncOnNeCtIoN: X-Hop\r\nX-HOP: 1\r\n\r\nok',
  })
  assert.equal(other.body, 'ok')
  assert.deepEqual(other.values('x-hop'), [])
})

test('RFC 9110 5.3: field lines of one name keep their order on the way to the origin', async () => {
  const answer = await ask(
    get('Accept: a\r\nX-L: 1\r\nAccept: b, c\r\nx-l: 2\r\nX-Other: x\r\nACCEPT: d\r\nX-L: 3\r\n'),
  )
  assert.deepEqual(members(answer.sentValues('accept')), ['a', 'b', 'c', 'd'])
  assert.deepEqual(members(answer.sentValues('x-l')), ['1', '2', '3'])
})

test('RFC 9110 5.3: field lines of one name keep their order on the way to the client', async () => {
  const reply = ok('Vary: b\r\nLink: </1>\r\nX: x\r\nVary: a\r\nLink: </2>\r\nLink: </3>\r\n')
  const answer = await ask(get(), { reply })
  assert.deepEqual(members(answer.values('vary')), ['b', 'a'])
  assert.deepEqual(members(answer.values('link')), ['</1>', '</2>', '</3>'])
})

test('RFC 9110 5.3: no request reaches the origin before its header section is whole', async () => {
  const answer = await ask('POST /s HTTP/1.1\r\nHost: example.org\r\nContent-Length: 2\r\nX: y\r\n\thidden\r\n\r\nhi', {
    toEnd: true,
  })
  assertRefused(answer, 400)
})

test('RFC 9110 5.4: a field line, or all of them, beyond the limit is answered with a 4xx', async () => {
  assertRefused(await ask(get(`X: ${'y'.repeat(60_000)}\r\n`), { toEnd: true }), /^4\d\d$/)
  assertRefused(await ask(get(`X: ${'y'.repeat(600)}\r\n`.repeat(90)), { toEnd: true }), /^4\d\d$/)
  assertRefused(await ask(get('X: y\r\n'.repeat(1100)), { toEnd: true }), /^4\d\d$/)
})

const inRequest: readonly (readonly [string, string])[] = [
  ['NUL', 'X: a\0b\r\n'],
  ['a bare CR', 'X: a\rb\r\n'],
  ['a CR before the CRLF', 'X: a\r\r\n'],
  ['a bare LF', 'X: a\nb\r\n'],
]
for (const [what, line] of inRequest) {
  test(`RFC 9110 5.5: ${what} in a field value of a request is rejected or becomes SP`, async () => {
    assertRefused(await ask(get(line), { toEnd: true }), 400)
  })
}

for (const [what, line] of inRequest) {
  test(`RFC 9110 5.5: ${what} in a field value of an answer is rejected or becomes SP`, async () => {
    const answer = await ask(get(), { reply: ok(line) })
    assert.equal(answer.status, 502)
  })
}

test('RFC 9110 5.5: white space around a value is no part of it', async () => {
  const answer = await ask(
    'POST /s HTTP/1.1\r\nHost: \t example.org \t\r\nContent-Length:\t 2 \t\r\nConnection: \tX-Hop\t \r\nX-Hop: 1\r\n\r\nhi',
    { reply: async (r) => r.send(ok('', `${(await r.body()).length}`).replace(': 1', ':\t1\t ')) },
  )
  assert.equal(answer.body, '2')
  assert.doesNotMatch(answer.sent, /x-hop/i)
})

test('RFC 9110 5.5 SHOULD: bytes above ASCII in a value are passed as they are', async () => {
  const value = 'gr\xfc\xdfe \xe2\x82\xac \x80\xff'
  const answer = await ask(get(`X-Text: ${value}\r\n`), { reply: ok(`X-Text: ${value}\r\n`) })
  assert.deepEqual(answer.sentValues('x-text'), [value])
  assert.deepEqual(answer.values('x-text'), [value])
})

test('RFC 9110 5.6.1.2: empty members of a list are ignored', async () => {
  const answer = await ask(get('Connection: , X-Hop ,,\r\nConnection:\r\nX-Hop: 1\r\n'), {
    reply: ok('Connection: ,, X-Back ,\r\nX-Back: 1\r\n'),
  })
  assert.equal(answer.status, 200)
  assert.doesNotMatch(answer.sent, /x-hop/i)
  assert.doesNotMatch(answer.raw, /x-back/i)
  const closed = await ask(get('Connection: ,close,,\r\n'), { toEnd: true })
  assert.equal(closed.status, 200)
})

test('RFC 9110 5.6.7: the times that the gateway writes are IMF-fixdate', async () => {
  const form =
    /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} \d\d:\d\d:\d\d GMT$/
  for (const answer of [await ask(get()), await ask(get('', '/nowhere'))]) {
    const [date = ''] = answer.values('date')
    assert.match(date, form)
    assert.ok(Math.abs(Date.parse(date) - Date.now()) < 5000, date)
  }
})
