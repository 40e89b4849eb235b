// Another config without loss, on the built product: taken under load, refused when it is wrong, seen however it is saved.
import assert from 'node:assert/strict'
import { readFile, rename, symlink, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { request } from '../kit/http.js'
import { startOpenLoad } from '../kit/open-load.js'
import { runProcess, startProcess } from '../kit/process.js'
import { MAIN, startServerpy } from '../kit/serverpy.js'
import { waitFor } from '../kit/wait.js'
import { configFor, fileOf, post, save, service, startPlain, times } from './changing.js'

const ROUNDS = Number(process.env['RELOAD_ROUNDS'] ?? 10)

test(
  'reloads under load lose nothing, while instances and routes come and go',
  { timeout: 60_000 + ROUNDS * 6_000 },
  async (t) => {
    const [a, b, c] = [await startPlain(t, 'a'), await startPlain(t, 'b'), await startPlain(t, 'c')]
    const sets = [[a, b], [b, c], [c, a], [c]]
    const serverpy = await startServerpy(t, { services: { s: service([a, b], '/s') } })
    const loads = [
      startOpenLoad(serverpy.processorPort, '/s', { perSecond: 350, posts: true }),
      startOpenLoad(serverpy.processorPort, '/s', { perSecond: 150, fresh: true }),
    ]
    for (let round = 1; round <= ROUNDS; round++) {
      const servers = sets[round % sets.length] ?? []
      const name = `extra-${round}`
      const text = configFor(serverpy, { services: { s: service(servers, '/s'), [name]: service([c], `/${name}`) } })
      await save(serverpy, text)
      // By the three ways in turn; the file is watched in any case.
      if (round % 3 === 0) assert.equal((await post(serverpy, '/api/v1/reload')).status, 200)
      else if (round % 3 === 1) process.kill(serverpy.pid, 'SIGHUP')
      const reached = async () =>
        (await request(serverpy.processorPort, 'GET', `/${name}`, { timeoutMs: 20_000 })).text() === 'c'
      await waitFor(reached, { what: `the route of round ${round}`, timeoutMs: 20_000 })
      const { items } = await serverpy.ask<{ items: { id: string }[] }>('/api/v1/instances')
      assert.deepEqual(
        items.map(({ id }) => id),
        [...servers.map((server) => `s/${server}`), `${name}/${c}`],
      )
    }
    const sent = loads.map((load) => load.sent)
    const outcomes = await Promise.all(loads.map((load) => load.stop()))
    assert.ok(Math.min(...sent) > ROUNDS)
    assert.deepEqual(
      outcomes,
      loads.map((load) => ({ 200: load.sent })),
    )
    assert.equal((await serverpy.stop()).code, 0)
  },
)

test(
  'a file with faults changes nothing, is told everywhere, and the next right one is taken',
  { timeout: 60_000 },
  async (t) => {
    const origin = await startPlain(t, 'a')
    const serverpy = await startServerpy(t, { services: { s: service([origin], '/s') } })
    const right = configFor(serverpy, { services: { s: service([origin], '/s') } })
    const wrong = right.replace('"workers": 2', '"wrokers": 2')
    await save(serverpy, wrong)
    await waitFor(() => serverpy.output().includes('the config file has faults: the one before stays in force'))
    assert.match(serverpy.output(), /services\.json:\d+:\d+ {2}processor\.wrokers {2}unknown key \\"wrokers\\"/)
    assert.equal((await request(serverpy.processorPort, 'GET', '/s')).text(), 'a')

    const ready = await serverpy.ask<{ status: string; checks: { name: string; ok: boolean; detail: string }[] }>(
      '/readyz?verbose',
    )
    assert.equal(ready.status, 'degraded')
    const check = ready.checks.find(({ name }) => name === 'config')
    assert.equal(check?.ok, false)
    assert.match(check?.detail ?? '', /^refused at .*services\.json:\d+:\d+ {2}processor\.wrokers/)

    const refused = await post(serverpy, '/api/v1/reload')
    assert.equal(refused.status, 422)
    assert.equal(refused.field('content-type'), 'application/problem+json')
    const { problems } = refused.json() as { problems: { path: string; line: number }[] }
    assert.deepEqual(
      problems.map(({ path }) => path),
      ['processor.wrokers'],
    )
    const run = (...args: string[]) => runProcess(process.execPath, [MAIN, ...args, '-c', fileOf(serverpy)])
    const url = `http://127.0.0.1:${serverpy.discoveryPort}`
    const told = await runProcess(process.execPath, [MAIN, 'reload', '--url', url])
    assert.deepEqual([told.code, told.stdout], [2, ''])
    assert.match(told.stderr, /processor\.wrokers/)

    await save(serverpy, right.replace('"/s"', '"/t"'))
    const planned = await run('plan')
    assert.equal(planned.code, 0, planned.stderr)
    await waitFor(async () => (await request(serverpy.processorPort, 'GET', '/t')).status === 200)
    assert.equal((await request(serverpy.processorPort, 'GET', '/s')).status, 404)
    assert.equal((await serverpy.ask('/readyz?verbose'))['status'], 'ready')
    const again = await run('reload', '--workers')
    assert.deepEqual([again.code, again.stdout, again.stderr], [0, 'no changes\n2 workers replaced\n', ''])
  },
)

test(
  'a link that is swapped, as Kubernetes does it, is a change; --no-watch looks away',
  { timeout: 60_000 },
  async (t) => {
    const origin = await startPlain(t, 'a')
    const serverpy = await startServerpy(t, { services: { s: service([origin], '/s') } })
    const { folder } = serverpy
    const text = (path: string) => configFor(serverpy, { services: { s: service([origin], path) } })
    const answers = async (path: string) => (await request(serverpy.processorPort, 'GET', path)).status === 200
    await writeFile(join(folder, '1.json'), text('/one'))
    await writeFile(join(folder, '2.json'), text('/two'))
    await symlink('1.json', join(folder, '..data'))
    await symlink('..data', `${fileOf(serverpy)}.link`)
    await rename(`${fileOf(serverpy)}.link`, fileOf(serverpy))
    await waitFor(() => answers('/one'))
    await symlink('2.json', join(folder, '..tmp'))
    await rename(join(folder, '..tmp'), join(folder, '..data'))
    await waitFor(() => answers('/two'))
    // Gone for a while is no fault; back, it is taken.
    await unlink(fileOf(serverpy))
    await waitFor(() => serverpy.output().includes('the config file is gone'))
    await save(serverpy, text('/three'))
    await waitFor(() => answers('/three'))
    await serverpy.stop()

    const blind = await startServerpy(t, {
      services: { s: service([origin], '/four') },
      beside: serverpy,
      command: ['run', '--no-watch'],
    })
    await save(blind, text('/five'))
    process.kill(blind.pid, 'SIGHUP')
    await waitFor(() => answers('/five'))
    await waitFor(() => times(blind.output(), /"cause":"SIGHUP"/) === 1)
    assert.equal(times(blind.output(), /the file has changed/), 0)
  },
)

test(
  'discovery restarts while a processor serves, and what was counted meanwhile arrives',
  { timeout: 60_000 },
  async (t) => {
    const origin = await startPlain(t, 'a')
    const services = { s: service([origin], '/s') }
    const discovery = await startServerpy(t, { services, command: ['discovery'] })
    const registry = `http://127.0.0.1:${discovery.discoveryPort}`
    const processor = await startServerpy(t, {
      services,
      beside: discovery,
      command: ['processor', '--registry', registry],
    })
    const load = startOpenLoad(processor.processorPort, '/s', { perSecond: 100, posts: true })
    await waitFor(() => load.sent > 20)
    await discovery.stop()
    const unseen = load.sent
    await waitFor(() => load.sent > unseen + 50)
    const again = await discovery.again()
    await waitFor(() => processor.output().includes('the discovery server is heard again'), { timeoutMs: 20_000 })
    assert.deepEqual(await load.stop(), { 200: load.sent })
    const total = async () => (await again.ask<{ requests: { total: number } }>('/stats')).requests.total
    await waitFor(async () => (await total()) === load.sent, { timeoutMs: 20_000, what: 'every count' })

    // The processor has a config of its own to reload.
    const before = times(processor.output(), /the config was reloaded/)
    await save(processor, configFor(processor, { services: { s: service([origin], '/t') } }))
    await waitFor(() => times(processor.output(), /the config was reloaded/) === before + 1)
    assert.equal((await request(processor.processorPort, 'GET', '/t', { timeoutMs: 20_000 })).status, 200)
  },
)

test('SIGHUP ends nothing, not even a server that starts, nor a worker', { timeout: 60_000 }, async (t) => {
  const origin = await startPlain(t, 'a')
  const serverpy = await startServerpy(t, { services: { s: service([origin], '/s') } })
  const { items } = await serverpy.ask<{ items: { pid: number }[] }>('/api/v1/workers')
  for (const { pid } of items) process.kill(pid, 'SIGHUP')
  await serverpy.stop()
  const again = await startProcess(process.execPath, [MAIN, '-c', fileOf(serverpy)], { t, cwd: serverpy.folder })
  // As soon as it listens to signals at all, which is long before it serves.
  await waitFor(() => caught(again.pid, 1), { intervalMs: 1, what: 'a process that catches SIGHUP' })
  again.kill('SIGHUP')
  await waitFor(() => again.output().includes('"msg":"ready"'), { timeoutMs: 20_000 })
  await waitFor(() => again.output().includes('the config is as it was'))
  assert.equal((await again.stop()).code, 0)
  assert.doesNotMatch(serverpy.output() + again.output(), /gets replaced/)
})

/** Whether a process has a handler for a signal; only Linux says so. */
async function caught(pid: number, signal: number): Promise<boolean> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  const mask = /^SigCgt:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'
  return ((BigInt(`0x${mask}`) >> BigInt(signal - 1)) & 1n) === 1n
}
