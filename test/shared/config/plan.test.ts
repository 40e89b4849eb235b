// The plan: everything that differs is told once, nothing that may be a secret is, and what needs a restart stays.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import type { Config } from '../../../shared/config/model.js'
import { applicable } from '../../../shared/config/applicable.js'
import { createPlan, isEmpty } from '../../../shared/config/plan.js'
import { isSameConfig } from '../../../shared/config/same.js'
import { planCounts, planLines } from '../../../shared/config/plan-text.js'
import { parseTestConfig } from '../../kit/config.js'
import { FULL_YAML, load } from './fixtures.js'

const polling = { method: 'health', endpoint: '/health', headers: { authorization: 'Bearer first-secret' } }
const orders = { servers: ['127.0.0.1:9001', '127.0.0.1:9002'], polling, apis: ['/orders'] }

function configOf(more: Record<string, unknown> = {}): Config {
  return parseTestConfig({ version: 1, services: { orders }, ...more })
}

const lines = (before: Config, after: Config) => planLines(createPlan(before, after))

test('equal configs make an empty plan', () => {
  assert.deepEqual(lines(configOf(), configOf()), ['no changes'])
  assert.ok(isEmpty(createPlan(configOf(), configOf())))
  assert.deepEqual(planCounts(createPlan(configOf(), configOf())), {})
})

test('services, instances and routes that come, change and go are named', () => {
  const before = configOf({ services: { orders, old: { ...orders, servers: ['127.0.0.1:9009'], apis: ['/old'] } } })
  const after = configOf({
    services: {
      orders: {
        ...orders,
        servers: [{ url: '127.0.0.1:9001', weight: 3 }, '127.0.0.1:9003'],
        apis: ['/orders', '/carts'],
        timeout: { first_byte: 2 },
        balance: { strategy: 'p2c' },
      },
      fresh: { ...orders, servers: ['127.0.0.1:9004'], apis: ['/fresh'] },
    },
  })
  assert.deepEqual(lines(before, after), [
    '+ service fresh',
    '~ service orders: balance.strategy, timeout.first_byte 30000 ms → 2000 ms',
    '- service old',
    '+ instance orders/127.0.0.1:9003',
    '+ instance fresh/127.0.0.1:9004',
    '~ instance orders/127.0.0.1:9001: weight 1 → 3',
    '- instance orders/127.0.0.1:9002',
    '- instance old/127.0.0.1:9009',
    '+ route orders:/carts',
    '+ route fresh:/fresh',
    '- route old:/old',
  ])
  assert.deepEqual(planCounts(createPlan(before, after)), {
    services: '+1 ~1 -1',
    instances: '+2 ~1 -2',
    routes: '+2 -1',
  })
})

test('no text of a setting is shown, whatever it is', () => {
  const secret = (name: string) => ({
    discovery: { token: `${name}-token` },
    services: {
      orders: {
        ...orders,
        polling: { ...polling, headers: { authorization: `Bearer ${name}` }, expect: { body: `${name} body` } },
        servers: [{ url: '127.0.0.1:9001', metadata: { key: name, [`${name}-key`]: 'x' } }],
      },
    },
    routes: [
      { match: { path: '/f', headers: { 'x-key': name } }, fixed: { status: 200, body: name, headers: { a: name } } },
    ],
  })
  const plan = createPlan(configOf(secret('first')), configOf(secret('second')))
  assert.ok(!isEmpty(plan))
  assert.doesNotMatch(JSON.stringify(plan) + planLines(plan).join('\n'), /first|second/)
  assert.deepEqual(plan.settings, [{ key: 'discovery.token' }])
})

