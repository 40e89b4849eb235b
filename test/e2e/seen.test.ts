// What an operator sees of real traffic through the built product: exact counters, lines of the access log, spans.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { request } from '../kit/http.js'
import { readExposition } from '../kit/exposition.js'
import { startOrigin } from '../kit/origin.js'
import { promtool, promtoolMissing } from '../kit/promtool.js'
import { type Serverpy, startServerpy } from '../kit/serverpy.js'
import { waitFor } from '../kit/wait.js'
import { attributesOf, startReceiver } from '../processor/tracing/receiver.js'

const polling = { method: 'tcp', frequency: '200ms' }

async function metric(serverpy: Serverpy, name: string, labels: Record<string, string>): Promise<number> {
  const text = (await request(serverpy.discoveryPort, 'GET', '/metrics')).text()
  const samples = [...readExposition(text).values()].flatMap((family) => family.samples)
  return samples
    .filter((sample) => sample.name === name && Object.entries(labels).every(([key, is]) => sample.labels[key] === is))
    .reduce((sum, { value }) => sum + value, 0)
}

async function workers(serverpy: Serverpy): Promise<{ name: string; pid: number; state: string }[]> {
  return (await serverpy.ask<{ items: { name: string; pid: number; state: string }[] }>('/api/v1/workers')).items
}

test('counters are exact to the last request, also after a worker has died', { timeout: 60_000 }, async (t) => {
  const origin = await startOrigin(t, (r) => r.answer(r.target === '/s/bad' ? 500 : 200, 'ok'))
  const serverpy = await startServerpy(t, { services: { s: { servers: [origin.address], polling, apis: ['/s'] } } })
  const instance = `s/${origin.address}`
  const ask = async (path: string, times: number) => {
    for (let i = 0; i < times; i++) await request(serverpy.processorPort, 'GET', path)
  }
  const counted = async (name: string, labels: Record<string, string>) => await metric(serverpy, name, labels)
  await ask('/s/good', 40)
  await ask('/s/bad', 3)
  await ask('/nowhere', 2)
  assert.equal(await counted('serverpy_requests_total', { service: 's', class: '2xx' }), 40)
  assert.equal(await counted('serverpy_instance_requests_total', { instance, class: '5xx' }), 3)
  assert.equal(await counted('serverpy_requests_total', { service: '', class: '4xx' }), 2)
  assert.equal(await counted('proxy_request_duration_seconds_count', {}), 45)
  assert.equal(await counted('serverpy_attempts_total', { service: 's', result: 'success' }), 43)

  const [first] = await workers(serverpy)
  assert.ok(first)
  process.kill(first.pid, 'SIGKILL')
  await waitFor(async () => {
    const now = await workers(serverpy)
    return now.length === 2 && now.every(({ state, pid }) => state === 'serving' && pid !== first.pid)
  })
  await ask('/s/good', 40)
  assert.equal(await counted('serverpy_requests_total', { service: 's', class: '2xx' }), 80)
  assert.equal(await counted('serverpy_instance_request_duration_seconds_count', { instance }), 83)
  assert.equal(await counted('serverpy_workers_replaced_total', {}), 1)
})

test('counters are exact while workers are replaced one by one', { timeout: 60_000 }, async (t) => {
  const origin = await startOrigin(t, (r) => r.answer(200, 'ok'))
  const serverpy = await startServerpy(t, { services: { s: { servers: [origin.address], polling, apis: ['/s'] } } })
  const before = await workers(serverpy)
  let over = false
  const replacing = request(serverpy.discoveryPort, 'POST', '/api/v1/reload?workers=true').finally(() => (over = true))
  let sent = 0
  while (!over || sent < 100) {
    assert.equal((await request(serverpy.processorPort, 'GET', '/s')).status, 200)
    sent++
  }
  assert.equal((await replacing).status, 200)
  await waitFor(async () => (await workers(serverpy)).every(({ name }) => before.every((old) => old.name !== name)))
  assert.equal(await metric(serverpy, 'serverpy_requests_total', { service: 's', class: '2xx' }), sent)
  assert.equal(await metric(serverpy, 'proxy_attempt_total', { result: 'success' }), sent)
  assert.equal(await metric(serverpy, 'serverpy_workers_replaced_total', {}), 0)
})

