// Several services, one answer: what the client gets of what they bring, over real sockets.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { silentLog } from '../../../shared/log.js'
import { startGateway } from '../../kit/gateway.js'
import { request } from '../../kit/http.js'
import type { OriginRequest } from '../../kit/origin.js'
import { freePort } from '../../kit/ports.js'
import { serve, status } from './serving.js'

const JSON_TYPE = 'application/json; charset=utf-8'
const users = { service: 'users', path: '/users/{id}' }
const orders = { service: 'orders', path: '/orders?of={id}' }

test('the answers of several services come as one, with its names in order', async (t) => {
  const { ask, origins } = await serve(
    t,
    { users: '{"name":"<Ada>","id":12345678901234567890}', orders: '{"orders":[{"b":1.0,"a":2}]}' },
    { merge: [users, orders], cache_ttl: '5m' },
  )
  const answer = await ask('/m/42')
  assert.equal(answer.status, 200)
  assert.equal(answer.text(), '{"id":12345678901234567890,"name":"\\u003cAda\\u003e","orders":[{"a":2,"b":1.0}]}')
  assert.equal(answer.field('content-type'), JSON_TYPE)
  assert.equal(answer.field('serverpy-completed'), 'true')
  assert.equal(answer.field('cache-control'), 'public, max-age=300')
  assert.equal(origins['users']?.requests[0]?.target, '/users/42')
  assert.equal(origins['orders']?.requests[0]?.target, '/orders?of=42')
})

test('of two that bring the same field the later in the config counts, whoever answers first', async (t) => {
  const slow = (asked: OriginRequest) => setTimeout(() => asked.answer(200, '{"v":"slow","s":1}'), 60)
  const { ask } = await serve(
    t,
    { slow, fast: { v: 'fast', f: 1 } },
    {
      merge: [
        { service: 'slow', path: '/' },
        { service: 'fast', path: '/' },
      ],
    },
  )
  assert.equal((await ask()).text(), '{"f":1,"s":1,"v":"fast"}')
  const other = await serve(
    t,
    { slow, fast: { v: 'fast', f: 1 } },
    {
      merge: [
        { service: 'fast', path: '/' },
        { service: 'slow', path: '/' },
      ],
    },
  )
  assert.equal((await other.ask()).text(), '{"f":1,"s":1,"v":"slow"}')
})

test('where one part fails the client gets the others, marked as incomplete and not for caches', async (t) => {
  const { ask } = await serve(
    t,
    { users: { name: 'Ada' }, orders: status(404, '{"name":"no"}') },
    { merge: [users, orders], cache_ttl: 60 },
  )
  const answer = await ask()
  assert.equal(answer.status, 200)
  assert.equal(answer.text(), '{"name":"Ada"}')
  assert.equal(answer.field('serverpy-completed'), 'false')
  assert.equal(answer.field('cache-control'), undefined)
})

test('a part that does not come in time is left out when 85 % of the time is up', async (t) => {
  const { ask, origins } = await serve(
    t,
    { users: { name: 'Ada' }, orders: () => undefined },
    { merge: [users, orders], timeout_ms: 400 },
  )
  const began = performance.now()
  const answer = await ask()
  assert.equal(answer.text(), '{"name":"Ada"}')
  assert.equal(answer.field('serverpy-completed'), 'false')
  assert.ok(performance.now() - began >= 335)
  // Nobody waits for it any more.
  await origins['orders']?.requests[0]?.gone
})

test('where all parts fail the answer is a 500', async (t) => {
  const { ask } = await serve(t, { users: status(500), orders: '[1]' }, { merge: [users, orders] })
  const answer = await ask()
  assert.equal(answer.status, 500)
  assert.equal(answer.field('serverpy-completed'), 'false')
  assert.equal(answer.field('content-type'), 'application/problem+json')
  const strict = await serve(
    t,
    { users: status(500), orders: '[1]' },
    { merge: [users, orders], forwarding: 'strict', completed: 'X-Krakend-Completed' },
  )
  const plain = await strict.ask()
  assert.equal(plain.status, 500)
  assert.equal(plain.text(), '')
  assert.equal(plain.field('content-type'), undefined)
  assert.equal(plain.field('x-krakend-completed'), 'false')
})

