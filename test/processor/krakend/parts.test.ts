// A KrakenD config behind `serverpy -c`: expressions of one backend among several, and backends' answers that are kept.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createPartCache } from '../../../processor/handlers/merge/part-cache.js'
import { FieldLines } from '../../../processor/field-lines.js'
import { startGateway } from '../../kit/gateway.js'
import { request } from '../../kit/http.js'
import { startOrigin } from '../../kit/origin.js'
import { PARTIAL, rows, Said, startKrakend, WHOLE } from './rig.js'

const checked = (url: string, group: string, check_expr: string) => ({
  url_pattern: url,
  group,
  extra_config: { 'validation/cel': [{ check_expr }] },
})
const byParameter = {
  endpoint: '/a/{id}',
  backend: [checked('/1', 'x', 'int(req_params.Id) % 3 == 0'), checked('/2', 'y', 'int(req_params.Id) % 5 == 0')],
}
const says = { '/1': { a: 1 }, '/2': { b: 2 } }

rows([
  {
    name: 'backends whose expressions hold are all there',
    endpoint: byParameter,
    says,
    target: '/a/15',
    status: 200,
    body: '{"x":{"a":1},"y":{"b":2}}',
    fields: WHOLE,
  },
  {
    name: 'a backend whose expression does not hold is left out, and not asked',
    endpoint: byParameter,
    says,
    target: '/a/9',
    status: 200,
    body: '{"x":{"a":1}}',
    fields: PARTIAL,
    targets: ['/1'],
  },
  {
    name: 'when no expression holds the answer is a failure',
    endpoint: byParameter,
    says,
    target: '/a/1',
    status: 500,
    fields: PARTIAL,
    targets: [],
  },
  {
    name: 'an expression over the data of one backend leaves out that one',
    endpoint: {
      endpoint: '/a',
      backend: [checked('/1', 'x', 'resp_data.a == 1'), checked('/2', 'y', 'resp_data.b == 1')],
    },
    says,
    status: 200,
    body: '{"x":{"a":1}}',
    fields: PARTIAL,
  },
])

test('an answer that says it is fresh is asked for once, one that does not each time', async (t) => {
  const cached = (url: string) => ({ url_pattern: url, extra_config: { 'qos/http-cache': {} } })
  const { ask, origin } = await startKrakend(t, [{ endpoint: '/a', backend: [cached('/1'), cached('/2')] }], {
    '/1': new Said(200, '{"a":1}', { 'Cache-Control': 'max-age=60' }),
    '/2': new Said(200, '{"b":2}', { 'Cache-Control': 'no-store' }),
  })
  for (let i = 0; i < 3; i++) assert.equal((await ask('/a')).text(), '{"a":1,"b":2}')
  const asked = origin.requests.map(({ target }) => target)
  assert.deepEqual([asked.filter((one) => one === '/1').length, asked.filter((one) => one === '/2').length], [1, 3])
})

test('answers that are private, failures, and answers to requests with Authorization are not kept', async (t) => {
  const backend = [{ url_pattern: '/{what}', extra_config: { 'qos/http-cache': {} } }]
  const { ask, origin } = await startKrakend(
    t,
    [{ endpoint: '/a/{what}', input_headers: ['Authorization'], backend }],
    {
      '/private': new Said(200, '{"a":1}', { 'Cache-Control': 'private, max-age=60' }),
      '/failed': new Said(500, '', { 'Cache-Control': 'max-age=60' }),
      '/mine': new Said(200, '{"a":1}', { 'Cache-Control': 'max-age=60' }),
    },
  )
  for (const what of ['private', 'failed', 'private', 'failed']) await ask(`/a/${what}`)
  for (let i = 0; i < 2; i++) await ask('/a/mine', { fields: { Authorization: 'Basic x' } })
  assert.equal(origin.requests.length, 6)
})

