// What a merging route holds, and lets go of: answers that are too large, clients that leave, services that are ill.
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { test } from 'node:test'
import type { OriginRequest } from '../../kit/origin.js'
import { waitFor } from '../../kit/wait.js'
import { serve, status } from './serving.js'

const users = { service: 'users', path: '/users/{id}' }
const orders = { service: 'orders', path: '/orders' }

test('an answer that is longer than its part takes is a failure, and the others stand', async (t) => {
  const { ask } = await serve(
    t,
    { users: { name: 'Ada' }, orders: { a: 'x'.repeat(2000) } },
    { merge: [users, { ...orders, answer_size: '1KiB' }] },
  )
  const answer = await ask()
  assert.equal(answer.text(), '{"name":"Ada"}')
  assert.equal(answer.field('serverpy-completed'), 'false')
})

test('answers that no reader should have to read are failures, and the gateway serves on', async (t) => {
  const laughs = `<!DOCTYPE a [<!ENTITY a "aaaa"><!ENTITY b "${'&a;'.repeat(50)}">]><x>&b;</x>`
  const services = {
    users: { name: 'Ada' },
    orders: '['.repeat(100_000),
    laughs,
    proto: '{"__proto__":{"polluted":1},"a":1}',
  }
  const merge = [
    users,
    orders,
    { service: 'laughs', path: '/', encoding: 'xml' },
    { service: 'proto', path: '/', allow: ['a', '__proto__.polluted'] },
  ]
  const { ask } = await serve(t, services, { merge })
  assert.equal((await ask()).text(), '{"__proto__":{"polluted":1},"a":1,"name":"Ada"}')
  assert.equal(({} as Record<string, unknown>)['polluted'], undefined)
})

test('all answers together may be so large and no larger', async (t) => {
  const big = JSON.stringify({ a: 'x'.repeat(9 * 2 ** 20) })
  const merge = Array.from({ length: 9 }, (_, i) => ({ ...users, group: `g${i}`, deny: ['a'], timeout: 20 }))
  const { ask } = await serve(t, { users: big }, { merge, timeout: 30 })
  const answer = await ask('/m/1')
  assert.equal(answer.status, 200)
  assert.equal(answer.field('serverpy-completed'), 'false')
  assert.equal(Object.keys(answer.json() as object).length, 7)
})

test('when the client goes away the services are not waited for', async (t) => {
  const { gateway, origins } = await serve(
    t,
    { users: () => undefined, orders: () => undefined },
    { merge: [users, orders], timeout: 30 },
  )
  const socket = connect(gateway.port, '127.0.0.1')
  socket.write('GET /m/1 HTTP/1.1\r\nHost: x\r\n\r\n')
  await waitFor(() => origins['users']?.requests.length === 1 && origins['orders']?.requests.length === 1, {
    what: 'both to be asked',
  })
  socket.destroy()
  await origins['users']?.requests[0]?.gone
  await origins['orders']?.requests[0]?.gone
  await waitFor(() => gateway.core.inFlight === 0, { what: 'the end of the exchange' })
})

test('a part goes to the instances that are up', async (t) => {
  const { ask, gateway, origins } = await serve(
    t,
    { users: { name: 'Ada' }, orders: { o: 1 } },
    { merge: [users, orders] },
  )
  gateway.set({ [origins['orders']?.address ?? '']: { override: 'drain' } })
  const answer = await ask()
  assert.equal(answer.text(), '{"name":"Ada"}')
  assert.equal(answer.field('serverpy-completed'), 'false')
  assert.equal(origins['orders']?.requests.length, 0)
})

test('an instance that refuses or breaks off costs its part only', async (t) => {
  const { ask, origins } = await serve(
    t,
    { users: { name: 'Ada' }, orders: (asked: OriginRequest) => asked.reset() },
    { merge: [users, orders] },
  )
  assert.equal((await ask()).text(), '{"name":"Ada"}')
  await origins['orders']?.stop()
  assert.equal((await ask()).text(), '{"name":"Ada"}')
})

test('what is asked for one after the other on one connection stays apart', async (t) => {
  const { ask } = await serve(
    t,
    { users: (asked: OriginRequest) => asked.answer(200, JSON.stringify({ t: asked.target })), orders: status(500) },
    { merge: [users, orders] },
  )
  const answers = await Promise.all(Array.from({ length: 30 }, (_, i) => ask(`/m/${i}`)))
  assert.deepEqual(
    answers.map((answer) => answer.text()),
    Array.from({ length: 30 }, (_, i) => `{"t":"/users/${i}"}`),
  )
})

test('a part is asked no more often than its rate allows, redirects not counted', async (t) => {
  const { ask, origins } = await serve(
    t,
    {
      users: (asked) =>
        asked.target === '/u' ? asked.answer(302, '', { Location: '/v' }) : asked.answer(200, '{"u":1}'),
      orders: { o: 2 },
    },
    {
      merge: [
        { service: 'users', path: '/u', rate_limit: { rate: 2, period: '1h' } },
        { service: 'orders', path: '/o' },
      ],
    },
  )
  const bodies = [(await ask()).text(), (await ask()).text(), (await ask()).text()]
  assert.deepEqual(bodies, ['{"o":2,"u":1}', '{"o":2,"u":1}', '{"o":2}'])
  assert.equal(origins['users']?.requests.length, 4)
})
