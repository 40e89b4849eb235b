// What a pipe says is checked before it goes out: words of a client's in it become neither another answer nor another request.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { rawRequest, request } from '../../kit/http.js'
import { waitFor } from '../../kit/wait.js'
import { pipeOf, startPiped } from './rig.js'

test('a reply that cannot be read or sent fails its exchange alone', async (t) => {
  const bad = pipeOf(`onRequest(x) { const ways = {
      '/split': () => ({ status: 200, lines: 'X: a\\r\\nContent-Length: 3\\r\\n\\r\\nabcHTTP/1.1 299 Other\\r\\n\\r\\n', body: 'x' }),
      '/framed': () => ({ status: 200, lines: 'Content-Length: 100\\r\\n', body: 'x' }),
      '/web': () => new Response('no', { status: 403, headers: { a: 'b' } }),
      '/nothing': () => ({ status: 200, headers: { 'X-User': undefined } }),
      '/set': () => x.headers.set('X-User', undefined),
      '/then': () => ({ get then() { throw new Error('then') } }),
      '/getter': () => ({ status: 200, get relayed() { throw new Error('relayed') } }),
      '/later': async () => ({ get status() { throw new Error('status') } }),
    }; return ways[x.path]?.() },
    onResponse(x, answer) { if (x.path === '/answer') return { get then() { throw new Error('then') } } },`)
  const { port, gateway } = await startPiped(t, { bad }, [{ use: 'bad' }])
  for (const path of ['/split', '/framed', '/web', '/nothing', '/set', '/then', '/getter', '/later', '/answer'])
    assert.equal((await request(port, 'GET', path)).status, 500, path)
  await waitFor(() => gateway.core.inFlight === 0)
})

test('whole lines and plain values of a reply go out', async (t) => {
  const good = pipeOf(
    `onRequest: () => ({ status: 429, headers: { 'Retry-After': 5, 'X-Two': ['a', 'b'] }, lines: 'X-Line: c\\r\\n' }),`,
  )
  const { port } = await startPiped(t, { good }, [{ use: 'good' }])
  const raw = (await rawRequest(port, 'GET / HTTP/1.1\r\nHost: h\r\n\r\n')).toString()
  assert.match(raw, /X-Line: c\r\nRetry-After: 5\r\nX-Two: a\r\nX-Two: b\r\n/)
})

test('a reply counts as a failure by a code that is known, and by no other', async (t) => {
  const bad = pipeOf(`onRequest: (x) => ({ status: 403, error: x.query('error') }),
    onDone(x, outcome) { seen.push(outcome.error) },`)
  const { port } = await startPiped(t, { bad }, [{ use: 'bad' }])
  const seen = (globalThis as unknown as { serverpySeen: unknown[] }).serverpySeen
  seen.length = 0
  for (const error of ['forbidden', 'toString', 'whatever'])
    assert.equal((await request(port, 'GET', `/?error=${error}`)).status, 403)
  await waitFor(() => seen.length === 3)
  assert.deepEqual(seen.splice(0), ['forbidden', '', ''])
})

test('words of a client in a call make no other request of it', async (t) => {
  const asking = pipeOf(`async onRequest(x) {
    if (x.path === '/asked') return
    const call = { service: 'api', method: 'GET', target: '/asked', fields: '', timeoutMs: 5000, mostBytes: 1000 }
    const given = { [x.path.slice(1)]: x.query('v') }
    const { answer } = (x.query('by') === 'tools' ? tools : x).call({ ...call, ...given })
    return { status: 200, body: (await answer).body }
  },`)
  const split = 'a%20HTTP/1.1%0d%0aHost:%20h%0d%0a%0d%0aGET%20/other'
  for (const isolate of ['none', 'thread']) {
    const { port, origin } = await startPiped(t, { asking }, [{ use: 'asking', isolate }])
    for (const by of ['x', 'tools']) {
      const status = async (what: string, v: string) => (await request(port, 'GET', `/${what}?by=${by}&v=${v}`)).status
      for (const [what, v] of [
        ['target', `/${split}`],
        ['method', split],
        ['fields', `A: b%0d%0a%0d%0aGET%20/other%20HTTP/1.1%0d%0aHost:%20h%0d%0a`],
        ['fields', `A: b`],
        ['fields', `Content-Length: 5%0d%0a`],
        ['fields', `host: other%0d%0a`],
        ['mostBytes', 'many'],
      ] as const) {
        const passes = isolate === 'thread' && (v === 'A: b' || what === 'mostBytes')
        if (!passes) assert.equal(await status(what, v.replaceAll(' ', '%20')), 500, `${what} ${v}`)
      }
    }
    assert.deepEqual(origin.requests, [])
  }
})

test('the body of a call may be text', async (t) => {
  const asking = pipeOf(`async onRequest(x) {
    if (x.path === '/asked') return
    const call = { service: 'api', method: 'POST', target: '/asked', fields: '', timeoutMs: 5000, mostBytes: 1000 }
    const body = '{"name":"Zoë"}'
    return { status: 200, body: (await (x.path === '/tools' ? tools : x).call({ ...call, body }).answer).body }
  },`)
  for (const isolate of ['none', 'thread']) {
    const { port } = await startPiped(t, { asking }, [{ use: 'asking', isolate }])
    for (const path of ['/x', '/tools'])
      assert.equal((await request(port, 'GET', path)).text(), 'POST /asked {"name":"ZoÃ«"}')
  }
})

test('a pipe that does not catch what its call came to has failed', async (t) => {
  const asking = pipeOf(`async onRequest(x) {
    await x.call({ service: 'nowhere', method: 'GET', target: '/', fields: '', timeoutMs: 0, mostBytes: 10 }).answer
  },`)
  const { port, gateway } = await startPiped(t, { asking }, [
    { use: 'asking', name: 'left-out', on_throw: 'skip', breaker: { failures: 2, open: '1m' } },
  ])
  for (let i = 0; i < 3; i++) assert.equal((await request(port, 'GET', '/')).status, 200)
  const [step] = [...gateway.pipes.steps]
  assert.deepEqual([step?.failed, step?.barred], [2, 1])
  const told = await startPiped(t, { asking }, [{ use: 'asking' }])
  assert.equal((await request(told.port, 'GET', '/')).status, 503)
})
