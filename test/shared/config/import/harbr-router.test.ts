// harbr-router's files: both versions of them, what they become, and what is told of the rest.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { imported, native, refused } from './importing.js'

const FILE = 'config.yml'
const HEAD = 'listen_addr: "0.0.0.0:8080"\nglobal_timeout_ms: 5000\nmax_connections: 10000\n'

test('a file as its README shows it becomes a service for each prefix', () => {
  const { config, warnings } = imported(
    `${HEAD}
routes:
  "/api":
    upstream: "http://backend-api:8080"
    health_check_path: "/health"
    timeout_ms: 3000
    retry_count: 2
  "/":
    upstream: "http://default-backend:8080"
`,
    FILE,
  )
  const { processor, services, routes } = config
  assert.deepEqual([processor.host, processor.port], ['0.0.0.0', 8080])
  assert.deepEqual([processor.timeouts.totalMs, processor.limits.connections], [5000, 10_000])
  const [api, root] = services
  assert.ok(api && root)
  assert.deepEqual([api.name, root.name], ['api', 'root'])
  assert.deepEqual(
    [api.servers[0]?.spec.host, api.servers[0]?.spec.port, api.timeouts.totalMs, root.timeouts.totalMs],
    ['backend-api', 8080, 5000, 5000],
  )
  assert.deepEqual([api.retry.attempts, root.retry.attempts, api.retry.on], [3, 1, ['connect', 'reset', 'timeout']])
  const polling = api.servers[0]?.polling
  assert.ok(polling?.method === 'health')
  assert.deepEqual(
    [polling.endpoint, polling.frequency, polling.timeoutMs, polling.expect.statuses],
    ['/health', { kind: 'every', ms: 10_000 }, 5000, [[200, 299]]],
  )
  // Of each try: a second one has time of its own, within that of all of them.
  assert.deepEqual([api.timeouts.firstByteMs, api.timeouts.connectMs], [3000, 3000])
  // A failed check takes the only upstream out.
  assert.deepEqual([api.balance.panic, root.servers[0]?.polling.method], ['refuse', 'tcp'])
  assert.deepEqual(
    routes.map(({ match, handler }) => [match.path, match.exact, handler.kind]),
    [
      ['/api', false, 'forward'],
      ['/', false, 'forward'],
    ],
  )
  assert.deepEqual(
    warnings.map((line) => line.split('  ').slice(0, 2).join(' ')),
    ['config.yml:1:1 listen_addr', 'config.yml:2:1 global_timeout_ms', 'config.yml:3:1 max_connections'],
  )
})

test('limits of ours that are shorter than the timeouts of the file are lifted', () => {
  const { config } = imported(
    `${HEAD.replace('5000', '90000')}routes: { /a: { upstream: 'h:1', timeout_ms: 60000 }, /b: { upstream: 'h:2' }, /c: { upstream: 'h:3', timeout_ms: 200 } }`,
    FILE,
  )
  const { timeouts } = config.processor
  assert.deepEqual([timeouts.totalMs, timeouts.firstByteMs, timeouts.idleMs], [90_000, 90_000, 90_000])
  const [a, b, c] = config.services.map((service) => service.timeouts)
  assert.deepEqual([a?.totalMs, a?.firstByteMs, a?.idleMs, a?.connectMs], [90_000, 60_000, 90_000, 3000])
  assert.deepEqual([b?.totalMs, b?.firstByteMs, b?.idleMs], [90_000, 90_000, 90_000])
  assert.deepEqual([c?.totalMs, c?.firstByteMs, c?.connectMs], [90_000, 200, 200])
  const longer = imported(`${HEAD}routes: { /a: { upstream: 'h:1', timeout_ms: 6000 } }`, FILE).config.services[0]
    ?.timeouts
  assert.deepEqual([longer?.totalMs, longer?.firstByteMs], [6000, 6000])
})

test('names of services are made of the prefixes, each once', () => {
  const { config } = imported(
    `${HEAD}routes: { /a/b: { upstream: 'h:1' }, /a-b: { upstream: 'h:2' }, /%20: { upstream: 'h:3' } }`,
    FILE,
  )
  assert.deepEqual(
    config.services.map(({ name }) => name),
    ['a-b', 'a-b-2', 'root-20'],
  )
})

test('each key without a counterpart is told with its line and what replaces it', () => {
  const { warnings } = imported(
    `${HEAD}colour: red
routes:
  /a:
    upstream: 'h:1'
    retry_cout: 2
    preserve_host_header: true
`,
    FILE,
  )
  const told = warnings.filter((line) => !/listen_addr|global_timeout_ms|max_connections/.test(line))
  assert.deepEqual(told, [
    'config.yml:4:1  colour  unknown key "colour"; it is left out  (look it up in docs/moving, or drop it)',
    'config.yml:8:5  routes["/a"].retry_cout  unknown key "retry_cout"; it is left out  (did you mean "retry_count"?)',
    'config.yml:9:5  routes["/a"].preserve_host_header  instances get their own name as Host' +
      '  (have them read X-Forwarded-Host, which holds what the client asked for)',
  ])
})

