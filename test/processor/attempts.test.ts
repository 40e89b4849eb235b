// Which requests are tried again, where, and how attempts are counted.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startGateway } from '../kit/gateway.js'
import { request } from '../kit/http.js'
import { startOrigin } from '../kit/origin.js'
import { freePort } from '../kit/ports.js'
import { assertProblem, service } from './asserting.js'

test('one of two instances refuses: every GET is answered by the other', async (t) => {
  const origin = await startOrigin(t, (r) => r.answer(200, 'ok'))
  const gateway = await startGateway(t, service([origin.address, `127.0.0.1:${await freePort()}`]))
  const answers = await Promise.all(Array.from({ length: 200 }, () => request(gateway.port, 'GET', '/s')))
  assert.deepEqual(new Set(answers.map((answer) => answer.status)), new Set([200]))
  const report = gateway.report()
  assert.equal(report.served, 200)
  assert.ok(report.retries > 0)
})

test('a POST whose connection is refused goes to the other instance with its whole body', async (t) => {
  const origin = await startOrigin(t, async (r) => r.answer(200, await r.body()))
  const gateway = await startGateway(t, service([origin.address, `127.0.0.1:${await freePort()}`]))
  const body = 'x'.repeat(300_000)
  for (let i = 0; i < 6; i++) assert.equal((await request(gateway.port, 'POST', '/s', { body })).text(), body)
})

test('a POST that was read and then reset is delivered once and is a 502', async (t) => {
  let delivered = 0
  const origin = await startOrigin(t, async (r) => {
    await r.body()
    delivered++
    r.reset()
  })
  const spare = await startOrigin(t, (r) => {
    delivered++
    r.answer(200)
  })
  const gateway = await startGateway(t, service([{ url: origin.address, priority: 'high' }, spare.address]))
  const answer = await request(gateway.port, 'POST', '/s', { body: 'once' })
  assertProblem(answer, 502, 'connection-reset')
  assert.equal(delivered, 1)
})

test('a GET that was reset is tried at another instance', async (t) => {
  const broken = await startOrigin(t, (r) => r.reset())
  const good = await startOrigin(t, (r) => r.answer(200, 'good'))
  const gateway = await startGateway(t, service([{ url: broken.address, priority: 'high' }, good.address]))
  assert.equal((await request(gateway.port, 'GET', '/s')).text(), 'good')
  assert.equal(broken.requests.length, 1)
})

test('an idle connection that the instance closed costs nobody an error', async (t) => {
  // Closes after each answer without saying so, as a server does whose idle time is over.
  let answered = 0
  const origin = await startOrigin(t, (r) => {
    answered++
    if (answered % 2 === 1) r.answer(200, 'ok')
    else r.reset()
  })
  const gateway = await startGateway(t, service(origin.address, { retry: { attempts: 1 } }))
  assert.equal((await request(gateway.port, 'GET', '/s')).status, 200)
  assert.equal((await request(gateway.port, 'GET', '/s')).status, 200)
})

test('a try that never was is counted as none: one instance that refuses has one attempt and no retry', async (t) => {
  const gateway = await startGateway(t, service(`127.0.0.1:${await freePort()}`))
  for (let i = 0; i < 5; i++) assert.equal((await request(gateway.port, 'GET', '/s')).status, 502)
  const { attempts, retries, suspects } = gateway.report()
  assert.deepEqual([attempts.failure, retries, suspects.length], [5, 0, 1])
})

test('an exchange that uses up its total time is an attempt that timed out, at an instance that is suspected', async (t) => {
  const origin = await startOrigin(t, () => undefined)
  const gateway = await startGateway(t, service(origin.address, { timeout: '200ms' }))
  assertProblem(await request(gateway.port, 'GET', '/s'), 504, 'answer-timeout')
  const { attempts, suspects } = gateway.report()
  assert.deepEqual([attempts.timeout, suspects], [1, [`s/${origin.address}`]])
})
