// What both layouts become: the same model, with every default.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PipeConfig, PollingConfig } from '../../../shared/config/model.js'
import type { RateLimitOptions } from '../../../shared/config/pipes/rate-limit.js'
import { CLASSIC_JSON, CLASSIC_YAML, FULL_YAML, load, warningsOf } from './fixtures.js'

const TLS = {
  verify: false,
  caFile: '/srv/app/ca.pem',
  serverName: 'orders.internal',
  certFile: '/srv/app/client.pem',
  keyFile: '/srv/app/client/key.pem',
}

function withoutOptions({ options: _, ...pipe }: PipeConfig): unknown {
  return pipe
}

function rateOf({ options }: PipeConfig): number {
  return (options as RateLimitOptions).rule.rate
}

const instances = (config: ReturnType<typeof load>) => config.services.flatMap((service) => service.servers)

test('a classic JSON file becomes services, instances and routes, with the defaults applied', () => {
  const config = load(CLASSIC_JSON, {}, 'conf/test.json')
  assert.equal(config.layout, 'classic')
  assert.equal(config.file, '/srv/app/conf/test.json')
  assert.deepEqual(
    config.services.map((service) => [service.name, service.servers.length]),
    [
      ['service1', 2],
      ['service2', 1],
    ],
  )
  assert.deepEqual(config.services[0]?.servers[0]?.spec, {
    id: 'service1/www.google.com:80',
    service: 'service1',
    url: 'www.google.com',
    secure: false,
    host: 'www.google.com',
    port: 80,
    basePath: '',
    priority: 'high',
    weight: 1,
    metadata: {},
  })
  assert.equal(config.services[0]?.servers[1]?.spec.priority, 'unset')
  assert.deepEqual(config.services[1]?.servers[0]?.polling, {
    method: 'health',
    endpoint: '/health',
    frequency: { kind: 'every', ms: 60_000 },
    timeoutMs: 5000,
    retries: 3,
    retryDelayMs: 10_000,
    rise: 1,
    fall: 1,
    packetLimit: 10_000,
    httpMethod: 'GET',
    headers: {},
    expect: { statuses: [[200, 299]] },
    tls: { verify: true },
  })
  assert.deepEqual(
    config.routes.map((route) => route.id),
    ['service1:/first', 'service1:/second/sample', 'service2:/second', 'service2:/third'],
  )
  assert.equal(config.processor.port, 8081)
  assert.equal(config.discovery.name, 'My Discovery Server')
})

test('a classic YAML file whose processor is its own server loads, with a warning about the loop', () => {
  assert.equal(load(CLASSIC_YAML).services.length, 2)
  const [warning, ...others] = warningsOf(CLASSIC_YAML)
  assert.deepEqual([warning?.line, warning?.col, warning?.path], [7, 13, 'service2.servers[0]'])
  assert.match(warning?.message ?? '', /loop/)
  assert.deepEqual(others, [])
})

test('without meta-info the two servers have their defaults', () => {
  const config = load('a: { servers: [h], polling: { method: ping }, apis: [/] }')
  assert.deepEqual(config.discovery, {
    name: 'Discovery Server',
    port: 8008,
    store: { kind: 'sqlite', path: '/srv/app/serverpy.db' },
    retention: {
      schedule: '*/10 * * * *',
      eventsMs: 30 * 86_400_000,
      minutesMs: 7 * 86_400_000,
      hoursMs: 400 * 86_400_000,
      requestsMs: 30 * 86_400_000,
      goneMs: 7 * 86_400_000,
    },
    dumpFile: '/srv/app/file.dump',
    polling: { concurrency: 256, jitter: 0.05 },
  })
  assert.deepEqual(config.processor, {
    name: 'Request Processor',
    port: 8001,
    workers: 4,
    hangMs: 5000,
    trustedProxies: [],
    accessLog: { sample: 0 },
    batch: 'off',
    limits: {
      headBytes: 32_768,
      headerCount: 100,
      uriBytes: 16_384,
      bodyBytes: 0,
      bodyRate: 64,
      connections: 20_000,
      clientConnections: 0,
      requestsPerConnection: 0,
      upstreamConnections: 4096,
      idleUpstreamConnections: 1024,
    },
    timeouts: {
      connectMs: 3000,
      firstByteMs: 30_000,
      idleMs: 30_000,
      totalMs: 0,
      requestHeadMs: 10_000,
      keepAliveMs: 75_000,
      upgradedIdleMs: 3_600_000,
      upstreamKeepAliveMs: 4000,
      drainMs: 30_000,
    },
    requestLimit: 100,
    pipes: [],
    hosts: [],
    listeners: [],
  })
  const { name: _name, servers: _servers, apis: _apis, tls: _tls, ...rest } = config.services[0] ?? {}
  assert.deepEqual(rest, {
    balance: {
      strategy: 'round-robin',
      preferZone: false,
      slowStartMs: 0,
      spillBelow: 0,
      minInstances: 1,
      panic: 'serve',
    },
    retry: {
      attempts: 3,
      on: ['connect', 'reset'],
      backoff: { baseMs: 25, mostMs: 1000 },
      budget: { share: 0.2, floor: 10 },
      perTryMs: 0,
      unsafe: 'never',
      bodyBytes: 65_536,
      holdBytes: 0,
    },
    outlier: {
      enabled: true,
      failures: 3,
      answers: 5,
      statuses: [[500, 599]],
      baseMs: 1000,
      mostMs: 60_000,
      most: 0.5,
    },
    concurrency: { instance: 0, service: 0, queue: 100, queueMs: 100 },
    timeouts: { connectMs: 3000, firstByteMs: 30_000, idleMs: 30_000, totalMs: 0 },
    upgrade: [],
    batch: 'off',
  })
})

