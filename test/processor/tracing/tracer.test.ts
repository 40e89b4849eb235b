// Spans on their way to a real receiver: what is in them, who is traced, and what a receiver in trouble costs.
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { createTracer, type Tracer } from '../../../processor/tracing/tracer.js'
import { systemClock, type Clock } from '../../../shared/clock.js'
import { silentLog, type Log } from '../../../shared/log.js'
import type { Instance } from '../../../shared/registry/instance.js'
import { recordOf } from '../../discovery/api/server.js'
import { fakeClock } from '../../kit/clock.js'
import { freePort } from '../../kit/ports.js'
import { waitFor } from '../../kit/wait.js'
import { attributesOf, startReceiver } from './receiver.js'

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const SPAN = '00f067aa0ba902b7'
const AT = Date.UTC(2030, 0, 1)

const instance = (port: number): Instance => ({
  id: `orders/10.0.0.1:${port}/base`,
  service: 'orders',
  url: `10.0.0.1:${port}/base`,
  secure: false,
  host: '10.0.0.1',
  port,
  basePath: '/base',
  priority: 'unset',
  weight: 1,
  metadata: {},
  health: 'up',
  since: 0,
})

interface Options {
  readonly sample?: number
  readonly headers?: Record<string, string>
  readonly clock?: Clock
  readonly log?: Log
  readonly random?: () => number
}

function tracerTo(t: TestContext, endpoint: string, options: Options = {}): Tracer {
  const { sample = 1, headers = {}, clock = systemClock, log = silentLog, random = Math.random } = options
  const tracer = createTracer(
    { endpoint, sample, headers },
    { version: '1.2.3', worker: 'host/w1', scheme: 'http', clock, log, random },
  )
  assert.ok(tracer)
  t.after(() => tracer.close())
  return tracer
}

/** Traces `times` requests, each with one try. */
function trace(tracer: Tracer, times: number): void {
  for (let i = 0; i < times; i++) {
    const one = tracer.begin('', 0)
    assert.ok(one)
    one.attempt(instance(80), 0).end(1, 200, '')
    tracer.ended(one, recordOf({ id: `r-${i}` }))
  }
}

test('a request with two tries comes as three spans with the conventional names', async (t) => {
  const receiver = await startReceiver(t)
  const tracer = tracerTo(t, receiver.url, { headers: { 'x-api-key': 's3cret' } })
  const one = tracer.begin(`00-${TRACE}-${SPAN}-01`, 1000)
  assert.ok(one)
  const first = one.attempt(instance(81), 1000)
  first.end(1002.5, 0, 'connection-refused')
  const second = one.attempt(instance(82), 1003)
  assert.equal(second.line, `traceparent: 00-${TRACE}-${second.spanId}-01\r\n`)
  second.end(1009, 200, '')
  tracer.ended(one, recordOf({ at: AT, durationMs: 10, attempts: 2, instance: instance(82).id }))
  await tracer.close()

  assert.deepEqual(
    receiver.exports.map(({ path }) => path),
    ['/v1/traces'],
  )
  assert.equal(receiver.exports[0]?.headers['content-type'], 'application/json')
  assert.equal(receiver.exports[0]?.headers['x-api-key'], 's3cret')
  const [server, refused, answered, ...others] = receiver.spans()
  assert.deepEqual(others, [])
  assert.deepEqual(
    [server, refused, answered].map((span) => [span?.traceId, span?.parentSpanId, span?.kind, span?.status.code]),
    [
      [TRACE, SPAN, 2, undefined],
      [TRACE, one.spanId, 3, 2],
      [TRACE, one.spanId, 3, undefined],
    ],
  )
  assert.equal(server?.name, 'GET orders:/orders')
  assert.deepEqual(
    [server, refused, answered].map((span) => [span?.startTimeUnixNano, span?.endTimeUnixNano]),
    [
      [`${AT}000000`, `${AT + 10}000000`],
      [`${AT}000000`, `${AT + 2}500000`],
      [`${AT + 3}000000`, `${AT + 9}000000`],
    ],
  )
  assert.deepEqual(attributesOf(server), {
    'http.request.method': 'GET',
    'url.path': '/orders/1',
    'url.scheme': 'http',
    'client.address': '127.0.0.1',
    'http.response.status_code': 200,
    'serverpy.request_id': 'r-1',
    'serverpy.route': 'orders:/orders',
    'serverpy.service': 'orders',
    'serverpy.instance': instance(82).id,
    'serverpy.attempts': 2,
  })
  assert.deepEqual(attributesOf(refused), {
    'http.request.method': 'GET',
    'url.full': 'http://10.0.0.1:81/base/orders/1',
    'server.address': '10.0.0.1',
    'server.port': 81,
    'error.type': 'connection-refused',
    'serverpy.service': 'orders',
    'serverpy.instance': instance(81).id,
    'serverpy.attempt': 1,
  })
  assert.equal(attributesOf(answered)['http.request.resend_count'], 1)
  assert.equal(attributesOf(answered)['http.response.status_code'], 200)
})

