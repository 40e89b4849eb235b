// The pipe `cache` over real sockets: what is asked of the origin, and what clients get.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { rawRequest, request } from '../../kit/http.js'
import type { OriginRequest } from '../../kit/origin.js'
import { waitFor } from '../../kit/wait.js'
import { counting, HOUR, stale, startCached } from './cache-rig.js'

test('two requests within a minute of freshness are one at the origin, and the second is a hit with its age', async (t) => {
  const { origin, get } = await startCached(t, counting({ 'Cache-Control': 'max-age=60', 'X-Of-Origin': 'kept' }))
  const first = await get('/a')
  assert.equal(first.field('cache-status'), 'serverpy; fwd=uri-miss; stored')
  assert.equal(first.field('age'), undefined)
  const second = await get('/a')
  assert.equal(second.text(), 'answer 1')
  assert.match(second.field('age') ?? '', /^\d$/)
  assert.match(second.field('cache-status') ?? '', /^serverpy; hit; ttl=(5\d|60)$/)
  assert.equal(second.field('x-of-origin'), 'kept')
  assert.equal(second.field('date'), first.field('date'))
  assert.notEqual(second.field('x-request-id'), first.field('x-request-id'))
  assert.equal(second.fields.filter(([name]) => name.toLowerCase() === 'via').length, 1)
  assert.equal(origin.requests.length, 1)
})

test('HEAD is answered from what a GET has left', async (t) => {
  const { origin, get, ask } = await startCached(t, counting(HOUR))
  await get('/a')
  const head = await ask('HEAD', '/a')
  assert.equal(head.status, 200)
  assert.equal(head.field('content-length'), '8')
  assert.match(head.field('cache-status') ?? '', /hit/)
  assert.equal(origin.requests.length, 1)
})

test('two variants by Vary are both hits, and a third one is not', async (t) => {
  const { origin, get } = await startCached(t, counting({ ...HOUR, Vary: 'Accept-Language' }))
  const inLanguage = async (language: string) => (await get('/a', { 'Accept-Language': language })).text()
  assert.equal(await inLanguage('en'), 'answer 1')
  assert.equal(await inLanguage('de'), 'answer 2')
  assert.equal(await inLanguage('EN'), 'answer 1')
  assert.equal(await inLanguage('de'), 'answer 2')
  assert.equal((await get('/a')).field('cache-status'), 'serverpy; fwd=vary-miss; stored')
  assert.equal(origin.requests.length, 3)
})

test('a stale answer is validated by its ETag, and a 304 renews it with the fields that it brings', async (t) => {
  const { origin, get } = await startCached(t, (req) =>
    req.field('if-none-match') === '"v1"'
      ? req.send('HTTP/1.1 304 Not Modified\r\nETag: "v1"\r\nCache-Control: max-age=60\r\nX-Mark: new\r\n\r\n')
      : req.answer(200, 'body', { ...stale('must-revalidate'), 'X-Mark': 'old', 'X-Kept': 'yes' }),
  )
  await get('/a')
  const validated = await get('/a')
  assert.equal(validated.status, 200)
  assert.equal(validated.text(), 'body')
  assert.equal(validated.field('x-mark'), 'new')
  assert.equal(validated.field('x-kept'), 'yes')
  assert.equal(validated.field('cache-status'), 'serverpy; fwd=stale; fwd-status=304')
  assert.match((await get('/a')).field('cache-status') ?? '', /hit/)
  assert.equal(origin.requests.length, 2)
})

