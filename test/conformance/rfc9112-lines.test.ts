// RFC 9112 sections 2 to 5: start lines, targets, Host and field lines.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { assertRefused, get, OK, ok, startRig } from './rig.js'

const { ask, origin } = await startRig({ after })

const HOST = 'Host: example.org\r\n'

test('RFC 9112 2.2 SHOULD: an empty line before a request line is ignored', async () => {
  const answer = await ask(`\r\n${get()}\r\n${get()}`, { answers: 2 })
  assert.deepEqual(
    answer.answers.map(({ startLine }) => startLine),
    ['HTTP/1.1 200 OK', 'HTTP/1.1 200 OK'],
  )
})

test('RFC 9112 2.2 SHOULD: an extra CRLF behind the content of a POST is no request', async () => {
  const post = `POST /s HTTP/1.1\r\n${HOST}Content-Length: 2\r\n\r\nhi\r\n`
  const answer = await ask(post + post + get(), { answers: 3, reply: async (r) => r.answer(200, await r.body()) })
  assert.deepEqual(
    answer.answers.map(({ body }) => body.toString()),
    ['hi', 'hi', ''],
  )
})

for (const [what, bytes] of [
  ['in the request line', `GET /s\r HTTP/1.1\r\n${HOST}\r\n`],
  ['behind the method', `GET\r/s HTTP/1.1\r\n${HOST}\r\n`],
  ['in a field name', `GET /s HTTP/1.1\r\n${HOST}X\ry: 1\r\n\r\n`],
  ['in place of the empty line', `GET /s HTTP/1.1\r\n${HOST}\rX: 1\r\n\r\n`],
] as const) {
  test(`RFC 9112 2.2: a bare CR ${what} makes a request invalid`, async () => {
    assertRefused(await ask(bytes, { toEnd: true }), 400)
  })
}

test('RFC 9112 2.2: a bare CR in the head of an answer makes it invalid', async () => {
  for (const reply of [OK.replace('OK\r\n', 'O\rK\r\n'), ok('X\ry: 1\r\n'), ok('X: 1\rContent-Length: 0\r\n')]) {
    const answer = await ask(get(), { reply })
    assert.equal(answer.status, 502)
  }
})

test('RFC 9112 2.2: white space between the start line and the first field is rejected or dropped', async () => {
  for (const space of [' ', '\t', ' X: hidden\r\n', '\tHost: other\r\n ']) {
    const answer = await ask(`GET /s HTTP/1.1\r\n${space}${HOST}\r\n`, { toEnd: true })
    assertRefused(answer, 400)
  }
  assert.equal((await ask(get(), { reply: OK.replace('OK\r\n', 'OK\r\n X: hidden\r\n') })).status, 502)
})

const notGrammar: readonly (readonly [string, string])[] = [
  ['two spaces behind the method', `GET  /s HTTP/1.1\r\n${HOST}\r\n`],
  ['two spaces before the version', `GET /s  HTTP/1.1\r\n${HOST}\r\n`],
  ['a tab for a space', `GET\t/s HTTP/1.1\r\n${HOST}\r\n`],
  ['a space before the method', ` GET /s HTTP/1.1\r\n${HOST}\r\n`],
  ['a space behind the version', `GET /s HTTP/1.1 \r\n${HOST}\r\n`],
  ['a space in the target', `GET /s /t HTTP/1.1\r\n${HOST}\r\n`],
  ['no version', `GET /s\r\n${HOST}\r\n`],
  ['no target', `GET HTTP/1.1\r\n${HOST}\r\n`],
  ['an answer in place of a request', OK],
  ['a method that is no token', `G@T /s HTTP/1.1\r\n${HOST}\r\n`],
  ['a control byte in the target', `GET /s\x7f HTTP/1.1\r\n${HOST}\r\n`],
  ['a version in lower case', `GET /s http/1.1\r\n${HOST}\r\n`],
  ['a version of two digits', `GET /s HTTP/1.10\r\n${HOST}\r\n`],
  ['a field line without a colon', get('nonsense\r\n')],
  ['a field name with a space', get('X y: 1\r\n')],
  ['a field name that is empty', get(': 1\r\n')],
]
for (const [what, bytes] of notGrammar) {
  test(`RFC 9112 2.2 SHOULD: ${what} is a 400, and the connection ends`, async () => {
    assertRefused(await ask(bytes, { toEnd: true }), 400)
  })
}

