// One after the other, beside each other, several times at once: when parts are asked, and when they are given up.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { OriginRequest } from '../../kit/origin.js'
import { echo, serve, status } from './serving.js'

const users = { service: 'users', path: '/users/{id}' }
const orders = { service: 'orders', path: '/orders?of={id}' }

test('parts in sequence use what earlier ones brought', async (t) => {
  const { ask, origins } = await serve(
    t,
    { users: { data: { id: 'a/b&c', tags: [1, 'x'], big: 12345678901234567890n.toString() } }, orders: echo() },
    {
      sequential: true,
      merge: [
        { ...users, target: 'data' },
        { service: 'orders', path: '/o/{resp0_id}/{id}?t={resp0_tags}&i={resp0_id}' },
      ],
    },
  )
  const answer = await ask('/m/9')
  assert.equal(origins['orders']?.requests[0]?.target, '/o/a%2Fb%26c/9?t=1%2Cx&i=a%2Fb%26c')
  assert.equal(answer.field('serverpy-completed'), 'true')
})

test('parts in sequence may use the whole body of an earlier one', async (t) => {
  const merge = [
    { ...users, encoding: 'no-op' },
    { service: 'orders', path: '/{resp0}' },
  ]
  const { ask, origins } = await serve(t, { users: '{"message":"pong"}', orders: echo() }, { sequential: true, merge })
  await ask()
  assert.equal(origins['orders']?.requests[0]?.target, '/eyJtZXNzYWdlIjoicG9uZyJ9')
})

test('a sequence ends with its first failure: 500 where nothing has come, else what there is', async (t) => {
  const later = { service: 'late', path: '/l' }
  const first = await serve(
    t,
    { users: status(500), orders: {}, late: {} },
    { sequential: true, merge: [users, orders, later] },
  )
  assert.equal((await first.ask()).status, 500)
  assert.equal(first.origins['orders']?.requests.length, 0)
  const second = await serve(
    t,
    { users: { name: 'Ada' }, orders: status(500), late: {} },
    { sequential: true, merge: [users, orders, later], cache_ttl: 9 },
  )
  const answer = await second.ask()
  assert.equal(answer.status, 200)
  assert.equal(answer.text(), '{"name":"Ada"}')
  assert.equal(answer.field('serverpy-completed'), 'false')
  assert.equal(answer.field('cache-control'), undefined)
  assert.equal(second.origins['late']?.requests.length, 0)
})

test('a sequence whose next part lacks what it needs ends there, and nothing is sent', async (t) => {
  const merge = [users, { service: 'orders', path: '/{resp0_nobody.x}' }]
  const { ask, origins } = await serve(t, { users: { name: 'Ada' }, orders: {} }, { sequential: true, merge })
  const answer = await ask()
  assert.equal(answer.text(), '{"name":"Ada"}')
  assert.equal(answer.field('serverpy-completed'), 'false')
  assert.equal(origins['orders']?.requests.length, 0)
})

test('a sequence has 85 % of the time for all of its parts', async (t) => {
  const { ask } = await serve(
    t,
    { users: { name: 'Ada' }, orders: () => undefined },
    { sequential: true, merge: [users, orders], timeout_ms: 300 },
  )
  const answer = await ask()
  assert.equal(answer.status, 200)
  assert.equal(answer.text(), '{"name":"Ada"}')
})

test('a shadow is asked, and nobody waits for it or sees its answer', async (t) => {
  const merge = [users, { service: 'orders', path: '/copy/{id}', shadow: true, timeout_ms: 300 }]
  const { ask, origins } = await serve(t, { users: { name: 'Ada' }, orders: () => undefined }, { merge, cache_ttl: 1 })
  const answer = await ask('/m/3')
  assert.equal(answer.text(), '{"name":"Ada"}')
  assert.equal(answer.field('serverpy-completed'), 'true')
  const [copy] = origins['orders']?.requests ?? []
  assert.equal(copy?.target, '/copy/3')
  await copy.gone
})

test('of several calls at once the first whole answer counts, and the others are given up', async (t) => {
  let calls = 0
  const gone: Promise<void>[] = []
  const racing = (asked: OriginRequest) => {
    calls++
    if (calls === 1) asked.answer(500)
    else if (calls === 3) asked.answer(200, '{"call":3}')
    else gone.push(asked.gone)
  }
  const { ask } = await serve(t, { users: racing }, { merge: [users], concurrent_calls: 4 })
  const answer = await ask()
  assert.equal(answer.text(), '{"call":3}')
  assert.equal(answer.field('serverpy-completed'), 'true')
  assert.equal(calls, 4)
  await Promise.all(gone)
})