test('faults name the place in the file, whoever finds them', () => {
  const faults = refused(
    `listen_addr: 'nowhere'
max_connections: many
routes:
  /a:
    timeout_ms: soon
  /b/../c:
    upstream: 'ftp://h'
`,
    FILE,
  )
  assert.deepEqual(faults, [
    'config.yml:1:1  "global_timeout_ms" is required',
    'config.yml:1:14  listen_addr  must be an address with a port  (such as "0.0.0.0:8080")',
    'config.yml:4:3  routes["/a"]  "upstream" is required',
    'config.yml:5:17  routes["/a"].timeout_ms  must be a number',
  ])
  const later = refused(
    `listen_addr: ':80'
global_timeout_ms: 1000
max_connections: many
routes:
  /b/../c:
    upstream: 'ftp://h'
`,
    FILE,
  )
  assert.deepEqual(
    later.map((line) => line.split('  ').slice(0, 3).join(' | ')),
    [
      'config.yml:3:18 | max_connections | must be a number, not text',
      'config.yml:5:3 | routes["/b/../c"] | a path must not hold "." or ".." segments',
      'config.yml:6:15 | routes["/b/../c"].upstream | the address has a scheme other than http and https',
    ],
  )
})

test('variables stand for texts and numbers, as in every file', () => {
  const text = `listen_addr: '127.0.0.1:\${PORT}'
global_timeout_ms: \${MS}
max_connections: \${MOST:-10}
routes: { /a: { upstream: 'http://\${HOST}', timeout_ms: '\${MS}' } }`
  const { config } = imported(text, FILE, { PORT: '8111', MS: '700', HOST: 'h' })
  assert.deepEqual(
    [config.processor.port, config.processor.timeouts.totalMs, config.processor.limits.connections],
    [8111, 700, 10],
  )
  assert.equal(config.services[0]?.servers[0]?.spec.host, 'h')
  assert.match(
    refused(text, FILE, { PORT: '1', MS: '1' }).join('\n'),
    /^config\.yml:4:27 {2}routes\["\/a"\]\.upstream {2}the variable HOST is not set/,
  )
})

test('the second version has proxies with ports of their own', () => {
  const { config, notes } = native(
    `
global:
  metrics: { enabled: true, listen_addr: '127.0.0.1:9090', path: /m }
  performance: { worker_threads: 3, cpu_affinity: true }
proxy_instances:
  - name: web
    proxy_type: http
    listen_addr: '0.0.0.0:8081'
    upstreams:
      - { name: a, address: 'h1:80', weight: 2, priority: 100, timeout_ms: 5000, health_check: { type: http, path: /up, interval_secs: 3, timeout_secs: 2, failure_threshold: 3, success_threshold: 2, expected_status: [200] } }
      - { name: b, address: 'h2:80', priority: 90, timeout_ms: 1000 }
      - { address: 'h3:80', priority: 80 }
      - { address: 'h4:80', priority: 70, retry: { max_retries: 4, backoff_ms: 100, max_backoff_ms: 900 } }
    config: { http: { max_request_size: 1000, add_headers: { x-a: b }, remove_headers: [x-c], sticky_sessions: true, keep_alive_timeout_secs: 7 } }
  - name: my admin
    proxy_type: http
    listen_addr: '[::1]:8082'
    hosts: [{ name: /admin, upstream: 'http://h5', timeout_ms: 100, retry_count: 1 }]
    config: { connection_pooling: false }
  - { name: db, proxy_type: tcp, listen_addr: ':5432', upstreams: [{ address: 'h6:5432', health_check: { type: tcp, interval_ms: 500 } }], config: { tcp: { idle_timeout_secs: 30, nodelay: true } } }
  - { name: dns, proxy_type: udp, listen_addr: ':53', upstreams: [] }
`,
    FILE,
  )
  assert.deepEqual(config.discovery, { host: '127.0.0.1', port: 9090 })
  assert.deepEqual(config.processor, {
    host: '0.0.0.0',
    port: 8081,
    timeouts: { keep_alive: 7 },
    listeners: [
      { name: 'my-admin', host: '::1', port: 8082 },
      { name: 'db', port: 5432, idle: 30, tcp: 'db' },
    ],
    workers: 3,
  })
  const { web } = config.services
  assert.deepEqual(web?.['servers'], [
    {
      url: 'h1:80',
      metadata: { name: 'a' },
      weight: 2,
      priority: 'high',
      polling: {
        method: 'health',
        endpoint: '/up',
        frequency: 3,
        timeout: 2,
        fall: 3,
        rise: 2,
        expect: { status: [200] },
      },
    },
    { url: 'h2:80', metadata: { name: 'b' }, priority: 'med' },
    { url: 'h3:80', priority: 'low' },
    { url: 'h4:80', priority: 'low' },
  ])
  assert.deepEqual(web?.['polling'], { method: 'tcp', frequency: 10, timeout: 5 })
  assert.deepEqual(web?.['timeout'], { first_byte_ms: 5000 })
  assert.deepEqual(web?.['retry'], {
    attempts: 5,
    on: ['connect', 'reset', 'timeout'],
    backoff: { base_ms: 100, max_ms: 900 },
  })
  assert.deepEqual(web?.['pipes'], [
    { use: 'body-limit', bytes: 1000 },
    { use: 'headers', request: { set: { 'x-a': 'b' }, remove: ['x-c'] } },
  ])
  assert.deepEqual(web?.['balance'], { sticky: true })
  assert.deepEqual(web?.['apis'], ['/'])
  assert.deepEqual(config.routes, [{ match: { path: '/admin' }, listener: 'my-admin', service: 'my-admin-admin' }])
  assert.deepEqual(config.services['db']?.['servers'], [
    { url: 'h6:5432', polling: { method: 'tcp', frequency_ms: 500 } },
  ])
  assert.deepEqual(
    notes.map(({ path }) => path.join('.')).sort(),
    [
      'global.metrics.path',
      'global.performance.cpu_affinity',
      'proxy_instances.0.upstreams.1.timeout_ms',
      'proxy_instances.0.upstreams.3.priority',
      'proxy_instances.1.config.connection_pooling',
      'proxy_instances.2.config.tcp.nodelay',
      'proxy_instances.3.proxy_type',
    ].sort(),
  )
})

