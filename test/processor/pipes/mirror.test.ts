// The pipe `mirror` over real sockets: what the copy is, and that no client ever waits for it.
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { test } from 'node:test'
import { startGateway } from '../../kit/gateway.js'
import { rawRequest, request } from '../../kit/http.js'
import { startOrigin, type OriginHandler } from '../../kit/origin.js'
import type { Cleanup } from '../../kit/process.js'
import { waitFor } from '../../kit/wait.js'
import { saidOf } from './faults.js'
import { keepingLog } from './rig.js'

async function startMirror(
  t: Cleanup,
  options: Record<string, unknown>,
  shadowHandler?: OriginHandler,
  mainHandler: OriginHandler = (req) => req.answer(200, 'main'),
) {
  const main = await startOrigin(t, mainHandler)
  const shadow = await startOrigin(t, shadowHandler ?? ((req) => req.answer(500, 'ignored')))
  const { log, lines } = keepingLog()
  const where = options['url'] === true ? { url: `http://${shadow.address}/base` } : { service: 'shadow' }
  const gateway = await startGateway(
    t,
    {
      services: {
        main: { servers: [main.address], apis: ['/'], pipes: [{ use: 'mirror', ...options, ...where }] },
        shadow: { servers: [shadow.address], apis: ['/shadow'] },
      },
    },
    undefined,
    { log },
  )
  const counts = () => [...gateway.pipes.steps][0]?.pipe?.metrics?.()
  return { port: gateway.port, main, shadow, lines, counts }
}

for (const url of [false, true]) {
  const what = url ? 'an address' : 'a service'
  test(`a copy goes to ${what}, and the client gets its own answer`, async (t) => {
    const { port, shadow } = await startMirror(t, { ...(url && { url }), without: ['Authorization'] })
    const fields = { 'X-A': '1', Authorization: 'secret' }
    const answer = await request(port, 'GET', '/x?y=1', { fields })
    assert.deepEqual([answer.status, answer.text()], [200, 'main'])
    const copy = await waitFor(() => shadow.requests[0], { what: 'the copy' })
    assert.deepEqual([copy.method, copy.target], ['GET', url ? '/base/x?y=1' : '/x?y=1'])
    assert.deepEqual([copy.field('x-a'), copy.field('authorization')], ['1', undefined])
    assert.equal(copy.fields.filter(([name]) => name.toLowerCase() === 'host').length, 1)
  })

  test(`a copy to ${what} has ${url ? 'no credentials' : 'all fields'} where nothing is said of them`, async (t) => {
    const { port, shadow } = await startMirror(t, { ...(url && { url }) })
    await request(port, 'GET', '/', { fields: { Authorization: 'secret', Cookie: 'a=b', 'X-A': '1' } })
    const copy = await waitFor(() => shadow.requests[0], { what: 'the copy' })
    const given = ['authorization', 'cookie', 'x-a'].map((name) => copy.field(name))
    assert.deepEqual(given, url ? [undefined, undefined, '1'] : ['secret', 'a=b', '1'])
  })

  test(`the copy of a body goes to ${what} when the body is whole`, async (t) => {
    const { port, shadow, main } = await startMirror(t, { ...(url && { url }), methods: ['POST'], body: '1KiB' })
    await request(port, 'POST', '/x', { body: 'hello' })
    const copy = await waitFor(() => shadow.requests[0], { what: 'the copy' })
    assert.equal((await copy.body()).toString(), 'hello')
    assert.equal((await main.requests[0]?.body())?.toString(), 'hello')
    await request(port, 'POST', '/long', { body: 'x'.repeat(2000) })
    await request(port, 'GET', '/get')
    await request(port, 'POST', '/y', { body: 'again' })
    await waitFor(() => shadow.requests.some(({ target }) => target.endsWith('/y')), { what: 'the second copy' })
    assert.equal(shadow.requests.length, 2, 'neither a long body nor another method is mirrored')
  })

  test(`${what} that hangs delays nobody, and no more copies are under way than are allowed`, async (t) => {
    const { port, shadow, lines, counts } = await startMirror(
      t,
      { ...(url && { url }), in_flight: 3, timeout: '20s' },
      () => {},
    )
    for (let i = 0; i < 20; i++) {
      const answer = await request(port, 'GET', '/', { timeoutMs: 2000 })
      assert.equal(answer.text(), 'main')
    }
    await waitFor(() => shadow.requests.length === 3, { what: 'the copies' })
    const told = await waitFor(() => lines.find(({ message }) => message === 'requests are not mirrored'))
    assert.equal(told.fields['shed'], 1, 'the first one is told at once')
    assert.deepEqual(counts(), { copies: 3, shed: 17, too_long: 0 })
  })

  test(`a copy to ${what} that takes too long is given up, and makes room`, async (t) => {
    const { port, shadow } = await startMirror(t, { ...(url && { url }), in_flight: 1, timeout: '50ms' }, () => {})
    await request(port, 'GET', '/')
    await waitFor(() => shadow.requests.length === 1, { what: 'the first copy' })
    await waitFor(async () => {
      await request(port, 'GET', '/')
      return shadow.requests.length >= 3
    })
  })

  test(`${what} that is gone or resets is no concern of the client`, async (t) => {
    const { port, shadow } = await startMirror(t, { ...(url && { url }) }, (req) => req.reset())
    for (let i = 0; i < 5; i++) assert.equal((await request(port, 'GET', '/')).text(), 'main')
    await shadow.stop()
    for (let i = 0; i < 5; i++) assert.equal((await request(port, 'GET', '/')).text(), 'main')
  })
}

