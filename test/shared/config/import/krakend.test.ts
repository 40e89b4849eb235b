// KrakenD's files: what they become, what is told of the rest, and that the written config means the same.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseConfig } from '../../../../shared/config/parse.js'
import { formatProblem } from '../../../../shared/config/problem.js'
import { imported, native, parse, refused, withoutPlaces } from './importing.js'
import { endpoint, FILE, HOST, text } from './krakend-source.js'

const routeOf = (more: object = {}, backend: object = {}, top: object = {}): Record<string, unknown> => {
  const { config } = native(text({ ...top, endpoints: [endpoint(more, backend)] }), FILE)
  return config.routes?.[0] ?? {}
}

test('an endpoint becomes a route that merges, with all that is not listed kept out', () => {
  assert.deepEqual(routeOf(), {
    match: { path: '/a/{id}', methods: ['GET'], exact: true },
    merge: [{ service: '127.0.0.1-9000', path: '/b/{id}', method: 'GET' }],
    timeout: '2s',
    input_headers: [],
    input_query_strings: [],
    completed: 'X-Krakend-Completed',
    forwarding: 'strict',
  })
})

test('what an endpoint says goes into its route', () => {
  const route = routeOf(
    {
      method: 'post',
      timeout: '1500ms',
      cache_ttl: '1m30s',
      concurrent_calls: 2,
      output_encoding: 'negotiate',
      input_headers: ['X-A'],
      input_query_strings: ['*'],
      extra_config: {
        proxy: { sequential: true, static: { data: { a: 1 } }, flatmap_filter: [{ type: 'del', args: ['x'] }] },
      },
    },
    {},
    { extra_config: { router: { return_error_msg: true } } },
  )
  const { match, merge: _, ...rest } = route
  assert.deepEqual(match, { path: '/a/{id}', methods: ['POST'], exact: true })
  assert.deepEqual(rest, {
    timeout: '1500ms',
    cache_ttl: '90s',
    concurrent_calls: 2,
    output: 'negotiate',
    sequential: true,
    static: { data: { a: 1 }, strategy: 'always' },
    flatmap: [{ type: 'del', args: ['x'] }],
    input_headers: ['X-A'],
    input_query_strings: ['*'],
    completed: 'X-Krakend-Completed',
    forwarding: 'strict',
    request_size: '10MiB',
    return_error_msg: true,
  })
})

test('what a backend says goes into its part', () => {
  const backend = {
    method: 'put',
    encoding: 'fast-json',
    is_collection: true,
    target: 'data',
    allow: ['a.b'],
    deny: ['c'],
    mapping: { a: 'b' },
    group: 'g',
    timeout: '300ms',
    disable_host_sanitize: true,
    extra_config: {
      proxy: { shadow: false },
      'backend/http': { return_error_details: 'x', return_error_code: true },
      'backend/http/client': { no_redirect: true },
      'qos/http-cache': { shared: true },
    },
  }
  assert.deepEqual(routeOf({}, backend)['merge'], [
    {
      service: '127.0.0.1-9000',
      path: '/b/{id}',
      method: 'PUT',
      encoding: 'json',
      is_collection: true,
      target: 'data',
      allow: ['a.b'],
      mapping: { a: 'b' },
      group: 'g',
      timeout: '300ms',
      return_error_details: 'x',
      redirects: 0,
      cache: true,
    },
  ])
})

test('a breaker, and how backends are spoken to, make a service of their own', () => {
  const breaking = { 'qos/circuit-breaker': { timeout: 10, max_errors: 3 } }
  const tls = { 'backend/http/client': { client_tls: { allow_insecure_connections: true } } }
  const endpoints = [
    endpoint(),
    endpoint({ endpoint: '/b/{id}' }, { extra_config: breaking }),
    endpoint({ endpoint: '/c/{id}' }, { extra_config: tls }),
  ]
  const { config } = native(text({ endpoints }), FILE)
  assert.deepEqual(config.services, {
    '127.0.0.1-9000': { servers: HOST, polling: { method: 'tcp' } },
    '127.0.0.1-9000-2': {
      servers: HOST,
      polling: { method: 'tcp' },
      breaker: { consecutive: 4, open: 10 },
      outlier: { answers: 0, statuses: ['202-299', '304-306', '400-599'] },
    },
    '127.0.0.1-9000-3': { servers: HOST, polling: { method: 'tcp' }, tls: { verify: false } },
  })
})

