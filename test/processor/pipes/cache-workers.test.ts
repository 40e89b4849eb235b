// Caches of several workers: to those who ask they are one. What one has the others need not fetch, a purge reaches all of
// them, and so does a change that one of them has seen.
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { parseTestConfig } from '../../kit/config.js'
import { type Answer, request } from '../../kit/http.js'
import { type OriginHandler, type OriginRequest, startOrigin } from '../../kit/origin.js'
import { freePort } from '../../kit/ports.js'
import { waitFor } from '../../kit/wait.js'
import { startSupervised } from '../supervised.js'
import { HOUR, stale } from './cache-rig.js'

interface Wanted {
  readonly workers?: number
  readonly handler?: OriginHandler
  readonly options?: Record<string, unknown>
}

const body: OriginHandler = (req) => req.answer(200, 'body', HOUR)

async function start(t: TestContext, { workers = 2, handler = body, options = {} }: Wanted = {}) {
  const origin = await startOrigin(t, handler)
  const port = await freePort()
  const config = parseTestConfig({
    version: 1,
    processor: { port, workers },
    services: {
      api: {
        ...{ servers: [origin.address], apis: ['/'], polling: { method: 'tcp' }, retry: { attempts: 1 } },
        ...{ outlier: false, pipes: [{ use: 'cache', ...options }] },
      },
    },
  })
  const { processor, reports } = await startSupervised(t, config)
  const get = (target: string, fields: Record<string, string> = {}) => request(port, 'GET', target, { fields })
  const isHit = async (target: string) => hits(await get(target))
  /** A connection may go to any worker: asks until each has had it in its own store. */
  const inBoth = (target: string) => {
    const from = reports.length
    const having = () =>
      reports.slice(from).filter(({ pipes }) => pipes.some(({ counts }) => (counts['hits'] ?? 0) > 0))
    return waitFor(
      async () => {
        await many(8, () => isHit(target))
        await processor.flush()
        return new Set(having().map(({ worker }) => worker)).size >= workers
      },
      { what: 'all workers to have it' },
    )
  }
  const counted = async (name: string) => {
    await processor.flush()
    return reports.flatMap(({ pipes }) => pipes).reduce((sum, { counts }) => sum + (counts[name] ?? 0), 0)
  }
  /** Asks at once, again and again, until so many answers have gone from one worker to another. */
  const untilShared = (count: number, target: string, fields: Record<string, string> = {}) =>
    waitFor(
      async () => {
        await many(20, () => get(target, fields))
        return (await counted('shared')) >= count
      },
      { what: `${count} answers to have been shared`, timeoutMs: 20_000 },
    )
  const underWay = (count: number) =>
    waitFor(
      async () => {
        await processor.flush()
        return processor.status().workers.reduce((sum, { inFlight }) => sum + inFlight, 0) >= count
      },
      { what: `${count} requests under way` },
    )
  const kill = (pid: number, signal: NodeJS.Signals) => process.kill(pid, signal)
  const asking = { get, inBoth, isHit, counted, untilShared, underWay }
  return { ...asking, origin, port, processor, reports, kill, host: `127.0.0.1:${port}` }
}

const hits = (answer: Answer) => /hit/.test(answer.field('cache-status') ?? '')
const many = <T>(count: number, one: (i: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, (_, i) => one(i)))