test('RFC 9112 3 SHOULD: request lines of 8000 bytes are served', async () => {
  const target = `/s?${'x'.repeat(8000)}`
  const answer = await ask(get('', target))
  assert.equal(answer.requests[0]?.startLine, `GET ${target} HTTP/1.1`)
})

test('RFC 9112 3: a target that is too long is a 414', async () => {
  assertRefused(await ask(get('', `/s?${'x'.repeat(20_000)}`), { toEnd: true }), 414)
  assertRefused(await ask(get('', `/s?${'x'.repeat(200_000)}`), { toEnd: true }), 414)
})

test('RFC 9112 3 SHOULD: a method longer than any that is known is a 501', async () => {
  for (const length of [100, 5000])
    assertRefused(await ask(`${'M'.repeat(length)} /s HTTP/1.1\r\n${HOST}\r\n`, { toEnd: true }), 501)
})

test('RFC 9112 3.2: a request of HTTP/1.1 without Host is a 400', async () => {
  assertRefused(await ask('GET /s HTTP/1.1\r\n\r\n', { toEnd: true }), 400)
  assertRefused(await ask('GET http://example.org/s HTTP/1.1\r\n\r\n', { toEnd: true }), 400)
})

test('RFC 9112 3.2: a request with two Hosts is a 400, in any version', async () => {
  for (const second of [HOST, 'host: other.org\r\n', 'HOST:\r\n'])
    for (const version of ['1.1', '1.0'])
      assertRefused(await ask(`GET /s HTTP/${version}\r\n${HOST}X: 1\r\n${second}\r\n`, { toEnd: true }), 400)
})

const hosts = [
  'example.org/path',
  'user@example.org',
  'http://example.org',
  'a b',
  'a:b',
  'a:80:80',
  'a:-1',
  'a:99999',
  '[::1',
  '::1',
  '[::1]x',
  '[zz::1]',
  'a?b',
  'a#b',
  'a\\b',
  'exa\xffmple.org',
  '"a"',
  '<a>',
  'a:8 0',
  '%',
  'a%zz',
  ':80',
]
for (const host of hosts) {
  test(`RFC 9112 3.2: the invalid Host ${JSON.stringify(host)} is a 400`, async () => {
    assertRefused(await ask(`GET /s HTTP/1.1\r\nHost: ${host}\r\n\r\n`, { toEnd: true }), 400)
  })
}

test('RFC 9112 3.2: an invalid Host is a 400 in HTTP/1.0 and beside an absolute target as well', async () => {
  assertRefused(await ask('GET /s HTTP/1.0\r\nHost: a/b\r\n\r\n', { toEnd: true }), 400)
  assertRefused(await ask('GET http://example.org/s HTTP/1.1\r\nHost: a b\r\n\r\n', { toEnd: true }), 400)
})

test('RFC 9112 3.2: every valid Host is served', async () => {
  for (const host of [
    'a',
    'A.Example:8080',
    '127.0.0.1',
    '[::1]:80',
    '[::ffff:10.0.0.1]',
    'a.example.',
    'a_b',
    'a:',
    '1',
  ])
    assert.equal((await ask(`GET /s HTTP/1.1\r\nHost: ${host}\r\n\r\n`)).status, 200, host)
})

test('RFC 9112 3.2.1: a target without a scheme begins with a slash', async () => {
  for (const target of ['s', 'example.org/s', '?x', '.', '*/s'])
    assertRefused(await ask(get('', target), { toEnd: true }), 400)
})

test('RFC 9112 3.2.2: a target in absolute form is accepted', async () => {
  for (const target of ['http://example.org/s', 'HTTP://EXAMPLE.org:80/s', 'http://127.0.0.1:1/s?x=http://y/']) {
    const answer = await ask(get('', target))
    assert.equal(answer.status, 200)
    assert.match(answer.requests[0]?.startLine ?? '', /^GET \/s/)
  }
})

