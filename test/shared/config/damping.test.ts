// Damping of instances that flap: of a service, of one instance, or both laid over each other.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { lines, load, problemsOf } from './fixtures.js'

const config = (base: string, own: string) =>
  `a: { polling: { method: ping, ${base} }, servers: { h: { ${own} }, i: {} }, apis: [/] }`
const damping = (base: string, own = '') =>
  load(config(base, own)).services[0]?.servers.map((server) => server.polling.damping)
const only = (keys: string) => {
  const found = lines(problemsOf(config(`damping: ${keys}`, '')))
  assert.equal(found.length, 1, found.join('\n'))
  return found[0] ?? ''
}

const PLAIN = { changes: 5, windowMs: 60_000, steadyMs: 30_000 }

test('there is no damping unless the file asks for it', () => {
  assert.deepEqual(damping(''), [undefined, undefined])
  assert.deepEqual(damping('damping: false'), [undefined, undefined])
  assert.deepEqual(damping('damping: true'), [PLAIN, PLAIN])
  assert.deepEqual(damping('damping: {}'), [PLAIN, PLAIN])
  assert.deepEqual(damping('', 'damping: true'), [PLAIN, undefined])
})

test('the damping of an instance is laid over that of its service key by key', () => {
  const base = 'damping: { changes: 3, window: 10 }'
  const merged = { ...PLAIN, changes: 3, windowMs: 10_000 }
  assert.deepEqual(damping(base, 'damping: { window_ms: 500, steady: 1 }'), [
    { changes: 3, windowMs: 500, steadyMs: 1000 },
    merged,
  ])
  assert.deepEqual(damping(base, 'damping: true'), [merged, merged])
  assert.deepEqual(damping(base, 'damping: false'), [undefined, merged])
  assert.deepEqual(damping('damping: false', 'damping: { changes: 9 }'), [{ ...PLAIN, changes: 9 }, undefined])
})

test('the keys of damping keep to their bounds', () => {
  assert.match(only('{ changes: 1 }'), /^1:\d+ {2}a\.polling\.damping\.changes {2}must be at least 2$/)
  assert.match(only('{ changes: 1001 }'), /must be at most 1000/)
  assert.match(only('{ window: 0 }'), /must be at least 1ms/)
  assert.match(only('{ steady: 25d }'), /must be at most 24d/)
  assert.match(only('{ steady: 1, steady_ms: 1 }'), /steady_ms {2}"steady" says the same/)
  assert.match(only('{ change: 3 }'), /unknown key "change" {2}\(did you mean "changes"\?\)/)
  assert.match(only('5'), /must be true, false, or an object with changes, window, steady/)
})
