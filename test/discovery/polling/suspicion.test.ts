// Suspicion: an instance at which traffic failed is polled out of turn, but never in a storm.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createSuspicion } from '../../../discovery/polling/suspicion.js'
import { createRegistry } from '../../../discovery/registry/registry.js'
import { silentLog } from '../../../shared/log.js'
import { fakeClock } from '../../kit/clock.js'
import { server } from '../servers.js'

test('a suspect is polled once a second at most, and not at all while it is down', async () => {
  const clock = fakeClock()
  const registry = createRegistry({ clock, log: silentLog, term: 1 })
  const one = server('127.0.0.1:9001', { fall: 1 })
  registry.replace([one])
  const { id } = one.spec
  const polled: [id: string, most: number][] = []
  const suspect = createSuspicion(registry, { pollNow: (...asked) => void polled.push(asked) }, { clock })
  for (let i = 0; i < 100; i++) suspect(id)
  suspect('nobody')
  assert.deepEqual(polled, [[id, 1]])
  await clock.advance(1000)
  suspect(id)
  assert.equal(polled.length, 2)
  await clock.advance(1000)
  const at = clock.wall()
  registry.observe(id, {
    startedAt: at,
    endedAt: at,
    verdict: 'failed',
    status: 'service unreachable',
    response: '',
    latencyMs: 1,
    tries: 1,
  })
  suspect(id)
  assert.equal(polled.length, 2)
})
