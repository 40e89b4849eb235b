// A KrakenD config behind `serverpy -c`: what of a client reaches a backend, and what the gateway says of itself.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startKrakend, type Endpoint } from './rig.js'

const SENT = {
  'User-Agent': 'browser/1',
  'X-Own': 'a',
  'x-lower': 'b',
  Authorization: 'c',
  Cookie: 'd=1',
  Accept: 'text/x',
}

/** Fields that a backend got, by name in lower case, without Host. */
async function received(
  t: { after(run: () => unknown): void },
  endpoint: Endpoint,
  asked: { target?: string; fields?: Record<string, string>; method?: string; body?: string } = {},
) {
  const krakend = await startKrakend(t, [{ endpoint: '/a', backend: [{ url_pattern: '/1' }], ...endpoint }], (one) =>
    one.answer(200, '{"a":1}'),
  )
  const { target = '/a', ...more } = asked
  const answer = await krakend.ask(target, {
    fields: { Host: 'shop.example.org', ...SENT, ...more.fields },
    ...rest(more),
  })
  assert.equal(answer.status, 200)
  const [one] = krakend.origin.requests
  assert.ok(one)
  const fields = one.fields.map(([name, value]) => [name.toLowerCase(), value] as const)
  return {
    fields: Object.fromEntries(fields.filter(([name]) => name !== 'host')),
    target: one.target,
    port: krakend.port,
  }
}

function rest({ fields: _, ...more }: { fields?: unknown; method?: string; body?: string }) {
  return more
}

/** What every backend gets. */
const OWN = {
  'accept-encoding': 'gzip',
  'user-agent': 'serverpy/0.1.0',
  'x-forwarded-for': '127.0.0.1',
  'x-forwarded-host': 'shop.example.org',
}

test('without input_headers and input_query_strings nothing of the client reaches a backend', async (t) => {
  const { fields, target } = await received(t, {}, { target: '/a?x=1&y=2' })
  assert.deepEqual({ ...fields, 'user-agent': OWN['user-agent'] }, OWN)
  assert.match(fields['user-agent'] ?? '', /^serverpy\/\d/)
  assert.equal(target, '/1')
})

test('fields that are listed pass, whatever the case of their letters, and no others', async (t) => {
  const { fields } = await received(t, { input_headers: ['x-own', 'X-LOWER'] })
  assert.deepEqual({ ...fields, 'user-agent': OWN['user-agent'] }, { ...OWN, 'x-own': 'a', 'x-lower': 'b' })
})

test('with * all fields pass, and the product stands in X-Forwarded-Via beside the client’s User-Agent', async (t) => {
  const { fields } = await received(t, { input_headers: ['*'] })
  assert.deepEqual(
    ['user-agent', 'x-own', 'x-lower', 'authorization', 'cookie', 'accept'].map((name) => fields[name]),
    ['browser/1', 'a', 'b', 'c', 'd=1', 'text/x'],
  )
  assert.match(fields['x-forwarded-via'] ?? '', /^serverpy\/\d/)
  for (const name of ['via', 'x-forwarded-proto', 'x-request-id', 'traceparent'])
    assert.equal(fields[name], undefined, name)
})

test('query parameters that are listed pass, with all of their values; * lets all pass', async (t) => {
  const some = await received(t, { input_query_strings: ['a'] }, { target: '/a?a=1&b=2&a=3&A=4' })
  assert.equal(some.target, '/1?a=1&a=3')
  const all = await received(t, { input_query_strings: ['*'] }, { target: '/a?a=1&b=2&a=3' })
  assert.equal(all.target, '/1?a=1&b=2&a=3')
})

test('Content-Type passes while no field is listed, and not when others are', async (t) => {
  const post = { method: 'POST', body: '{}', fields: { 'Content-Type': 'application/json' } }
  const none = await received(t, { method: 'POST' }, post)
  assert.equal(none.fields['content-type'], 'application/json')
  const other = await received(t, { method: 'POST', input_headers: ['X-Own'] }, post)
  assert.equal(other.fields['content-type'], undefined)
})

test('the length of a body is told where all fields pass or it is listed, and else the body comes in chunks', async (t) => {
  const post = { method: 'POST', body: '{"b":2}' }
  for (const [input_headers, told] of [
    [['*'], ['7', undefined]],
    [['Content-Length'], ['7', undefined]],
    [['X-Own'], [undefined, 'chunked']],
  ] as const) {
    const { fields } = await received(t, { method: 'POST', input_headers }, post)
    assert.deepEqual([fields['content-length'], fields['transfer-encoding']], told)
  }
})

test('X-Forwarded-For is the address of the client alone, whatever the client says of itself', async (t) => {
  const forged = { 'X-Forwarded-For': '8.8.8.8', 'X-Forwarded-Host': 'evil' }
  const { fields } = await received(t, {}, { fields: forged })
  assert.deepEqual([fields['x-forwarded-for'], fields['x-forwarded-host']], ['127.0.0.1', 'shop.example.org'])
})

test('a backend may narrow what its endpoint lets pass', async (t) => {
  const backend = [{ url_pattern: '/1', input_headers: ['X-Own'], input_query_strings: ['a'] }]
  const endpoint = { input_headers: ['*'], input_query_strings: ['*'], backend }
  const { fields, target } = await received(t, endpoint, { target: '/a?a=1&b=2' })
  assert.deepEqual([fields['x-own'], fields['x-lower'], target], ['a', undefined, '/1?a=1'])
})

test('a redirect that is followed tells where it came from', async (t) => {
  const krakend = await startKrakend(t, [{ endpoint: '/a', backend: [{ url_pattern: '/1?x=1' }] }], (one) =>
    one.target === '/2' ? one.answer(200, '{"a":1}') : one.answer(302, '', { Location: '/2' }),
  )
  assert.equal((await krakend.ask('/a')).text(), '{"a":1}')
  assert.equal(krakend.origin.requests[1]?.field('referer'), `http://${krakend.origin.address}/1?x=1`)
})

test('a POST without a body says so to the backend', async (t) => {
  const { fields } = await received(t, { method: 'POST' }, { method: 'POST', body: '' })
  assert.equal(fields['content-length'], '0')
})