test('what needs a restart is told and kept, and all the rest is taken', () => {
  const before = configOf({ discovery: { port: 1, name: 'a', jitter: 0.1 }, processor: { port: 2, workers: 2 } })
  const after = configOf({
    discovery: { port: 3, host: '127.0.0.1', store: 'memory', name: 'b' },
    processor: { port: 4, host: '127.0.0.1', workers: 3, request_limit: 7, timeouts: { drain: 5 } },
  })
  const plan = createPlan(before, after)
  assert.deepEqual(plan.restart, [
    'discovery.host',
    'discovery.port',
    'discovery.store',
    'discovery.jitter',
    'processor.host',
    'processor.port',
    'processor.request_limit',
  ])
  assert.deepEqual(plan.settings, [
    { key: 'discovery.name' },
    { key: 'processor.timeouts.drain', from: '30000 ms', to: '5000 ms' },
  ])
  assert.deepEqual(plan.workers, { from: 2, to: 3 })
  const { discovery, processor } = applicable(before, after)
  assert.deepEqual(
    [discovery.port, discovery.host, discovery.store.kind, discovery.name],
    [1, undefined, 'sqlite', 'b'],
  )
  assert.deepEqual([processor.port, processor.workers, 'host' in processor], [2, 3, false])
  assert.equal(processor.timeouts.drainMs, 5000)
  assert.ok(Object.isFrozen(processor))
  // Applied, it differs from the file only in what was kept.
  assert.deepEqual(createPlan(applicable(before, after), after), {
    ...createPlan(before, before),
    restart: plan.restart,
  })
})

test('of routes that may take the same request the order is told', () => {
  const service = (port: number) => ({ ...orders, servers: [`127.0.0.1:${port}`], apis: ['/same/{id}'] })
  const [a, b, c] = [service(9001), service(9002), { ...service(9003), apis: ['/other'] }]
  const before = configOf({ services: { a, b, c } })
  const told = ['~ route b:/same/{id}: order', '~ route a:/same/{id}: order']
  assert.deepEqual(lines(before, configOf({ services: { c, b, a } })), told)
  assert.deepEqual(lines(before, configOf({ services: { c, a, b } })), ['no changes'])
  // Those that stay have kept their order.
  assert.deepEqual(lines(configOf({ services: { a, b } }), configOf({ services: { b } })).slice(-1), [
    '- route a:/same/{id}',
  ])
  const hosts = (...all: [string, string][]) =>
    configOf({
      services: { a, b },
      routes: all.map(([name, host]) => ({ match: { path: '/x', host }, service: name })),
    })
  const swapped = hosts(['b', '*.example.org'], ['a', '*.a.example.org'])
  assert.deepEqual(lines(hosts(['a', '*.a.example.org'], ['b', '*.example.org']), swapped), [
    '~ route b:/x: order',
    '~ route a:/x: order',
  ])
})

test('what is one setting in the file is told once', () => {
  const before = configOf()
  const after = (more: object) => configOf({ services: { orders: { ...orders, ...more } } })
  const told = (polled: object) => lines(before, after({ polling: { ...polling, ...polled } }))[0]
  const name = '~ instance orders/127.0.0.1:9001: '
  assert.equal(told({ frequency: 20 }), `${name}polling.frequency 60000 ms → 20000 ms`)
  assert.equal(told({ frequency: '* * * * *' }), `${name}polling.frequency`)
  assert.equal(told({ expect: { body: 'well' } }), `${name}polling.expect.body`)
  assert.deepEqual(lines(before, after({ outlier: false })), ['~ service orders: outlier true → false'])
  const url = (from: string, to: string) => lines(after({ servers: [from] }), after({ servers: [to] }))
  assert.deepEqual(url('http://127.0.0.1:443', 'https://127.0.0.1'), ['~ instance orders/127.0.0.1:443: url'])
})

const pipe = { use: 'rate-limit', rate: 5 }

test('pipes that come, change and go are told where they stand, and not with what they say', () => {
  const before = configOf({ processor: { pipes: [pipe] }, routes: [{ match: { path: '/x' }, service: 'orders' }] })
  const after = (processor: object, service: object, route: object) =>
    configOf({
      processor,
      services: { orders: { ...orders, ...service } },
      routes: [{ match: { path: '/x' }, service: 'orders', ...route }],
    })
  const same = { pipes: [pipe] }
  assert.deepEqual(lines(before, after(same, {}, {})), ['no changes'])
  assert.deepEqual(lines(before, after({ pipes: [{ ...pipe, rate: 6 }] }, {}, {})), ['~ processor.pipes'])
  assert.deepEqual(lines(before, after({ ...same, hosts: { 'a.example': { pipes: [pipe] } } }, {}, {})), [
    '~ processor.hosts',
  ])
  assert.deepEqual(lines(before, after(same, { pipes: [pipe] }, {})), [
    '~ route orders:/orders: pipes',
    '~ route orders:/x: pipes',
  ])
  assert.deepEqual(lines(before, after(same, {}, { pipes: [pipe] })), ['~ route orders:/x: pipes'])
})

