// RFC 9110 section 9: what a method asks of an intermediary.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { get, members, OK, ok, startRig } from './rig.js'

const { ask, origin } = await startRig({ after }, (address) => ({
  routes: [{ match: { path: '/read', methods: ['GET'] }, service: 's' }],
  services: { broken: { servers: [address], apis: ['/broken'], retry: { attempts: 3 } } },
}))

test('RFC 9110 9.1: GET and HEAD are served', async () => {
  assert.equal((await ask(get())).body, 'ok')
  assert.equal((await ask('HEAD /s HTTP/1.1\r\nHost: h\r\n\r\n', { head: true })).status, 200)
})

test('RFC 9110 9.1: the case of a method means something and is kept', async () => {
  for (const method of ['get', 'Get', 'gET']) {
    const answer = await ask(`${method} /s HTTP/1.1\r\nHost: h\r\n\r\n`)
    assert.equal(answer.requests[0]?.startLine, `${method} /s HTTP/1.1`)
  }
})

test('RFC 9110 9.2.2: a request that is not idempotent is not sent again after its connection broke', async () => {
  for (const method of ['POST', 'PATCH', 'UNHEARD']) {
    const answer = await ask(`${method} /broken HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi`, {
      reply: async (r) => {
        await r.body()
        r.close()
      },
    })
    assert.equal(answer.requests.length, 1, method)
    assert.equal(answer.status, 502)
  }
})

test('RFC 9110 9.2.2: nor is it when the connection was kept from a request before', async () => {
  await ask(get('', '/broken'))
  const answer = await ask('POST /broken HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi', {
    reply: async (r) => {
      await r.body()
      r.reset()
    },
  })
  assert.equal(answer.requests.length, 1)
  assert.equal(answer.status, 502)
})

test('RFC 9110 9.3.2: an answer to HEAD has no content, whoever answers', async () => {
  const second = 'GET /s HTTP/1.1\r\nHost: h\r\n\r\n'
  for (const target of ['/s', '/nowhere', '/read']) {
    const answer = await ask(`HEAD ${target} HTTP/1.1\r\nHost: h\r\n\r\n${second}`, {
      reply: (r) => r.send(r.method === 'HEAD' ? 'HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n' : OK),
      answers: 2,
      head: [0],
    })
    assert.equal(answer.answers.length, 2, target)
    assert.equal(answer.answers[1]?.body.toString(), 'ok')
  }
})

test('RFC 9110 9.3.2 SHOULD: an answer to HEAD has the fields that GET would have', async () => {
  const fields = ok('ETag: "a"\r\nContent-Type: text/plain\r\nVary: x\r\n').replace(/ok$/, '')
  const answer = await ask('HEAD /s HTTP/1.1\r\nHost: h\r\n\r\n', { reply: fields, head: true })
  assert.deepEqual(
    [answer.values('etag'), answer.values('content-length'), answer.values('vary')],
    [['"a"'], ['2'], ['x']],
  )
  const names = (raw: string) => [...raw.matchAll(/^([\w-]+):/gm)].map(([, name]) => name)
  const problem = await ask('HEAD /nowhere HTTP/1.1\r\nHost: h\r\n\r\n', { head: true })
  const same = await ask('GET /nowhere HTTP/1.1\r\nHost: h\r\n\r\n')
  assert.deepEqual(names(problem.raw), names(same.raw.split('\r\n\r\n')[0] ?? ''))
})

test('RFC 9110 9.3.6: CONNECT to an empty or an impossible port is rejected', async () => {
  for (const target of ['example.org', 'example.org:', 'example.org:0x50', 'example.org:99999', ':80']) {
    const answer = await ask(`CONNECT ${target} HTTP/1.1\r\nHost: h\r\n\r\n`, { toEnd: true })
    assert.match(String(answer.status), /^[45]\d\d$/, target)
    assert.equal(answer.sent, '')
  }
})

test('RFC 9110 9.3.6: CONNECT opens no tunnel here', async () => {
  const answer = await ask(`CONNECT ${origin.address} HTTP/1.1\r\nHost: ${origin.address}\r\n\r\n${get()}`, {
    toEnd: true,
  })
  assert.match(String(answer.status), /^(400|405|501)$/)
  assert.equal(answer.answers.length, 1)
  assert.equal(answer.sent, '')
})

test('RFC 9110 9.3.7: OPTIONS * is a question to the gateway', async () => {
  const answer = await ask('OPTIONS * HTTP/1.1\r\nHost: example.org\r\n\r\n')
  assert.match(String(answer.status), /^20[04]$/)
  assert.equal(answer.sent, '')
})

test('RFC 9110 9.3.7 SHOULD: a good answer of the gateway to OPTIONS names the methods in Allow', async () => {
  for (const target of ['/s', '/read', '*']) {
    const answer = await ask(`OPTIONS ${target} HTTP/1.1\r\nHost: h\r\nMax-Forwards: 0\r\n\r\n`)
    if (answer.status >= 300) assert.equal(target, '/read')
    const allowed = members(answer.values('allow'))
    assert.ok(allowed.includes('get') && allowed.includes('head'), `${target}: ${allowed.join()}`)
  }
})

test('RFC 9110 9.3.7: OPTIONS for a path is a question to the origin', async () => {
  const answer = await ask('OPTIONS /s/x HTTP/1.1\r\nHost: h\r\n\r\n', { reply: ok('Allow: GET, BREW\r\n') })
  assert.equal(answer.requests[0]?.startLine, 'OPTIONS /s/x HTTP/1.1')
  assert.deepEqual(answer.values('allow'), ['GET, BREW'])
})

const TRACE =
  'TRACE /s?x=1 HTTP/1.1\r\nHost: example.org\r\nMax-Forwards: 0\r\nX-Mine: 7\r\nAuthorization: Basic c2VjcmV0\r\n' +
  'Cookie: id=secret-cookie\r\nProxy-Authorization: Basic c2VjcmV0\r\nVia: 1.1 fred\r\n\r\n'

test('RFC 9110 9.3.8 SHOULD: the final recipient of TRACE reflects the message that it received', async () => {
  const answer = await ask(TRACE)
  assert.equal(answer.status, 200)
  assert.deepEqual(answer.values('content-type'), ['message/http'])
  assert.match(answer.body, /^TRACE \/s\?x=1 HTTP\/1\.1\r\n/)
  assert.match(answer.body, /^Host: example\.org\r\n/im)
  assert.match(answer.body, /^X-Mine: 7\r\n/im)
  assert.match(answer.body, /^Via: .*1\.1 fred/im)
  assert.equal(answer.sent, '')
})

test('RFC 9110 9.3.8 SHOULD: what is reflected of TRACE has no credentials and no cookies', async () => {
  const answer = await ask(TRACE)
  assert.equal(answer.sent, '')
  assert.doesNotMatch(answer.raw, /c2VjcmV0|secret-cookie/)
})