const upstreams = (list: string, more = '') =>
  native(`proxy_instances: [{ name: web, listen_addr: ':80', upstreams: [${list}]${more} }]`, FILE)

test('fields that the gateway sets itself are left out with a note, and braces mean nothing', () => {
  const { config, notes } = upstreams(
    `{ address: 'h:1' }`,
    `, config: { add_headers: { X-Forwarded-Proto: https, X-A: 'a{b}' }, remove_headers: [Host, X-D] }`,
  )
  assert.deepEqual(config.services['web']?.['pipes'], [
    { use: 'headers', request: { set: { 'X-A': 'a{{b}}' }, remove: ['X-D'] } },
  ])
  assert.deepEqual(
    notes.map(({ path, message }) => [path.at(-1), message]),
    [
      ['X-Forwarded-Proto', '"X-Forwarded-Proto" is left as it is: the gateway sets x-forwarded-proto itself'],
      [0, '"Host" is left as it is: the gateway sets host itself'],
    ],
  )
  assert.equal(
    upstreams(`{ address: 'h:1' }`, ', config: { add_headers: { Via: x } }').config.services['web']?.['pipes'],
    undefined,
  )
  const file = `proxy_instances: [{ listen_addr: ':80', upstreams: [{ address: h }], config: { add_headers: { X-A: 'a{b}' } } }]`
  assert.equal(imported(file, FILE).config.services.length, 1)
})

test('what differs from one upstream to the other is told', () => {
  const told = (list: string, kind = 'http') =>
    upstreams(list, `, proxy_type: ${kind}`).notes.map(({ path }) => path.slice(2).join('.'))
  assert.deepEqual(told(`{ address: 'h:1', timeout_ms: 5 }, { address: 'h:2', timeout_ms: 6 }`, 'tcp'), [
    'upstreams.1.timeout_ms',
  ])
  assert.deepEqual(
    told(`{ address: 'h:1', timeout_ms: 5 }, { address: 'h:2', timeout_ms: 5 }, { address: 'h:3' }`, 'tcp'),
    [],
  )
  const tries = '{ address: h, retry: { max_retries: 2, backoff_ms: 10 } }'
  assert.deepEqual(told(`${tries}, ${tries}`), [])
  assert.deepEqual(told(`${tries}, ${tries.replace('10', '20')}`), ['upstreams.1.retry.max_retries'])
  assert.deepEqual(told(`${tries}, { address: h, retry_count: 1 }`), ['upstreams.1.retry_count'])
})

test('a path of an upstream is told of, and so are metrics that shall not be', () => {
  const { notes } = native(`${HEAD}routes: { /a: { upstream: 'http://h/base' }, /b: { upstream: 'http://h/' } }`, FILE)
  assert.deepEqual(
    notes.map(({ path }) => path.join('.')).filter((path) => path.startsWith('routes')),
    ['routes./a.upstream'],
  )
  const off = native(
    `global: { metrics: { enabled: false }, health_check: { enabled: false } }\nproxy_instances: [{ listen_addr: ':80', upstreams: [{ address: h }] }]`,
    FILE,
  )
  assert.deepEqual(
    off.notes.map(({ path }) => path.join('.')),
    ['global.metrics.enabled'],
  )
  const unchecked = upstreams(`{ address: h, health_check: { enabled: false } }`)
  assert.deepEqual(
    unchecked.notes.map(({ path }) => path.at(-1)),
    ['health_check'],
  )
})

test('numbers below zero are faults in the words of the file', () => {
  assert.deepEqual(
    refused(
      `${HEAD.replace('5000', '-1')}routes:\n  /a:\n    upstream: h\n    timeout_ms: -2\n    retry_count: -3\n`,
      FILE,
    ),
    [
      'config.yml:2:20  global_timeout_ms  must not be negative',
      'config.yml:7:17  routes["/a"].timeout_ms  must not be negative',
      'config.yml:8:18  routes["/a"].retry_count  must not be negative',
    ],
  )
})
