// A KrakenD config behind `serverpy -c`: what a service, an endpoint and a backend are, and when an answer is a failure.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { COMPLETED, PARTIAL, Said, WHOLE, faults, loaded, rows, startKrakend } from './rig.js'

const HOST = ['http://127.0.0.1:9000']

test('a version other than 3 is a fault at the start', async (t) => {
  const [fault] = await faults(t, { version: 2, endpoints: [] })
  assert.match(fault ?? '', /^2:14 {2}version {2}only version 3 of the format is read {2}\(.+\)$/)
  const [none] = await faults(t, { endpoints: [] })
  assert.match(none ?? '', /there is no "version"/)
})

test('a service has port 8080 and a timeout of 2 seconds unless it says otherwise', async (t) => {
  const endpoints = [{ endpoint: '/a', backend: [{ url_pattern: '/b', host: HOST }] }]
  const plain = await loaded(t, { version: 3, endpoints })
  assert.equal(plain.config.processor.port, 8080)
  const handler = plain.config.routes[0]?.handler
  assert.ok(handler?.kind === 'merge')
  assert.equal(handler.merge.timeoutMs, 2000)
  const top = { port: 9999, timeout: '1m30s', name: 'edge', read_header_timeout: '200ms', listen_ip: '127.0.0.1' }
  const said = await loaded(t, { version: 3, endpoints, ...top })
  const { processor, routes } = said.config
  assert.deepEqual([processor.port, processor.name, processor.host], [9999, 'edge', '127.0.0.1'])
  assert.equal(processor.timeouts.requestHeadMs, 200)
  const own = routes[0]?.handler
  assert.ok(own?.kind === 'merge')
  assert.equal(own.merge.timeoutMs, 90_000)
})

test('backends with the same hosts are one service, polled by connections, that serves even while they are down', async (t) => {
  const { config } = await loaded(t, {
    version: 3,
    host: HOST,
    endpoints: [
      { endpoint: '/a', backend: [{ url_pattern: '/1' }, { url_pattern: '/2', host: ['127.0.0.1:9000/'] }] },
      {
        endpoint: '/b',
        backend: [{ url_pattern: '/3', host: ['https://other.example.org', 'https://other.example.org'] }],
      },
    ],
  })
  assert.deepEqual(
    config.services.map(({ name, servers, balance }) => [
      name,
      servers.map(({ spec, polling }) => [spec.host, spec.port, spec.secure, spec.weight, polling.method]),
      balance.panic,
    ]),
    [
      ['127.0.0.1-9000', [['127.0.0.1', 9000, false, 1, 'tcp']], 'serve'],
      ['other.example.org', [['other.example.org', 443, true, 2, 'tcp']], 'serve'],
    ],
  )
})

test('a parameter that the endpoint does not have is a fault, with its place', async (t) => {
  const backend = [{ url_pattern: '/x/{nope}', host: HOST }]
  const [fault] = await faults(t, { version: 3, endpoints: [{ endpoint: '/a/{id}', backend }] })
  assert.match(
    fault ?? '',
    /^8:\d+ {2}endpoints\[0\]\.backend\[0\]\.url_pattern {2}the parameter "nope" is undefined {2}\(the endpoint has \{id\}\)$/,
  )
})

test('claims and earlier answers are undefined where there is no validator and no sequence', async (t) => {
  const backend = [
    { url_pattern: '/x/{JWT.sub}', host: HOST },
    { url_pattern: '/x/{resp0_a}', host: HOST },
  ]
  const all = await faults(t, { version: 3, endpoints: [{ endpoint: '/a', backend }] })
  assert.deepEqual(
    all.map((line) => /"(.*?)" is undefined/.exec(line)?.[1]),
    ['JWT.sub', 'resp0_a'],
  )
})

test('an endpoint without a backend, and a backend without a host or a pattern, are faults', async (t) => {
  const endpoints = [{ endpoint: '/a' }, { endpoint: '/b', backend: [{}] }, { backend: [] }]
  const all = await faults(t, { version: 3, endpoints })
  for (const part of [
    'the endpoint has no backend',
    'the backend has no host',
    'no "url_pattern"',
    'there is no "endpoint"',
  ])
    assert.ok(
      all.some((line) => line.includes(part)),
      part,
    )
})

