// The pipe `cache` as the config has it: its options, its place among other pipes, and its disk.
import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { loadConfig } from '../../../shared/config/load.js'
import { parseConfig } from '../../../shared/config/parse.js'
import { startGateway } from '../../kit/gateway.js'
import { request } from '../../kit/http.js'
import { startOrigin, type OriginRequest } from '../../kit/origin.js'
import { waitFor } from '../../kit/wait.js'
import { counting, HOUR, stale, startCached } from './cache-rig.js'

test('where clients have no say, their Cache-Control changes nothing', async (t) => {
  const { get } = await startCached(t, counting(HOUR), { obey_client: false })
  await get('/a')
  assert.equal((await get('/a', { 'Cache-Control': 'no-cache' })).text(), 'answer 1')
})

test('what the config says tells answers apart, and what it says does not', async (t) => {
  const { origin, get } = await startCached(t, counting(HOUR), {
    key: { headers: ['X-Tenant'], ignore_query: ['utm_*', 'ref'], sort_query: true },
  })
  assert.equal((await get('/a?x=1&y=2&utm_source=z')).text(), 'answer 1')
  assert.equal((await get('/a?y=2&ref=me&x=1')).text(), 'answer 1')
  assert.equal((await get('/a?y=2&x=2')).text(), 'answer 2')
  // To a service that parts parameters there, too, it is another URL.
  assert.notEqual((await get('/a?x=1&y=2&ref=me;x=3')).text(), 'answer 1')
  assert.equal((await get('/a?x=1&y=2', { 'X-Tenant': 't1' })).text(), 'answer 4')
  assert.equal((await get('/a?x=1&y=2', { 'X-Tenant': 't1' })).text(), 'answer 4')
  assert.equal(origin.requests.length, 4)
})

test('answers that say nothing are fresh for as long as the config says, and those that set cookies if it says so', async (t) => {
  const { get } = await startCached(t, counting({ 'Set-Cookie': 'theme=dark' }), { ttl: '1m', set_cookie: true })
  await get('/a')
  const hit = await get('/a')
  assert.equal(hit.text(), 'answer 1')
  assert.equal(hit.field('set-cookie'), 'theme=dark')
})

test('a long body goes to disk and comes back from there, whole and in part', async (t) => {
  const path = await mkdtemp(join(tmpdir(), 'serverpy-cache-'))
  t.after(() => rm(path, { recursive: true, force: true }))
  const body = Buffer.alloc(200_000, 'serverpy ')
  const { origin, get, ask } = await startCached(t, (req) => req.answer(200, body, HOUR), {
    disk: { path, from: '100KB' },
  })
  await get('/a')
  await waitFor(async () => /hit/.test((await ask('HEAD', '/a')).field('cache-status') ?? ''), {
    what: 'the body on disk',
  })
  const hit = await get('/a')
  assert.ok(hit.body.equals(body))
  assert.equal(hit.field('content-length'), '200000')
  const part = await get('/a', { Range: 'bytes=150000-150004' })
  assert.ok(part.body.equals(body.subarray(150_000, 150_005)))
  const [folder = ''] = await readdir(path)
  assert.equal((await readdir(`${path}/${folder}`)).length, 1)
  const asked = origin.requests.length
  await rm(`${path}/${folder}`, { recursive: true })
  // The file has gone: this answer breaks off, and the next one comes from the origin.
  await get('/a').catch(() => undefined)
  await get('/a')
  assert.ok(origin.requests.length > asked)
})

test('languages are understood where the config says so', async (t) => {
  const { get } = await startCached(t, counting({ ...HOUR, Vary: 'Accept-Language', 'Content-Language': 'de' }), {
    languages: true,
  })
  const inLanguage = async (language: string) => (await get('/a', { 'Accept-Language': language })).text()
  assert.equal(await inLanguage('en, de'), 'answer 1')
  assert.equal(await inLanguage('de, en'), 'answer 1')
  assert.equal(await inLanguage('fr;q=0.5, de'), 'answer 1')
  assert.equal(await inLanguage('fr, de;q=0.5'), 'answer 2')
})

test('pipes before it are asked for each request, and what they change tells answers apart', async (t) => {
  const [origin, other] = await Promise.all([
    startOrigin(t, (req) => req.answer(200, `here ${req.target}`, HOUR)),
    startOrigin(t, (req) => req.answer(200, `there ${req.target}`, HOUR)),
  ])
  const gateway = await startGateway(t, {
    services: {
      api: { servers: [origin.address], apis: ['/'] },
      other: { servers: [other.address] },
    },
    processor: {
      pipes: [
        { use: 'canary', service: 'other', share: 0, override: { header: 'X-Canary' } },
        { use: 'rewrite', strip_prefix: '/v1' },
        { use: 'cache' },
      ],
    },
  })
  const ask = async (target: string, fields = {}) => (await request(gateway.port, 'GET', target, { fields })).text()
  for (let i = 0; i < 2; i++) {
    assert.equal(await ask('/v1/a'), 'here /a')
    assert.equal(await ask('/v1/a', { 'X-Canary': 'always' }), 'there /a')
    assert.equal(await ask('/a'), 'here /a')
  }
  assert.equal(origin.requests.length, 2)
  assert.equal(other.requests.length, 1)
})

test('where a pipe behind it changes the request, a client refreshes what is stale, and the others do not wait', async (t) => {
  let count = 0
  const kept: OriginRequest[] = []
  const { origin, get } = await startCached(
    t,
    (req) => (++count === 1 ? req.answer(200, 'old', stale('stale-while-revalidate=600')) : void kept.push(req)),
    {},
    { pipes: [{ use: 'cache' }, { use: 'headers', request: { set: { 'X-Of-Pipe': 'yes' } } }] },
  )
  await get('/a')
  const refreshing = get('/a')
  await waitFor(() => kept.length === 1, { what: 'the refreshing request' })
  assert.equal((await get('/a')).text(), 'old')
  kept[0]?.answer(200, 'new', HOUR)
  assert.equal((await refreshing).text(), 'new')
  assert.equal((await get('/a')).text(), 'new')
  assert.equal(origin.requests.length, 2)
  assert.equal(origin.requests[1]?.field('x-of-pipe'), 'yes')
})

test('faults of the options are told with their place', () => {
  const problems = (options: object) => {
    const file = {
      version: 1,
      processor: { pipes: [{ use: 'cache', ...options }] },
      services: { api: { servers: ['127.0.0.1:1'], apis: ['/'], polling: { method: 'tcp' } } },
    }
    const parsed = parseConfig(JSON.stringify(file), 'test.json', {})
    return parsed.ok ? [] : parsed.problems.map(({ path, message }) => `${path}: ${message}`)
  }
  assert.deepEqual(problems({}), [])
  const [entry] = problems({ size: '64KiB', entry_size: '1MiB' })
  assert.equal(entry, 'processor.pipes[0].entry_size: is more than "size" has room for')
  assert.match(problems({ sise: 1 })[0] ?? '', /unknown key "sise"/)
  assert.match(problems({ disk: {} })[0] ?? '', /disk/)
  assert.match(problems({ heuristic: 2 })[0] ?? '', /heuristic/)
  assert.match(problems({ key: { headers: ['no name'] } })[0] ?? '', /not a name of a header field/)
})

test('the example loads without a warning', async () => {
  const parsed = await loadConfig(fileURLToPath(new URL('../../../examples/pipes/cache.yaml', import.meta.url)), {})
  assert.ok(parsed.ok)
  assert.deepEqual(parsed.warnings, [])
})
