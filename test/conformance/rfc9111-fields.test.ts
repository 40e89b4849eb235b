// RFC 9111 section 5: a gateway without a cache passes the fields of caching as they are, and does nothing about them.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { get, ok, startRig } from './rig.js'

const { ask } = await startRig({ after })

async function untouched(requestLines: string, answerLines: string): Promise<void> {
  const answer = await ask(get(requestLines), { reply: ok(answerLines) })
  assert.equal(answer.status, 200)
  assert.ok(answer.sent.includes(requestLines), answer.sent)
  assert.ok(answer.raw.includes(answerLines), answer.raw)
}

test('RFC 9111 5.1: Age is passed as it came, and none is made', async () => {
  await untouched('', 'Age: 0\r\n')
  await untouched('', 'Age: 2147483648\r\n')
  assert.deepEqual((await ask(get())).values('age'), [])
})

test('RFC 9111 5.2: cache directives of a request are passed', async () => {
  const directives = 'max-age=0, max-stale, min-fresh=10, no-cache, no-store, no-transform, only-if-cached'
  await untouched(`Cache-Control: ${directives}\r\n`, '')
})

test('RFC 9111 5.2: cache directives of an answer are passed', async () => {
  const directives =
    'public, private="Set-Cookie, X", no-cache="A", max-age=0, s-maxage=60, must-revalidate, proxy-revalidate, must-understand'
  await untouched('', `Cache-Control: ${directives}\r\n`)
})

test('RFC 9111 5.2: directives over several lines, and in any case, are passed as they came', async () => {
  const lines = 'CACHE-control:   Max-Age=10 ,,No-Cache  \r\ncache-CONTROL: no-STORE\r\n'
  await untouched(lines, lines)
})

test('RFC 9111 5.2.3: extensions of Cache-Control are passed', async () => {
  const line = 'Cache-Control: community="UCI", stale-while-revalidate=30, immutable, x=1\r\n'
  await untouched(line, line)
})

test('RFC 9111 5.2.1.7: only-if-cached is a question to a cache: it is forwarded', async () => {
  const answer = await ask(get('Cache-Control: only-if-cached\r\n'))
  assert.equal(answer.requests.length, 1)
  assert.equal(answer.status, 200)
})

test('RFC 9111 5.2.2.6: content with no-transform is left alone', async () => {
  const content = Buffer.from(Array.from({ length: 256 }, (_, i) => i)).toString('latin1')
  const answer = await ask(get(), { reply: ok('Content-Type: image/png\r\nCache-Control: no-transform\r\n', content) })
  assert.equal(answer.body, content)
})

test('RFC 9111 5.3: Expires is passed, the invalid too', async () => {
  for (const value of ['Thu, 01 Dec 1994 16:00:00 GMT', 'Thursday, 01-Dec-94 16:00:00 GMT', '0', '-1', ''])
    await untouched('', `Expires: ${value}\r\n`)
})

test('RFC 9111 5.4: Pragma is passed, both ways', async () => {
  await untouched('Pragma: no-cache\r\n', 'Pragma: no-cache, x=y\r\n')
})

test('RFC 9111 5.5: Warning is passed, both ways', async () => {
  const line = 'Warning: 110 anderson/1.3.37 "Response is stale", 214 - "x" "Sat, 25 Aug 2012 23:34:45 GMT"\r\n'
  await untouched(line, line)
})

test('RFC 9111 4.1: Vary and the validators of an answer are passed', async () => {
  await untouched(
    '',
    'Vary: accept-encoding, Cookie\r\nETag: W/"a"\r\nLast-Modified: Tue, 15 Nov 1994 12:45:26 GMT\r\n',
  )
})

test('RFC 9111 4.3.4: a 304 reaches the client with all its fields', async () => {
  const lines = 'Cache-Control: max-age=9\r\nContent-Location: /x\r\nETag: "a"\r\nExpires: 0\r\nVary: x\r\n'
  const answer = await ask(get('If-None-Match: "a"\r\n'), { reply: `HTTP/1.1 304 Not Modified\r\n${lines}\r\n` })
  assert.equal(answer.status, 304)
  assert.ok(answer.raw.includes(lines))
})

test('RFC 9111 3: nothing is answered from memory', async () => {
  for (let i = 0; i < 3; i++) {
    const answer = await ask(get(), { reply: ok('Cache-Control: public, max-age=3600\r\nETag: "a"\r\n', `${i}`) })
    assert.equal(answer.body, `${i}`)
    assert.equal(answer.requests.length, 1)
  }
})