test('a client that has the answer gets 304 from the store, also when the store had to validate it', async (t) => {
  const { origin, get } = await startCached(t, (req) =>
    req.field('if-none-match') === undefined
      ? req.answer(200, 'body', { ...HOUR, ETag: '"v1"', 'Last-Modified': 'Wed, 01 Jan 2020 00:00:00 GMT' })
      : req.send('HTTP/1.1 304 Not Modified\r\nETag: "v1"\r\n\r\n'),
  )
  await get('/a')
  const fresh = await get('/a', { 'If-None-Match': '"other", W/"v1"' })
  assert.equal(fresh.status, 304)
  assert.equal(fresh.field('etag'), '"v1"')
  assert.equal(fresh.body.length, 0)
  assert.equal((await get('/a', { 'If-None-Match': '"other"' })).status, 200)
  assert.equal((await get('/a', { 'If-Modified-Since': 'Wed, 01 Jan 2020 00:00:00 GMT' })).status, 304)
  assert.equal((await get('/a', { 'If-Modified-Since': 'Tue, 31 Dec 2019 00:00:00 GMT' })).status, 200)
  assert.equal(origin.requests.length, 1)
  assert.equal((await get('/a', { 'If-None-Match': '"v1"', 'Cache-Control': 'no-cache' })).status, 304)
  assert.equal(origin.requests.length, 2)
})

test('what must not be stored is not: no-store, private, Authorization, cookies, a body in the request', async (t) => {
  const { origin, get, gateway, ask } = await startCached(
    t,
    counting((req) => {
      switch (req.target) {
        case '/no-store':
          return { 'Cache-Control': 'max-age=60, no-store' }
        case '/private':
          return { 'Cache-Control': 'max-age=60, private' }
        case '/cookie':
          return { ...HOUR, 'Set-Cookie': 'a=b' }
        case '/vary':
          return { ...HOUR, Vary: '*' }
        case '/for':
          return { ...HOUR, Vary: 'X-Forwarded-For' }
        default:
          return HOUR
      }
    }),
  )
  for (const target of ['/no-store', '/private', '/cookie', '/vary', '/for']) {
    await get(target)
    assert.doesNotMatch((await get(target)).field('cache-status') ?? '', /hit/, target)
  }
  await get('/auth', { Authorization: 'Basic c2VjcmV0' })
  assert.doesNotMatch((await get('/auth')).field('cache-status') ?? '', /hit/)
  const before = origin.requests.length
  await request(gateway.port, 'GET', '/fat', { body: 'evil' })
  assert.doesNotMatch((await get('/fat')).field('cache-status') ?? '', /hit/)
  assert.match((await get('/fat')).field('cache-status') ?? '', /hit/)
  assert.equal(origin.requests.length, before + 2)
  await ask('GET', '/mine', { 'Cache-Control': 'no-store' })
  assert.doesNotMatch((await get('/mine')).field('cache-status') ?? '', /hit/)
})

test('an answer to Authorization that says public is stored, and hosts do not share one', async (t) => {
  const { origin, get } = await startCached(t, counting({ 'Cache-Control': 'public, max-age=60' }))
  await get('/a', { Authorization: 'Basic c2VjcmV0', Host: 'one.example' })
  assert.equal((await get('/a', { Host: 'one.example' })).text(), 'answer 1')
  assert.equal((await get('/a', { Host: 'ONE.example:80' })).text(), 'answer 1')
  assert.equal((await get('/a', { Host: 'two.example' })).text(), 'answer 2')
  assert.equal(origin.requests.length, 2)
})

test('a request that changes something makes the stored answer go, and what it names of the same origin', async (t) => {
  const { get, ask } = await startCached(
    t,
    counting((req) =>
      req.method === 'POST' ? { Location: '/b', 'Content-Location': 'http://elsewhere.example/c' } : HOUR,
    ),
  )
  const hit = async (target: string) => /hit/.test((await get(target)).field('cache-status') ?? '')
  for (const target of ['/a', '/b', '/c']) await get(target)
  await ask('OPTIONS', '/a')
  assert.ok(await hit('/a'), 'a safe method changes nothing')
  assert.equal((await ask('POST', '/a')).field('cache-status'), 'serverpy; fwd=method')
  assert.ok(!(await hit('/a')))
  assert.ok(!(await hit('/b')))
  assert.ok(await hit('/c'), 'another origin has no say')
  for (const method of ['PUT', 'DELETE', 'PATCH', 'M-SEARCH']) {
    await get('/a')
    await ask(method, '/a')
    assert.ok(!(await hit('/a')), method)
  }
})

