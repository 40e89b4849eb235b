// A processor on its own: what it goes by until the discovery server is heard.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { firstSnapshot, orConfigured } from '../../cli/first-snapshot.js'
import { EMPTY_SNAPSHOT, type RegistrySource, type Snapshot } from '../../shared/registry/instance.js'
import { fakeClock } from '../kit/clock.js'
import { load } from '../shared/config/fixtures.js'

function remoteRegistry(): RegistrySource & { publish(next: Snapshot): void; readonly listening: number } {
  const listeners = new Set<(snapshot: Snapshot) => void>()
  let current = EMPTY_SNAPSHOT
  return {
    get current() {
      return current
    },
    get listening() {
      return listeners.size
    },
    subscribe(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    publish(next) {
      current = next
      for (const listener of [...listeners]) listener(next)
    },
  }
}

test('the wait ends with the first snapshot, or when there has been none for long enough', async () => {
  for (const heard of [true, false]) {
    const clock = fakeClock()
    const remote = remoteRegistry()
    let over = false
    const waiting = firstSnapshot(remote, 1000, { clock }).then(() => (over = true))
    await clock.advance(999)
    assert.equal(over, false)
    if (heard) remote.publish({ term: 1, seq: 1, instances: [] })
    else await clock.advance(1)
    await waiting
    assert.deepEqual([clock.pending, remote.listening], [0, 0])
  }
})

test('until the first snapshot the instances of the config are there, and unknown', () => {
  const remote = remoteRegistry()
  const source = orConfigured(remote, load('a: { servers: [h, i], polling: { method: ping }, apis: [/a] }'))
  const seen = () => source.current.instances.map(({ id, health }) => `${id} ${health}`)
  assert.deepEqual(seen(), ['a/h:80 unknown', 'a/i:80 unknown'])
  remote.publish({ term: 1, seq: 1, instances: source.current.instances.map((one) => ({ ...one, health: 'down' })) })
  assert.deepEqual(seen(), ['a/h:80 down', 'a/i:80 down'])
})