test('a pipe that only stands elsewhere in the file is the same pipe', () => {
  const text = (before: string) => `${before}version: 1
processor: { pipes: [{ use: rate-limit, rate: 5 }], hosts: { a.example: { pipes: [{ use: rate-limit, rate: 5 }] } } }
services: { a: { servers: [h], polling: { method: ping }, apis: [/a], pipes: [{ use: rate-limit, rate: 5 }] } }
`
  const [old, moved] = [load(text('')), load(text('# a comment\n'))]
  assert.notDeepEqual(old.routes, moved.routes)
  assert.deepEqual(lines(old, moved), ['no changes'])
  assert.ok(isSameConfig(old, moved))
  assert.ok(!isSameConfig(old, load(text('').replace('rate: 5', 'rate: 6'))))
})

test('listeners come, change and go, each told by the settings of the file', () => {
  const users = { ...orders, apis: ['/users'] }
  const listening = (...listeners: object[]) => configOf({ services: { orders, users }, processor: { listeners } })
  const before = listening(
    { name: 'one', port: 9, service: 'orders' },
    { name: 'db', port: 10, tcp: 'orders', idle: '1m', connections: 5 },
    { name: 'old', port: 11 },
  )
  const after = listening(
    { name: 'one', port: 12, host: '127.0.0.1', service: 'users' },
    { name: 'db', port: 10, tcp: 'users', idle: '2m', connections: 7 },
    { name: 'new', port: 11 },
  )
  assert.deepEqual(lines(before, after), [
    '+ route users:/@one',
    '- route orders:/@one',
    '+ listener new',
    '~ listener one: port 9 → 12, service, host',
    '~ listener db: tcp, idle 60000 ms → 120000 ms, connections 5 → 7',
    '- listener old',
  ])
  assert.deepEqual(applicable(before, after).processor.listeners, after.processor.listeners)
})

test('what a route does with its requests is told in the words of the file', () => {
  const told = (from: object, to: object) => {
    const route = (keys: object) => configOf({ routes: [{ match: { path: '/x' }, ...keys }] })
    // The name of a route says what it does; it stays for the sake of the comparison.
    const { routes, ...rest } = route(to)
    const before = route(from)
    const id = before.routes[1]?.id ?? ''
    const after = { ...rest, routes: routes.map((one, i) => (i === 1 ? { ...one, id } : one)) }
    return createPlan(before, after).routes.changed[0]?.what.map(({ key }) => key)
  }
  const merge = { merge: [{ service: 'orders', path: '/a' }] }
  const fixed = { fixed: { status: 200 } }
  assert.deepEqual(told({ service: 'orders' }, fixed), ['service', 'fixed'])
  assert.deepEqual(told(fixed, { fixed: { status: 404 } }), ['fixed.status'])
  assert.deepEqual(told(merge, { merge: [{ service: 'orders', path: '/b' }] }), ['merge'])
  assert.deepEqual(told(merge, { ...merge, cache_ttl: 5, output: 'xml' }), ['output', 'cache_ttl'])
})

interface Schema {
  readonly $ref?: string
  readonly $defs?: Readonly<Record<string, Schema>>
  readonly anyOf?: readonly Schema[]
  readonly properties?: Readonly<Record<string, Schema>>
}

/** Whether `key`, split at its dots, is there below `schema`. */
function has(schema: Schema, [first, ...rest]: readonly string[], root: Schema): boolean {
  if (first === undefined) return true
  const { $ref, anyOf = [], properties = {} } = schema
  const own = properties[first]
  const others = [...anyOf, root.$defs?.[$ref?.split('/').at(-1) ?? ''] ?? {}].filter(
    (one) => Object.keys(one).length > 0,
  )
  return (own !== undefined && has(own, rest, root)) || others.some((one) => has(one, [first, ...rest], root))
}

