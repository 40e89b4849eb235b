// Where comments hang: at the key or the item of an entry, and no map is searched for each of them.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Document, isScalar, type YAMLMap } from 'yaml'
import { createCarriers } from '../../../../shared/config/import/carriers.js'

test('a comment hangs at the key of an entry, at the item of a list, or at what is nearest', () => {
  const yaml = new Document({ services: { a: { servers: ['x', 'y'] } }, routes: [{ match: { path: '/' } }] })
  const carrier = createCarriers(yaml)
  const text = (...path: (string | number)[]) => {
    const node = carrier(path)
    return isScalar(node) ? node.value : node && JSON.stringify(node)
  }
  assert.equal(text('services', 'a'), 'a')
  assert.equal(text('services', 'a', 'servers', 1), 'y')
  assert.equal(text('services', 'a', 'servers', 7), 'servers')
  assert.equal(text('services', 'a', 'tls', 'verify'), 'a')
  assert.equal(text('services', 'b'), 'services')
  assert.equal(text('routes', 0), '{"match":{"path":"/"}}')
  assert.equal(text('routes', 0, 'match', 'path'), 'path')
  assert.equal(text('processor'), undefined)
  assert.equal(text(), undefined)
})

test('a map is gone through once, however many of its entries are asked for', () => {
  const names = Array.from({ length: 1000 }, (_, i) => `service-${i}`)
  const yaml = new Document({ services: Object.fromEntries(names.map((name) => [name, {}])) })
  const services = yaml.get('services') as YAMLMap
  const { items } = services
  let looks = 0
  Object.defineProperty(services, 'items', { get: () => (looks++, items) })
  const carrier = createCarriers(yaml)
  for (const name of names) assert.ok(carrier(['services', name]))
  assert.equal(looks, 1)
})
