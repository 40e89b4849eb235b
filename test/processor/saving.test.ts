// Requests that could be saved are saved: truncated answers, slow tries, a second try beside a slow one; and never too many tries.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startGateway } from '../kit/gateway.js'
import { request } from '../kit/http.js'
import { startOrigin } from '../kit/origin.js'
import { waitFor } from '../kit/wait.js'
import { assertProblem, service } from './asserting.js'

const ON = ['connect', 'reset', 'timeout', '503']
const HALF = 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf'

test('a short answer that is cut off half way is tried again where answers are held', async (t) => {
  const broken = await startOrigin(t, (r) => {
    r.send(HALF)
    r.close()
  })
  const good = await startOrigin(t, (r) => r.answer(200, 'whole'))
  const gateway = await startGateway(
    t,
    service([{ url: broken.address, priority: 'high' }, good.address], { retry: { on: ON, hold: '16KiB' } }),
  )
  const answer = await request(gateway.port, 'GET', '/s')
  assert.deepEqual([answer.status, answer.text()], [200, 'whole'])
  assert.equal(broken.requests.length, 1)
})

test('an answer that drips is tried again when its try has used its time up', async (t) => {
  const slow = await startOrigin(t, async (r) => {
    await r.drip('HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n' + 'x'.repeat(1000), { pieceBytes: 20, everyMs: 40 })
  })
  const good = await startOrigin(t, (r) => r.answer(200, 'whole'))
  const retry = { on: ON, hold: '16KiB', per_try: '150ms' }
  const gateway = await startGateway(t, service([{ url: slow.address, priority: 'high' }, good.address], { retry }))
  assert.equal((await request(gateway.port, 'GET', '/s')).text(), 'whole')
})

test('an answer that is longer than what is held is passed on as it comes', async (t) => {
  const broken = await startOrigin(t, (r) => {
    r.send(HALF)
    r.close()
  })
  const gateway = await startGateway(t, service(broken.address, { retry: { on: ON, hold: 9 } }))
  await assert.rejects(request(gateway.port, 'GET', '/s'))
  assert.equal(broken.requests.length, 1)
})

test('a held answer reaches its client byte for byte, also when it comes in pieces', async (t) => {
  const body = Array.from({ length: 5000 }, (_, i) => String.fromCharCode(33 + (i % 90))).join('')
  const origin = await startOrigin(t, async (r) => {
    await r.drip(`HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n${body}`, { pieceBytes: 1300, everyMs: 5 })
  })
  const gateway = await startGateway(t, service(origin.address, { retry: { hold: '16KiB' } }))
  for (let i = 0; i < 3; i++) assert.equal((await request(gateway.port, 'GET', '/s')).text(), body)
})

test('a try that is slow is followed by another one before the time for the first byte is over', async (t) => {
  const hanging = await startOrigin(t, () => undefined)
  const good = await startOrigin(t, (r) => r.answer(200, 'good'))
  const gateway = await startGateway(
    t,
    service([{ url: hanging.address, priority: 'high' }, good.address], { retry: { on: ON, per_try: '100ms' } }),
  )
  assert.equal((await request(gateway.port, 'GET', '/s')).text(), 'good')
})

test('a POST is not tried again after its try was slow', async (t) => {
  const hanging = await startOrigin(t, () => undefined)
  const good = await startOrigin(t, (r) => r.answer(200, 'good'))
  const gateway = await startGateway(
    t,
    service([{ url: hanging.address, priority: 'high' }, good.address], {
      retry: { on: ON, per_try: '100ms' },
      timeout: { first_byte: '300ms' },
    }),
  )
  assertProblem(await request(gateway.port, 'POST', '/s', { body: 'x' }), 504, 'answer-timeout')
  assert.equal(good.requests.length, 0)
})

test('a POST with a key that makes it safe to repeat is tried again where the service says so', async (t) => {
  const broken = await startOrigin(t, (r) => r.reset())
  const good = await startOrigin(t, async (r) => r.answer(200, await r.body()))
  const gateway = await startGateway(
    t,
    service([{ url: broken.address, priority: 'high' }, good.address], {
      retry: { on: ON, unsafe: 'idempotency-key' },
    }),
  )
  const body = 'once'
  assertProblem(await request(gateway.port, 'POST', '/s', { body }), 502, 'connection-reset')
  const keyed = await request(gateway.port, 'POST', '/s', { body, fields: { 'Idempotency-Key': 'k' } })
  assert.equal(keyed.text(), 'once')
})