test('what a POST answers is what a GET may have only where it says for how long', async (t) => {
  const said: Record<string, Record<string, string>> = { '/none': {}, '/tag': { ETag: '"v1"' }, '/time': HOUR }
  const { get, ask } = await startCached(
    t,
    (req) => req.answer(200, req.method, { ...said[req.target], 'Content-Location': req.target }),
    { ttl: '1m' },
  )
  for (const target of Object.keys(said)) await ask('POST', target)
  assert.equal((await get('/none')).text(), 'GET')
  assert.equal((await get('/tag')).text(), 'GET')
  assert.equal((await get('/time')).text(), 'POST')
})

test('a failed change leaves the stored answer alone', async (t) => {
  const { get, ask } = await startCached(t, (req) =>
    req.method === 'DELETE' ? req.answer(500, 'no') : req.answer(200, 'body', HOUR),
  )
  await get('/a')
  await ask('DELETE', '/a')
  assert.match((await get('/a')).field('cache-status') ?? '', /hit/)
})

test('a part of a stored answer is a 206 from the store, as If-Range allows it', async (t) => {
  const { origin, get } = await startCached(t, (req) => req.answer(200, '0123456789', { ...HOUR, ETag: '"v1"' }))
  await get('/a')
  const part = await get('/a', { Range: 'bytes=2-4' })
  assert.equal(part.status, 206)
  assert.equal(part.text(), '234')
  assert.equal(part.field('content-range'), 'bytes 2-4/10')
  assert.equal((await get('/a', { Range: 'bytes=-3' })).text(), '789')
  assert.equal((await get('/a', { Range: 'bytes=8-99' })).text(), '89')
  assert.equal((await get('/a', { Range: 'bytes=2-4', 'If-Range': '"v1"' })).status, 206)
  assert.equal((await get('/a', { Range: 'bytes=2-4', 'If-Range': '"v2"' })).status, 200)
  assert.equal((await get('/a', { Range: 'bytes=0-1,3-4' })).status, 200)
  const none = await get('/a', { Range: 'bytes=10-' })
  assert.equal(none.status, 416)
  assert.equal(none.field('content-range'), 'bytes */10')
  assert.equal(origin.requests.length, 1)
})

test('a part that the origin sends is never taken for the whole', async (t) => {
  const { origin, get } = await startCached(t, (req) =>
    req.field('range') === undefined
      ? req.answer(200, '0123456789', HOUR)
      : req.answer(206, '01', { ...HOUR, 'Content-Range': 'bytes 0-1/10' }),
  )
  assert.equal((await get('/a', { Range: 'bytes=0-1' })).status, 206)
  assert.equal((await get('/a')).text(), '0123456789')
  assert.equal(origin.requests.length, 2)
})

test('an answer that breaks off is not stored', async (t) => {
  let count = 0
  const { get, gateway } = await startCached(t, (req) => {
    if (++count > 1) return req.answer(200, 'whole', HOUR)
    req.send('HTTP/1.1 200 OK\r\nCache-Control: max-age=3600\r\nContent-Length: 100\r\n\r\npart')
    return req.close()
  })
  await assert.rejects(rawRequest(gateway.port, 'GET /a HTTP/1.1\r\nHost: x\r\n\r\n', { untilClose: true }))
  assert.equal((await get('/a', { Host: 'x' })).text(), 'whole')
})

test('an answer in chunks is stored whole and sent with its length', async (t) => {
  const { get } = await startCached(t, (req) =>
    req.send(
      'HTTP/1.1 200 OK\r\nCache-Control: max-age=3600\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n',
    ),
  )
  assert.equal((await get('/a')).text(), 'abcdefg')
  const hit = await get('/a')
  assert.equal(hit.text(), 'abcdefg')
  assert.equal(hit.field('content-length'), '7')
})

