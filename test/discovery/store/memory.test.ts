// The store without a file keeps the contract, and its bound.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createMemoryRings } from '../../../discovery/store/memory-ring.js'
import { createMemoryStore } from '../../../discovery/store/memory.js'
import { systemClock } from '../../../shared/clock.js'
import { storeContract } from '../../contract/store.js'

storeContract('memory', async () => createMemoryStore({ clock: systemClock }))

test('when all rings together are too many, the oldest row of all goes and is counted', () => {
  const rings = createMemoryRings<number>(4)
  rings.add('a', 1, 10)
  for (const n of [2, 3, 4, 5, 6]) rings.add('b', n, 10)
  assert.deepEqual(
    [...rings.newest()].map(([, n]) => n),
    [6, 5, 4, 3],
  )
  assert.deepEqual([...rings.rings], ['b'])
  assert.equal(rings.dropped, 2)
})
