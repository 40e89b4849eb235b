// A KrakenD config behind `serverpy -c`: rate limits and circuit breakers.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startKrakend, type Asked } from './rig.js'

const says = { '/1': { a: 1 } }
const limited = (options: object, path = '/a') => ({
  endpoint: path,
  input_headers: ['X-Key'],
  backend: [{ url_pattern: '/1' }],
  extra_config: { 'qos/ratelimit/router': { every: '1h', ...options } },
})

async function statuses(ask: (target: string, asked?: Asked) => Promise<{ status: number }>, all: [string, Asked?][]) {
  const found: number[] = []
  for (const [target, asked] of all) found.push((await ask(target, asked)).status)
  return found
}

test('max_rate is for all clients together: one more is 503', async (t) => {
  const { ask, origin } = await startKrakend(t, [limited({ max_rate: 2 })], says)
  assert.deepEqual(await statuses(ask, [['/a'], ['/a'], ['/a']]), [200, 200, 503])
  const refused = await ask('/a')
  assert.deepEqual([refused.text(), refused.field('X-Krakend-Completed')], ['', undefined])
  assert.equal(origin.requests.length, 2)
})

test('capacity is how many may come at once', async (t) => {
  const { ask } = await startKrakend(t, [limited({ max_rate: 10, capacity: 1 })], says)
  assert.deepEqual(await statuses(ask, [['/a'], ['/a']]), [200, 503])
})

test('client_max_rate is for each address: one more is 429', async (t) => {
  const { ask } = await startKrakend(t, [limited({ client_max_rate: 1, strategy: 'ip' })], says)
  assert.deepEqual(await statuses(ask, [['/a'], ['/a']]), [200, 429])
  assert.equal((await ask('/a')).text(), '')
})

test('client_max_rate by a header tells clients apart by its value', async (t) => {
  const { ask } = await startKrakend(t, [limited({ client_max_rate: 1, strategy: 'header', key: 'X-Key' })], says)
  const by = (key: string): [string, Asked] => ['/a', { fields: { 'X-Key': key } }]
  assert.deepEqual(await statuses(ask, [by('1'), by('1'), by('2')]), [200, 429, 200])
})

test('client_max_rate by a parameter tells requests apart by the path', async (t) => {
  const endpoint = limited({ client_max_rate: 1, strategy: 'param', key: 'id' }, '/a/{id}')
  const { ask } = await startKrakend(t, [endpoint], says)
  assert.deepEqual(await statuses(ask, [['/a/1'], ['/a/1'], ['/a/2']]), [200, 429, 200])
})

test('limits of endpoints do not count together, even where their options are the same', async (t) => {
  const { ask } = await startKrakend(t, [limited({ max_rate: 1 }, '/a'), limited({ max_rate: 1 }, '/b')], says)
  assert.deepEqual(await statuses(ask, [['/a'], ['/b'], ['/a'], ['/b']]), [200, 200, 503, 503])
})

test('both limits of an endpoint hold', async (t) => {
  const { ask } = await startKrakend(
    t,
    [limited({ max_rate: 2, client_max_rate: 1, strategy: 'header', key: 'X-Key' })],
    says,
  )
  const by = (key: string): [string, Asked] => ['/a', { fields: { 'X-Key': key } }]
  assert.deepEqual(await statuses(ask, [by('1'), by('1'), by('2')]), [200, 429, 503])
})

test('the limit of an only backend is 503 as well; of one among several that one is left out', async (t) => {
  const extra_config = { 'qos/ratelimit/proxy': { max_rate: 1, capacity: 1, every: '1h' } }
  const backend = { url_pattern: '/1', extra_config }
  const { ask } = await startKrakend(t, [{ endpoint: '/a', backend: [backend] }], says)
  assert.deepEqual(await statuses(ask, [['/a'], ['/a']]), [200, 503])
  const several = [
    { ...backend, group: 'x' },
    { url_pattern: '/1', group: 'y' },
  ]
  const two = await startKrakend(t, [{ endpoint: '/a', backend: several }], says)
  assert.deepEqual(two.warnings, [])
  assert.equal((await two.ask('/a')).text(), '{"x":{"a":1},"y":{"a":1}}')
  const partial = await two.ask('/a')
  assert.deepEqual(
    [partial.status, partial.text(), partial.field('X-Krakend-Completed')],
    [200, '{"y":{"a":1}}', 'false'],
  )
  assert.equal(two.origin.requests.length, 3)
})

test('a breaker opens after more than max_errors errors in a row: the backend gets no request', async (t) => {
  const extra_config = { 'qos/circuit-breaker': { interval: 60, timeout: 60, max_errors: 2 } }
  const endpoint = { endpoint: '/a', backend: [{ url_pattern: '/1', extra_config }] }
  const { ask, origin } = await startKrakend(t, [endpoint])
  assert.deepEqual(await statuses(ask, [['/a'], ['/a'], ['/a'], ['/a'], ['/a']]), [500, 500, 500, 500, 500])
  assert.equal(origin.requests.length, 3)
})

test('a success in between keeps the breaker closed', async (t) => {
  const extra_config = { 'qos/circuit-breaker': { interval: 60, timeout: 60, max_errors: 1 } }
  const endpoint = { endpoint: '/a/{x}', backend: [{ url_pattern: '/{x}', extra_config }] }
  const { ask, origin } = await startKrakend(t, [endpoint], says)
  await statuses(ask, [['/a/2'], ['/a/1'], ['/a/2'], ['/a/1']])
  assert.equal((await ask('/a/1')).status, 200)
  assert.equal(origin.requests.length, 5)
})

test('a breaker is that of one backend: another one of the same host goes on', async (t) => {
  const extra_config = { 'qos/circuit-breaker': { interval: 60, timeout: 60, max_errors: 1 } }
  const at = (path: string) => ({ endpoint: path, backend: [{ url_pattern: path, extra_config }] })
  const { ask } = await startKrakend(t, [at('/1'), at('/2')], says)
  assert.deepEqual(await statuses(ask, [['/2'], ['/2'], ['/2'], ['/1']]), [500, 500, 500, 200])
})
