// The pipe `concurrency` over real sockets: how many are in flight, who waits, and that each place is given back once.
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { parseConfig } from '../../../shared/config/parse.js'
import { startGateway } from '../../kit/gateway.js'
import { request } from '../../kit/http.js'
import { startOrigin, type OriginRequest } from '../../kit/origin.js'
import { waitFor } from '../../kit/wait.js'
import { dial } from '../../kit/wire.js'

type Options = Record<string, unknown>

/** An instance that answers when it is told to, behind the pipe. */
async function held(t: TestContext, options: Options, path = '/s', processor: Options = {}) {
  const waiting: OriginRequest[] = []
  const origin = await startOrigin(t, (asked) => void waiting.push(asked))
  const gateway = await startGateway(t, {
    processor,
    services: { s: { servers: [origin.address] } },
    routes: [{ match: { path }, service: 's', pipes: [{ use: 'concurrency', ...options }] }],
  })
  const ask = (target = '/s', fields: Record<string, string> = {}) =>
    request(gateway.port, 'GET', target, { fields, timeoutMs: 20_000 })
  const arrived = (count: number) => waitFor(() => waiting.length === count, { what: `${count} requests there` })
  return { gateway, origin, waiting, ask, arrived }
}

test('no more than the limit are in flight, and what is over it gets 503 with Retry-After', async (t) => {
  const { ask, waiting, arrived, origin, gateway } = await held(t, { limit: 2 })
  const running = [ask(), ask()]
  await arrived(2)
  const refused = await ask()
  assert.equal(refused.status, 503)
  assert.equal(refused.field('Retry-After'), '1')
  assert.equal((refused.json() as Record<string, unknown>)['type'], 'urn:serverpy:error:overload')
  assert.equal(origin.requests.length, 2)
  for (const one of waiting.splice(0)) one.answer(200, 'ok')
  assert.deepEqual(
    (await Promise.all(running)).map(({ status }) => status),
    [200, 200],
  )
  const next = ask()
  await arrived(1)
  waiting[0]?.answer(200, 'ok')
  assert.equal((await next).status, 200)
  assert.equal(gateway.report().codes.overload, 1)
})

test('in a queue requests wait for a place in their order, and beyond it they are refused', async (t) => {
  const { gateway, ask, waiting, arrived } = await held(t, { limit: 1, queue: 2, queue_time: '4s' })
  const first = ask('/s/1')
  await arrived(1)
  const order: string[] = []
  const note = (name: string) => () => void order.push(name)
  const second = ask('/s/2').then(note('second'))
  await waitFor(() => gateway.core.inFlight === 2)
  const third = ask('/s/3').then(note('third'))
  await waitFor(() => gateway.core.inFlight === 3)
  assert.equal((await ask('/s/4')).status, 503)
  for (let i = 1; i <= 3; i++) {
    await arrived(i)
    assert.equal(waiting.length, i)
    waiting[i - 1]?.answer(200, 'ok')
    await [first, second, third][i - 1]
  }
  assert.deepEqual(order, ['second', 'third'])
  assert.deepEqual(
    waiting.map(({ target }) => target),
    ['/s/1', '/s/2', '/s/3'],
  )
})

test('one that has waited long enough is refused, and its place in the queue is free again', async (t) => {
  const { ask, waiting, arrived } = await held(t, { limit: 1, queue: 1, queue_time: '100ms' })
  const first = ask()
  await arrived(1)
  assert.equal((await ask()).status, 503)
  const late = ask()
  waiting[0]?.answer(200, 'ok')
  assert.equal((await first).status, 200)
  await arrived(2)
  waiting[1]?.answer(200, 'ok')
  assert.equal((await late).status, 200)
})

test('a client that goes away gives its place back, held or waited for', async (t) => {
  const { gateway, ask, waiting, arrived } = await held(t, { limit: 1, queue: 1, queue_time: '4s' })
  const holder = await dial(t, gateway.port)
  holder.send('GET /s HTTP/1.1\r\nHost: a\r\n\r\n')
  await arrived(1)
  const waiter = await dial(t, gateway.port)
  waiter.send('GET /s HTTP/1.1\r\nHost: a\r\n\r\n')
  await waitFor(() => gateway.core.inFlight === 2)
  waiter.reset()
  await waitFor(() => gateway.core.inFlight === 1)
  const next = ask()
  await waitFor(() => gateway.core.inFlight === 2)
  holder.reset()
  await arrived(2)
  waiting[1]?.answer(200, 'ok')
  assert.equal((await next).status, 200)
})

test('an instance that fails gives its place back, too', async (t) => {
  const origin = await startOrigin(t, (asked) => asked.reset())
  const gateway = await startGateway(t, {
    services: { s: { servers: [origin.address], retry: { attempts: 1 }, outlier: false } },
    routes: [{ match: { path: '/s' }, service: 's', pipes: [{ use: 'concurrency', limit: 1 }] }],
  })
  for (let i = 1; i <= 5; i++) assert.equal((await request(gateway.port, 'GET', '/s')).status, 502)
  assert.equal(origin.requests.length, 5)
})

