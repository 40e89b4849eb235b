// The config file as a source of instances.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createConfigSource } from '../../../discovery/sources/config-source.js'
import type { ServerConfig, ServiceConfig } from '../../../shared/config/model.js'
import { server } from '../servers.js'

test('every server of every service is emitted once, in the order of the file', async () => {
  const service = (name: string, ports: readonly number[]) =>
    ({ name, servers: ports.map((port) => server(`127.0.0.1:${port}`)) }) as unknown as ServiceConfig
  const emitted: (readonly ServerConfig[])[] = []
  const source = createConfigSource([service('orders', [3, 1]), service('users', [2])])
  await source.start((all) => emitted.push(all))
  await source.close()
  assert.deepEqual(
    emitted.map((all) => all.map(({ spec }) => spec.port)),
    [[3, 1, 2]],
  )
})
