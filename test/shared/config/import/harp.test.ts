// HARP's files: endpoints with ports of their own, pools, probes, breakers, the cache, and rules that are told of.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { imported, native, refused } from './importing.js'

const FILE = 'harp.yaml'

const remote = (yaml: string) =>
  native(`proxy: { endpoints: [{ name: api, port: 4000, remote: { ${yaml} } }] }\nhttp_cache: { enabled: false }`, FILE)
const service = (yaml: string) => remote(yaml).config.services['api'] ?? {}
const TWO = `endpoints: [{ url: 'https://a.org' }, { url: 'https://b.org', pools: [fallback] }]`

test('each endpoint is a service with a listener; the dashboard is where it was', () => {
  const { config, written } = native(
    `
proxy:
  endpoints:
    - { name: orders api, port: 4000, description: 'All orders', url: 'https://api.example.org/v2/' }
    - { name: users, port: 4001, remote: { endpoints: ['http://10.0.0.1', 'http://10.0.0.2'] } }
`,
    FILE,
  )
  assert.deepEqual(config.processor, {
    host: '127.0.0.1',
    port: 0,
    listeners: [
      { name: 'orders-api', port: 4000, service: 'orders-api' },
      { name: 'users', port: 4001, service: 'users' },
    ],
  })
  assert.deepEqual(config.discovery, { port: 4080 })
  assert.deepEqual(config.services['orders-api'], {
    servers: ['https://api.example.org/v2/'],
    polling: { method: 'tcp', frequency: 10 },
    pipes: [{ use: 'cache' }],
  })
  assert.deepEqual(config.services['users']?.['servers'], [{ url: 'http://10.0.0.1' }, { url: 'http://10.0.0.2' }])
  assert.match(written, /# All orders\.\n {2}orders-api:/)
})

test('the key with a dot is read as well, and others are told of', () => {
  const { config, notes } = native(`proxy.endpoints: [{ name: a, port: 1, url: 'h:1' }]\ndashboard.port: 4090`, FILE)
  assert.deepEqual(config.services['a']?.['servers'], ['h:1'])
  assert.deepEqual(
    notes.map(({ path, hint }) => [path, hint]),
    [[['dashboard.port'], 'write dashboard: { port: … }']],
  )
})

test('the ports may be the keys of the endpoints, as in the first versions, or texts', () => {
  const { config, written } = native(
    `proxy:
  endpoints:
    9001:
      name: pypi
      url: https://h/
    9002: { name: npm, url: 'https://i' }
`,
    FILE,
  )
  assert.deepEqual(config.processor?.listeners, [
    { name: 'pypi', port: 9001, service: 'pypi' },
    { name: 'npm', port: 9002, service: 'npm' },
  ])
  assert.match(written, /# From harp\.yaml:3\.\n {4}- name: pypi/)
  assert.deepEqual(refused(`proxy:\n  endpoints:\n    web: { name: a, url: 'h' }`, FILE), [
    'harp.yaml:3:5  proxy.endpoints.web  must be a number, not text',
  ])
  const text = native(`proxy: { endpoints: [{ name: a, port: '4001', url: 'h:1' }] }`, FILE)
  assert.deepEqual(text.config.processor?.listeners, [{ name: 'a', port: 4001, service: 'a' }])
})

test('one of several files that HARP reads as one is known as such', () => {
  for (const part of [
    'rules: { "*": { "*": { on_request: x } } }',
    'storage: { url: x }',
    'http_client: { timeout: 1 }',
  ])
    assert.deepEqual(refused(part, FILE), [
      'harp.yaml:1:1  there must be an endpoint with a port  (where HARP reads several files, put them into one)',
    ])
  // A service that lacks something.
  assert.match(
    refused('rules: { servers: [h] }', FILE).join(),
    /rules {2}"apis" is required|rules\.apis {2}"apis" is required/,
  )
})

test('what a rule holds need not be known: neither its variables nor the file that it names', () => {
  const endpoint = `proxy: { endpoints: [{ name: a, port: 1, url: 'h:1' }] }`
  const { warnings } = imported(
    `rules:
  a:
    'GET /': { on_request: !include rule.py }
    'PUT /': { on_response: 'f"\${cost}"' }
  b: !include b.yml
${endpoint}`,
    FILE,
  )
  assert.deepEqual(
    warnings.map((line) => line.split('  ')[0]),
    ['harp.yaml:3:16', 'harp.yaml:4:16', 'harp.yaml:5:3'],
  )
  assert.match(
    imported(`rules: !include r.yml\n${endpoint}`, FILE).warnings.join(),
    /^harp\.yaml:1:1 {2}rules {2}the rules are/,
  )
  assert.deepEqual(
    refused(
      `rules: { a: { b: { c: '\${X}' } } }\nhttp_client: !include c.yml\n${endpoint.replace('h:1', '${X}')}`,
      FILE,
    ),
    [
      'harp.yaml:2:14  Unresolved tag: !include  (put what is in that file in its place)',
      'harp.yaml:2:23  http_client  must be an object',
      'harp.yaml:3:47  proxy.endpoints[0].url  the variable X is not set  (set it, or give a default: ${X:-…})',
    ],
  )
  // Of two rules with one key only the first is told of.
  assert.match(
    refused(`${endpoint}\nrules:\n  a: { b: x }\n  a: { b: y }`, FILE).join(),
    /^harp\.yaml:4:3 {2}rules\.a {2}duplicate key "a"/,
  )
})

test('a path without a slash at its end is put before requests as a whole, which is told', () => {
  const { notes, config } = remote(
    `endpoints: ['http://h/v1', 'http://h/v1/', { url: 'http://h/a/b' }, 'http://h', 'http://h/']`,
  )
  assert.deepEqual(
    notes.map(({ path }) => path.join('.')),
    ['proxy.endpoints.0.remote.endpoints.0', 'proxy.endpoints.0.remote.endpoints.2.url'],
  )
  assert.equal((config.services['api']?.['servers'] as unknown[]).length, 5)
})

test('the path of a probe that begins without a slash stands below the address, as before', () => {
  const made = remote(`probe: { path: up }, endpoints: ['http://h/v1/']`)
  assert.equal((made.config.services['api']?.['polling'] as { endpoint: string }).endpoint, '/up')
  assert.deepEqual(made.notes, [])
})

test('a secret that a variable holds is in no note', () => {
  const { warnings } = imported(
    `proxy: { endpoints: [{ name: '\${S}', url: h }, { name: a, port: 1, remote: { endpoints: ['http://h/v1/'], probe: { path: '/up?k=\${S}' } } }] }`,
    FILE,
    { S: 'geheim' },
  )
  assert.equal(warnings.length, 2)
  assert.ok(!warnings.join().includes('geheim'), warnings.join())
  assert.match(warnings.join(), /\/up\?k=\$\{S\}/)
})

test('what does nothing here is told of, once, and what says nothing is not', () => {
  const { notes, config } = native(
    `proxy: { endpoints: [{ name: a, port: 1, url: 'h:1' }] }
http_client: { enabled: false, transport: { retries: 0 } }
http_cache:
  controller: { allow_stale: true }
  policy: { arguments: { cache_options: { supported_methods: [GET, POST] } } }
  storage: { ttl: 5 }
dashboard: { auth: null, public_url: null }
`,
    FILE,
  )
  assert.deepEqual(
    notes.map(({ path }) => path.at(-1)),
    ['supported_methods', 'ttl', 'controller', 'enabled'],
  )
  assert.deepEqual(config.services['a']?.['retry'], { attempts: 1 })
})

test('the fallback pool is a tier that joins while the other one is too small', () => {
  const api = service(`min_pool_size: 2, ${TWO}`)
  assert.deepEqual(api['servers'], [
    { url: 'https://a.org', priority: 'high' },
    { url: 'https://b.org', priority: 'med' },
  ])
  assert.deepEqual(api['balance'], { panic: 'refuse', min_instances: 2 })
  assert.deepEqual(service(TWO)['balance'], { panic: 'refuse' })
  const mixed = service(`endpoints: ['h:1', { url: 'h:2', pools: [fallback] }]`)
  assert.deepEqual(mixed['servers'], [
    { url: 'h:1', priority: 'high' },
    { url: 'h:2', priority: 'med' },
  ])
  const plain = service(`min_pool_size: 2, endpoints: [{ url: 'h:1' }, { url: 'h:2', pools: [default] }]`)
  assert.deepEqual(plain['servers'], [{ url: 'h:1' }, { url: 'h:2' }])
  assert.deepEqual(
    remote(`min_pool_size: 0, ${TWO}`).notes.map(({ path }) => path.at(-1)),
    ['min_pool_size'],
  )
})

test('the probe is the polling', () => {
  const probe = `probe: { method: HEAD, path: /up, headers: { x-a: b, x-n: 1 }, interval: 5, timeout: 8, verify: false }`
  const made = remote(`${probe}, endpoints: [{ url: 'https://a.org/v1/' }]`)
  assert.deepEqual(made.config.services['api']?.['polling'], {
    method: 'health',
    endpoint: '/up',
    http_method: 'HEAD',
    frequency: 5,
    timeout: 5,
    headers: { 'x-a': 'b', 'x-n': '1' },
    expect: { status: '200-399' },
    tls: { verify: false },
  })
  assert.deepEqual(
    made.notes.map(({ path, message }) => [path.at(-1), message]),
    [
      ['probe', 'the path of a poll stands below the path of the address here'],
      ['timeout', 'a poll ends before the next one begins'],
    ],
  )
  assert.deepEqual(
    remote(`probe: { method: POST }, endpoints: [{ url: 'h:1' }]`).notes.map(({ path }) => path.at(-1)),
    ['method'],
  )
})

test('what breaks a remote ejects an instance, for as long', () => {
  const members = `endpoints: [{ url: 'h:1' }]`
  assert.deepEqual(service(members)['outlier'], { failures: 1, answers: 0, base: 10, max: 10, most: 1 })
  assert.deepEqual(service(`${members}, break_on: [network_error, http_5xx, http_4xx], check_after: 3`)['outlier'], {
    failures: 1,
    answers: 1,
    statuses: ['4xx', '5xx'],
    base: 3,
    max: 3,
    most: 1,
  })
  const naive = service(
    `${members}, liveness: { type: naive, failure_threshold: 3, success_threshold: 2 }, break_on: [http_5xx, network_error]`,
  )
  assert.deepEqual(naive['outlier'], { failures: 3, answers: 3, statuses: ['5xx'], base: 10, max: 10, most: 1 })
  assert.deepEqual(naive['polling'], { method: 'tcp', frequency: 10, fall: 3, rise: 2 })
  assert.equal(service(`${members}, liveness: { type: ignore }`)['outlier'], false)
  assert.equal(service(`${members}, break_on: []`)['outlier'], false)
  const odd = remote(`${members}, liveness: { type: ignore, colour: red }`)
  assert.deepEqual(
    odd.notes.map(({ path }) => path.at(-1)),
    ['colour'],
  )
  const leaky = remote(`${members}, liveness: { type: leaky, rate: 1, capacity: 60, threshold: 4 }`)
  assert.equal((leaky.config.services['api']?.['outlier'] as { failures: number }).failures, 4)
  assert.match(leaky.notes[0]?.hint ?? '', /^4 in a row count here/)
  const older = service(`endpoints: [{ url: 'h:1', failure_threshold: 3 }, { url: 'h:2', liveness: { type: ignore } }]`)
  assert.deepEqual(older['servers'], [
    { url: 'h:1', polling: { fall: 3, rise: 1 } },
    { url: 'h:2', polling: { fall: 1000, rise: 1 } },
  ])
  const own = remote(
    `endpoints: [{ url: 'h:1', failure_threshold: 3 }, { url: 'h:2', liveness: { type: ignore } }, { url: 'h:3', liveness: { type: naive } }]`,
  )
  assert.deepEqual(
    own.notes.map(({ path, message }) => [path.slice(-2), message.split(';')[0]]),
    [
      [[0, 'failure_threshold'], 'this holds for checks'],
      [[1, 'liveness'], 'this holds for checks'],
    ],
  )
})

test('the client and the cache hold for every service', () => {
  const { config, notes } = native(
    `
proxy: { endpoints: [{ name: a, port: 1, url: 'https://h' }, { name: b, port: 2, url: 'https://i' }] }
http_client:
  timeout: 12.5
  transport: { retries: 2, verify: false, type: httpx.AsyncHTTPTransport }
http_cache:
  storage: { arguments: { ttl: 60, check_ttl_every: 60.0 } }
  policy: { type: hishel.SpecificationPolicy, arguments: { cache_options: { allow_stale: true, shared: true } } }
`,
    FILE,
  )
  assert.deepEqual(config.processor?.['timeouts'], { connect: 12.5, first_byte: 12.5, idle: 12.5 })
  for (const name of ['a', 'b']) {
    const { retry, tls, pipes } = config.services[name] ?? {}
    assert.deepEqual([retry, tls, pipes], [{ attempts: 3, on: ['connect'] }, { verify: false }, [{ use: 'cache' }]])
  }
  assert.deepEqual(notes.map(({ path }) => path.at(-1)).sort(), [
    'allow_stale',
    'check_ttl_every',
    'ttl',
    'type',
    'type',
  ])
  const off = native(
    `proxy: { endpoints: [{ name: a, port: 1, url: 'h' }] }\nhttp_client: { cache: { enabled: false } }`,
    FILE,
  )
  assert.equal(off.config.services['a']?.['pipes'], undefined)
})

test('rules are named, each hook with its line and the pipe that would replace it', () => {
  const { notes } = native(
    `
proxy: { endpoints: [{ name: shop-a, port: 1, url: h }, { name: shop-b, port: 2, url: i }, { name: users, port: 3, url: j }] }
rules:
  'shop-*':
    'GET /*':
      on_request: |
        x
  'us?rs':
    '* /a':
      on_remote_response: y
      on_response: z
  'none':
    '*': python
`,
    FILE,
  )
  assert.deepEqual(
    notes.map(({ path, hint }) => [path.join(' '), hint]),
    [
      [
        'rules shop-* GET /* on_request',
        'write ./pipes/rule.js with onRequest, and add it to the pipes of the services that it is for',
      ],
      [
        'rules us?rs * /a on_remote_response',
        'write ./pipes/users.js with onResponse, and add it to the pipes of services.users',
      ],
      [
        'rules us?rs * /a on_response',
        'write ./pipes/users.js with onResponse, and add it to the pipes of services.users',
      ],
      [
        'rules none *',
        'write ./pipes/rule.js with onRequest or onResponse, and add it to the pipes of the services that it is for',
      ],
    ],
  )
})

test('all else is told of, and faults name their place', () => {
  const { notes } = native(
    `
proxy: { endpoints: [{ name: a, port: 1, url: h, controller: x }, { name: lost, url: i }], extra: 1 }
dashboard: { enabled: false, port: 4081, auth: x, devserver: { port: 1 } }
storage: { url: x }
notifications: { slack_webhook_url: x }
janitor: {}
applications: [storage]
`,
    FILE,
  )
  assert.deepEqual(notes.map(({ path }) => path.join('.')).sort(), [
    'applications',
    'dashboard.auth',
    'dashboard.devserver',
    'dashboard.enabled',
    'janitor',
    'notifications',
    'proxy.endpoints.0.controller',
    'proxy.endpoints.1',
    'proxy.extra',
    'storage',
  ])
  assert.deepEqual(
    refused(
      `proxy:\n  endpoints:\n    - port: 1\n      url: h\n      remote: {}\n    - { name: b, port: 2 }\n`,
      FILE,
    ).map((line) => line.slice(0, 80)),
    [
      'harp.yaml:3:7  proxy.endpoints[0]  "name" is required',
      'harp.yaml:4:7  proxy.endpoints[0].url  "remote" is there too  (keep one of the t',
      'harp.yaml:5:7  proxy.endpoints[0].remote  a remote needs "endpoints"',
      'harp.yaml:6:7  proxy.endpoints[1]  an endpoint needs "url" or "remote"',
    ],
  )
  assert.match(refused(`proxy: { endpoints: [] }`, FILE)[0] ?? '', /there must be an endpoint with a port/)
})
