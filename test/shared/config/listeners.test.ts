// Ports beside the processor's own: what they take, and what cannot work.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { lines, load, problemsOf, warningsOf } from './fixtures.js'

const text = (listeners: string, routes = '') => `version: 1
processor:
  listeners: [${listeners}]
services:
  a: { servers: [h], polling: { method: tcp }, apis: [/a] }
  b: { servers: [i], polling: { method: tcp } }
routes: [{ match: { path: /b }, service: b }${routes}]
`
const faults = (listeners: string, routes?: string) => lines(problemsOf(text(listeners, routes)))

test('a listener for a service gets a route of its own, whether or not the service has APIs', () => {
  const config = load(`version: 1
processor: { listeners: [{ name: one, port: 0, service: a }, { name: db, port: 0, tcp: b }] }
services: { a: { servers: [h], polling: { method: tcp } }, b: { servers: [i], polling: { method: tcp } } }
`)
  assert.deepEqual(config.routes, [
    {
      id: 'a:/@one',
      listener: 'one',
      match: { hosts: [], methods: [], path: '/', exact: false, headers: [], query: [] },
      handler: { kind: 'forward', service: 'a' },
      importance: 'normal',
      pipes: [],
    },
  ])
})

test('routes of two ports are not in the way of each other', () => {
  const given = text(
    '{ name: x, port: 0 }, { name: y, port: 0 }',
    ['x', 'y', 'x'].map((name) => `, { match: { path: /b }, service: b, listener: ${name} }`).join(''),
  )
  assert.deepEqual(
    load(given).routes.map(({ id }) => id),
    ['a:/a', 'b:/b', 'b:/b@x', 'b:/b@y', 'b:/b@x#2'],
  )
  assert.deepEqual(
    warningsOf(given).map(({ path, message }) => [path, message]),
    [['routes[3]', 'line 7 routes the same; the last wins']],
  )
})

test('the classic layout has listeners, too', () => {
  const config = load(`a: { servers: [h], polling: { method: tcp } }
meta-info: { listeners: [{ name: one, port: 0, service: a }] }
`)
  assert.deepEqual(
    config.routes.map(({ id }) => id),
    ['a:/@one'],
  )
})

test('what is wrong with a listener is told at its place', () => {
  assert.deepEqual(faults('{ name: a b, port: 1 }'), [
    '3:23  processor.listeners[0].name  not a name of a listener  (up to 64 letters, digits, "-", "_" and ".")',
  ])
  assert.deepEqual(faults('{ name: x }'), ['3:15  processor.listeners[0].port  "port" is required'])
  assert.deepEqual(faults('{ name: x, port: 1, service: c }'), [
    '3:44  processor.listeners[0].service  there is no service "c"  (did you mean "a"?)',
  ])
  assert.deepEqual(faults('{ name: x, port: 1, tcp: c }').length, 1)
  assert.deepEqual(faults('{ name: x, port: 1, service: a, tcp: b }'), [
    '3:47  processor.listeners[0].tcp  "service" is there too  (keep one of the two)',
  ])
  assert.deepEqual(faults('{ name: x, port: 1 }, { name: x, port: 2 }'), [
    '3:45  processor.listeners[1].name  the listener on line 3 is called "x" too',
  ])
  assert.deepEqual(faults('{ name: x, port: 8001 }, { name: y, port: 9, host: 127.0.0.1 }, { name: z, port: 9 }'), [
    '3:32  processor.listeners[0].port  the request processor and the listener "x" would both listen on port 8001  (give one of them another port)',
    '3:96  processor.listeners[2].port  the listener "y" and the listener "z" would both listen on port 9  (give one of them another port)',
  ])
  assert.deepEqual(faults('{ name: y, port: 9, host: 127.0.0.1 }, { name: z, port: 9, host: 127.0.0.2 }'), [])
})

test('a route names a listener that is there and takes routes', () => {
  const routes = (name: string) => `, { match: { path: /x }, service: a, listener: ${name} }`
  assert.deepEqual(faults('{ name: admin, port: 1 }', routes('amdin')), [
    '7:92  routes[1].listener  there is no listener "amdin"  (did you mean "admin"?)',
  ])
  assert.deepEqual(faults('', routes('admin')), [
    '7:92  routes[1].listener  there is no listener "admin"  (list it under "listeners" of the processor)',
  ])
  assert.deepEqual(faults('{ name: one, port: 1, service: a }', routes('one')), [
    '7:92  routes[1].listener  the listener "one" is for the service "a" alone  (name a listener without "service" and "tcp")',
  ])
})

test('what is for bare connections only is warned about elsewhere', () => {
  const found = warningsOf(text('{ name: x, port: 1, idle_ms: 5, connections: 5 }'))
  assert.deepEqual(lines(found), [
    '3:35  processor.listeners[0].idle_ms  "idle_ms" is of no use without "tcp"  (timeouts and limits of requests are the processor\'s)',
    '3:47  processor.listeners[0].connections  "connections" is of no use without "tcp"  (timeouts and limits of requests are the processor\'s)',
  ])
})

test('an instance at a port of a listener is warned about', () => {
  const found = warningsOf(`version: 1
processor: { listeners: [{ name: x, port: 9, service: a }] }
services: { a: { servers: ['127.0.0.1:9'], polling: { method: tcp } } }
`)
  assert.match(found[0]?.message ?? '', /requests would loop/)
})