const isOfObjects = (list: readonly unknown[]) => typeof list[0] === 'object'

/** The same with every leaf changed, and every list of objects one shorter. */
function altered(value: unknown): unknown {
  if (Array.isArray(value)) return isOfObjects(value) ? value.slice(1) : [...(value as unknown[]), 'another']
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, altered(inner)]))
  return typeof value === 'number' ? value + 1 : typeof value === 'boolean' ? !value : `${String(value)} altered`
}

const OF_OBJECTS = new Set(['pipes', 'hosts', 'listeners'])

function alteredConfig({ services, routes, ...rest }: Config): Config {
  const { discovery, processor } = rest
  const given = <T extends object>(one: T) => {
    const lists = Object.entries(one).filter(([key, value]) => OF_OBJECTS.has(key) && (value as []).length === 0)
    return { ...(altered(one) as T), ...Object.fromEntries(lists) }
  }
  return {
    ...rest,
    discovery: given(discovery),
    processor: {
      ...given(processor),
      listeners: processor.listeners.map(({ name, takes, ...socket }) => {
        return { ...given(socket), name, takes: { ...given(takes), kind: takes.kind } as typeof takes }
      }),
    },
    services: services.map(({ name, servers, ...service }) => ({
      ...given(service),
      name,
      servers: servers.map(({ spec, polling }) => ({ spec: { ...given(spec), id: spec.id }, polling: given(polling) })),
    })),
    routes: routes.map(({ id, handler, ...route }) => {
      const other = { ...given(handler), kind: handler.kind } as typeof handler
      return { ...given(route), handler: other, id }
    }),
  }
}

/** The forms that the full example has not: they stand in for others. */
const OTHER_FORMS = `version: 1
services:
  orders:
    servers: [10.0.0.1:8080]
    polling: { method: health, endpoint: /, frequency: '* * * * *', expect: { body: well } }
    hedge: { after: 5ms }
    apis: [/orders]
  others:
    servers: [10.0.0.2:8080]
    polling: { method: health, endpoint: /, expect: { body_pattern: w } }
    apis: [/others]
`

test('whatever changes has the name that the file has for it', async () => {
  const file = new URL('../../../docs/services.schema.json', import.meta.url)
  const root = JSON.parse(await readFile(file, 'utf8')) as Schema
  const seen = new Set<string>()
  for (const config of [load(FULL_YAML, { TOKEN: 'not-for-all' }), load(OTHER_FORMS)]) {
    const { services, instances, routes, listeners, settings, restart } = createPlan(config, alteredConfig(config))
    const keysOf = ({ changed }: typeof services) => changed.flatMap(({ what }) => what.map(({ key }) => key))
    const told = {
      Service: keysOf(services),
      Server: keysOf(instances),
      Route: keysOf(routes).filter((key) => key !== 'order'),
      Listener: keysOf(listeners),
      Full: [...settings.map(({ key }) => key), ...restart],
    }
    for (const [name, keys] of Object.entries(told)) {
      for (const key of keys) seen.add(`${name} ${key}`)
      const unknown = keys.filter((key) => !has(root.$defs?.[name] ?? {}, key.split('.'), root))
      assert.deepEqual(unknown, [], name)
    }
  }
  for (const one of [
    'Service timeout.total',
    'Service outlier.max',
    'Service outlier.most',
    'Service concurrency.queue_time',
    'Service retry.hold',
    'Service breaker.open',
    'Service hedge.after',
    'Server polling.expect.body',
    'Server polling.expect.body_pattern',
    'Server polling.frequency',
    'Route match.host',
    'Route fixed.status',
    'Route service',
    'Full processor.limits.head',
    'Full discovery.concurrency',
    'Full discovery.store',
    'Full processor.pipes',
    'Full processor.hosts',
    'Listener idle',
    'Listener connections',
    'Listener tls.certificates',
    'Route pipes',
    'Route listener',
    'Route merge',
    'Route cache_ttl',
  ])
    assert.ok(seen.has(one), one)
})
