// Which route a request goes to: whole segments, the most specific first, whatever the order in the file.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { readings } from '../../../processor/routing/path.js'
import { requestView } from '../../../processor/routing/request-view.js'
import { createTrie } from '../../../processor/routing/trie.js'
import type { RouteMatch } from '../../../shared/config/model.js'

const route = (path: string, more: Partial<RouteMatch> = {}) => ({
  match: { hosts: [], methods: [], path, exact: false, headers: [], query: [], ...more },
})

function router(routes: readonly ReturnType<typeof route>[]) {
  const trie = createTrie(routes)
  return (path: string, { method = 'GET', host = 'h', query = '', fields = '' } = {}) => {
    const found = trie.find(path, requestView(host, method, path + query, fields), false)
    return found === undefined ? -1 : routes.indexOf(found)
  }
}

test('a path takes itself and all below on whole segments, and one trailing slash does not matter', () => {
  const find = router([route('/api'), route('/api/users')])
  assert.deepEqual(
    ['/api', '/api/', '/api/x', '/api/users', '/api/users/', '/api/users/1', '/apiary', '/', '/ap'].map((path) =>
      find(path),
    ),
    [0, 0, 0, 1, 1, 1, -1, -1, -1],
  )
  assert.equal(find('/api/users//'), 1)
})

test('literal segments go before parameters, deeper before shallower, and a dead end falls back', () => {
  const find = router([
    route('/{any}/list'),
    route('/a'),
    route('/a/{id}'),
    route('/a/b/c', { exact: true }),
    route('/'),
  ])
  assert.equal(find('/a/b/c'), 3)
  assert.equal(find('/a/b/c/d'), 2)
  assert.equal(find('/a/list'), 2)
  assert.equal(find('/z/list'), 0)
  assert.equal(find('/a'), 1)
  assert.equal(find('/z/other'), 4)
  assert.equal(find('/a//'), 1, 'a parameter takes no empty segment')
})

test('a last * takes one segment or more, but not none', () => {
  const find = router([route('/files/*')])
  assert.deepEqual([find('/files'), find('/files/'), find('/files/a'), find('/files/a/b')], [-1, -1, 0, 0])
})

test('exact takes no more than its path', () => {
  const find = router([route('/a', { exact: true })])
  assert.deepEqual([find('/a'), find('/a/'), find('/a/b')], [0, 0, -1])
})

test('a host goes before a pattern, and a pattern before none', () => {
  const find = router([
    route('/'),
    route('/', { hosts: ['*.example.org'] }),
    route('/', { hosts: ['www.example.org'] }),
  ])
  assert.deepEqual(
    ['www.example.org:80', 'api.example.org', 'a.b.example.org', 'example.org', 'other'].map((host) =>
      find('/', { host }),
    ),
    [2, 1, 1, 0, 0],
  )
})

test('methods, fields and query tell routes of one path apart', () => {
  const find = router([
    route('/a'),
    route('/a', { methods: ['GET'] }),
    route('/a', { headers: [{ name: 'x-beta', value: '1' }] }),
    route('/a', { methods: ['POST'], query: [{ name: 'v' }] }),
  ])
  assert.equal(find('/a', { method: 'PUT' }), 0)
  assert.equal(find('/a'), 1)
  assert.equal(find('/a', { method: 'HEAD' }), 1)
  assert.equal(find('/a', { method: 'PUT', fields: 'X-Beta:  1\r\n' }), 2)
  assert.equal(find('/a', { method: 'PUT', fields: 'X-Beta: 2\r\n' }), 0)
  assert.equal(find('/a', { method: 'POST', query: '?v' }), 3)
})

test('of two routes that are equal the later in the file wins', () => {
  assert.equal(router([route('/a'), route('/a')])('/a'), 1)
})

test('the trie finds what an obvious search finds', () => {
  const segment = fc.constantFrom('a', 'b', 'c')
  const pattern = fc
    .array(fc.constantFrom('a', 'b', 'c', '{p}'), { maxLength: 3 })
    .chain((parts) => fc.boolean().map((star) => `/${[...parts, ...(star ? ['*'] : [])].join('/')}`))
  fc.assert(
    fc.property(
      fc.uniqueArray(pattern, { maxLength: 8 }),
      fc.array(segment, { maxLength: 4 }),
      (patterns, segments) => {
        const routes = patterns.map((path) => route(path))
        const path = `/${segments.join('/')}`
        const matching = patterns.filter((candidate) => covers(candidate, segments))
        const found = router(routes)(path)
        assert.equal(found >= 0, matching.length > 0, `${path} among ${patterns.join(' ')}`)
        if (found >= 0) assert.ok(matching.includes(patterns[found] as string))
      },
    ),
    { numRuns: 2000 },
  )
})

function covers(pattern: string, segments: readonly string[]): boolean {
  const parts = pattern === '/' ? [] : pattern.slice(1).split('/')
  const star = parts.at(-1) === '*'
  if (star) parts.pop()
  if (segments.length < parts.length + (star ? 1 : 0)) return false
  return parts.every((part, i) => part.startsWith('{') || part === segments[i])
}

test('an odd path is read in every way that is common among origins', () => {
  const expected: readonly (readonly [string, readonly string[]])[] = [
    ['/a/./b/../c', ['/a/c']],
    ['/a/%2e%2e/b', ['/a/%2e%2e/b', '/b']],
    ['//a///b', ['//a///b', '/a/b', '/b']],
    ['/a\\b', ['/a\\b', '/a/b']],
    ['/a%2fb/../c', ['/c', '/a/c']],
    ['/a;x=1/b;y', ['/a;x=1/b;y', '/a/b']],
    ['/a/%252e%252e/b', ['/b', '/a/%2e%2e/b', '/a/%252e%252e/b']],
    ['/a%20b', ['/a%20b', '/a b']],
    ['/../..', ['/']],
  ]
  for (const [path, among] of expected) {
    const found = readings(path)
    assert.ok(found, path)
    for (const reading of among.filter((reading) => reading !== '/' || path === '/../..'))
      assert.ok(found.has(reading), `${path} as ${reading}: ${[...found].join(' ')}`)
  }
  for (const path of ['/%zz', '/%00', '/a%0d%0a', '/%c0%ae', '/%e0%80%ae', '/%f0%80%80%ae', '/%25%30%30', '/%c1%a1'])
    assert.equal(readings(path), undefined, path)
  assert.ok(readings('/caf%c3%a9'))
})