test('a second try beside a slow first one answers, and the first is given up', async (t) => {
  const slow = await startOrigin(t, () => undefined)
  const good = await startOrigin(t, (r) => r.answer(200, 'good'))
  const gateway = await startGateway(
    t,
    service([{ url: slow.address, priority: 'high' }, good.address], { hedge: { after: '50ms', most: 1 } }),
  )
  assert.equal((await request(gateway.port, 'GET', '/s')).text(), 'good')
  await waitFor(() => slow.connections.every(({ open }) => !open))
  const report = gateway.report()
  const hedges = report.tried.map(({ hedges: n }) => n).reduce((sum, n) => sum + n, 0)
  assert.deepEqual([hedges, report.retries, gateway.core.inFlight], [1, 0, 0])
  assert.deepEqual(
    [...gateway.endpoints.values()].map(({ inFlight }) => inFlight),
    [0, 0],
  )
})

test('a POST never has a second try beside it', async (t) => {
  const slow = await startOrigin(t, async (r) => {
    await r.body()
    setTimeout(() => r.answer(200, 'slow'), 200)
  })
  const good = await startOrigin(t, (r) => r.answer(200, 'good'))
  const gateway = await startGateway(
    t,
    service([{ url: slow.address, priority: 'high' }, good.address], { hedge: { after: '20ms', most: 1 } }),
  )
  assert.equal((await request(gateway.port, 'POST', '/s', { body: 'x' })).text(), 'slow')
  assert.equal(good.requests.length, 0)
})

test('an instance that says when to come again is not asked before, and its answer is passed on', async (t) => {
  const busy = await startOrigin(t, (r) => r.answer(503, 'busy', { 'Retry-After': '7' }))
  const gateway = await startGateway(t, service(busy.address, { retry: { on: ON }, outlier: false }))
  const answer = await request(gateway.port, 'GET', '/s')
  assert.deepEqual([answer.status, answer.field('retry-after'), busy.requests.length], [503, '7', 1])
})

test('a hundred requests at instances that all fail make a hundred tries, a fifth more, and the floor', async (t) => {
  let tries = 0
  const failing = () => startOrigin(t, (r) => (tries++, r.answer(503, 'no')))
  const origins = await Promise.all([failing(), failing(), failing()])
  const gateway = await startGateway(
    t,
    service(
      origins.map(({ address }) => address),
      { retry: { attempts: 3, on: ON, budget: { share: 0.2, floor: 5 } }, outlier: false },
    ),
  )
  const answers = await Promise.all(Array.from({ length: 100 }, () => request(gateway.port, 'GET', '/s')))
  assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([503]))
  assert.ok(tries > 100 && tries <= 125, `${tries} tries`)
  const spent = gateway.report().services.find(({ service: name }) => name === 's')
  assert.ok((spent?.budgetSpent ?? 0) > 0)
})

for (const retry of [
  { attempts: 2, on: ON },
  { attempts: 3, on: ON, budget: { share: 0, floor: 0 } },
])
  test(`a second try that fails at once leaves the first one its time: ${JSON.stringify(retry)}`, async (t) => {
    let answer: (() => void) | undefined
    const slow = await startOrigin(t, (r) => (answer = () => r.answer(200, 'good')))
    const bad = await startOrigin(t, (r) => r.answer(503, 'bad'))
    const servers = [{ url: slow.address, priority: 'high' }, bad.address]
    const gateway = await startGateway(t, service(servers, { hedge: { after: '30ms', most: 1 }, retry }))
    const asked = request(gateway.port, 'GET', '/s')
    await waitFor(() => gateway.report().tried.some(({ failure }) => failure === 1))
    answer?.()
    assert.equal((await asked).text(), 'good')
    assert.equal(bad.requests.length, 1)
  })

test('a slow try that nothing may follow has all its time: without the reason, the budget, or another instance', async (t) => {
  const start = () => startOrigin(t, (r) => setTimeout(() => r.answer(200, 'slow'), 400))
  const [a, b] = [await start(), await start()]
  const slow = { attempts: 3, per_try: '100ms' }
  for (const [servers, retry] of [
    [[a.address, b.address], { ...slow, on: ['connect'] }],
    [[a.address, b.address], { ...slow, on: ['timeout'], budget: { share: 0, floor: 0 } }],
    [[a.address], { ...slow, on: ['timeout'] }],
  ] as const) {
    const gateway = await startGateway(t, service(servers, { retry }))
    assert.equal((await request(gateway.port, 'GET', '/s')).text(), 'slow')
  }
})
