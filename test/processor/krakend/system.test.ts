// A KrakenD config behind `serverpy -c`: the gateway's own pages, its router's answers, and how it names itself.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { COMPLETED, JSON_TYPE, rows, startKrakend } from './rig.js'

const endpoint = { endpoint: '/a', backend: [{ url_pattern: '/1' }] }
const says = { '/1': { a: 1 } }

test('every answer names the product in X-Krakend, unless the router shall hide it', async (t) => {
  const { ask } = await startKrakend(t, [endpoint], says)
  for (const target of ['/a', '/none', '/__health', '/'])
    assert.match((await ask(target)).field('X-Krakend') ?? '', /^serverpy\/\d+\.\d+\.\d+/, target)
  const hidden = await startKrakend(t, [endpoint], says, { extra_config: { router: { hide_version_header: true } } })
  for (const target of ['/a', '/none', '/']) assert.equal((await hidden.ask(target)).field('X-Krakend'), undefined)
})

test('/__health tells that the gateway is well, and what time it is', async (t) => {
  const { ask } = await startKrakend(t, [endpoint])
  const answer = await ask('/__health')
  assert.deepEqual([answer.status, answer.field('Content-Type')], [200, JSON_TYPE])
  assert.match(answer.text(), /^\{"agents":\{\},"now":"[^"]+","status":"ok"\}$/)
})

test('the health page has another path, or is off, where the router says so', async (t) => {
  const moved = await startKrakend(t, [endpoint], says, { extra_config: { router: { health_path: '/well' } } })
  assert.deepEqual([(await moved.ask('/well')).status, (await moved.ask('/__health')).status], [200, 404])
  const off = await startKrakend(t, [endpoint], says, { extra_config: { router: { disable_health: true } } })
  assert.equal((await off.ask('/__health')).status, 404)
})

test('/__debug/ answers pong to every method and path below it', async (t) => {
  const { ask } = await startKrakend(t, [endpoint])
  for (const [method, target] of [
    ['GET', '/__debug/'],
    ['POST', '/__debug/x/y?z=1'],
  ] as const) {
    const answer = await ask(target, { method, ...(method === 'POST' && { body: 'x' }) })
    assert.deepEqual(
      [answer.status, answer.text(), answer.field('Content-Type')],
      [200, '{"message":"pong"}', JSON_TYPE],
    )
  }
})

test('/__echo/ answers with what it was asked', async (t) => {
  const { ask } = await startKrakend(t, [endpoint])
  const asked = { method: 'PUT', body: '{"x":1}', fields: { Host: 'shop.example.org', 'X-Own': 'a' } }
  const told = (await ask('/__echo/b?q=1&q=2', asked)).json() as Record<string, unknown> & { req_headers: object }
  const { req_headers: fields, ...rest } = told
  assert.deepEqual(rest, {
    req_body: '{"x":1}',
    req_method: 'PUT',
    req_querystring: { q: ['1', '2'] },
    req_uri: '/__echo/b?q=1&q=2',
    req_uri_details: { fragment: '', host: 'shop.example.org', path: '/__echo/b', query: 'q=1&q=2', user: '' },
  })
  assert.deepEqual((fields as Record<string, string[]>)['X-Own'], ['a'])
})

test('debug and echo pages are off where the file says so', async (t) => {
  const { ask } = await startKrakend(t, [endpoint], says, { debug_endpoint: false, echo_endpoint: false })
  assert.deepEqual([(await ask('/__debug/')).status, (await ask('/__echo/')).status], [404, 404])
})

rows([
  {
    name: 'a path that no endpoint has is 404 as plain text',
    endpoint,
    target: '/none',
    status: 404,
    body: '404 page not found',
    fields: { 'Content-Type': 'text/plain', [COMPLETED]: 'false', 'Cache-Control': undefined },
  },
  {
    name: 'the root is 404 like any other path where no endpoint has it',
    endpoint,
    target: '/',
    status: 404,
    body: '404 page not found',
    fields: { 'Content-Type': 'text/plain', [COMPLETED]: 'false' },
  },
  {
    name: 'a method that no endpoint has is 405 as plain text',
    endpoint,
    asked: { method: 'DELETE' },
    status: 405,
    body: '405 method not allowed',
    fields: { 'Content-Type': 'text/plain', [COMPLETED]: 'false', 'Cache-Control': undefined },
  },
  {
    name: 'error_body of the router stands in the place of the plain text',
    endpoint,
    top: { extra_config: { router: { error_body: { '404': { message: 'nothing here' }, '405': { no: 1 } } } } },
    target: '/none',
    status: 404,
    body: '{"message":"nothing here"}',
    fields: { 'Content-Type': JSON_TYPE, [COMPLETED]: 'false' },
  },
  {
    name: 'a path with a slash too many is redirected, with its query',
    endpoint,
    target: '/a/?x=1',
    status: 301,
    fields: { Location: '/a?x=1' },
    targets: [],
  },
  {
    name: 'a path in other letters is redirected',
    endpoint: { endpoint: '/Users/{id}/Posts', backend: [{ url_pattern: '/1' }] },
    target: '/uSERS/Ann/posts',
    status: 301,
    fields: { Location: '/Users/Ann/Posts' },
    targets: [],
  },
  {
    name: 'a method other than GET is redirected by 307, so that it stays what it is',
    endpoint: { ...endpoint, method: 'POST' },
    target: '/A',
    asked: { method: 'POST', body: 'x' },
    status: 307,
    fields: { Location: '/a' },
  },
  {
    name: 'a path is not redirected where the router shall not',
    endpoint,
    top: { extra_config: { router: { disable_redirect_fixed_path: true, disable_redirect_trailing_slash: true } } },
    target: '/A',
    status: 404,
  },
  {
    name: 'no_redirects of the router turns both off',
    endpoint,
    top: { extra_config: { router: { no_redirects: true } } },
    target: '/A/',
    status: 404,
    body: '404 page not found',
  },
  {
    name: 'a redirect never leads to another host',
    endpoint: { endpoint: '/{x}', backend: [{ url_pattern: '/1' }] },
    target: '//evil.example.org/',
    status: 400,
    fields: { Location: undefined },
  },
])