test('bodies of clients may be as long as the router says, and 10 MiB where it says nothing', () => {
  const router = { router: { max_payload: 2000 } }
  assert.equal(routeOf({ method: 'PUT' })['request_size'], '10MiB')
  assert.equal(routeOf({ method: 'PUT' }, {}, { extra_config: router })['request_size'], 2000)
  assert.equal(routeOf({}, {}, { extra_config: router })['request_size'], undefined)
  const passing = { method: 'PUT', output_encoding: 'no-op' }
  assert.equal(routeOf(passing)['request_size'], undefined)
  assert.equal(routeOf(passing, {}, { extra_config: router })['request_size'], 2000)
  // Neither passes on as it comes.
  assert.equal(routeOf({ ...passing, concurrent_calls: 2 })['request_size'], '10MiB')
  assert.equal(routeOf(passing, { extra_config: { 'qos/http-cache': {} } })['request_size'], '10MiB')
})

test('two backends with the same breaker have a service each', () => {
  const extra_config = { 'qos/circuit-breaker': { timeout: 10, max_errors: 3 } }
  const endpoints = [endpoint({}, { extra_config }), endpoint({ endpoint: '/b/{id}' }, { extra_config })]
  const { config } = native(text({ endpoints }), FILE)
  assert.deepEqual(Object.keys(config.services), ['127.0.0.1-9000', '127.0.0.1-9000-2'])
})

test('pipes of an endpoint stand in the order in which KrakenD does these things', () => {
  const extra_config = {
    'validation/cel': [{ check_expr: 'req_method == "GET"' }],
    'validation/json-schema': { type: 'object' },
    'qos/ratelimit/router': { max_rate: 5, client_max_rate: 2, strategy: 'header', key: 'X-Key', every: '10s' },
    'auth/validator': { alg: 'RS256', jwk_url: 'https://keys.example.org', roles: ['a'], roles_key: 'r' },
    'security/bot-detector': { deny: ['x'] },
  }
  assert.deepEqual(routeOf({ extra_config })['pipes'], [
    { use: 'bot', deny: ['x'], refusal: 'empty' },
    {
      use: 'auth-jwt',
      jwks: 'https://keys.example.org',
      algorithms: ['RS256'],
      roles: ['a'],
      roles_key: 'r',
      refusal: 'empty',
    },
    { use: 'rate-limit', rate: 5, period: '10s', by: 'route', status: 503 },
    { use: 'rate-limit', rate: 2, period: '10s', by: 'header:X-Key' },
    { use: 'validate', schema: { type: 'object' }, types: ['*/*'] },
    { use: 'expression', dialect: 'krakend', require: ['req_method == "GET"'] },
  ])
})

test('old names of namespaces are known', () => {
  const extra_config = { 'github.com/devopsfaith/krakend/proxy': { sequential: true } }
  assert.equal(routeOf({ extra_config })['sequential'], true)
  const top = {
    'github_com/devopsfaith/krakend-httpsecure': { frame_deny: true },
    'github_com/devopsfaith/krakend-gologging': {},
    'github_com/devopsfaith/bloomfilter': {},
  }
  const source = text({ extra_config: top, endpoints: [endpoint()] })
  const { config, notes } = native(source, FILE)
  assert.deepEqual((config.processor?.['pipes'] as object[])[1], {
    use: 'headers',
    response: { set: { 'X-Frame-Options': 'DENY' } },
  })
  assert.deepEqual(
    notes.map(({ message }) => message),
    [
      '"github_com/devopsfaith/krakend-gologging" has no counterpart here',
      '"github_com/devopsfaith/bloomfilter" has no counterpart here: requests pass without it',
    ],
  )
})

test('certificates of the port and of connections to backends', () => {
  const tls = { public_key: './cert.pem', private_key: './key.pem', min_version: 'TLS13' }
  const client_tls = { ca_certs: ['./ca.pem'], client_certs: [{ certificate: './own.pem', private_key: './own.key' }] }
  const { config } = native(text({ tls, client_tls, endpoints: [endpoint()] }), FILE)
  assert.deepEqual(config.processor?.['tls'], {
    certificates: [{ cert: './cert.pem', key: './key.pem' }],
    min_version: 'TLSv1.3',
  })
  assert.deepEqual(config.services['127.0.0.1-9000']?.['tls'], {
    ca_file: './ca.pem',
    cert: './own.pem',
    key: './own.key',
  })
})

