// What a config that comes takes over from the one before: the same pipe of the same owner, each once, and none is searched for.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLeftovers, type Leftover } from '../../../processor/pipes/leftovers.js'

const pipe = (identity: string, owners: string[], likeness = identity): Leftover => ({
  identity,
  likeness,
  owners: new Set(owners),
})

test('the first that is the same and has an owner in common is found, until it is taken', () => {
  const [a, b, c] = [pipe('x', ['r1']), pipe('x', ['r2', 'r3']), pipe('x', ['r3'])]
  const left = createLeftovers([a, b, c])
  const find = (...owners: string[]) => left.find('identity', 'x', new Set(owners))
  assert.equal(find('r3'), b)
  assert.equal(find('r3', 'r1'), a)
  assert.equal(find('r4'), undefined)
  assert.equal(left.find('identity', 'y', new Set(['r1'])), undefined)
  left.take(b)
  assert.equal(left.has(b), false)
  assert.equal(find('r2'), undefined)
  assert.equal(find('r3'), c)
  left.take(c)
  assert.equal(find('r3'), undefined)
  assert.equal(find('r1'), a)
})

test('one that is no more the same may still be alike', () => {
  const old = pipe('m 1', ['r'], 'm')
  const left = createLeftovers([old])
  assert.equal(left.find('identity', 'm 2', old.owners), undefined)
  assert.equal(left.find('likeness', 'm', old.owners), old)
  left.take(old)
  assert.equal(left.find('likeness', 'm', old.owners), undefined)
})

test('each is looked at once, in whichever order thousands are asked for', () => {
  let looks = 0
  const all = Array.from({ length: 5000 }, (_, i) => ({
    get identity() {
      looks++
      return 'the same'
    },
    likeness: '',
    owners: new Set([`route ${i}`]),
  }))
  const left = createLeftovers(all)
  for (const one of [...all].reverse()) {
    assert.equal(left.find('identity', 'the same', one.owners), one)
    left.take(one)
  }
  assert.ok(looks <= 2 * all.length, `${looks} looks`)
})