test('a stale answer is served while one request refreshes it in the background', async (t) => {
  let count = 0
  const { origin, get } = await startCached(t, (req) =>
    ++count === 1
      ? req.answer(200, 'old', stale('stale-while-revalidate=600'))
      : req.answer(200, 'new', { ...HOUR, ETag: '"v2"' }),
  )
  await get('/a')
  const [first] = await Promise.all([get('/a'), get('/a'), get('/a')])
  assert.equal(first.text(), 'old')
  assert.match(first.field('cache-status') ?? '', /hit; ttl=-\d/)
  await waitFor(async () => (await get('/a')).text() === 'new', { what: 'the refreshed answer' })
  assert.equal(origin.requests.length, 2)
  assert.equal(origin.requests[1]?.field('if-none-match'), '"v1"')
})

test('a stale answer stands in for a failure of the service, within its time and unless that is forbidden', async (t) => {
  const { get } = await startCached(
    t,
    (() => {
      const seen = new Set<string>()
      return (req: OriginRequest) => {
        if (!seen.has(req.target)) {
          seen.add(req.target)
          const strict = req.target.startsWith('/strict')
          return req.answer(200, 'good', stale(`stale-if-error=600${strict ? ', must-revalidate' : ''}`))
        }
        return req.target.endsWith('reset') ? req.reset() : req.answer(503, 'bad')
      }
    })(),
  )
  for (const target of ['/503', '/reset']) {
    await get(target)
    const answer = await get(target)
    assert.equal(answer.status, 200, target)
    assert.equal(answer.text(), 'good')
  }
  await get('/strict-503')
  assert.equal((await get('/strict-503')).status, 503)
  await get('/strict-reset')
  assert.equal((await get('/strict-reset')).status, 502)
})

test('a client may want what is fresh, what is stored, or what is not too old', async (t) => {
  const { origin, get } = await startCached(t, counting({ 'Cache-Control': 'max-age=600', Age: '300' }))
  const wanting = (wish: string) => get('/a', { 'Cache-Control': wish })
  assert.equal((await wanting('only-if-cached')).status, 504)
  assert.equal(origin.requests.length, 0)
  await get('/a')
  assert.equal((await wanting('only-if-cached')).text(), 'answer 1')
  assert.equal((await wanting('max-age=400')).text(), 'answer 1')
  assert.equal((await wanting('max-age=200')).text(), 'answer 2')
  assert.equal((await wanting('min-fresh=400')).text(), 'answer 3')
  assert.equal((await wanting('no-cache')).text(), 'answer 4')
  assert.equal((await get('/a', { Pragma: 'no-cache' })).text(), 'answer 5')
})

test('what a POST answers for its own URL is what a GET gets, and a HEAD renews it or makes it stale', async (t) => {
  let count = 0
  const { origin, get, ask } = await startCached(t, (req) => {
    count++
    if (req.method === 'POST') return req.answer(200, 'made', { ...HOUR, 'Content-Location': '/a' })
    const length = req.target === '/b' ? 6 : 9
    const lines = `Cache-Control: max-age=60\r\nX-Mark: ${count}\r\n`
    if (req.method === 'HEAD') return req.send(`HTTP/1.1 200 OK\r\n${lines}Content-Length: ${length}\r\n\r\n`)
    return req.answer(200, 'body 1', { 'Cache-Control': 'max-age=60', Age: '61', ETag: '"v1"' })
  })
  await ask('POST', '/a')
  assert.equal((await get('/a')).text(), 'made')
  assert.equal(origin.requests.length, 1)
  await get('/b')
  await ask('HEAD', '/b')
  const renewed = await get('/b')
  assert.match(renewed.field('cache-status') ?? '', /hit/)
  assert.equal(renewed.field('x-mark'), '3')
  await get('/c')
  await ask('HEAD', '/c')
  assert.doesNotMatch((await get('/c')).field('cache-status') ?? '', /hit/)
})