test('the full layout says everything that the model holds', () => {
  const config = load(FULL_YAML, { TOKEN: 'a-long-token' })
  assert.equal(config.layout, 'full')
  assert.deepEqual(config.discovery, {
    name: 'D',
    host: '127.0.0.1',
    port: 9008,
    store: { kind: 'memory' },
    token: 'a-long-token',
    retention: {
      schedule: '0 3 * * *',
      eventsMs: 86_400_000,
      minutesMs: 2 * 86_400_000,
      hoursMs: 3 * 86_400_000,
      requestsMs: 4 * 86_400_000,
      goneMs: 5 * 86_400_000,
    },
    dumpFile: '/srv/app/out/all.dump',
    dumpSchedule: '0 * * * *',
    polling: { concurrency: 10, jitter: 0.2 },
  })
  const { pipes, hosts, listeners, ...processor } = config.processor
  assert.deepEqual(processor, {
    name: 'P',
    host: '::1',
    port: 9001,
    workers: 3,
    hangMs: 2000,
    trustedProxies: ['10.0.0.0/8', '::1'],
    zone: 'b',
    accessLog: { sample: 0.25 },
    tracing: { endpoint: 'https://traces.internal/v1/traces', sample: 0.5, headers: { 'X-Key': 'k' } },
    tls: {
      certificates: [
        { certFile: '/srv/app/tls/cert.pem', keyFile: '/srv/app/tls/key.pem', hosts: [] },
        { certFile: '/srv/app/b.pem', keyFile: '/srv/app/key.pem', hosts: ['a.example', '*.b.example'] },
      ],
      minVersion: 'TLSv1.3',
    },
    batch: 'auto',
    limits: {
      headBytes: 16_384,
      headerCount: 50,
      uriBytes: 8192,
      bodyBytes: 64_000_000,
      bodyRate: 1024,
      connections: 10,
      clientConnections: 9,
      requestsPerConnection: 1000,
      upstreamConnections: 11,
      idleUpstreamConnections: 12,
    },
    timeouts: {
      connectMs: 1000,
      firstByteMs: 2000,
      idleMs: 3000,
      totalMs: 4000,
      requestHeadMs: 5000,
      keepAliveMs: 6000,
      upgradedIdleMs: 9000,
      upstreamKeepAliveMs: 7000,
      drainMs: 8000,
    },
    requestLimit: 7,
  })
  assert.deepEqual(pipes.map(withoutOptions), [
    {
      use: 'rate-limit',
      name: 'fair',
      when: 'request.method == "GET"',
      onThrow: 'skip',
      hookMs: 2000,
      isolate: 'none',
      buffer: { request: 1024, response: 2048 },
      breaker: { failures: 3, openMs: 4000 },
      at: { line: 12, col: 13 },
    },
  ])
  assert.deepEqual(
    hosts.map((one) => [one.host, one.pipes.map(rateOf)]),
    [['*.example.org', [6]]],
  )
  const tls = {
    certificates: [{ certFile: '/srv/app/tls/cert.pem', keyFile: '/srv/app/tls/key.pem', hosts: [] }],
    minVersion: 'TLSv1.2',
  }
  assert.deepEqual(listeners, [
    { name: 'all', port: 9002, tls, takes: { kind: 'service', service: 'orders' } },
    { name: 'some', port: 9003, host: '127.0.0.1', takes: { kind: 'routes' } },
    { name: 'raw', port: 9004, takes: { kind: 'tcp', service: 'search', idleMs: 120_000, connections: 7 } },
  ])
  const [orders, search] = config.services
  assert.deepEqual(orders?.balance, {
    strategy: 'hash',
    hash: { on: 'header', name: 'x-user' },
    sticky: { cookie: 'seat', maxAgeSeconds: 3600, path: '/o', secure: true, sameSite: 'Strict' },
    preferZone: true,
    slowStartMs: 20_000,
    spillBelow: 0.5,
    minInstances: 2,
    panic: 'refuse',
  })
  assert.deepEqual(orders.retry, {
    attempts: 2,
    on: ['connect', '503', '500'],
    backoff: { baseMs: 5, mostMs: 2000 },
    budget: { share: 0.1, floor: 3 },
    perTryMs: 8000,
    unsafe: 'idempotency-key',
    bodyBytes: 1_048_576,
    holdBytes: 4096,
  })
  assert.deepEqual(orders.hedge, { after: { kind: 'quantile', q: 0.999 }, most: 0.1 })
  assert.deepEqual(orders.breaker, { consecutive: 4, rate: 0.75, volume: 9, windowMs: 30_000, openMs: 700 })
  assert.deepEqual(orders.outlier, {
    enabled: true,
    failures: 2,
    answers: 4,
    statuses: [
      [500, 500],
      [502, 504],
    ],
    baseMs: 2000,
    mostMs: 30_000,
    most: 0.25,
  })
  assert.deepEqual(orders.concurrency, { instance: 'auto', service: 500, queue: 20, queueMs: 250 })
  assert.deepEqual(orders.timeouts, { connectMs: 1000, firstByteMs: 9000, idleMs: 3000, totalMs: 4000 })
  assert.deepEqual(orders.tls, TLS)
  assert.deepEqual([orders.upgrade, orders.batch], [['websocket', 'chat/2'], 'off'])
  assert.equal(search?.batch, 'auto')
  assert.deepEqual(orders.servers[1]?.spec, {
    id: 'orders/[fd00::1]:443/base',
    service: 'orders',
    url: 'https://[fd00::1]/base/',
    secure: true,
    host: 'fd00::1',
    port: 443,
    basePath: '/base',
    priority: 'low',
    weight: 2,
    zone: 'b',
    metadata: { rack: '7' },
  })
  assert.deepEqual(
    config.routes.map(({ id, listener, pipes }) => [id, listener, pipes.map(rateOf)]),
    [
      ['orders:/orders', undefined, [7]],
      ['orders:/o/{id}', undefined, [7]],
      ['orders:/files/*', undefined, [7]],
      ['orders:/@all', 'all', [7]],
      ['search:/find/{term}', undefined, []],
      ['fixed:/robots.txt', undefined, []],
      ['fixed:/echo@some', 'some', [8]],
      ['merge:/both/{id}', undefined, []],
    ],
  )
  assert.deepEqual(config.routes[6]?.handler, { kind: 'fixed', status: 200, headers: {}, body: '', echo: true })
  assert.equal(config.routes[7]?.handler.kind, 'merge')
  assert.deepEqual(config.routes.slice(4, 6), [
    {
      id: 'search:/find/{term}',
      match: {
        hosts: ['*.example.org', 'a.example'],
        methods: ['GET', 'HEAD'],
        path: '/find/{term}',
        exact: false,
        headers: [{ name: 'x-a', value: '1' }, { name: 'x-b' }],
        query: [{ name: 'q' }],
      },
      handler: { kind: 'forward', service: 'search' },
      timeouts: { totalMs: 3000 },
      retry: { attempts: 1 },
      importance: 'high',
      upgrade: [],
      pipes: [],
    },
    {
      id: 'fixed:/robots.txt',
      match: { hosts: [], methods: [], path: '/robots.txt', exact: true, headers: [], query: [] },
      handler: { kind: 'fixed', status: 200, headers: { 'content-type': 'text/plain' }, body: 'hello' },
      importance: 'normal',
      pipes: [],
    },
  ])
  assert.deepEqual(
    config.routes.slice(0, 3).map((route) => route.match.path),
    ['/orders', '/o/{id}', '/files/*'],
  )
})