test(
  'promtool finds nothing against the metrics of a real process',
  { timeout: 60_000, skip: promtoolMissing },
  async (t) => {
    const origin = await startOrigin(t, (r) => r.answer(200, 'ok'))
    const serverpy = await startServerpy(t, { services: { s: { servers: [origin.address], polling, apis: ['/s'] } } })
    await request(serverpy.processorPort, 'GET', '/s')
    const text = (await request(serverpy.discoveryPort, 'GET', '/metrics')).text()
    assert.deepEqual(promtool(['check', 'metrics'], text), { code: 0, output: '' })
  },
)

test('each request has its line, with its trace, and no secret in it', { timeout: 60_000 }, async (t) => {
  const origin = await startOrigin(t, (r) => r.answer(200, 'ok'))
  const serverpy = await startServerpy(t, {
    processor: { access_log: true },
    services: { s: { servers: [origin.address], polling, apis: ['/s'] } },
  })
  const lines = () =>
    serverpy
      .stdout()
      .split('\n')
      .filter((line) => line.includes('"msg":"request"'))
      .map((line) => JSON.parse(line) as Record<string, unknown>)
  for (let i = 0; i < 20; i++) {
    await request(serverpy.processorPort, 'GET', `/s/${i}?token=s3cret`, { fields: { Authorization: 's3cret' } })
  }
  await waitFor(() => lines().length === 20)
  assert.doesNotMatch(serverpy.stdout(), /s3cret/)
  const made = origin.requests.filter(({ target }) => target.startsWith('/s/')).map((r) => r.field('traceparent'))
  for (const traceparent of made) assert.match(String(traceparent), /^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/)
  assert.deepEqual(
    lines()
      .map(({ trace }) => trace)
      .sort(),
    made.map((traceparent) => String(traceparent).slice(3, 35)).sort(),
  )
  const one = lines().find(({ path }) => path === '/s/7')
  assert.equal(one?.['instance'], `s/${origin.address}`)
  assert.equal(one?.['route'], 's:/s')
  assert.equal(one?.['status'], 200)
  assert.ok(Number(one?.['firstByteMs']) <= Number(one?.['durationMs']))

  // What waits is written before the end.
  await request(serverpy.processorPort, 'GET', '/s/last')
  await serverpy.stop()
  assert.equal(lines().filter(({ path }) => path === '/s/last').length, 1)
})

test(
  'a sampled request is a span of the gateway with one for its try, and the instance hangs below that',
  { timeout: 60_000 },
  async (t) => {
    const receiver = await startReceiver(t)
    const origin = await startOrigin(t, (r) => r.answer(200, 'ok'))
    const serverpy = await startServerpy(t, {
      processor: { tracing: { endpoint: `${receiver.url}/v1/traces`, headers: { key: 's3cret' } } },
      services: { s: { servers: [origin.address], polling, apis: ['/s'] } },
    })
    const trace = '4bf92f3577b34da6a3ce929d0e0e4736'
    const fields = { traceparent: `00-${trace}-00f067aa0ba902b7-01`, tracestate: 'a=b' }
    await request(serverpy.processorPort, 'GET', '/s/x?q=1', { fields })
    await waitFor(() => receiver.spans().length >= 2)
    const [server, attempt, ...others] = receiver.spans()
    assert.deepEqual(others, [])
    assert.deepEqual([server?.traceId, server?.parentSpanId], [trace, '00f067aa0ba902b7'])
    assert.deepEqual([attempt?.traceId, attempt?.parentSpanId], [trace, server?.spanId])
    assert.equal(attributesOf(server)['http.response.status_code'], 200)
    assert.equal(attributesOf(attempt)['http.response.status_code'], 200)
    assert.equal(attributesOf(attempt)['server.port'], origin.port)
    const came = origin.requests.find(({ target }) => target.startsWith('/s/x'))
    assert.equal(came?.field('traceparent'), `00-${trace}-${attempt?.spanId}-01`)
    assert.equal(came?.field('tracestate'), 'a=b')
    assert.equal(receiver.exports[0]?.headers['key'], 's3cret')
    assert.doesNotMatch(serverpy.output(), /s3cret/)
  },
)
