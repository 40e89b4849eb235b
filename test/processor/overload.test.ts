// Too much load is refused early and told when to come again; what is taken is served, in the order of its importance.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Instance } from '../../shared/registry/instance.js'
import { startGateway, type TestConfig, testConfig, type TestGateway } from '../kit/gateway.js'
import { request } from '../kit/http.js'
import { type OriginRequest, startOrigin } from '../kit/origin.js'
import { waitFor } from '../kit/wait.js'
import { assertProblem, service } from './asserting.js'

test('an instance gets no more requests at once than it may, and the next ones wait for their turn', async (t) => {
  const held: OriginRequest[] = []
  let most = 0
  const origin = await startOrigin(t, (r) => {
    held.push(r)
    most = Math.max(most, held.length)
  })
  const concurrency = { instance: 2, queue: 10, queue_time: '5s' }
  const gateway = await startGateway(t, service(origin.address, { concurrency }))
  const all = Array.from({ length: 6 }, () => request(gateway.port, 'GET', '/s'))
  for (let answered = 0; answered < 6; answered++) {
    await waitFor(() => held.length > 0)
    held.shift()?.answer(200, 'ok')
  }
  assert.deepEqual(
    (await Promise.all(all)).map(({ status }) => status),
    [200, 200, 200, 200, 200, 200],
  )
  assert.equal(most, 2)
  const [counts] = gateway.report().services
  assert.deepEqual([counts?.queued, counts?.shed], [4, 0])
})

test('beyond the queue a request is refused at once, and told when to come again', async (t) => {
  const held: OriginRequest[] = []
  const origin = await startOrigin(t, (r) => held.push(r))
  const concurrency = { instance: 1, queue: 1, queue_time: '5s' }
  const gateway = await startGateway(t, service(origin.address, { concurrency }))
  const first = request(gateway.port, 'GET', '/s')
  await waitFor(() => held.length === 1)
  const second = request(gateway.port, 'GET', '/s')
  await waitFor(() => gateway.report().waiting?.[0]?.queued === 1)
  const refused = await request(gateway.port, 'GET', '/s')
  assertProblem(refused, 503, 'overload')
  assert.ok(Number(refused.field('retry-after')) > 0)
  held[0]?.answer(200, 'ok')
  await waitFor(() => held.length === 2)
  held[1]?.answer(200, 'ok')
  assert.deepEqual([(await first).status, (await second).status], [200, 200])
})

test('who has waited for long enough is refused', async (t) => {
  const origin = await startOrigin(t, () => undefined)
  const concurrency = { instance: 1, queue: 5, queue_time: '100ms' }
  const gateway = await startGateway(t, service(origin.address, { concurrency, timeout: '1s' }))
  const first = request(gateway.port, 'GET', '/s')
  await waitFor(() => origin.requests.length === 1)
  assertProblem(await request(gateway.port, 'GET', '/s'), 503, 'overload')
  assertProblem(await first, 504, 'answer-timeout')
})

test('a limit of the service counts over all its instances', async (t) => {
  const held: OriginRequest[] = []
  const origins = await Promise.all([1, 2].map(() => startOrigin(t, (r) => held.push(r))))
  const concurrency = { service: 3, queue: 0 }
  const gateway = await startGateway(
    t,
    service(
      origins.map(({ address }) => address),
      { concurrency },
    ),
  )
  const all = Array.from({ length: 3 }, () => request(gateway.port, 'GET', '/s'))
  await waitFor(() => held.length === 3)
  assertProblem(await request(gateway.port, 'GET', '/s'), 503, 'overload')
  held.forEach((r) => r.answer(200, 'ok'))
  assert.deepEqual(
    (await Promise.all(all)).map(({ status }) => status),
    [200, 200, 200],
  )
})

test('a client that goes away while it waits leaves its place', async (t) => {
  const held: OriginRequest[] = []
  const origin = await startOrigin(t, (r) => held.push(r))
  const gateway = await startGateway(
    t,
    service(origin.address, { concurrency: { instance: 1, queue: 5, queue_time: '5s' } }),
  )
  const first = request(gateway.port, 'GET', '/s')
  await waitFor(() => held.length === 1)
  const leaving = request(gateway.port, 'GET', '/s')
  leaving.catch(() => undefined)
  await waitFor(() => gateway.report().waiting?.[0]?.queued === 1)
  for (const connection of gateway.core.connections) if (connection.exchange?.attempts === 0) connection.destroy()
  await waitFor(() => (gateway.report().waiting ?? []).length === 0)
  held[0]?.answer(200, 'ok')
  assert.equal((await first).status, 200)
  await waitFor(() => gateway.core.inFlight === 0)
  assert.equal(origin.requests.length, 1)
})

