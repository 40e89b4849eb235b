// RFC 9110 section 7.6.1: what belongs to one connection ends with it, in both directions.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { get, members, ok, startRig } from './rig.js'

const { ask, origin } = await startRig({ after })

test('RFC 9110 7.6.1: fields named by Connection are removed from a request', async () => {
  const answer = await ask(get('X-Hop: 1\r\nX-Stay: 1\r\nConnection: X-Hop, x-other\r\nX-Other: 1\r\nX-Hop: 2\r\n'))
  assert.doesNotMatch(answer.sent, /x-hop|x-other/i)
  assert.deepEqual(answer.sentValues('x-stay'), ['1'])
})

test('RFC 9110 7.6.1: fields named by Connection are removed from an answer too', async () => {
  const reply = ok('X-Hop: 1\r\nX-Stay: 1\r\nConnection: X-Hop, x-other\r\nX-Other: 1\r\nX-Hop: 2\r\n')
  const answer = await ask(get(), { reply })
  assert.doesNotMatch(answer.raw, /x-hop|x-other/i)
  assert.deepEqual(answer.values('x-stay'), ['1'])
})

test('RFC 9110 7.6.1: fields named by Connection are removed from an interim answer', async () => {
  const reply = `HTTP/1.1 103 Early Hints\r\nConnection: X-Hop\r\nX-Hop: 1\r\nLink: </a>\r\n\r\n${ok()}`
  const answer = await ask(get(), { reply })
  assert.match(answer.raw, /^HTTP\/1\.1 103 [^]*Link: <\/a>\r\n/)
  assert.doesNotMatch(answer.raw, /x-hop|connection/i)
})

test('RFC 9110 7.6.1: every line of Connection counts, and its options in any case', async () => {
  const answer = await ask(get('CONNECTION: x-ONE\r\nX-One: 1\r\nconnection: X-TWO\r\nX-Two: 2\r\n'), {
    reply: ok('CONNECTION: x-THREE\r\nX-Three: 3\r\nconnection: X-FOUR\r\nX-Four: 4\r\n'),
  })
  assert.doesNotMatch(answer.sent, /x-one|x-two/i)
  assert.doesNotMatch(answer.raw, /x-three|x-four/i)
})

test('RFC 9110 7.6.1: a trailer field named by Connection is removed from a request', async () => {
  const answer = await ask(
    `${get('Transfer-Encoding: chunked\r\nConnection: X-Hop\r\n')}2\r\nhi\r\n0\r\nX-Hop: 1\r\nX-Stay: 1\r\n\r\n`,
    { reply: async (r) => r.answer(200, await r.body()) },
  )
  assert.equal(answer.body, 'hi')
  assert.doesNotMatch(answer.sent, /x-hop/i)
})

test('RFC 9110 7.6.1: a trailer field named by Connection is removed from an answer', async () => {
  const reply =
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: X-Hop\r\n\r\n2\r\nhi\r\n0\r\nX-Hop: 1\r\nX-Stay: 1\r\n\r\n'
  const answer = await ask(get('TE: trailers\r\nConnection: TE\r\n'), { reply })
  assert.equal(answer.body, 'hi')
  assert.doesNotMatch(answer.raw, /x-hop/i)
})

test('RFC 9110 7.6.1: Connection itself is not forwarded to the origin', async () => {
  for (const option of ['close', 'keep-alive', 'X-Nothing'])
    assert.deepEqual((await ask(get(`Connection: ${option}\r\n`))).sentValues('connection'), [])
})

test('RFC 9110 7.6.1: Connection itself is not forwarded to the client', async () => {
  for (const option of ['close', 'keep-alive', 'X-Nothing'])
    assert.deepEqual((await ask(get(), { reply: ok(`Connection: ${option}\r\n`) })).values('connection'), [])
})

const belongings = [
  'Keep-Alive: timeout=5, max=10',
  'Proxy-Connection: keep-alive',
  'Upgrade: h2c',
  'HTTP2-Settings: AAMAAABkAAQAAP__',
  'TE: gzip',
]
for (const line of belongings) {
  const [name = ''] = line.split(':')
  test(`RFC 9110 7.6.1 SHOULD: ${name} ends here even where Connection does not name it`, async () => {
    const answer = await ask(get(`${line}\r\n`), { reply: ok(name === 'HTTP2-Settings' ? '' : `${line}\r\n`) })
    assert.equal(answer.status, 200)
    assert.deepEqual(answer.sentValues(name), [])
    assert.deepEqual(answer.values(name), [])
  })
}

test('RFC 9110 7.6.1 SHOULD: Transfer-Encoding is not passed on in an answer that has no chunks any more', async () => {
  const reply = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n'
  const answer = await ask('GET /s HTTP/1.0\r\nHost: h\r\n\r\n', { reply, toEnd: true })
  assert.deepEqual(answer.values('transfer-encoding'), [])
})

test('RFC 9110 7.6.1: a client cannot have removed what the gateway adds or what frames the message', async () => {
  for (const name of ['X-Forwarded-For', 'Via', 'Host', 'Content-Length', 'Transfer-Encoding', 'X-Request-Id']) {
    const answer = await ask(`POST /s HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nConnection: ${name}\r\n\r\nhi`)
    if (answer.status === 400) assert.equal(answer.sent, '')
    else {
      assert.equal(answer.requests[0]?.body.toString(), 'hi')
      for (const kept of ['via', 'host', 'x-forwarded-for']) assert.equal(answer.sentValues(kept).length, 1, kept)
    }
  }
})

test('RFC 9110 7.6.1: close by the client ends its own connection, not the one to the origin', async () => {
  const before = origin.connections.length
  for (let i = 0; i < 3; i++) await ask(get('Connection: close\r\n'), { toEnd: true })
  assert.ok(origin.connections.length - before <= 1)
})

test('RFC 9110 7.6.1: close by the origin ends its own connection, not the one of the client', async () => {
  const answer = await ask(get() + get(), {
    answers: 2,
    reply: (r) => {
      r.send(ok('Connection: close\r\n'))
      r.close()
    },
  })
  assert.equal(answer.answers.length, 2)
  assert.equal(answer.end, 'open')
  assert.deepEqual(members(answer.values('connection')), [])
})
