// The pipe `rewrite` over real sockets: which target instances are asked for.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startGateway } from '../../kit/gateway.js'
import { request } from '../../kit/http.js'
import { startOrigin } from '../../kit/origin.js'
import type { Cleanup } from '../../kit/process.js'
import { saidOf } from './faults.js'

/** Asks for each of `targets` through a rewrite and tells what the instance was asked for; the route has {id}. */
async function rewritten(t: Cleanup, options: Record<string, unknown>, targets: string[]): Promise<string[]> {
  const origin = await startOrigin(t, (req) => req.answer(200, ''))
  const pipes = [{ use: 'rewrite', ...options }]
  const { port } = await startGateway(t, {
    services: { api: { servers: [origin.address] } },
    routes: [
      { match: { path: '/users/{id}' }, service: 'api', pipes },
      { match: { path: '/*' }, service: 'api', pipes },
      { match: { path: '/', exact: true }, service: 'api', pipes },
    ],
  })
  for (const target of targets) assert.equal((await request(port, 'GET', target)).status, 200, target)
  return origin.requests.map(({ target }) => target)
}

test('a prefix is taken off in whole segments, and the query stays byte for byte', async (t) => {
  const targets = ['/api/x?a=1&b=%20c&&d', '/api', '/apiary/x', '/other', '/api/']
  const seen = await rewritten(t, { strip_prefix: '/api' }, targets)
  assert.deepEqual(seen, ['/x?a=1&b=%20c&&d', '/', '/apiary/x', '/other', '/'])
})

test('a prefix is put before the path', async (t) => {
  assert.deepEqual(await rewritten(t, { add_prefix: '/v2/' }, ['/x?q', '/']), ['/v2/x?q', '/v2'])
})

test('a pattern is replaced, with its groups', async (t) => {
  const options = { pattern: '^/old/([^/]+)/(?<rest>.*)$', replace: '/new/$<rest>/$1' }
  const targets = ['/old/a/b/c?q=1', '/else']
  assert.deepEqual(await rewritten(t, options, targets), ['/new/b/c/a?q=1', '/else'])
})

test('a path is made of what the request brings, and no value leaves its segment', async (t) => {
  const options = { path: '/v2/{param.id}/{query.f}' }
  const targets = ['/users/7?f=x', '/users/a%2Fb?f=x', '/users/9?f=a%23b']
  const seen = await rewritten(t, options, targets)
  assert.deepEqual(
    seen.map((target) => target.split('?')[0]),
    ['/v2/7/x', '/v2/a%2Fb/x', '/v2/9/a%23b'],
  )
})

test('no client leaves the place that its path is put in', async (t) => {
  const origin = await startOrigin(t, (req) => req.answer(200, ''))
  const start = async (options: Record<string, unknown>) =>
    startGateway(t, {
      services: { api: { servers: [origin.address], apis: ['/'], pipes: [{ use: 'rewrite', ...options }] } },
    })
  const prefixed = await start({ add_prefix: '/mine' })
  const odd = [
    '/../x',
    '/a/../../x',
    '/%2e%2e/x',
    '/.%2E/x',
    '/%252e%252e/x',
    '/..;a/x',
    '/a\\..\\..\\x',
    '/..%2fx',
    '/..',
  ]
  for (const target of odd) assert.equal((await request(prefixed.port, 'GET', target)).status, 400, target)
  const patterned = await start({ pattern: '^/file-(.*)$', replace: '/files/$1' })
  for (const target of ['/file-..', '/file-%2e%2e', '/file-../x', '/file-.%2e;a/x'])
    assert.equal((await request(patterned.port, 'GET', target)).status, 400, target)
  const filled = await start({ path: '/v2/{query.f}' })
  for (const f of ['..', '../../admin', '%252e%252e'])
    assert.equal((await request(filled.port, 'GET', `/?f=${f}`)).status, 400, f)
  assert.equal(origin.requests.length, 0)
  assert.equal((await request(prefixed.port, 'GET', '/.well-known/a..b/c%20d')).status, 200)
  assert.equal((await request(patterned.port, 'GET', '/other/../x')).status, 200)
})

test('parameters of the query are removed, set and added; the others stay as they are', async (t) => {
  const options = { query: { remove: ['debug'], set: { tenant: 'a b' }, add: { tag: '{method}' } } }
  const targets = ['/x?debug=1&a=%7e&tenant=evil&de%62ug=2', '/x', '/x?a+b=1&%zz=2']
  assert.deepEqual(await rewritten(t, options, targets), [
    '/x?a=%7e&tenant=a%20b&tag=GET',
    '/x?tenant=a%20b&tag=GET',
    '/x?a+b=1&%zz=2&tenant=a%20b&tag=GET',
  ])
})

test('a path that would name another host begins with one slash', async (t) => {
  const seen = await rewritten(t, { strip_prefix: '/api' }, ['/api//evil.example/x', '/api///'])
  assert.deepEqual(seen, ['/evil.example/x', '/'])
})

test('a path that is too long to be matched is refused with 414, at once', async (t) => {
  const origin = await startOrigin(t, (req) => req.answer(200, ''))
  const { port } = await startGateway(t, {
    services: {
      api: {
        servers: [origin.address],
        apis: ['/'],
        pipes: [{ use: 'rewrite', pattern: '^/(.*)x(.*)y$', replace: '/$1' }],
      },
    },
  })
  assert.equal((await request(port, 'GET', `/${'x'.repeat(2000)}`)).status, 200)
  assert.equal((await request(port, 'GET', `/${'x'.repeat(3000)}`)).status, 414)
  assert.equal(origin.requests.length, 1)
})

test('patterns that could take for ever are faults of the config', () => {
  const slow = ['^/(a+)+$', '^/(a|b)*$', '^/(.*)(.*)(.*)$', '(x)\\1', '^/(?=a)', '/.*a.*b', '\\d+\\d+', 'a?'.repeat(11)]
  for (const pattern of slow)
    assert.match(saidOf({ use: 'rewrite', pattern, replace: '/' }).faults.join(), /could take very long/, pattern)
  const fast = [
    '^/a/([^/]+)/(.*)$',
    '^/(v1|v2)/',
    '^/(\\d+)-(\\d+)-(\\d+)$',
    '[0-9]+',
    '^/(?:x/)?y',
    '^/[\\w-]{1,20}/[^\\]]+$',
  ]
  for (const pattern of fast) assert.deepEqual(saidOf({ use: 'rewrite', pattern, replace: '/' }).faults, [], pattern)
  assert.match(saidOf({ use: 'rewrite', pattern: '[', replace: '/' }).faults.join(), /not a regular expression/)
  assert.match(saidOf({ use: 'rewrite', pattern: 'a' }).faults.join(), /"replace" is missing beside it/)
  assert.match(saidOf({ use: 'rewrite', path: '//x' }).faults.join(), /must begin with one/)
  assert.match(saidOf({ use: 'rewrite', path: '/x', strip_prefix: '/y' }).faults.join(), /takes the place/)
})