test('of those that wait the more important is served first, and the least important makes room', async (t) => {
  const held: OriginRequest[] = []
  const origin = await startOrigin(t, (r) => held.push(r))
  const gateway = await startGateway(t, {
    services: { s: { servers: [origin.address], concurrency: { instance: 1, queue: 1, queue_time: '5s' } } },
    routes: [
      { match: { path: '/low' }, service: 's', importance: 'low' },
      { match: { path: '/high' }, service: 's', importance: 'high' },
    ],
  })
  const first = request(gateway.port, 'GET', '/low')
  await waitFor(() => held.length === 1)
  const low = request(gateway.port, 'GET', '/low')
  await waitFor(() => gateway.report().waiting?.[0]?.queued === 1)
  const high = request(gateway.port, 'GET', '/high')
  assertProblem(await low, 503, 'overload')
  held[0]?.answer(200, 'ok')
  await waitFor(() => held.length === 2)
  held[1]?.answer(200, 'ok')
  assert.deepEqual([(await first).status, (await high).status, held[1]?.target], [200, 200, '/high'])
})

test('a request that waits for a place does not go to an instance that was drained meanwhile', async (t) => {
  const held: { readonly name: string; readonly go: () => void }[] = []
  const start = (name: string) => startOrigin(t, (r) => held.push({ name, go: () => r.answer(200, name) }))
  const [a, b] = [await start('a'), await start('b')]
  const concurrency = { instance: 1, queue: 10, queue_time: '5s' }
  const gateway = await startGateway(t, service([a.address, b.address], { concurrency }))
  const all = [1, 2, 3].map(() => request(gateway.port, 'GET', '/s'))
  await waitFor(() => held.length === 2 && gateway.report().waiting?.[0]?.queued === 1)
  gateway.set({ [b.address]: { override: 'drain' } })
  held.find(({ name }) => name === 'b')?.go()
  await waitFor(() => gateway.core.inFlight === 2)
  held.find(({ name }) => name === 'a')?.go()
  await waitFor(() => held.length === 3)
  held[2]?.go()
  const answers = await Promise.all(all)
  assert.deepEqual(answers.map((answer) => answer.text()).sort(), ['a', 'a', 'b'])
})

function reconfigure(gateway: TestGateway, given: TestConfig): void {
  const config = testConfig(given, gateway.port)
  const instances = config.services.flatMap(({ servers }) =>
    servers.map(({ spec }): Instance => ({ ...spec, health: 'up', since: 0 })),
  )
  assert.ok(gateway.reconfigure(config, { kind: 'whole', snapshot: { term: 1, seq: 1000, instances } }))
}

for (const limit of ['instance', 'service'])
  test(`a reload that raises the limit of the ${limit} lets those go that wait`, async (t) => {
    const held: OriginRequest[] = []
    const origin = await startOrigin(t, (r) => held.push(r))
    const limited = (most: number) =>
      service(origin.address, { concurrency: { [limit]: most, queue: 10, queue_time: '20s' } })
    const gateway = await startGateway(t, limited(1))
    const all = Array.from({ length: 5 }, () => request(gateway.port, 'GET', '/s'))
    await waitFor(() => held.length === 1 && gateway.services.get('s')?.waiting === 4)
    reconfigure(gateway, limited(100))
    await waitFor(() => held.length === 5)
    held.forEach((r) => r.answer(200, 'ok'))
    assert.deepEqual(new Set((await Promise.all(all)).map(({ status }) => status)), new Set([200]))
  })

test('with every connection in use a request is refused, and the others go on', async (t) => {
  const held: OriginRequest[] = []
  const origin = await startOrigin(t, (r) => held.push(r))
  const processor = { limits: { upstream_connections: 1 } }
  const gateway = await startGateway(t, { ...service(origin.address), processor })
  const first = request(gateway.port, 'GET', '/s')
  await waitFor(() => held.length === 1)
  assertProblem(await request(gateway.port, 'GET', '/s'), 503, 'overload')
  held[0]?.answer(200, 'ok')
  assert.equal((await first).status, 200)
  assert.equal(gateway.core.inFlight, 0)
})