async function folderOf(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'cache-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** Keeps requests until it is told to answer them. */
function gate() {
  const kept: OriginRequest[] = []
  const seen = (count: number) => waitFor(() => kept.length >= count, { what: `${count} requests at the origin` })
  return { kept, seen, handler: (req: OriginRequest) => void kept.push(req) }
}

for (const workers of [2, 4]) {
  test(`fifty cold requests to ${workers} workers are one at the origin, and hits of all workers from then on`, async (t) => {
    const { kept, seen, handler } = gate()
    const { origin, get, untilShared, underWay, counted, processor } = await start(t, { workers, handler })
    const cold: Promise<Answer>[] = []
    // The supervisor is this process: it has to come to its turn meanwhile.
    while (cold.push(get('/a')) < 50) await new Promise((resolve) => setImmediate(resolve))
    await seen(1)
    await underWay(50)
    kept[0]?.answer(200, 'once', { ...HOUR, Age: '100', ETag: '"v1"' })
    for (const answer of await Promise.all(cold)) assert.equal(answer.text(), 'once')
    await untilShared(workers - 1, '/a')
    const answer = await get('/a')
    assert.match(answer.field('age') ?? '', /^10\d$/)
    assert.match(answer.field('cache-status') ?? '', /^serverpy; hit; ttl=34\d\d$/)
    assert.equal(answer.field('etag'), '"v1"')
    assert.equal(origin.requests.length, 1)
    assert.equal(await counted('shared'), workers - 1)
    assert.equal((await processor.purge({ kind: 'all' })).answers, workers)
  })
}

test('what is a hit at one worker is a hit at the other right after, also as a part or a head', async (t) => {
  const { origin, get, port, counted } = await start(t)
  for (let i = 0; i < 40; i++) {
    assert.ok(!hits(await get(`/${i}`)))
    assert.ok(hits(await get(`/${i}`)))
    assert.ok(hits(await request(port, 'HEAD', `/${i}`)))
    const part = await get(`/${i}`, { Range: 'bytes=0-1' })
    assert.equal(part.text(), 'bo')
  }
  assert.equal(origin.requests.length, 40)
  assert.ok((await counted('shared')) > 0)
})

test('of what Vary tells apart each kind is fetched once for all workers', async (t) => {
  const { origin, get, counted } = await start(t, {
    handler: (req) => req.answer(200, req.field('accept-language'), { ...HOUR, Vary: 'Accept-Language' }),
  })
  const languages = ['en', 'de', 'fr', 'it']
  await waitFor(
    async () => {
      const answers = await many(40, (i) => get('/a', { 'Accept-Language': languages[i % 4] ?? '' }))
      for (const [i, answer] of answers.entries()) assert.equal(answer.text(), languages[i % 4])
      return (await counted('shared')) >= 4
    },
    { what: 'each of the four to be shared', timeoutMs: 20_000 },
  )
  assert.equal(origin.requests.length, 4)
})

test('a stale answer is validated once for all workers', async (t) => {
  const { kept, handler } = gate()
  const { origin, get, untilShared, underWay } = await start(t, {
    handler: (req) => {
      if (req.field('if-none-match') !== undefined) handler(req)
      else req.answer(200, 'body', { 'Cache-Control': 'max-age=4', ETag: '"v1"' })
    },
  })
  await get('/a')
  await untilShared(1, '/a')
  const asked: Promise<Answer>[] = []
  await waitFor(() => asked.push(get('/a')) && kept.length > 0, { intervalMs: 100, what: 'it to be stale' })
  const others = many(30, () => get('/a'))
  await underWay(31)
  kept[0]?.send('HTTP/1.1 304 Not Modified\r\nETag: "v1"\r\nCache-Control: max-age=3600\r\n\r\n')
  for (const answer of await others) assert.equal(answer.text(), 'body')
  await Promise.all(asked)
  await untilShared(2, '/a')
  assert.equal(origin.requests.length, 2)
})

test('a worker that has nothing validates what another one has, be it stale or not wanted as it is', async (t) => {
  const { origin, get, processor } = await start(t, {
    handler: (req) =>
      req.field('if-none-match') === '"v1"'
        ? req.send('HTTP/1.1 304 Not Modified\r\nETag: "v1"\r\n\r\n')
        : req.answer(200, 'body', {
            'Cache-Control': req.target.startsWith('/fresh') ? 'max-age=3600' : 'no-cache',
            ETag: '"v1"',
          }),
  })
  for (const [place, fields] of Object.entries({ '/fresh': { 'Cache-Control': 'no-cache' }, '/stale': {} }))
    for (let i = 0; i < 20; i++) {
      await get(`${place}/${i}`)
      // It is known who has it.
      await processor.flush()
      assert.equal((await get(`${place}/${i}`, fields)).text(), 'body')
    }
  assert.equal(origin.requests.filter((req) => req.field('if-none-match') === undefined).length, 40)
})

test('a refresh in the background is one for all workers, and they serve what is stale meanwhile', async (t) => {
  const { kept, seen, handler } = gate()
  let fresh = true
  const { origin, get, untilShared, counted } = await start(t, {
    handler: (req) => (fresh ? req.answer(200, 'old', stale('stale-while-revalidate=600')) : handler(req)),
  })
  await get('/a')
  fresh = false
  // The first of them begins the refresh; the other worker gets what is stale.
  for (const answer of await many(30, () => get('/a'))) assert.equal(answer.text(), 'old')
  await seen(1)
  await waitFor(
    async () => {
      for (const answer of await many(20, () => get('/a'))) assert.equal(answer.text(), 'old')
      return (await counted('asked')) >= 2
    },
    { what: 'both workers to have wanted it' },
  )
  assert.equal(kept.length, 1)
  kept[0]?.answer(200, 'new', HOUR)
  await waitFor(async () => (await many(20, () => get('/a'))).every((answer) => answer.text() === 'new'), {
    what: 'what is new at both workers',
  })
  await untilShared(1, '/a')
  assert.equal(origin.requests.length, 2)
})

test('when the worker dies that fetches, another one takes its place', async (t) => {
  const { kept, seen, handler } = gate()
  const { get, processor, kill, underWay } = await start(t, { handler })
  const first = get('/a').catch(() => undefined)
  await seen(1)
  await underWay(1)
  const fetcher = await waitFor(() => processor.status().workers.find(({ inFlight }) => inFlight === 1))
  const others = many(40, () => get('/a').catch(() => undefined))
  await underWay(41)
  kill(fetcher.pid, 'SIGKILL')
  // On a busy machine the kernel may have given all of them to the one that died.
  const later = many(5, () => get('/a').catch(() => undefined))
  await seen(2)
  kept[1]?.answer(200, 'second', HOUR)
  const answers = [...(await others), ...(await later)].filter((answer) => answer !== undefined)
  assert.ok(answers.length > 0)
  for (const answer of answers) assert.equal(answer.text(), 'second')
  assert.equal(kept.length, 2)
  await first
})

test('a worker that holds an answer and does not speak, or has died, holds nobody up', async (t) => {
  let count = 0
  const { get, processor, reports, kill, counted } = await start(t, {
    handler: (req) => req.answer(200, `answer ${++count}`, HOUR),
  })
  await get('/a')
  await counted('stored')
  const holder = reports.find(({ pipes }) => pipes.some(({ counts }) => (counts['stored'] ?? 0) > 0))
  const { pid } = await waitFor(() => processor.status().workers.find(({ name }) => name === holder?.worker))
  kill(pid, 'SIGSTOP')
  t.after(() => processor.status().workers.some((worker) => worker.pid === pid) && kill(pid, 'SIGKILL'))
  const began = performance.now()
  assert.match((await get('/a')).text(), /^answer [12]$/)
  assert.ok(performance.now() - began < 4000)
  assert.equal(count, 2)
  kill(pid, 'SIGKILL')
  // The new worker gets it from the one that is left.
  await waitFor(() => processor.status().workers.filter(({ state }) => state === 'serving').length === 2, {
    timeoutMs: 20_000,
  })
  for (const answer of await many(30, () => get('/a'))) assert.equal(answer.text(), 'answer 2')
  assert.equal(count, 2)
})

test('what nobody may store is not asked for each time', async (t) => {
  const { get, counted } = await start(t, {
    handler: (req) => req.answer(200, 'mine', { 'Cache-Control': 'private' }),
  })
  for (let i = 0; i < 100; i++) await get('/a')
  for (let i = 0; i < 100; i++) await get('/b', { Authorization: 'Basic c2VjcmV0' })
  const asked = await counted('asked')
  // Each worker once for each of the two.
  assert.ok(asked >= 2 && asked <= 4, `asked ${asked} times`)
})

test('a body that is too large to be handed on is fetched once by each worker', async (t) => {
  const large = Buffer.alloc(1_500_000, 'x')
  const { origin, get, counted } = await start(t, {
    handler: (req) => req.answer(200, large, HOUR),
    options: { entry_size: '2MiB' },
  })
  for (let i = 0; i < 3; i++)
    for (const answer of await many(10, () => get('/a'))) assert.equal(answer.body.length, large.length)
  assert.ok(origin.requests.length <= 2, `${origin.requests.length} requests`)
  assert.equal(await counted('shared'), 0)
})

for (const disk of [undefined, { from: '64KiB' }])
  test(`an answer of some size goes from one worker to another as it is${disk ? ', also from disk to disk' : ''}`, async (t) => {
    const bytes = Buffer.from(Array.from({ length: 500_000 }, (_, i) => (i * 7) % 256))
    const { origin, get, counted } = await start(t, {
      handler: (req) => req.answer(200, bytes, HOUR),
      options: disk === undefined ? {} : { disk: { ...disk, path: await folderOf(t) } },
    })
    await waitFor(
      async () => {
        assert.ok((await get('/a')).body.equals(bytes))
        return (await counted('shared')) > 0
      },
      { what: 'it to be shared', timeoutMs: 20_000 },
    )
    for (let i = 0; i < 10; i++) assert.ok((await get('/a')).body.equals(bytes))
    assert.equal(origin.requests.length, 1)
  })

test('after a purge, or a change, nothing from before comes back, whoever was waiting for it', async (t) => {
  const { kept, seen, handler } = gate()
  const { get, processor, port, host } = await start(t, {
    handler: (req) => (req.method === 'PUT' ? req.answer(204) : handler(req)),
  })
  const clear = [
    (target: string) => processor.purge({ kind: 'url', host, target }),
    () => processor.purge({ kind: 'all' }),
    (target: string) => request(port, 'PUT', target),
  ]
  for (const [i, clearing] of clear.entries()) {
    const target = `/${i}`
    kept.length = 0
    const waiting = many(30, () => get(target))
    await seen(1)
    await clearing(target)
    // Both have heard of it.
    await processor.flush()
    kept[0]?.answer(200, 'from before', HOUR)
    await seen(2)
    const answering = setInterval(() => kept.slice(1).forEach((req) => req.answer(200, 'from after', HOUR)), 10)
    try {
      await waiting
    } finally {
      clearInterval(answering)
    }
    for (const answer of await many(30, () => get(target))) assert.equal(answer.text(), 'from after')
  }
})

test('a purge reaches every worker, and says how much has gone', async (t) => {
  const { processor, inBoth, origin, host, port } = await start(t)
  for (const target of ['/a', '/b/1', '/b/2']) await inBoth(target)
  assert.deepEqual(await processor.purge({ kind: 'url', host, target: '/a' }), { answers: 2, workers: 2, silent: 0 })
  const asked = origin.requests.length
  await request(port, 'GET', '/a')
  assert.equal(origin.requests.length, asked + 1)
  assert.equal((await processor.purge({ kind: 'prefix', host, target: '/b/' })).answers, 4)
  await processor.purge({ kind: 'all' })
  assert.equal((await processor.purge({ kind: 'all' })).answers, 0)
})

test('what one worker sees changed, no worker serves from before', async (t) => {
  const { processor, inBoth, host, port } = await start(t)
  await inBoth('/a')
  await request(port, 'DELETE', '/a')
  // The word to the other worker is under way, and comes before this question.
  await waitFor(async () => (await processor.purge({ kind: 'url', host, target: '/a' })).answers === 0, {
    what: 'both workers to have heard of it',
  })
})
