// A KrakenD config behind `serverpy -c`: several backends at once or in sequence, static data, shadows, several calls.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { OriginRequest } from '../../kit/origin.js'
import { waitFor } from '../../kit/wait.js'
import { COMPLETED, PARTIAL, proxy, Said, rows, startKrakend, WHOLE } from './rig.js'

const two = [{ url_pattern: '/1' }, { url_pattern: '/2' }]
const silent = (): void => undefined
const sequential = proxy({ sequential: true })

rows([
  {
    name: 'two backends that both answer make one whole answer that caches may keep',
    endpoint: { endpoint: '/a', cache_ttl: '1m', backend: two },
    says: { '/1': { a: 1 }, '/2': { b: 2 } },
    status: 200,
    body: '{"a":1,"b":2}',
    fields: { ...WHOLE, 'Cache-Control': 'public, max-age=60' },
  },
  {
    name: 'of two that bring the same field the later one in the config counts, whichever answers first',
    endpoint: { endpoint: '/a', backend: two },
    says: {
      '/1': (asked: OriginRequest) => void setTimeout(() => asked.answer(200, '{"a":{"deep":1},"b":1}'), 50),
      '/2': { a: 2 },
    },
    status: 200,
    body: '{"a":2,"b":1}',
    fields: WHOLE,
  },
  {
    name: 'one backend that fails leaves the data of the other, which is not whole and not for caches',
    endpoint: { endpoint: '/a', cache_ttl: '1m', backend: two },
    says: { '/1': { a: 1 }, '/2': new Said(500) },
    status: 200,
    body: '{"a":1}',
    fields: PARTIAL,
  },
  {
    name: 'a backend that is late is left out when 85 % of the time is up',
    endpoint: { endpoint: '/a', timeout: '400ms', cache_ttl: '1m', backend: two },
    says: { '/1': { a: 1 }, '/2': silent },
    status: 200,
    body: '{"a":1}',
    fields: PARTIAL,
  },
  {
    name: 'a backend with a shorter time of its own is left out when that is up',
    endpoint: {
      endpoint: '/a',
      timeout: '30s',
      backend: [{ url_pattern: '/1' }, { url_pattern: '/2', timeout: '50ms' }],
    },
    says: { '/1': { a: 1 }, '/2': silent },
    status: 200,
    body: '{"a":1}',
    fields: PARTIAL,
  },
  {
    name: 'when all backends fail the answer is 500',
    endpoint: { endpoint: '/a', backend: two },
    status: 500,
    body: '',
    fields: PARTIAL,
  },
  {
    name: 'in sequence a later backend uses what an earlier one brought, inside of objects, too',
    endpoint: {
      endpoint: '/a/{id}',
      extra_config: sequential,
      backend: [
        { url_pattern: '/u/{id}', allow: ['user.hash', 'n', 'list'] },
        { url_pattern: '/h/{resp0_user.hash}/{resp0_n}?l={resp0_list}', group: 'second' },
      ],
    },
    says: { '/u/7': { user: { hash: 'abc', x: 1 }, n: 4.5, list: ['p', 'q'] }, '/h/abc/4.5?l=p%2Cq': { ok: true } },
    target: '/a/7',
    status: 200,
    body: '{"list":["p","q"],"n":4.5,"second":{"ok":true},"user":{"hash":"abc"}}',
    fields: WHOLE,
    targets: ['/u/7', '/h/abc/4.5?l=p%2Cq'],
  },
  {
    name: 'in sequence what stands in a group is found under its name',
    endpoint: {
      endpoint: '/a',
      extra_config: proxy({ sequential: true, sequential_propagated_params: ['resp0_one.id'] }),
      backend: [
        { url_pattern: '/1', group: 'one' },
        { url_pattern: '/2/{resp0_one.id}', group: 'two' },
      ],
    },
    says: { '/1': { id: 42 }, '/2/42': { ok: true } },
    status: 200,
    body: '{"one":{"id":42},"two":{"ok":true}}',
    fields: WHOLE,
  },
  {
    name: 'in sequence the whole body of an earlier answer is handed on, in a form that fits into a path',
    endpoint: {
      endpoint: '/a',
      extra_config: sequential,
      backend: [{ url_pattern: '/1', encoding: 'no-op' }, { url_pattern: '/2/{resp0}' }],
    },
    says: { '/1': { message: 'pong' }, '/2/eyJtZXNzYWdlIjoicG9uZyJ9': { ok: true } },
    status: 200,
    body: '{"ok":true}',
    fields: WHOLE,
  },
  {
    name: 'in sequence a first backend that fails ends it: 500, and nobody else is asked',
    endpoint: { endpoint: '/a', extra_config: sequential, backend: two },
    says: { '/2': { b: 1 } },
    status: 500,
    body: '',
    fields: PARTIAL,
    targets: ['/1'],
  },
  {
    name: 'in sequence a later failure stops the chain, and what there is is the answer',
    endpoint: {
      endpoint: '/a',
      cache_ttl: '1m',
      extra_config: sequential,
      backend: [...two, { url_pattern: '/3' }],
    },
    says: { '/1': { a: 1 }, '/3': { c: 1 } },
    status: 200,
    body: '{"a":1}',
    fields: PARTIAL,
    targets: ['/1', '/2'],
  },
  ...(
    [
      ['always', '{"a":1,"s":"fixed"}', '{"s":"fixed"}', 'true'],
      ['success', '{"a":1,"s":"fixed"}', undefined, 'true'],
      ['complete', '{"a":1,"s":"fixed"}', undefined, 'true'],
      ['errored', '{"a":1,"s":0}', '{"s":"fixed"}', 'true'],
      ['incomplete', '{"a":1,"s":0}', '{"s":"fixed"}', 'true'],
    ] as const
  ).flatMap(([strategy, good, failed, completed]) => {
    const data = { s: 'fixed' }
    const endpoint = { endpoint: '/a', extra_config: proxy({ static: { strategy, data } }), backend: [two[0]] }
    return [
      {
        name: `static data with the strategy ${strategy} beside a whole answer`,
        endpoint,
        says: { '/1': { a: 1, s: 0 } },
        status: 200,
        body: good,
        fields: { [COMPLETED]: completed },
      },
      {
        name: `static data with the strategy ${strategy} in place of a failure`,
        endpoint,
        status: failed === undefined ? 500 : 200,
        body: failed ?? '',
        fields: PARTIAL,
      },
    ]
  }),
  {
    name: 'static data with the strategy incomplete beside a part of the answer',
    endpoint: {
      endpoint: '/a',
      extra_config: proxy({ static: { strategy: 'incomplete', data: { s: 1 } } }),
      backend: two,
    },
    says: { '/1': { a: 1 } },
    status: 200,
    body: '{"a":1,"s":1}',
    fields: PARTIAL,
  },
])