test('values of another type are faults with their line, all at once', () => {
  const lines = refused(
    text({
      port: '8080',
      timeout: '3 seconds',
      endpoints: [{ endpoint: 5 }, endpoint({ input_headers: 'X', method: 1 }, { host: [1], mapping: { a: 1 } }), 'x'],
    }),
    FILE,
  )
  for (const part of [
    'krakend.json:6:11  port  must be a number',
    'krakend.json:7:14  timeout  "3 seconds" is not a duration',
    'endpoints[0].endpoint  must be text',
    'endpoints[1].input_headers  must be a list of texts',
    'endpoints[1].method  must be text',
    'endpoints[1].backend[0].host[0]  must be text',
    'endpoints[1].backend[0].mapping.a  must be text',
    'endpoints[2]  must be an object',
  ])
    assert.ok(
      lines.some((line) => line.includes(part)),
      part,
    )
})

test('durations are those of Go', () => {
  const times = { '1h30m': 5_400_000, '0.5s': 500, '150us': 1, '1m0.25s': 60_250, '100ms': 100 }
  for (const [timeout, ms] of Object.entries(times)) {
    const { config } = imported(text({ endpoints: [endpoint({ timeout })] }), FILE)
    const { handler } = config.routes[0] ?? {}
    assert.ok(handler?.kind === 'merge')
    assert.equal(handler.merge.timeoutMs, ms, timeout)
  }
})

test('faults of the native parser name the line of the KrakenD file', () => {
  const [line] = refused(text({ endpoints: [endpoint({ endpoint: '/a/{id}x' }, { url_pattern: '/b' })] }), FILE)
  assert.match(line ?? '', /^krakend\.json:8:19 {2}endpoints\[0\]\.endpoint {2}a parameter is a whole segment/)
})

test('the config that is written means the same, and says what has no counterpart beside its route', () => {
  const extra_config = { 'modifier/lua-proxy': { pre: 'x()' }, 'qos/ratelimit/router': { max_rate: 5 } }
  const source = text({ cache_ttl: '1h', endpoints: [endpoint({ extra_config }), endpoint({ endpoint: '/c/{id}' })] })
  const { written } = native(source, FILE)
  assert.match(written, /^# Made from krakend\.json, a config of KrakenD\./)
  const plain = written.replace(/\n *# /g, ' ')
  assert.match(
    plain,
    /From krakend\.json:8\. Note, krakend\.json:16: "modifier\/lua-proxy" has no counterpart here; write it as a pipe/,
  )
  const again = parse(written, 'services.yaml')
  assert.ok(again.ok, JSON.stringify(again.ok ? '' : again.problems))
  const first = parse(source, FILE)
  assert.ok(first.ok)
  assert.deepEqual(withoutPlaces(again.config), withoutPlaces(first.config))
})

test('a file is known by its endpoints, its version or its schema', () => {
  for (const content of [
    '{"endpoints":[]}',
    '{"version":3}',
    '{"$schema":"https://www.krakend.io/schema/v2.7/krakend.json"}',
  ])
    assert.ok(
      refused(content, FILE).some((line) => /there is no (endpoint|"version")/.test(line)),
      content,
    )
})

test('a variable may stand for a number, where it spells one', () => {
  const content = text({
    port: '${PORT}',
    name: '${NAME:-edge}',
    endpoints: [endpoint({ concurrent_calls: '${CALLS}' })],
  })
  const { config } = imported(content, FILE, { PORT: '8123', CALLS: '3' })
  assert.deepEqual([config.processor.port, config.processor.name], [8123, 'edge'])
  assert.ok(refused(content, FILE, { PORT: 'x', CALLS: '3' }).some((line) => line.includes('port  must be a number')))
  assert.deepEqual(refused(content, FILE, { CALLS: '3' }).length, 1, 'an unset one is told of once')
})

test('a fault in what a backend says of its service has the place of the backend', () => {
  const client = { 'backend/http/client': { client_tls: { ca_certs: ['nowhere.pem'] } } }
  const parsed = parseConfig(text({ endpoints: [endpoint({}, { extra_config: client })] }), FILE, {})
  const line = parsed.ok ? '' : parsed.problems.map(formatProblem).join()
  assert.match(line, /^krakend\.json:\d+:\d+ {2}endpoints\[0\]\.backend\[0\]\.extra_config/)
})

test('a variable in a path is no parameter', () => {
  const source = text({ endpoints: [endpoint({}, { url_pattern: '/${BASE:-v1}/{id}' })] })
  assert.match(native(source, FILE, 'as-written').written, /path: .*\/\$\{BASE:-v1\}\/\{id\}/)
})