test('failures are told by their code, or else by their status; a strange method makes no name', async (t) => {
  const receiver = await startReceiver(t)
  const tracer = tracerTo(t, `${receiver.url}/own/path`)
  const end = (patch: Parameters<typeof recordOf>[0]) => {
    const one = tracer.begin('', 0)
    assert.ok(one)
    tracer.ended(one, recordOf(patch))
  }
  end({ status: 503 })
  end({ status: 504, error: 'answer-timeout' })
  end({ status: 0, error: 'client-gone' })
  end({ status: 404, error: 'no-route', route: '', service: '', instance: '' })
  end({ method: 'BREW' })
  await tracer.close()
  assert.equal(receiver.exports[0]?.path, '/own/path')
  assert.deepEqual(
    receiver.spans().map((span) => [span.name, span.status.code, attributesOf(span)['error.type']]),
    [
      ['GET orders:/orders', 2, '503'],
      ['GET orders:/orders', 2, 'answer-timeout'],
      ['GET orders:/orders', 2, 'client-gone'],
      ['GET', undefined, undefined],
      ['HTTP orders:/orders', undefined, undefined],
    ],
  )
  const strange = attributesOf(receiver.spans()[4])
  assert.deepEqual([strange['http.request.method'], strange['http.request.method_original']], ['_OTHER', 'BREW'])
})

test('a try that nobody waited for ends with its exchange, and says so', async (t) => {
  const receiver = await startReceiver(t)
  const tracer = tracerTo(t, receiver.url)
  const one = tracer.begin('', 0)
  assert.ok(one)
  one.attempt(instance(81), 0)
  one.attempt(instance(82), 5, true).end(9, 200, '')
  tracer.ended(one, recordOf({ at: AT, durationMs: 10 }))
  await tracer.close()
  const [, slow, hedge] = receiver.spans()
  assert.equal(slow?.endTimeUnixNano, `${AT + 10}000000`)
  assert.equal(attributesOf(slow)['serverpy.abandoned'], true)
  assert.equal(attributesOf(hedge)['serverpy.hedge'], true)
})

test("a caller's decision stands; of the others the sample is traced", (t) => {
  const draws = [0.1, 0.9]
  const tracer = tracerTo(t, 'http://127.0.0.1:1', { sample: 0.5, random: () => draws.shift() ?? 1 })
  const followed = tracer.begin(`00-${TRACE}-${SPAN}-01`, 0)
  assert.deepEqual([followed?.traceId, followed?.parentId], [TRACE, SPAN])
  assert.equal(tracer.begin(`00-${TRACE}-${SPAN}-00`, 0), undefined)
  const begun = tracer.begin('', 0)
  assert.match(begun?.traceId ?? '', /^[0-9a-f]{32}$/)
  assert.equal(begun?.parentId, '')
  assert.equal(tracer.begin('', 0), undefined)
})

test('many spans go in batches, one after the other, and all of them arrive', async (t) => {
  const receiver = await startReceiver(t)
  const tracer = tracerTo(t, receiver.url)
  trace(tracer, 1000)
  await waitFor(() => receiver.spans().length === 2000)
  assert.ok(receiver.exports.length >= 8, `${receiver.exports.length} exports`)
  assert.equal(tracer.dropped, 0)
})

