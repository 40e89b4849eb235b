// Loops in every corner of a user's pipe: each costs its own exchange, the worker stays, and it still hears reloads.
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { request } from '../kit/http.js'
import { startOpenLoad } from '../kit/open-load.js'
import { type Serverpy, startServerpy } from '../kit/serverpy.js'
import { waitFor } from '../kit/wait.js'
import { writePipes } from '../processor/pipes/rig.js'
import { configFor, post, save, service, startPlain } from './changing.js'

const pipe = (hooks: string, top = '') => `${top}\nexport default { create: () => ({ ${hooks} }) }`

const MODULES = {
  regex: pipe(`onRequest() { /^(a+)+$/.test('a'.repeat(40) + '!') },`),
  done: pipe(`onDone() { for (;;); },`),
  watching: pipe(`onResponse(x, answer) { answer.watch({ piece() { for (;;); }, end() {} }) },`),
  streaming: pipe(
    `onResponse(x, answer) { answer.transform(new Transform({ transform() { for (;;); } })) },`,
    `import { Transform } from 'node:stream'`,
  ),
  reading: pipe(`onRequest(x) { x.watchBody({ piece() { for (;;); }, end() {} }) },`),
  endless: pipe(`onRequest: () => ({ status: 200, body: (async function* () { for (;;); })() }),`),
  counting: pipe(`onRequest() {}, metrics() { for (;;); }, gauges() { for (;;); }`),
  timing: pipe(
    `onRequest() { setTimeout(() => { for (;;); }, 5); setTimeout(() => setImmediate(() => { for (;;); }), 6) }`,
  ),
  making: `export default { create() { for (;;); } }`,
}

interface WorkerRow {
  readonly pid: number
  readonly in_flight: number
}

async function workersOf(serverpy: Serverpy): Promise<WorkerRow[]> {
  return (await serverpy.ask<{ items: WorkerRow[] }>('/api/v1/workers')).items
}

test('a loop costs its own exchange, wherever in a pipe it is', { timeout: 120_000 }, async (t) => {
  const paths = await writePipes(t, MODULES)
  const origin = await startPlain(t, 'a')
  const bad = Object.fromEntries(
    Object.entries(paths).map(([name, use]) => [name, { ...service([origin], `/${name}`), pipes: [{ use, name }] }]),
  )
  const breaker = { failures: 1, open: '1m' }
  const use = paths['regex']
  const tripping = { ...service([origin], '/tripping'), pipes: [{ use, name: 'tripping', breaker }] }
  // Its code never ends: it is given up after ten seconds, and the rest serves.
  const serverpy = await startServerpy(t, {
    services: { good: service([origin], '/good'), ...bad, tripping },
    processor: { workers: 1 },
  })
  const { processorPort } = serverpy
  const ask = async (name: string) => {
    const body = name === 'reading' ? { body: 'body' } : {}
    try {
      return (await request(processorPort, name === 'reading' ? 'POST' : 'GET', `/${name}`, body)).status
    } catch {
      return 'cut off'
    }
  }
  const failures = async (pipe: string) => {
    const text = (await request(serverpy.discoveryPort, 'GET', '/metrics')).text()
    return Number(new RegExp(`pipe_events_total\\{pipe="${pipe}",event="failed"\\} (\\d+)`).exec(text)?.[1])
  }
  const pids = (await workersOf(serverpy)).map(({ pid }) => pid)
  const load = startOpenLoad(processorPort, '/good', { perSecond: 50 })
  const late = { counting: 200, timing: 200, done: 200 }
  const expected = { making: 500, ...late, regex: 500, watching: 'cut off', streaming: 'cut off', reading: 500 }
  for (const [name, status] of Object.entries({ ...expected, endless: 'cut off' })) {
    assert.equal(await ask(name), status, name)
    assert.equal(await ask('good'), 200)
  }
  assert.deepEqual(await Promise.all(['regex', 'regex', 'done', 'regex'].map(ask)), [500, 500, 200, 500])
  for (const name of ['regex', 'done'])
    await waitFor(async () => (await failures(name)) > 0, { what: `failures of ${name}` })
  const tripped = async () => (await request(processorPort, 'GET', '/tripping')).text()
  assert.match(await tripped(), /did not come to an end in time/)
  assert.match(await tripped(), /switched off/)
  assert.deepEqual(await load.stop(), { 200: load.sent })
  for (const name of Object.keys(MODULES)) assert.match(serverpy.output(), new RegExp(`"pipe":"${name}"`))
  const [worker] = await waitFor(async () => {
    const rows = await workersOf(serverpy)
    return rows[0]?.in_flight === 0 ? rows : undefined
  })
  assert.deepEqual([worker?.pid], pids, 'the worker is the same')
})

test('a loop in close is ended, and the worker hears the next reload', { timeout: 60_000 }, async (t) => {
  const versioned = (name: string) =>
    pipe(`onResponse(x, answer) { answer.headers.set('X-Version', '${name}') }, close() { for (;;); },`)
  const paths = await writePipes(t, { mark: versioned('one') })
  const origin = await startPlain(t, 'a')
  const processor = { workers: 1 }
  const plain = service([origin], '/good')
  const serverpy = await startServerpy(t, {
    services: { good: { ...plain, pipes: [{ use: paths['mark'], name: 'mark' }] } },
    processor,
  })
  const [before] = await workersOf(serverpy)
  const version = async () => (await request(serverpy.processorPort, 'GET', '/good')).field('X-Version')
  for (const name of ['two', 'three']) {
    await writeFile(paths['mark'] as string, versioned(name))
    assert.equal((await post(serverpy, '/api/v1/reload')).status, 200)
    await waitFor(async () => (await version()) === name, { what: `version ${name}` })
  }
  const services = { good: plain, more: service([origin], '/more') }
  await save(serverpy, configFor(serverpy, { services, processor }))
  assert.equal((await post(serverpy, '/api/v1/reload')).status, 200)
  await waitFor(async () => (await request(serverpy.processorPort, 'GET', '/more')).status === 200)
  assert.equal(await version(), undefined)
  assert.deepEqual(
    (await workersOf(serverpy)).map(({ pid }) => pid),
    [before?.pid],
  )
})
