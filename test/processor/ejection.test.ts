// An instance that traffic cannot use gets no traffic, in the very worker that found out, until it has proved itself.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EndpointState } from '../../shared/metrics/report.js'
import { startGateway, type TestGateway } from '../kit/gateway.js'
import { request } from '../kit/http.js'
import { startOrigin } from '../kit/origin.js'
import { freePort } from '../kit/ports.js'
import { waitFor } from '../kit/wait.js'
import { assertProblem, service } from './asserting.js'

const RETRIES = { attempts: 3, on: ['connect', 'reset', 'timeout', '500', '502', '503', '504'] }

function stateOf(gateway: TestGateway, address: string): EndpointState | undefined {
  return gateway.report().endpoints?.find(({ instance }) => instance === `s/${address}`)
}

async function get(gateway: TestGateway, times: number): Promise<number[]> {
  const statuses: number[] = []
  for (let i = 0; i < times; i++) statuses.push((await request(gateway.port, 'GET', '/s')).status)
  return statuses
}

test('one refused connection ejects an instance, and the others take what it would have got', async (t) => {
  const origin = await startOrigin(t, (r) => r.answer(200, 'ok'))
  const dead = `127.0.0.1:${await freePort()}`
  const gateway = await startGateway(t, service([origin.address, dead]))
  assert.deepEqual(new Set(await get(gateway, 20)), new Set([200]))
  const report = gateway.report()
  const tried = report.tried.find(({ instance }) => instance === `s/${dead}`)
  assert.deepEqual(
    [tried?.success, tried?.failure, tried?.ejections, report.retries, report.suspects],
    [0, 1, 1, 1, [`s/${dead}`]],
  )
  const state = report.endpoints?.find(({ instance }) => instance === `s/${dead}`)
  assert.deepEqual([state?.guard, state?.reason], ['open', 'refused'])
})

test('an ejection ends with one request that tries the instance again, and a success closes the matter', async (t) => {
  let broken = true
  const shaky = await startOrigin(t, (r) => (broken ? r.reset() : r.answer(200, 'ok')))
  const good = await startOrigin(t, (r) => r.answer(200, 'ok'))
  const outlier = { failures: 1, base: '1s' }
  const gateway = await startGateway(t, service([shaky.address, good.address], { outlier, retry: RETRIES }))
  assert.deepEqual(new Set(await get(gateway, 10)), new Set([200]))
  assert.equal(shaky.requests.length, 1)
  broken = false
  await waitFor(async () => {
    await get(gateway, 2)
    return shaky.requests.length > 1
  })
  assert.equal(stateOf(gateway, shaky.address)?.guard, 'closed')
})

test('polls that turn an instance from down to up end its ejection before its time', async (t) => {
  const port = await freePort()
  const address = `127.0.0.1:${port}`
  const good = await startOrigin(t, (r) => r.answer(200, 'ok'))
  const gateway = await startGateway(t, service([address, good.address], { outlier: { base: '60s' } }))
  await get(gateway, 4)
  assert.equal(stateOf(gateway, address)?.guard, 'open')
  gateway.set({ [address]: { health: 'down' } })
  const back = await startOrigin(t, (r) => r.answer(200, 'ok'), port)
  gateway.set({ [address]: { health: 'up' } })
  await get(gateway, 4)
  assert.ok(back.requests.length > 0)
})

test('answers in a row with a status that says so eject, and no other answer does', async (t) => {
  const failing = await startOrigin(t, (r) => r.answer(500, 'no'))
  const missing = await startOrigin(t, (r) => r.answer(404, 'no'))
  const gateway = await startGateway(
    t,
    service([failing.address, missing.address], { outlier: { answers: 3 }, retry: { attempts: 1 } }),
  )
  await get(gateway, 20)
  assert.equal(failing.requests.length, 3)
  assert.equal(missing.requests.length, 17)
})