test('the polling of an instance is laid over the polling of its service key by key', () => {
  const [plain, own] = instances(load(FULL_YAML, { TOKEN: 'a-long-token' })).map((server) => server.polling)
  const base: PollingConfig = {
    method: 'health',
    endpoint: '/health?deep=1',
    frequency: { kind: 'every', ms: 10_000 },
    timeoutMs: 500,
    retries: 2,
    retryDelayMs: 50,
    rise: 2,
    fall: 3,
    damping: { changes: 3, windowMs: 20_000, steadyMs: 500 },
    packetLimit: 9,
    httpMethod: 'HEAD',
    headers: { 'x-probe': '1' },
    expect: {
      statuses: [
        [200, 200],
        [300, 301],
        [400, 499],
      ],
    },
    tls: TLS,
  }
  assert.deepEqual(plain, base)
  assert.deepEqual(own, {
    ...base,
    frequency: { kind: 'every', ms: 3000 },
    expect: { ...base.expect, maxLatencyMs: 1000 },
  })
})

test('an answer to a health poll may have to hold a text or match a pattern', () => {
  const expect = (keys: string) => {
    const text = `a: { polling: { method: health, endpoint: /, expect: { ${keys} } }, servers: [h], apis: [/] }`
    const [first] = instances(load(text))
    return first?.polling.method === 'health' ? first.polling.expect : undefined
  }
  const statuses = [[200, 299]]
  assert.deepEqual(expect('body: "is up"'), { statuses, body: { kind: 'text', text: 'is up' } })
  assert.deepEqual(expect("body_pattern: '^ok$'"), { statuses, body: { kind: 'pattern', pattern: '^ok$' } })
})

