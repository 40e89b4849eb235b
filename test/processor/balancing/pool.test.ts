// Who gets the next request: tiers first, then fair shares, and never one that was tried while another is left.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Endpoint } from '../../../processor/balancing/endpoint.js'
import { createPool } from '../../../processor/balancing/pool.js'
import { createWheel } from '../../../processor/engine/wheel.js'
import type { Instance } from '../../../shared/registry/instance.js'

const wheel = createWheel()

function endpoint(name: string, more: Partial<Instance> = {}): Endpoint {
  const instance: Instance = {
    id: name,
    service: 's',
    url: name,
    secure: false,
    host: name,
    port: 80,
    basePath: '',
    priority: 'unset',
    weight: 1,
    metadata: {},
    health: 'up',
    since: 0,
    ...more,
  }
  return new Endpoint(instance, undefined, limits, wheel)
}

const limits = { connections: 10, idle: 10, keepAliveMs: 1000, batch: false, useSockets: false }

function picks(endpoints: readonly Endpoint[], times: number): string[] {
  const pool = createPool(endpoints, () => false)
  return Array.from({ length: times }, () => pool.pick([])?.id ?? 'none')
}

const count = (ids: readonly string[]) =>
  Object.fromEntries([...new Set(ids)].sort().map((id) => [id, ids.filter((one) => one === id).length]))

test('equal weights share exactly', () => {
  assert.deepEqual(count(picks([endpoint('a'), endpoint('b'), endpoint('c')], 300)), { a: 100, b: 100, c: 100 })
})

test('weights share exactly and smoothly', () => {
  const ids = picks([endpoint('a', { weight: 3 }), endpoint('b', { weight: 1 })], 1000)
  assert.deepEqual(count(ids), { a: 750, b: 250 })
  assert.ok(!ids.join('').includes('aaaaa'))
})

test('only the best tier takes requests: up before unknown, then by priority', () => {
  const all = [
    endpoint('high', { priority: 'high' }),
    endpoint('med', { priority: 'med' }),
    endpoint('low', { priority: 'low' }),
    endpoint('unset'),
    endpoint('unknown-high', { priority: 'high', health: 'unknown' }),
    endpoint('unknown', { health: 'unknown' }),
  ]
  for (let i = 0; i < all.length; i++) assert.deepEqual(count(picks(all.slice(i), 10)), { [all[i]?.id ?? '']: 10 })
})

test('down, drained, withdrawn and weightless instances take nothing', () => {
  assert.deepEqual(
    picks(
      [
        endpoint('a', { health: 'down' }),
        endpoint('b', { override: 'drain' }),
        endpoint('c', { override: 'out-of-service' }),
        endpoint('d', { weight: 0 }),
      ],
      1,
    ),
    ['none'],
  )
})

test('what was tried is passed over, tier after tier, until none is left', () => {
  const all = [
    endpoint('a', { priority: 'high' }),
    endpoint('b', { priority: 'high', weight: 5 }),
    endpoint('c'),
    endpoint('d', { health: 'unknown' }),
  ]
  const pool = createPool(all, () => false)
  const tried: Endpoint[] = []
  for (let next = pool.pick(tried); next !== undefined; next = pool.pick(tried)) tried.push(next)
  assert.deepEqual(new Set(tried.slice(0, 2).map(({ id }) => id)), new Set(['a', 'b']))
  assert.deepEqual(
    tried.slice(2).map(({ id }) => id),
    ['c', 'd'],
  )
})
