// The plan: everything that differs is told once, nothing that may be a secret is, and what needs a restart stays.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Config } from '../../../shared/config/model.js'
import { applicable, createPlan, isEmpty } from '../../../shared/config/plan.js'
import { planCounts, planLines } from '../../../shared/config/plan-text.js'
import { parseTestConfig } from '../../kit/config.js'

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
    '~ service orders: balance.strategy, timeouts.first_byte 30000 ms → 2000 ms',
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
  const before = configOf({ discovery: { port: 1, name: 'a' }, processor: { port: 2, workers: 2 } })
  const after = configOf({
    discovery: { port: 3, host: '127.0.0.1', store: 'memory', name: 'b' },
    processor: { port: 4, host: '127.0.0.1', workers: 3, request_limit: 7, timeouts: { drain: 5 } },
  })
  const plan = createPlan(before, after)
  assert.deepEqual(plan.restart, [
    'discovery.host',
    'discovery.port',
    'discovery.store',
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