test('a body that comes in pieces is copied whole', async (t) => {
  const { port, shadow } = await startMirror(t, { methods: ['POST'], body: '4KiB' }, undefined, (req) =>
    req.body().then(() => req.answer(200, 'main')),
  )
  const parts = ['a'.repeat(700), 'b', 'c'.repeat(1500), 'd'.repeat(1800)]
  const chunks = parts.map((part) => `${part.length.toString(16)}\r\n${part}\r\n`)
  await rawRequest(port, ['POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n', ...chunks, '0\r\n\r\n'])
  const copy = await waitFor(() => shadow.requests[0], { what: 'the copy' })
  assert.equal((await copy.body()).toString(), parts.join(''))
})

test('bodies that are slow to come take no more memory than all copies may have', async (t) => {
  const options = { methods: ['POST'], body: '1KiB', in_flight: 2 }
  const { port, shadow, counts } = await startMirror(t, options, undefined, (req) =>
    req.body().then(
      () => req.answer(200, 'main'),
      () => undefined,
    ),
  )
  const head = 'POST /slow HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n'
  const slow = Array.from({ length: 4 }, () => connect(port, '127.0.0.1').on('error', () => undefined))
  t.after(() => slow.forEach((socket) => socket.destroy()))
  for (const socket of slow) socket.write(head + 'x'.repeat(900))
  await waitFor(() => counts()?.['shed'] === 2, { what: 'those that go without a copy' })
  for (const socket of slow) socket.destroy()
  await waitFor(
    async () => {
      await request(port, 'POST', '/next', { body: 'x'.repeat(1000) })
      return shadow.requests.length > 0
    },
    { what: 'a copy, now that there is room again' },
  )
  assert.equal(shadow.requests[0]?.target, '/next')
})

test('nothing is kept of an answer that nobody wants', async (t) => {
  const origin = await startOrigin(t, (req) => req.answer(200, 'x'.repeat(50_000), { 'X-A': '1' }))
  const gateway = await startGateway(t, { services: { api: { servers: [origin.address], apis: ['/'] } } })
  const call = { service: 'api', method: 'GET', target: '/', fields: '', timeoutMs: 20_000, mostBytes: 60_000 }
  assert.equal((await gateway.core.call(call).answer).body.length, 50_000)
  const { status, fields, body } = await gateway.core.call({ ...call, discards: true }).answer
  assert.deepEqual([status, fields.get('x-a'), body.length], [200, '1', 0])
  await assert.rejects(gateway.core.call({ ...call, discards: true, mostBytes: 40_000 }).answer, /exceeds 40000/)
})

test('a share of the requests is mirrored', async (t) => {
  const { port, shadow } = await startMirror(t, { share: '50%' })
  for (let i = 0; i < 200; i++) await request(port, 'GET', '/')
  await waitFor(() => shadow.requests.length > 60, { what: 'the copies' })
  assert.ok(shadow.requests.length < 140, `${shadow.requests.length} of 200`)
})

test('faults of the config', () => {
  const faults = (options: object) => saidOf({ use: 'mirror', ...options }).faults.join()
  assert.match(faults({}), /a mirror needs "service" or "url"/)
  assert.match(faults({ service: 'api', url: 'http://x' }), /"service" is there too/)
  assert.match(faults({ service: 'nobody' }), /there is no service "nobody"/)
  assert.match(faults({ url: 'ftp://x' }), /must be a URL with http/)
  assert.match(faults({ url: 'http://me:secret@x' }), /no user/)
  assert.doesNotMatch(faults({ url: 'http://me:secret@x' }), /secret/)
})