test('ejections leave the share of the instances that they may not take', async (t) => {
  const dead = await Promise.all(Array.from({ length: 4 }, async () => `127.0.0.1:${await freePort()}`))
  const gateway = await startGateway(t, service(dead, { retry: { attempts: 1 }, outlier: { most: 0.5 } }))
  await get(gateway, 20)
  const open = gateway.report().endpoints?.filter(({ guard }) => guard === 'open') ?? []
  assert.equal(open.length, 2)
})

test('the only instance is never ejected', async (t) => {
  const gateway = await startGateway(t, service(`127.0.0.1:${await freePort()}`))
  await get(gateway, 5)
  assert.deepEqual(gateway.report().endpoints ?? [], [])
})

test('a half-open breaker lets exactly one of a hundred requests at once through', async (t) => {
  let mode: 'fail' | 'hang' | 'work' = 'fail'
  const held: (() => void)[] = []
  const origin = await startOrigin(t, (r) => {
    if (mode === 'fail') r.answer(500, 'no')
    else if (mode === 'work') r.answer(200, 'ok')
    else held.push(() => r.answer(200, 'ok'))
  })
  const breaker = { consecutive: 3, open: '100ms' }
  const gateway = await startGateway(t, service(origin.address, { breaker, retry: { attempts: 1 } }))
  assert.deepEqual(await get(gateway, 3), [500, 500, 500])
  assertProblem(await request(gateway.port, 'GET', '/s'), 503, 'breaker-open')
  mode = 'hang'
  await waitFor(() => stateOf(gateway, origin.address)?.guard === 'half-open')
  const before = origin.requests.length
  const all = Array.from({ length: 100 }, () => request(gateway.port, 'GET', '/s'))
  await waitFor(() => held.length > 0)
  let refused = 0
  for (const one of all) void one.then(({ status }) => (refused += status === 503 ? 1 : 0))
  await waitFor(() => refused === 99)
  mode = 'work'
  held.forEach((answer) => answer())
  const statuses = (await Promise.all(all)).map(({ status }) => status)
  assert.equal(origin.requests.length - before, 1)
  assert.deepEqual([statuses.filter((status) => status === 200).length, statuses.length], [1, 100])
  assert.deepEqual(await get(gateway, 3), [200, 200, 200])
})

test('when polls call every instance down, the requests find out whether they are', async (t) => {
  const origin = await startOrigin(t, (r) => r.answer(200, 'ok'))
  const gateway = await startGateway(t, service(origin.address))
  gateway.set({ [origin.address]: { health: 'down' } })
  assert.deepEqual(await get(gateway, 3), [200, 200, 200])
  assert.equal(stateOf(gateway, origin.address)?.disputed, true)
})

test('where no instance is there in truth, that is a 503 that says when to come again', async (t) => {
  const address = `127.0.0.1:${await freePort()}`
  const gateway = await startGateway(t, service(address))
  gateway.set({ [address]: { health: 'down' } })
  const answer = await request(gateway.port, 'GET', '/s')
  assertProblem(answer, 503, 'no-instance')
  assert.ok(Number(answer.field('retry-after')) > 0)
})

test('with panic: refuse a down instance gets nothing, unless its requests have succeeded all along', async (t) => {
  const origin = await startOrigin(t, (r) => r.answer(200, 'ok'))
  const gateway = await startGateway(t, service(origin.address, { balance: { panic: 'refuse' } }))
  gateway.set({ [origin.address]: { health: 'down' } })
  assertProblem(await request(gateway.port, 'GET', '/s'), 503, 'no-instance')
  gateway.set({ [origin.address]: { health: 'up' } })
  assert.deepEqual(await get(gateway, 1), [200])
  gateway.set({ [origin.address]: { health: 'down' } })
  assert.deepEqual(await get(gateway, 3), [200, 200, 200])
})

test('a drained instance gets nothing, whatever the panic', async (t) => {
  const origin = await startOrigin(t, (r) => r.answer(200, 'ok'))
  const gateway = await startGateway(t, service(origin.address))
  gateway.set({ [origin.address]: { override: 'drain' } })
  assertProblem(await request(gateway.port, 'GET', '/s'), 503, 'no-instance')
  assert.equal(origin.requests.length, 0)
})