test('milliseconds in an instance replace seconds in its service', () => {
  const [first] = instances(
    load('a: { polling: { method: tcp, frequency: 9 }, servers: { h: { frequency_ms: 250 } }, apis: [/] }'),
  )
  assert.deepEqual(first?.polling.frequency, { kind: 'every', ms: 250 })
})

test('a frequency may be a cron expression', () => {
  const [first] = instances(
    load('a: { polling: { method: tcp, frequency: "*/5  * * * * *" }, servers: [h], apis: [/] }'),
  )
  assert.deepEqual(first?.polling.frequency, { kind: 'cron', expression: '*/5 * * * * *' })
  assert.equal(first?.polling.timeoutMs, 5000)
})

test('the timeout of a poll is never longer than its frequency', () => {
  const polling = (frequency: string, timeout = '') =>
    `a: { polling: { method: tcp, frequency: ${frequency}${timeout} }, servers: [h], apis: [/] }`
  assert.equal(instances(load(polling('2')))[0]?.polling.timeoutMs, 2000)
  assert.deepEqual(warningsOf(polling('2')), [])
  assert.equal(instances(load(polling('2', ', timeout: 3')))[0]?.polling.timeoutMs, 2000)
  assert.equal(warningsOf(polling('2', ', timeout: 3')).length, 1)
})

test('instances without polling of their own share one object, so that ten thousand cost no more than one', () => {
  const [a, b] = instances(load('a: { servers: [h, i], polling: { method: ping }, apis: [/] }'))
  assert.equal(a?.polling, b?.polling)
})

test('the config is frozen all the way down', () => {
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return
    assert.ok(Object.isFrozen(value))
    Object.values(value).forEach(visit)
  }
  visit(load(FULL_YAML, { TOKEN: 'a-long-token' }))
})

test('a classic service may be called version, and another services', () => {
  const service = '{ servers: [h], polling: { method: ping }, apis: [/] }'
  const config = load(`version: ${service}\nservices: ${service.replace('[/]', '[/b]')}`)
  assert.deepEqual(
    config.services.map((one) => one.name),
    ['version', 'services'],
  )
})

test('anchors, aliases and merge keys of YAML are understood', () => {
  const [, second] = instances(
    load(
      'a:\n  servers:\n    h: &p { method: ping, frequency: 5, retries: 2 }\n    i: { <<: *p, frequency: 7 }\n  apis: [/]',
    ),
  )
  assert.deepEqual(second?.polling.frequency, { kind: 'every', ms: 7000 })
  assert.equal(second?.polling.retries, 2)
})

test('ten thousand instances load in a few seconds on a busy machine', () => {
  const servers = Object.fromEntries(
    Array.from({ length: 10_000 }, (_, i) => [
      `10.0.${i >> 8}.${i & 255}:8080`,
      { method: 'health', endpoint: '/health', frequency: 10, priority: 'high' },
    ]),
  )
  const began = performance.now()
  const config = load(JSON.stringify({ a: { servers, apis: ['/a'] } }), {}, 'big.json')
  assert.equal(config.services[0]?.servers.length, 10_000)
  assert.ok(performance.now() - began < 10_000)
})