test('what Vary names tells kept answers apart', async (t) => {
  const backend = [{ url_pattern: '/1', extra_config: { 'qos/http-cache': {} } }]
  const { ask, origin } = await startKrakend(t, [{ endpoint: '/a', input_headers: ['X-Lang'], backend }], (asked) =>
    asked.answer(200, JSON.stringify({ l: asked.field('x-lang') }), { 'Cache-Control': 'max-age=60', Vary: 'X-Lang' }),
  )
  const inLanguage = async (lang: string) => (await ask('/a', { fields: { 'X-Lang': lang } })).text()
  assert.deepEqual(
    [await inLanguage('it'), await inLanguage('de'), await inLanguage('it'), await inLanguage('de')],
    ['{"l":"it"}', '{"l":"de"}', '{"l":"it"}', '{"l":"de"}'],
  )
  assert.equal(origin.requests.length, 2)
})

test('kept answers never take more than their bytes: what was used longest ago goes', () => {
  const cache = createPartCache(100_000)
  const call = (n: number) => ({ service: 's', method: 'GET', target: `/${n}`, fields: '', timeoutMs: 0, mostBytes: 0 })
  const answer = () => ({
    status: 200,
    statusText: '200 OK',
    fields: new FieldLines('Cache-Control: max-age=60\r\n'),
    body: Buffer.alloc(1000),
    instance: 'i',
  })
  for (let n = 0; n < 5000; n++) {
    cache.keep(call(n), answer(), { askedAt: 0, answeredAt: 0, wallMs: 1e12 })
    assert.ok(cache.bytes <= 100_000)
  }
  assert.equal(cache.find(call(0), 1), undefined)
  assert.equal(cache.find(call(4999), 1)?.body.length, 1000)
  assert.equal(cache.find(call(4999), 60_001), undefined, 'it is not fresh any more')
  assert.ok(cache.bytes < 100_000)
})

test('a part of a native route has conditions and a cache, too, with no pipe at all', async (t) => {
  const origin = await startOrigin(t, (asked) => asked.answer(200, '{"a":1}', { 'Cache-Control': 'max-age=60' }))
  const part = {
    service: 's',
    path: '/1',
    cache: '1MiB',
    require: ['request.method == "GET"', 'response.status == 200'],
  }
  const { port } = await startGateway(t, {
    services: { s: { servers: [origin.address] } },
    routes: [
      { match: { path: '/yes' }, merge: [part] },
      { match: { path: '/no' }, merge: [{ ...part, require: ['request.headers["x-none"] == "1"'] }] },
    ],
  })
  for (let i = 0; i < 2; i++) assert.equal((await request(port, 'GET', '/yes')).text(), '{"a":1}')
  assert.equal((await request(port, 'GET', '/no')).status, 500)
  assert.equal(origin.requests.length, 1)
})

test('what another worker gives is fresh for as long as it is there, and for the same requests', () => {
  const [giver, taker] = [createPartCache(100_000), createPartCache(100_000)]
  const call = (fields: string) => ({ service: 's', method: 'GET', target: '/', fields, timeoutMs: 0, mostBytes: 0 })
  const answer = {
    status: 200,
    statusText: '200 OK',
    fields: new FieldLines('Cache-Control: max-age=60\r\nVary: X-Kind\r\n'),
    body: Buffer.from('{"a":1}'),
    instance: 'i',
  }
  assert.ok(giver.keep(call('X-Kind: a\r\n'), answer, { askedAt: 0, answeredAt: 0, wallMs: Date.now() }))
  assert.equal(giver.give(call('X-Kind: b\r\n'), 10_000), undefined)
  const sent = giver.give(call('X-Kind: a\r\n'), 10_000)
  assert.ok(sent)
  // Its clock began 40 seconds later.
  taker.take(call('X-Kind: a\r\n'), { ...sent, sentAt: Date.now() + 1000 }, -30_000)
  assert.equal(taker.find(call('X-Kind: b\r\n'), -30_000), undefined)
  assert.equal(taker.find(call('X-Kind: a\r\n'), -30_000)?.fields.get('age'), '10')
  assert.equal(taker.find(call('X-Kind: a\r\n'), 19_999)?.body.toString(), '{"a":1}')
  assert.equal(taker.find(call('X-Kind: a\r\n'), 20_000), undefined)
})
