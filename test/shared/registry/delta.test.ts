// What travels when a snapshot changes: no more than what is new in it, and the rest is not searched through.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { apply, diff } from '../../../shared/registry/delta.js'
import type { Instance, Snapshot } from '../../../shared/registry/instance.js'
import { instanceOf } from '../../kit/instance.js'

let looks = 0

function instance(name: string, health: Instance['health'] = 'up'): Instance {
  const get = (): string => {
    looks++
    return `s/${name}`
  }
  return Object.defineProperty(instanceOf(name, { health }), 'id', { get, enumerable: true })
}

const snapshot = (seq: number, instances: readonly Instance[]): Snapshot => ({ term: 1, seq, instances })

test('whatever comes, goes, flips or moves, the other side has what is new', () => {
  const [a, b, c, down] = [instance('a'), instance('b'), instance('c'), instance('b', 'down')]
  const sides: readonly (readonly Instance[])[] = [[a, b, c], [a, down, c], [a, b], [c, down], [b, a, c], [], [down]]
  for (const before of sides) {
    for (const after of sides) {
      const change = diff(snapshot(1, before), snapshot(2, after))
      const held = apply(snapshot(1, before), change)
      assert.deepEqual(new Set(held?.instances), new Set(after))
      assert.equal(held?.seq, 2)
      assert.ok(change.kind === 'delta' && change.put.every((one) => !before.includes(one)))
    }
  }
})

test('one flip among thousands is found without a look at the ids of the others', () => {
  const before = Array.from({ length: 2000 }, (_, i) => instance(`h${i}`))
  const flipped = instance('h1000', 'down')
  const after = before.map((one, i) => (i === 1000 ? flipped : one))
  looks = 0
  const change = diff(snapshot(1, before), snapshot(2, after))
  assert.ok(looks <= 2, `${looks} looks`)
  assert.deepEqual(change.kind === 'delta' && [change.put, change.gone], [[flipped], []])
})