test('when time is up the connections to backends that are late are given up', async (t) => {
  const { ask, origin } = await startKrakend(t, [{ endpoint: '/a', timeout: '200ms', backend: two }], {
    '/1': { a: 1 },
    '/2': silent,
  })
  assert.equal((await ask('/a')).text(), '{"a":1}')
  await origin.requests.find(({ target }) => target === '/2')?.gone
})

test('backends are asked at once, not one after the other', async (t) => {
  const waiting: OriginRequest[] = []
  const { ask } = await startKrakend(t, [{ endpoint: '/a', backend: two }], (asked) => {
    if (waiting.push(asked) < 2) return
    for (const one of waiting) one.answer(200, JSON.stringify({ [one.target]: true }))
  })
  assert.equal((await ask('/a')).text(), '{"/1":true,"/2":true}')
})

test('concurrent_calls sends that many copies; the first whole answer counts, the others are given up', async (t) => {
  const asked: OriginRequest[] = []
  const endpoint = { endpoint: '/a', timeout: '10s', concurrent_calls: 3, backend: [{ url_pattern: '/1' }] }
  const { ask } = await startKrakend(t, [endpoint], (one) => {
    if (asked.push(one) === 3) asked[1]?.answer(200, '{"from":"second"}')
  })
  assert.equal((await ask('/a')).text(), '{"from":"second"}')
  await Promise.all([asked[0]?.gone, asked[2]?.gone])
  assert.equal(asked.length, 3)
})

test('concurrent_calls has three quarters of the time', async (t) => {
  const endpoint = { endpoint: '/a', timeout: '400ms', concurrent_calls: 2, backend: [{ url_pattern: '/1' }] }
  const { ask, gateway } = await startKrakend(t, [endpoint], silent)
  assert.equal((await ask('/a')).status, 500)
  const { handler } = gateway.config.routes[0] ?? {}
  assert.ok(handler?.kind === 'merge')
  assert.equal(handler.merge.parts[0]?.concurrentCalls, 2)
})

test('a shadow gets a copy of the request, and its answer is ignored', async (t) => {
  const shadow = { url_pattern: '/2', extra_config: proxy({ shadow: true }) }
  const { ask, origin } = await startKrakend(t, [{ endpoint: '/a', backend: [two[0], shadow] }], {
    '/1': { a: 1 },
    '/2': new Said(500, 'ignored'),
  })
  const answer = await ask('/a')
  assert.deepEqual([answer.text(), answer.field(COMPLETED)], ['{"a":1}', 'true'])
  await waitFor(() => origin.requests.some(({ target }) => target === '/2'))
})

test('nobody waits for a shadow that never answers', async (t) => {
  const shadow = { url_pattern: '/2', extra_config: proxy({ shadow: true }) }
  const endpoint = { endpoint: '/a', timeout: '20s', backend: [two[0], shadow] }
  const { ask } = await startKrakend(t, [endpoint], { '/1': { a: 1 }, '/2': silent })
  assert.equal((await ask('/a')).field(COMPLETED), 'true')
})