test('what is not known is told with its line, and nothing of it is fatal', async (t) => {
  const { warnings } = await loaded(t, {
    version: 3,
    $schema: 'https://www.krakend.io/schema/v3.json',
    host: HOST,
    disable_rest: true,
    extra_config: { 'telemetry/logging': { level: 'DEBUG' }, 'acme/thing': {} },
    endpoints: [
      {
        endpoint: '/a',
        '@comment': 'for people',
        odd: 1,
        extra_config: { 'modifier/lua-proxy': { pre: 'x()' } },
        backend: [
          { url_pattern: '/b', sd: 'dns', extra_config: { 'modifier/martian': {}, 'backend/amqp/consumer': {} } },
        ],
      },
    ],
  })
  const told = warnings.map((line) => line.replace(/^.*krakend\.json:/, '').split('  '))
  assert.deepEqual(
    told.map(([place, path]) => [place?.split(':')[0], path]),
    [
      ['7', 'disable_rest'],
      ['9', 'extra_config["telemetry/logging"]'],
      ['12', 'extra_config["acme/thing"]'],
      ['18', 'endpoints[0].odd'],
      ['20', 'endpoints[0].extra_config["modifier/lua-proxy"]'],
      ['27', 'endpoints[0].backend[0].sd'],
      ['29', 'endpoints[0].backend[0].extra_config["modifier/martian"]'],
      ['30', 'endpoints[0].backend[0].extra_config["backend/amqp/consumer"]'],
    ],
  )
  assert.ok(
    told.every((parts) => /^\(.+\)$/.test(parts.at(-1) ?? '')),
    'each says what to do',
  )
  assert.match(warnings[4] ?? '', /serverpy pipe new/)
})

