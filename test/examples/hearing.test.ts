// What instances and clients hear behind the examples of pipes that guard or copy: who is asking, and nothing that was not listed.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startExample } from './example.js'

const basic = `Basic ${btoa('ann:open sesame')}`

test('auth-basic.yaml: the instance hears the name and not the password', async (t) => {
  const { ask, origin } = await startExample(t, 'examples/pipes/auth-basic.yaml')
  const refused = await ask('GET', '/orders', { Authorization: `Basic ${btoa('ann:close sesame')}` })
  assert.deepEqual([refused.status, refused.field('WWW-Authenticate')?.includes('realm="orders"')], [401, true])
  assert.equal((await ask('GET', '/orders', { Authorization: basic, 'X-User': 'root' })).status, 200)
  const asked = [...origin(9101).requests, ...origin(9102).requests]
  assert.deepEqual(
    asked.map((one) => [one.field('X-User'), one.field('Authorization')]),
    [['ann', undefined]],
  )
})

test('auth-key.yaml: the instance hears whose key it is', async (t) => {
  const { ask, origin } = await startExample(t, 'examples/pipes/auth-key.yaml')
  assert.equal((await ask('GET', '/catalog', { 'X-Api-Key': 'acme-try-it-out-0003' })).status, 401)
  assert.equal((await ask('GET', '/catalog', { 'X-Api-Key': 'initech-try-it-out-0002' })).status, 200)
  const asked = [...origin(9301).requests, ...origin(9302).requests]
  assert.deepEqual(
    asked.map((one) => one.field('X-Consumer')),
    ['initech'],
  )
})

test('auth-forward.yaml: where users say no, orders are not asked', async (t) => {
  const { ask, origin } = await startExample(t, 'examples/pipes/auth-forward.yaml', (x) =>
    x.field('Authorization') === 'ann' ? x.answer(200, '', { 'X-User': 'ann' }) : x.answer(403, 'not you'),
  )
  assert.equal((await ask('GET', '/orders', { Authorization: 'bob' })).status, 403)
  const orders = () => [...origin(9101).requests, ...origin(9102).requests]
  assert.equal(orders().length, 0)
  assert.equal((await ask('GET', '/orders', { Authorization: 'ann', 'X-User': 'root' })).status, 200)
  assert.equal(orders()[0]?.field('X-User'), 'ann')
})

test('filter.yaml: orders get what is listed, and say no more than that', async (t) => {
  const { ask, origin } = await startExample(t, 'examples/pipes/filter.yaml', (x) =>
    x.answer(200, '{}', { 'Content-Type': 'application/json', ETag: '"7"', Server: 'secret', 'X-Debug': 'secret' }),
  )
  const sent = { 'X-Shop-Cart': '9', 'X-Internal': '1', Cookie: 'a=b', Authorization: 'k' }
  const answer = await ask('GET', '/orders?page=2&debug=1&limit=5', sent)
  const [asked] = [...origin(9101).requests, ...origin(9102).requests]
  assert.equal(asked?.target, '/orders?page=2&limit=5')
  const heard = ['X-Shop-Cart', 'Authorization', 'X-Internal', 'Cookie'].map((name) => asked?.field(name))
  assert.deepEqual(heard, ['9', 'k', undefined, undefined])
  const told = ['ETag', 'Server', 'X-Debug'].map((name) => answer.field(name))
  assert.deepEqual(told, ['"7"', undefined, undefined])
})

test('mirror.yaml: the copy has no credentials, and its answer goes nowhere', async (t) => {
  const { ask, origin } = await startExample(t, 'examples/pipes/mirror.yaml', (x, of) =>
    of < 9300 ? x.answer(200, 'orders') : x.answer(500, 'catalog'),
  )
  const copies = () => [...origin(9301).requests, ...origin(9302).requests]
  for (let i = 0; i < 200 && copies().length === 0; i++) {
    assert.equal((await ask('GET', '/orders/7', { Authorization: 'k', Cookie: 'a=b', 'X-Kept': '1' })).text(), 'orders')
  }
  const [copy] = copies()
  assert.deepEqual(
    [copy?.target, copy?.field('Authorization'), copy?.field('Cookie'), copy?.field('X-Kept')],
    ['/orders/7', undefined, undefined, '1'],
  )
})