test('an answer that fails says why where the config wants it', async (t) => {
  const { ask } = await serve(t, { users: status(404) }, { merge: [users], return_error_msg: true })
  const answer = await ask()
  assert.equal(answer.status, 500)
  assert.equal(answer.text(), 'invalid status code')
  assert.equal(answer.field('content-type'), 'text/plain; charset=utf-8')
})

test('an answer that says why it failed names no service and no instance', async (t) => {
  const address = `127.0.0.1:${await freePort()}`
  const { port, set } = await startGateway(t, {
    services: { hidden: { servers: [address], apis: ['/hidden'] } },
    routes: [{ match: { path: '/m' }, merge: [{ service: 'hidden', path: '/' }], return_error_msg: true }],
  })
  set({ [address]: { override: 'out-of-service' } })
  const answer = await request(port, 'GET', '/m')
  assert.deepEqual([answer.status, answer.text()], [500, 'No instance may take this request'])
})

test('a part alone passes the status of its failure on where the config wants it', async (t) => {
  const teapot = status(418, 'short and stout', { 'Content-Type': 'text/tea' })
  const { ask } = await serve(t, { users: teapot }, { merge: [{ ...users, return_error_code: true }] })
  const answer = await ask()
  assert.equal(answer.status, 418)
  assert.equal(answer.text(), '')
  assert.equal(answer.field('serverpy-completed'), 'false')
  const told = await serve(
    t,
    { users: teapot },
    { merge: [{ ...users, return_error_code: true }], return_error_msg: true },
  )
  const said = await told.ask()
  assert.equal(said.status, 418)
  assert.equal(said.text(), 'short and stout')
  assert.equal(said.field('content-type'), 'text/tea')
})

test('a failure becomes data where the config names it', async (t) => {
  const { ask } = await serve(
    t,
    { users: { name: 'Ada' }, orders: status(404, '404 page\n', { 'Content-Type': 'text/plain' }) },
    {
      merge: [
        { ...users, return_error_details: 'a' },
        { ...orders, return_error_details: 'b' },
      ],
      cache_ttl: 60,
    },
  )
  const answer = await ask()
  assert.equal(answer.status, 200)
  assert.equal(
    answer.text(),
    '{"error_b":{"http_body":"404 page\\n","http_body_encoding":"text/plain","http_status_code":404},"name":"Ada"}',
  )
  assert.equal(answer.field('serverpy-completed'), 'false')
  assert.equal(answer.field('cache-control'), undefined)
})

test('a 201 is a success, any other status of success is none', async (t) => {
  for (const [code, completed] of [
    [201, 'true'],
    [202, 'false'],
    [204, 'false'],
    [206, 'false'],
  ] as const) {
    const { ask } = await serve(
      t,
      { users: status(code, code === 204 ? '' : '{"a":1}'), orders: { b: 1 } },
      { merge: [users, orders] },
    )
    assert.equal((await ask()).field('serverpy-completed'), completed, String(code))
  }
})

test('an answer without any data is not called whole', async (t) => {
  const { ask } = await serve(t, { users: {} }, { merge: [users], cache_ttl: 60 })
  const answer = await ask()
  assert.equal(answer.text(), '{}')
  assert.equal(answer.field('serverpy-completed'), 'false')
  assert.equal(answer.field('cache-control'), undefined)
})

test('each part is shaped by itself before they come together', async (t) => {
  const merge = [
    { service: 'a', path: '/', target: 'data', allow: ['x', 'y.z'], mapping: { x: 'q' } },
    {
      service: 'b',
      path: '/',
      is_collection: true,
      group: 'list',
      flatmap: [{ type: 'del', args: ['collection.*.secret'] }],
    },
    { service: 'c', path: '/', encoding: 'xml', deny: ['r.s'] },
    { service: 'd', path: '/', encoding: 'string', group: 'text' },
  ]
  const services = {
    a: { data: { x: 1, y: { z: 2, w: 3 } } },
    b: [{ id: 1, secret: 2 }],
    c: '<r k="v"><s>1</s></r>',
    d: 'plain',
  }
  const { ask } = await serve(t, services, {
    merge,
    flatmap: [
      { type: 'move', args: ['text.content', 'said'] },
      { type: 'del', args: ['text'] },
    ],
  })
  assert.equal(
    (await ask()).text(),
    '{"list":{"collection":[{"id":1}]},"q":1,"r":{"-k":"v"},"said":"plain","y":{"z":2}}',
  )
})