rows([
  {
    name: 'an endpoint answers in JSON with its fields in the order of their bytes, at every depth',
    endpoint: { endpoint: '/a', backend: [{ url_pattern: '/b' }] },
    says: { '/b': { b: 1, B: 2, a: { d: [{ y: 1, x: 2 }], c: null } } },
    status: 200,
    body: '{"B":2,"a":{"c":null,"d":[{"x":2,"y":1}]},"b":1}',
    fields: { ...WHOLE, 'Cache-Control': undefined },
  },
  {
    name: 'characters that mean something in a page are escaped in JSON',
    endpoint: { endpoint: '/a', backend: [{ url_pattern: '/b' }] },
    says: { '/b': { a: '<b>&é' } },
    status: 200,
    body: '{"a":"\\u003cb\\u003e\\u0026é"}',
  },
  {
    name: 'cache_ttl of the endpoint stands in Cache-Control of whole answers',
    endpoint: { endpoint: '/a', cache_ttl: '5m', backend: [{ url_pattern: '/b' }] },
    says: { '/b': { a: 1 } },
    status: 200,
    fields: { 'Cache-Control': 'public, max-age=300', [COMPLETED]: 'true' },
  },
  {
    name: 'an answer without data counts as incomplete',
    endpoint: { endpoint: '/a', cache_ttl: '5m', backend: [{ url_pattern: '/b' }] },
    says: { '/b': {} },
    status: 200,
    body: '{}',
    fields: PARTIAL,
  },
  {
    name: 'cache_ttl of the service holds where an endpoint has none',
    endpoint: { endpoint: '/a', backend: [{ url_pattern: '/b' }] },
    top: { cache_ttl: '1h' },
    says: { '/b': { a: 1 } },
    status: 200,
    fields: { 'Cache-Control': 'public, max-age=3600', [COMPLETED]: 'true' },
  },
  {
    name: 'parameters of the path and of the query of a pattern are filled in',
    endpoint: { endpoint: '/u/{id}/{what}', backend: [{ url_pattern: '/users/{id}?w={what}' }] },
    says: { '/users/7?w=all': { ok: true } },
    target: '/u/7/all',
    status: 200,
    body: '{"ok":true}',
    targets: ['/users/7?w=all'],
  },
  {
    name: 'a path takes itself only, and nothing below',
    endpoint: { endpoint: '/a', backend: [{ url_pattern: '/b' }] },
    target: '/a/b',
    status: 404,
    body: '404 page not found',
    targets: [],
  },
  {
    name: 'an endpoint is for GET unless it says otherwise',
    endpoint: { endpoint: '/a', backend: [{ url_pattern: '/b' }] },
    asked: { method: 'POST', body: 'x' },
    status: 405,
    body: '405 method not allowed',
    targets: [],
  },
  {
    name: 'an answer with 201 is a success and becomes 200',
    endpoint: { endpoint: '/a', backend: [{ url_pattern: '/b' }] },
    says: { '/b': new Said(201, '{"a":1}') },
    status: 200,
    body: '{"a":1}',
    fields: WHOLE,
  },
  ...[202, 204, 400, 404, 500, 503].map((status) => ({
    name: `an answer with ${status} is a failure: 500, without a body, not complete`,
    endpoint: { endpoint: '/a', backend: [{ url_pattern: '/b' }] },
    says: { '/b': new Said(status, status === 204 ? '' : '{"a":1}') },
    status: 500,
    body: '',
    fields: PARTIAL,
  })),
  ...[301, 302, 303, 307].map((status) => ({
    name: `a redirect with ${status} is followed`,
    endpoint: { endpoint: '/a', backend: [{ url_pattern: '/old' }] },
    says: { '/old': new Said(status, '', { Location: '/new?x=1' }), '/new?x=1': { moved: true } },
    status: 200,
    body: '{"moved":true}',
    targets: ['/old', '/new?x=1'],
  })),
  {
    name: 'a redirect is not followed where the client of the backend says so',
    endpoint: {
      endpoint: '/a',
      backend: [{ url_pattern: '/old', extra_config: { 'backend/http/client': { no_redirect: true } } }],
    },
    says: { '/old': new Said(301, '', { Location: '/new' }), '/new': {} },
    status: 500,
    targets: ['/old'],
  },
  {
    name: 'return_error_code passes the status of the backend on',
    endpoint: {
      endpoint: '/a',
      backend: [{ url_pattern: '/b', extra_config: { 'backend/http': { return_error_code: true } } }],
    },
    says: { '/b': new Said(418, 'short and stout') },
    status: 418,
    fields: PARTIAL,
  },
  {
    name: 'return_error_details makes data of a failure',
    endpoint: {
      endpoint: '/a',
      cache_ttl: '5m',
      backend: [{ url_pattern: '/b', extra_config: { 'backend/http': { return_error_details: 'b' } } }],
    },
    says: { '/b': new Said(409, 'taken', { 'Content-Type': 'text/plain' }) },
    status: 200,
    body: '{"error_b":{"http_body":"taken","http_body_encoding":"text/plain","http_status_code":409}}',
    fields: PARTIAL,
  },
  {
    name: 'return_error_msg of the router says why an answer failed',
    endpoint: { endpoint: '/a', backend: [{ url_pattern: '/b' }] },
    top: { extra_config: { router: { return_error_msg: true } } },
    status: 500,
    body: 'invalid status code',
    fields: PARTIAL,
  },
  {
    name: 'a backend that answers too late is a failure',
    endpoint: { endpoint: '/a', timeout: '150ms', backend: [{ url_pattern: '/b' }] },
    says: () => undefined,
    status: 500,
    body: '',
    fields: PARTIAL,
  },
])

test('a backend has the method of its endpoint unless it has its own', async (t) => {
  const endpoint = (path: string, backend: object) => ({ endpoint: path, method: 'POST', backend: [backend] })
  const { ask, origin } = await startKrakend(
    t,
    [endpoint('/a', { url_pattern: '/same' }), endpoint('/b', { url_pattern: '/other', method: 'PUT' })],
    { '/same': { a: 1 }, '/other': { a: 1 } },
  )
  for (const target of ['/a', '/b']) assert.equal((await ask(target, { method: 'POST', body: 'x=1' })).status, 200)
  assert.deepEqual(
    origin.requests.map(({ method }) => method),
    ['POST', 'PUT'],
  )
  assert.deepEqual((await Promise.all(origin.requests.map((asked) => asked.body()))).map(String), ['x=1', 'x=1'])
})

test('one path may have an endpoint for each method', async (t) => {
  const { ask } = await startKrakend(
    t,
    [
      { endpoint: '/a', backend: [{ url_pattern: '/get' }] },
      { endpoint: '/a', method: 'DELETE', backend: [{ url_pattern: '/del' }] },
    ],
    { '/get': { is: 'get' }, '/del': { is: 'delete' } },
  )
  assert.equal((await ask('/a')).text(), '{"is":"get"}')
  assert.equal((await ask('/a', { method: 'DELETE' })).text(), '{"is":"delete"}')
})
