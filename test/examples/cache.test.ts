// examples/pipes/cache.yaml: kept as long as the catalog says, or a minute; covered up for while it fails.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { waitFor } from '../kit/wait.js'
import { startExample } from './example.js'

const FILE = 'examples/pipes/cache.yaml'

test('what says nothing is kept, whatever campaign brings its reader and however the query is sorted', async (t) => {
  const { ask, origin } = await startExample(t, FILE)
  const asked = () => origin(9301).requests.length + origin(9302).requests.length
  assert.match((await ask('GET', '/catalog?a=1&b=2')).field('Cache-Status') ?? '', /fwd=uri-miss; stored/)
  const hit = await ask('GET', '/catalog?b=2&utm_source=mail&a=1')
  assert.match(hit.field('Cache-Status') ?? '', /^serverpy; hit; ttl=(?:60|5\d)$/)
  assert.match(hit.field('Age') ?? '', /^\d+$/)
  assert.equal(asked(), 1)
  assert.equal((await ask('GET', '/catalog?a=1&b=3')).status, 200)
  assert.equal(asked(), 2)
})

test('what the catalog does not want to be kept is not', async (t) => {
  const { ask, origin } = await startExample(t, FILE, (x) => x.answer(200, 'new', { 'Cache-Control': 'no-store' }))
  for (let i = 0; i < 2; i++) assert.equal((await ask('GET', '/search?q=tea')).text(), 'new')
  assert.equal(origin(9301).requests.length + origin(9302).requests.length, 2)
})

test('a catalog that is slow or fails is covered up for with what it said before', async (t) => {
  let failing = false
  let said = 0
  const { ask } = await startExample(t, FILE, (x) => {
    const control = x.target === '/catalog' ? 'max-age=0' : 'max-age=0, stale-while-revalidate=0'
    if (failing) x.answer(503, 'ill')
    else x.answer(200, `said ${++said}`, { 'Cache-Control': control, ETag: `"${said}"` })
  })
  assert.equal((await ask('GET', '/catalog')).text(), 'said 1')
  // Stale at once: the client gets what there is, and the catalog is asked in the background.
  assert.equal((await ask('GET', '/catalog')).text(), 'said 1')
  await waitFor(() => said === 2, { what: 'the refresh in the background' })
  assert.equal((await ask('GET', '/search')).text(), 'said 3')
  failing = true
  const covered = await ask('GET', '/search')
  assert.deepEqual([covered.status, covered.text()], [200, 'said 3'])
  assert.equal((await ask('GET', '/search?q=unknown')).status, 503)
})