test('static data are laid over the answer by what became of it', async (t) => {
  const data = { foo: 42, name: 'static' }
  const whole = { users: { name: 'Ada' }, orders: { o: 1 } }
  const partial = { users: { name: 'Ada' }, orders: status(500) }
  const failing = { users: status(500), orders: status(500) }
  const laid = async (services: Record<string, object>, strategy: string) => {
    const { ask } = await serve(t, services, { merge: [users, orders], static: { data, strategy } })
    const answer = await ask()
    return `${answer.status} ${answer.field('serverpy-completed')} ${answer.status === 200 ? answer.text() : ''}`.trim()
  }
  const with3 = '{"foo":42,"name":"static","o":1}'
  const with2 = '{"foo":42,"name":"static"}'
  assert.deepEqual(
    await Promise.all(
      ['always', 'success', 'errored', 'complete', 'incomplete'].map((strategy) => laid(whole, strategy)),
    ),
    [
      `200 true ${with3}`,
      `200 true ${with3}`,
      '200 true {"name":"Ada","o":1}',
      `200 true ${with3}`,
      '200 true {"name":"Ada","o":1}',
    ],
  )
  assert.deepEqual(
    await Promise.all(
      ['always', 'success', 'errored', 'complete', 'incomplete'].map((strategy) => laid(partial, strategy)),
    ),
    [
      `200 false ${with2}`,
      '200 false {"name":"Ada"}',
      `200 false ${with2}`,
      '200 false {"name":"Ada"}',
      `200 false ${with2}`,
    ],
  )
  assert.deepEqual(
    await Promise.all(
      ['always', 'success', 'errored', 'complete', 'incomplete'].map((strategy) => laid(failing, strategy)),
    ),
    [`200 false ${with2}`, '500 false', `200 false ${with2}`, '500 false', `200 false ${with2}`],
  )
})

test('why a part is missing is in the log, and not with every request', async (t) => {
  const lines: Record<string, unknown>[] = []
  const log = { ...silentLog, info: (fields: Record<string, unknown>) => void lines.push(fields), child: () => log }
  const { ask, origins } = await serve(t, { users: status(404), orders: { a: 1 } }, { merge: [users, orders] }, { log })
  await Promise.all(Array.from({ length: 20 }, () => ask()))
  assert.equal(origins['users']?.requests.length, 20)
  const missing = lines.filter((fields) => fields['reason'] === 'it answered 404')
  assert.ok(missing.length >= 1 && missing.length < 20)
  const [{ service, part, route } = {}] = missing
  assert.deepEqual([service, part, route], ['users', 0, 'merge:/m/{id}'])
})

test('what is put together for one who is known is for the caches of that one alone', async (t) => {
  const key = 'a-key-of-more-than-sixteen-characters'
  const route = { merge: [{ service: 'users', path: '/u' }], cache_ttl: '30s' }
  const said = async (more: object, fields: Record<string, string>) => {
    const { ask } = await serve(t, { users: { a: 1 } }, { ...route, ...more })
    return (await ask('/m/1', { fields })).field('cache-control')
  }
  const guarded = { pipes: [{ use: 'auth-key', keys: [key] }] }
  assert.equal(await said({}, {}), 'public, max-age=30')
  assert.equal(await said({}, { Authorization: 'Bearer a' }), 'private, max-age=30')
  assert.equal(await said(guarded, { 'X-Api-Key': key }), 'private, max-age=30')
  assert.equal(await said({ forwarding: 'strict' }, { Authorization: 'Bearer a' }), 'public, max-age=30')
})
