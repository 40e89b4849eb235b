// Another config in a running gateway: later requests go by it, and nothing that stays loses what it has.
import assert from 'node:assert/strict'
import net from 'node:net'
import { test } from 'node:test'
import type { Config } from '../../shared/config/model.js'
import type { Instance } from '../../shared/registry/instance.js'
import { startGateway, type TestConfig, testConfig, type TestGateway } from '../kit/gateway.js'
import { request } from '../kit/http.js'
import { startOrigin } from '../kit/origin.js'
import { waitFor } from '../kit/wait.js'
import { service } from './asserting.js'

let seq = 1000

/** All instances of `given` are up, and arrive with the config. */
function reconfigure(gateway: TestGateway, given: TestConfig, instancesOf: Config = testConfig(given, gateway.port)) {
  const known = new Map(gateway.core.table.snapshot.instances.map((instance) => [instance.id, instance]))
  const instances = instancesOf.services.flatMap(({ servers }) =>
    servers.map(({ spec }): Instance => known.get(spec.id) ?? { ...spec, health: 'up', since: 0 }),
  )
  const change = { kind: 'whole', snapshot: { term: 1, seq: ++seq, instances } } as const
  return gateway.reconfigure(testConfig(given, gateway.port), change)
}

const get = async (gateway: TestGateway, path: string) => (await request(gateway.port, 'GET', path)).status

test('a route and its instances come in one step, and go in one', async (t) => {
  const origin = await startOrigin(t, (r) => r.answer(200))
  const gateway = await startGateway(t, service(origin.address))
  const extra = { services: { ...service(origin.address).services, x: { servers: [origin.address], apis: ['/x'] } } }
  assert.equal(await get(gateway, '/x'), 404)
  assert.ok(reconfigure(gateway, extra))
  assert.deepEqual([await get(gateway, '/x'), await get(gateway, '/s')], [200, 200])
  assert.equal(gateway.services.size, 2)
  reconfigure(gateway, service(origin.address))
  assert.deepEqual([await get(gateway, '/x'), await get(gateway, '/s')], [404, 200])
  assert.deepEqual([[...gateway.endpoints.keys()], [...gateway.services.keys()]], [[`s/${origin.address}`], ['s']])
})

test('instances of services that the config does not know are no trouble, and serve once it does', async (t) => {
  const origin = await startOrigin(t, (r) => r.answer(200))
  const gateway = await startGateway(t, service(origin.address))
  const extra = { services: { ...service(origin.address).services, x: { servers: [origin.address], apis: ['/x'] } } }
  // As a processor that runs apart sees it: the registry is ahead of its config.
  reconfigure(gateway, service(origin.address), testConfig(extra, gateway.port))
  assert.deepEqual([await get(gateway, '/x'), await get(gateway, '/s')], [404, 200])
  reconfigure(gateway, extra)
  assert.equal(await get(gateway, '/x'), 200)
})

test('endpoints that stay keep their connections and their guards, whatever else changes', async (t) => {
  const origin = await startOrigin(t, (r) => r.answer(200))
  const gateway = await startGateway(t, service(origin.address))
  await get(gateway, '/s')
  const endpoint = gateway.endpoints.get(`s/${origin.address}`)
  assert.ok(endpoint)
  const live = gateway.services.get('s')
  const { guard } = endpoint
  for (const more of [
    { timeout: { first_byte: 1 } },
    { balance: { strategy: 'p2c' } },
    { outlier: { failures: 7 } },
    { breaker: { consecutive: 3 } },
    { retry: { attempts: 2 } },
  ]) {
    assert.ok(reconfigure(gateway, service(origin.address, more)), JSON.stringify(more))
    assert.equal(await get(gateway, '/s'), 200)
  }
  assert.equal(gateway.endpoints.get(`s/${origin.address}`), endpoint)
  assert.equal(gateway.services.get('s'), live)
  assert.equal(endpoint.guard, guard)
  assert.equal(origin.connections.length, 1)
  assert.equal(live?.config.retry.attempts, 2)
})

test('an exchange in flight ends by the config that it began with, though its route and its instance go', async (t) => {
  const begun: (() => void)[] = []
  const origin = await startOrigin(t, (r) => void begun.push(() => r.answer(200, 'old')))
  const other = await startOrigin(t, (r) => r.answer(200, 'new'))
  const gateway = await startGateway(t, service(origin.address))
  const running = request(gateway.port, 'GET', '/s')
  await waitFor(() => begun.length === 1)
  reconfigure(gateway, { services: { y: { servers: [other.address], apis: ['/y'] } } })
  assert.deepEqual([await get(gateway, '/y'), await get(gateway, '/s')], [200, 404])
  begun[0]?.()
  assert.deepEqual([(await running).status, (await running).text()], [200, 'old'])
  await waitFor(() => origin.connections.every(({ open }) => !open), { what: 'the end of the old connection' })
})

test('limits and time limits hold for what begins after the reload, on connections of before too', async (t) => {
  const origin = await startOrigin(t, () => undefined)
  const gateway = await startGateway(t, service(origin.address))
  const client = net.connect(gateway.port, '127.0.0.1')
  t.after(() => client.destroy())
  await waitFor(() => gateway.core.connections.size === 1)
  reconfigure(gateway, {
    ...service(origin.address, { timeout: { first_byte: 0.1 }, retry: { attempts: 1 } }),
    processor: { limits: { connections: 1 } },
  })
  let said = ''
  client.on('data', (chunk: Buffer) => (said += chunk.toString('latin1')))
  client.write('GET /s HTTP/1.1\r\nHost: h\r\n\r\n')
  await waitFor(() => said.startsWith('HTTP/1.1 504'))
  assert.equal(await get(gateway, '/s'), 503)
})

test('a change that does not follow is asked for again, and the config is taken all the same', async (t) => {
  const origin = await startOrigin(t, (r) => r.answer(200))
  const gateway = await startGateway(t, service(origin.address))
  const config = testConfig({ services: { s: { servers: [origin.address], apis: ['/t'] } } }, gateway.port)
  const change = { kind: 'delta', term: 9, seq: 2, base: 1, put: [], gone: [] } as const
  assert.equal(gateway.reconfigure(config, change), false)
  assert.deepEqual([await get(gateway, '/t'), await get(gateway, '/s')], [200, 404])
})
