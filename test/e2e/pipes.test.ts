// Users' pipes in the built product: whatever they do, requests on other routes are answered, and the log names the pipe.
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { test, type TestContext } from 'node:test'
import { request } from '../kit/http.js'
import { startOpenLoad } from '../kit/open-load.js'
import { type Serverpy, startServerpy } from '../kit/serverpy.js'
import { waitFor } from '../kit/wait.js'
import { writePipes } from '../processor/pipes/rig.js'
import { configFor, post, save, service, startPlain } from './changing.js'

const pipe = (hooks: string) => `export default { create: () => ({ ${hooks} }) }`

const MODULES = {
  throws: pipe(`onRequest() { throw new Error('thrown') },`),
  rejects: pipe(`async onRequest() { throw new Error('rejected') },`),
  late: pipe(`onDone() { setTimeout(() => Promise.reject(new Error('rejected late')), 50) },`),
  laterThrow: pipe(`onDone() { setTimeout(() => { throw new Error('thrown late') }, 50) },`),
  loops: pipe(`onRequest() { for (;;); },`),
  loopsInAnswer: pipe(`onResponse() { for (;;); },`),
  loopsLater: pipe(`async onRequest() { await new Promise((r) => setTimeout(r, 5)); for (;;); },`),
  leaks: pipe(`onRequest() { setInterval(() => {}, 1) },`),
  twice: pipe(`onRequest(x) { this.onDone(x); this.onResponse(x, undefined) }, onResponse() {}, onDone() {},`),
}

async function start(t: TestContext, workers: number): Promise<Serverpy> {
  const paths = await writePipes(t, MODULES)
  const origin = await startPlain(t, 'a')
  const bad = Object.fromEntries(
    Object.entries(paths).map(([name, use]) => [
      name,
      { ...service([origin], `/${name}`), pipes: [{ use, name, hook_timeout: '1s' }] },
    ]),
  )
  return startServerpy(t, { services: { good: service([origin], '/good'), ...bad }, processor: { workers } })
}

async function pidsOf(serverpy: Serverpy): Promise<number[]> {
  const { items } = await serverpy.ask<{ items: { pid: number }[] }>('/api/v1/workers')
  return items.map(({ pid }) => pid)
}

for (const workers of [1, 2]) {
  test(
    `a pipe that throws, rejects, loops or comes back late harms no request on another route (${workers} workers)`,
    { timeout: 120_000 },
    async (t) => {
      const serverpy = await start(t, workers)
      const pids = await pidsOf(serverpy)
      const loads = [
        startOpenLoad(serverpy.processorPort, '/good', { perSecond: 100 }),
        startOpenLoad(serverpy.processorPort, '/good', { perSecond: 100, fresh: true }),
      ]
      const ask = async (name: string) => {
        try {
          return (await request(serverpy.processorPort, 'GET', `/${name}`)).status
        } catch (error) {
          return (error as NodeJS.ErrnoException).code
        }
      }
      const named = (name: string, text: RegExp) =>
        waitFor(
          () =>
            serverpy
              .output()
              .split('\n')
              .some((line) => line.includes(`"pipe":"${name}"`) && text.test(line)),
          {
            what: `a line about ${name}`,
          },
        )
      assert.equal(await ask('throws'), 500)
      await named('throws', /thrown/)
      assert.equal(await ask('rejects'), 500)
      await named('rejects', /rejected/)
      assert.equal(await ask('late'), 200)
      await named('late', /rejected late/)
      assert.equal(await ask('laterThrow'), 200)
      await named('laterThrow', /thrown late/)
      for (let i = 0; i < 5; i++) assert.equal(await ask('leaks'), 200)
      assert.equal(await ask('twice'), 200)
      for (const name of ['loops', 'loopsInAnswer', 'loopsLater', 'loops']) {
        const before = performance.now()
        assert.equal(await ask(name), 500, name)
        await named(name, /did not come back|in time/)
        // The worker is back: it answers another request.
        assert.equal(await ask('good'), 200)
        assert.ok(performance.now() - before < 4500, `${name} took ${performance.now() - before} ms`)
      }
      const outcomes = await Promise.all(loads.map((load) => load.stop()))
      assert.deepEqual(
        outcomes,
        loads.map((load) => ({ 200: load.sent })),
      )
      assert.deepEqual(await pidsOf(serverpy), pids, 'no worker had to be replaced')
    },
  )
}

test('pipes are changed by a reload without losing a request', { timeout: 120_000 }, async (t) => {
  const paths = await writePipes(t, { mark: pipe(`onResponse(x, answer) { answer.headers.set('X-Version', 'one') },`) })
  const origin = await startPlain(t, 'a')
  const services = { good: { ...service([origin], '/good'), pipes: [{ use: paths['mark'], name: 'mark' }] } }
  const serverpy = await startServerpy(t, { services })
  const load = startOpenLoad(serverpy.processorPort, '/good', { perSecond: 200 })
  const version = async () => (await request(serverpy.processorPort, 'GET', '/good')).field('X-Version')
  assert.equal(await version(), 'one')
  for (const name of ['two', 'three', 'four']) {
    await writeFile(
      paths['mark'] as string,
      pipe(`onResponse(x, answer) { answer.headers.set('X-Version', '${name}') },`),
    )
    assert.equal((await post(serverpy, '/api/v1/reload')).status, 200)
    await waitFor(async () => (await version()) === name, { what: `version ${name}` })
  }
  await save(serverpy, configFor(serverpy, { services: { ...services, more: service([origin], '/more') } }))
  assert.equal((await post(serverpy, '/api/v1/reload')).status, 200)
  await waitFor(async () => (await request(serverpy.processorPort, 'GET', '/more')).status === 200)
  assert.equal(await version(), 'four')
  assert.deepEqual(await load.stop(), { 200: load.sent })
})