test('the body of a request that has waited arrives whole', async (t) => {
  const { gateway, ask, waiting, arrived } = await held(t, { limit: 1, queue: 1, queue_time: '4s' })
  const first = ask()
  await arrived(1)
  const body = 'b'.repeat(300_000)
  const second = request(gateway.port, 'POST', '/s', { body, timeoutMs: 20_000 })
  await waitFor(() => gateway.core.inFlight === 2)
  waiting[0]?.answer(200, 'ok')
  await first
  await arrived(2)
  assert.equal((await waiting[1]?.body())?.toString(), body)
  waiting[1]?.answer(200, 'ok')
  assert.equal((await second).status, 200)
})

test('keys are counted apart', async (t) => {
  const { ask, waiting, arrived } = await held(t, { limit: 1, by: 'header:x-tenant' })
  const running = [ask('/s', { 'X-Tenant': 'a' }), ask('/s', { 'X-Tenant': 'b' })]
  await arrived(2)
  assert.equal((await ask('/s', { 'X-Tenant': 'a' })).status, 503)
  for (const one of waiting) one.answer(200, 'ok')
  await Promise.all(running)
})

test('a limit of the machine is shared out among its workers, rounded up', async (t) => {
  const { ask, waiting, arrived } = await held(t, { limit: 5 }, '/s', { workers: 4 })
  const running = [ask(), ask()]
  await arrived(2)
  assert.equal((await ask()).status, 503)
  for (const one of waiting.splice(0)) one.answer(200, 'ok')
  await Promise.all(running)
})

test('a thousand keys leave nothing behind when their requests have ended', async () => {
  const { default: definition } = await import('../../../processor/pipes/builtin/concurrency.js')
  const options = {
    limit: 1,
    by: [{ on: 'header', name: 'k' }],
    scope: 'worker',
    queue: 0,
    queueMs: 1,
    status: 503,
  } as const
  const pipe = await definition.create({ ...options, withoutKey: 'shared' }, {} as never)
  const { groups } = pipe as unknown as { groups: Map<string, unknown> }
  const exchanges = Array.from({ length: 1000 }, (_, i) => ({
    state: new Map(),
    headers: { get: () => `key ${i}` },
  })) as unknown as Parameters<NonNullable<typeof pipe.onRequest>>[0][]
  for (const x of exchanges) assert.equal(pipe.onRequest?.(x), undefined)
  assert.equal(groups.size, 1000)
  for (const x of exchanges) {
    pipe.onDone?.(x, {} as never)
    // A second time changes nothing.
    pipe.onDone?.(x, {} as never)
  }
  assert.equal(groups.size, 0)
})

test('under a storm of requests never more than the limit are there at once', { timeout: 60_000 }, async (t) => {
  let now = 0
  let most = 0
  const origin = await startOrigin(t, async (asked) => {
    most = Math.max(most, ++now)
    await new Promise((resolve) => setTimeout(resolve, 2))
    now--
    asked.answer(200, 'ok')
  })
  const gateway = await startGateway(t, {
    services: { s: { servers: [origin.address] } },
    routes: [
      { match: { path: '/s' }, service: 's', pipes: [{ use: 'concurrency', limit: 5, queue: 500, queue_time: '4s' }] },
    ],
  })
  const answers = await Promise.all(
    Array.from({ length: 300 }, () => request(gateway.port, 'GET', '/s', { timeoutMs: 30_000 })),
  )
  assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]))
  assert.equal(most, 5)
  assert.equal(gateway.core.inFlight, 0)
})

test('options that cannot be are refused with their place', () => {
  const faultsOf = (options: Options) => {
    const file = {
      version: 1,
      services: { s: { servers: ['http://127.0.0.1:9'], polling: { method: 'tcp' } } },
      routes: [{ match: { path: '/s' }, service: 's', pipes: [{ use: 'concurrency', ...options }] }],
    }
    const parsed = parseConfig(JSON.stringify(file, null, 1), 'test.json', {})
    return parsed.ok ? [] : parsed.problems.map(({ path }) => path.replace('routes[0].pipes[0].', ''))
  }
  assert.deepEqual(faultsOf({ limit: 10, queue: 5, queue_time: '2s', by: ['ip', 'route'] }), [])
  assert.equal(faultsOf({}).length, 1)
  assert.deepEqual(faultsOf({ limit: 0 }), ['limit'])
  assert.deepEqual(faultsOf({ limit: 1, by: 'cookie' }), ['by'])
  assert.deepEqual(faultsOf({ limit: 1, queue: -1 }), ['queue'])
  assert.deepEqual(faultsOf({ limit: 1, queue_time: '61s' }), ['queue_time'])
  // The host of pipes would end the wait before, and call it a failure of the pipe.
  assert.deepEqual(faultsOf({ limit: 1, queue_time: '5s' }), ['queue_time'])
  assert.deepEqual(faultsOf({ limit: 1, queue_time: '5s', hook_timeout: '6s' }), [])
})