test('few spans are sent within a second or so', async (t) => {
  const receiver = await startReceiver(t)
  const clock = fakeClock()
  const tracer = tracerTo(t, receiver.url, { clock })
  trace(tracer, 1)
  await clock.advance(900)
  assert.equal(receiver.exports.length, 0)
  await clock.advance(200)
  await waitFor(() => receiver.spans().length === 2)
})

test('a receiver in trouble gets the same batch again, after the time that it names', async (t) => {
  const receiver = await startReceiver(t, (number) => {
    if (number === 1) return { status: 503 }
    return number === 2 ? { status: 429, headers: { 'retry-after': '7' } } : { status: 200 }
  })
  const clock = fakeClock()
  const tracer = tracerTo(t, receiver.url, { clock })
  trace(tracer, 1)
  await clock.advance(1000)
  await waitFor(() => receiver.exports.length === 1 && clock.pending === 1)
  await clock.advance(1000)
  await waitFor(() => receiver.exports.length === 2 && clock.pending === 1)
  await clock.advance(6900)
  assert.equal(receiver.exports.length, 2)
  await clock.advance(200)
  await waitFor(() => receiver.spans().length === 2)
  assert.equal(new Set(receiver.exports.map(({ body }) => body)).size, 1)
  assert.equal(tracer.dropped, 0)
})

test('what a receiver refuses is dropped, counted and told once, without the headers', async (t) => {
  const receiver = await startReceiver(t, () => ({ status: 400 }))
  const told: unknown[] = []
  const log = { ...silentLog, warn: (fields: Record<string, unknown>) => void told.push(fields) }
  const tracer = tracerTo(t, receiver.url, { headers: { authorization: 'Bearer s3cret' }, log })
  trace(tracer, 300)
  await waitFor(() => tracer.dropped === 300)
  assert.equal(receiver.exports.length, 3)
  assert.deepEqual(told, [{ exchanges: 128, reason: 'the receiver answered 400' }])
})

test(
  'without a receiver requests go on, what waits is bounded, and the end is soon',
  { timeout: 20_000 },
  async (t) => {
    const tracer = tracerTo(t, `http://127.0.0.1:${await freePort()}`)
    trace(tracer, 5000)
    assert.ok(tracer.dropped >= 5000 - 2048 - 128, `${tracer.dropped}`)
    await tracer.close()
    assert.equal(tracer.dropped, 5000)
  },
)

test('a receiver that never answers is given up after its time', async (t) => {
  const receiver = await startReceiver(t, () => undefined)
  const clock = fakeClock()
  const tracer = tracerTo(t, receiver.url, { clock })
  trace(tracer, 1)
  await waitFor(async () => {
    await clock.advance(1000)
    return tracer.dropped === 1
  })
  // Five tries of ten seconds, and the pauses between them.
  assert.ok(clock.now() >= 65_000, `${clock.now()} ms`)
  assert.ok(receiver.exports.length <= 5)
})

test('headers that cannot be sent lose the spans and nothing else, and stay secret', async (t) => {
  const receiver = await startReceiver(t)
  const told: unknown[] = []
  const log = { ...silentLog, warn: (fields: Record<string, unknown>) => void told.push(fields) }
  const tracer = tracerTo(t, receiver.url, { headers: { key: 's3cret\n' }, log })
  trace(tracer, 1)
  await tracer.close()
  assert.equal(tracer.dropped, 1)
  assert.doesNotMatch(JSON.stringify(told), /s3cret/)
})

test('without a config there is no tracer, and with an endpoint that is no URL neither', () => {
  const errors: string[] = []
  const log = { ...silentLog, error: (_: unknown, message: string) => void errors.push(message) }
  const deps = { version: '1', worker: 'w', scheme: 'http', clock: systemClock, log, random: Math.random } as const
  assert.equal(createTracer(undefined, deps), undefined)
  assert.equal(createTracer({ endpoint: 'not a url', sample: 1, headers: {} }, deps), undefined)
  assert.deepEqual(errors, ['no spans are sent: the endpoint of tracing is no URL'])
})
