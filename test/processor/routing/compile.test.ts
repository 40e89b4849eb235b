// What one flip costs a worker that knows thousands of instances: a new pool for its service, and no look at the others.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Endpoint } from '../../../processor/balancing/endpoint.js'
import type { Pool } from '../../../processor/balancing/pool.js'
import { compile, type CompileDeps } from '../../../processor/routing/table.js'
import type { Instance } from '../../../shared/registry/instance.js'
import { instanceOf } from '../../kit/instance.js'

class CountingMap<V> extends Map<string, V> {
  looks = 0
  override get(key: string): V | undefined {
    this.looks++
    return super.get(key)
  }
}

const instance = (service: string, health: Instance['health'] = 'up') =>
  instanceOf(`${service}/h:80`, { service, health })

function endpointOf(first: Instance): Endpoint {
  const endpoint = {
    instance: first,
    ramp: () => undefined,
    retire: () => undefined,
    renew: (next: Instance) => void (endpoint.instance = next),
  }
  return endpoint as unknown as Endpoint
}

test('a change that touches one service makes its pool anew, and leaves the others and their endpoints alone', () => {
  const live = new CountingMap<Endpoint>()
  const deps: CompileDeps = {
    routes: { tries: new Map(), routeTo: () => undefined },
    live,
    gone: new Set(),
    createEndpoint: endpointOf,
    createPool: (_, endpoints) => ({ endpoints }) as unknown as Pool<Endpoint>,
  }
  const instances = Array.from({ length: 1000 }, (_, i) => instance(`s${i}`))
  const before = compile({ term: 1, seq: 1, instances }, undefined, deps)
  live.looks = 0
  const flipped = instance('s7', 'down')
  const after = compile(
    { term: 1, seq: 2, instances: instances.map((one) => (one.service === 's7' ? flipped : one)) },
    before,
    deps,
    new Set(['s7']),
  )
  assert.equal(live.looks, 1)
  assert.equal(after.snapshot.seq, 2)
  assert.equal(after.pools.size, 1000)
  assert.notEqual(after.pool('s7'), before.pool('s7'))
  assert.equal(after.pool('s7')?.endpoints[0]?.instance, flipped)
  assert.equal(after.pool('s8'), before.pool('s8'))
  assert.equal(live.size, 1000)
  assert.equal(deps.gone.size, 0)
})