test('RFC 9112 3.2.2: the authority of an absolute target counts, not Host', async () => {
  const answer = await ask('GET http://meant.example:81/s HTTP/1.1\r\nHost: other.example\r\n\r\n')
  assert.equal(answer.status, 200)
  assert.doesNotMatch(answer.sent, /other\.example/)
  assert.deepEqual(answer.sentValues('host'), [origin.address])
  assert.deepEqual(answer.sentValues('x-forwarded-host'), ['meant.example:81'])
})

test('RFC 9112 3.2.3: the authority form is for CONNECT alone', async () => {
  for (const target of ['example.org:80', '127.0.0.1:80'])
    assertRefused(await ask(get('', target), { toEnd: true }), 400)
})

test('RFC 9112 3.2.4: the asterisk form is for OPTIONS alone', async () => {
  for (const method of ['GET', 'POST', 'TRACE'])
    assertRefused(await ask(`${method} * HTTP/1.1\r\n${HOST}\r\n`, { toEnd: true }), 400)
})

test('RFC 9112 3.2.4: OPTIONS for an absolute target without path and query is OPTIONS *', async () => {
  const asterisk = await ask(`OPTIONS * HTTP/1.1\r\n${HOST}\r\n`)
  const absolute = await ask(`OPTIONS http://example.org HTTP/1.1\r\n${HOST}\r\n`)
  assert.equal(absolute.status, asterisk.status)
  assert.equal(absolute.sent.split(' ')[1], asterisk.sent.split(' ')[1])
})

test('RFC 9112 3.2.2: GET for an absolute target without a path is for /', async () => {
  const answer = await ask(`GET http://example.org?x=1 HTTP/1.1\r\n${HOST}\r\n`)
  assert.equal(answer.body, (await ask(`GET /?x=1 HTTP/1.1\r\n${HOST}\r\n`)).body)
})

test('RFC 9112 4: the space behind the status code is sent even where no reason follows', async () => {
  for (const line of ['HTTP/1.1 200 \r\n', 'HTTP/1.1 200\r\n', 'HTTP/1.0 200 \r\n']) {
    const answer = await ask(get(), { reply: OK.replace('HTTP/1.1 200 OK\r\n', line) })
    assert.match(answer.raw, /^HTTP\/1\.1 200 \r\n/)
    assert.equal(answer.body, 'ok')
  }
})

test('RFC 9112 5.1: white space between name and colon makes a request a 400', async () => {
  for (const line of ['X : 1', 'X\t: 1', 'Content-Length : 2', 'Transfer-Encoding : chunked', 'Host : other'])
    assertRefused(await ask(get(`${line}\r\n`), { toEnd: true }), 400)
})

test('RFC 9112 5.1: white space between name and colon never leaves in an answer', async () => {
  for (const line of ['X : 1', 'X\t: 1', 'Set-Cookie : a=b']) {
    const answer = await ask(get(), { reply: ok(`${line}\r\n`) })
    assert.doesNotMatch(answer.raw, /[ \t]:/)
    if (answer.status === 200) assert.match(answer.raw, /^(X|Set-Cookie):/m)
    else assert.equal(answer.status, 502)
  }
})

test('RFC 9112 5.2: a folded line in a request is a 400, or becomes spaces', async () => {
  for (const fold of ['\r\n ', '\r\n\t', ' \r\n \t ']) {
    const answer = await ask(get(`X: a${fold}b\r\n`), { toEnd: true })
    assertRefused(answer, 400)
  }
})

test('RFC 9112 5.2: a folded line in an answer is a 502, or becomes spaces', async () => {
  for (const fold of ['\r\n ', '\r\n\t']) {
    const answer = await ask(get(), { reply: ok(`X: a${fold}b\r\n`) })
    assert.equal(answer.status, 502)
    assert.doesNotMatch(answer.raw, /\r\n[ \t]/)
  }
})
