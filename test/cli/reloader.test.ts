// Reloading: one at a time, the last content wins, and a file with faults changes nothing.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createReloader } from '../../cli/reloader.js'
import { parseConfig } from '../../shared/config/parse.js'
import type { Config, Problem } from '../../shared/config/model.js'
import { type Log, silentLog } from '../../shared/log.js'
import { fakeClock } from '../kit/clock.js'
import { parseTestConfig } from '../kit/config.js'

const FILE = '/etc/services.json'
const configOf = (path: string) => parseTestConfig(document(path), FILE)

const document = (path: string) => ({
  version: 1,
  services: { s: { servers: ['127.0.0.1:9001'], polling: { method: 'tcp' }, apis: [path] } },
})

function setUp() {
  const applied: string[] = []
  const said: string[] = []
  const note = (fields: object, message: string) => void said.push(`${message} ${JSON.stringify(fields)}`)
  const log: Log = { debug: note, info: note, warn: note, error: note, child: () => log }
  const file = { text: JSON.stringify(document('/1')), reads: 0 }
  const ports = { faults: [] as readonly Problem[], blocked: [] as string[] }
  const clock = fakeClock(1000)
  const reloader = createReloader(configOf('/1'), {
    clock,
    log,
    async load() {
      file.reads++
      const { text } = file
      await new Promise((resolve) => setImmediate(resolve))
      return parseConfig(text, FILE, {})
    },
    apply(config: Config) {
      if (ports.faults.length === 0) applied.push(...config.routes.map(({ match }) => match.path))
      return Promise.resolve(ports.faults)
    },
    ports: {
      refused: () => Promise.resolve(ports.faults),
      blocked: () => Promise.resolve(ports.blocked),
    },
  })
  return { reloader, applied, said, file, clock, ports }
}

test('a right file is put in force and counted; one that says the same is not applied again', async () => {
  const { reloader, applied, file, said } = setUp()
  assert.ok((await reloader.reload('SIGHUP')).ok)
  assert.deepEqual([applied, said], [[], ['the config is as it was {"cause":"SIGHUP"}']])
  file.text = JSON.stringify(document('/2'))
  const planned = await reloader.reload('SIGHUP')
  assert.deepEqual(planned.ok && planned.plan.routes, { added: ['s:/2'], changed: [], removed: ['s:/1'] })
  assert.deepEqual(applied, ['/2'])
  assert.deepEqual(reloader.reloads, { ok: 2, failed: 0, lastOk: true, lastAt: 1000, problems: [] })
  await reloader.reload('SIGHUP')
  assert.deepEqual(applied, ['/2'])
})

test('a file with faults is told by line and column, and what was in force stays so', async () => {
  const { reloader, applied, file, said } = setUp()
  file.text = '{ "version": 1,\n  "wrong": 2 }'
  const refused = await reloader.reload('the API')
  assert.equal(refused.ok, false)
  assert.equal(reloader.reloads.failed, 1)
  assert.equal(reloader.reloads.lastOk, false)
  assert.equal(reloader.reloads.problems.length, refused.ok ? -1 : refused.problems.length)
  assert.ok(
    said.some((line) => line.startsWith('/etc/services.json:2:3  wrong')),
    said.join('\n'),
  )
  assert.deepEqual(applied, [])
  file.text = JSON.stringify(document('/2'))
  await reloader.reload('the API')
  assert.deepEqual([applied, reloader.reloads.lastOk, reloader.reloads.problems], [['/2'], true, []])
})

test('reloads that overlap run one after the other, and each reads the file in its turn', async () => {
  const { reloader, applied, file } = setUp()
  file.text = JSON.stringify(document('/2'))
  const first = reloader.reload('one')
  const second = reloader.reload('two')
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(file.reads, 1)
  file.text = JSON.stringify(document('/3'))
  await Promise.all([first, second])
  assert.deepEqual([file.reads, applied], [2, ['/2', '/3']])
})

test('a plan changes nothing', async () => {
  const { reloader, applied, file } = setUp()
  file.text = JSON.stringify(document('/2'))
  const planned = await reloader.plan()
  assert.deepEqual(planned.ok && planned.plan.routes.added, ['s:/2'])
  assert.deepEqual([applied, reloader.reloads.ok], [[], 0])
})

test('a port that cannot be had refuses the config with its line, and what was in force stays so', async () => {
  const { reloader, applied, file, said, ports } = setUp()
  file.text = JSON.stringify(document('/2'))
  const fault = { file: FILE, line: 0, col: 0, path: 'processor.listeners[0].port', message: 'port 9 is in use' }
  ports.faults = [fault]
  assert.deepEqual(await reloader.reload('SIGHUP'), { ok: false, problems: [fault] })
  assert.deepEqual([applied, reloader.reloads.failed, reloader.reloads.problems], [[], 1, [fault]])
  assert.ok(said.some((line) => line.startsWith(`${FILE}  processor.listeners[0].port  port 9 is in use`)))
  ports.faults = []
  const planned = await reloader.reload('SIGHUP')
  assert.deepEqual(planned.ok && planned.plan.routes.added, ['s:/2'])
  assert.deepEqual([applied, reloader.reloads.lastOk], [['/2'], true])
})

test('a plan tells of ports what a reload would refuse, and what a restart would fail of', async () => {
  const { reloader, applied, file, said, ports } = setUp()
  file.text = JSON.stringify(document('/2'))
  const fault = { file: FILE, line: 0, col: 0, path: 'processor.listeners[0].port', message: 'port 9 is in use' }
  ports.faults = [fault]
  assert.deepEqual(await reloader.plan(), { ok: false, problems: [fault] })
  ports.faults = []
  ports.blocked = ['port 8 is in use']
  const planned = await reloader.plan()
  assert.deepEqual(planned.ok && planned.plan.blocked, ['port 8 is in use'])
  // Nobody was refused anything.
  assert.deepEqual([applied, said, reloader.reloads.failed, reloader.reloads.lastOk], [[], [], 0, true])
})

test('a plan waits for the reload before it, whose ports it would be in the way of', async () => {
  const { reloader, file } = setUp()
  file.text = JSON.stringify(document('/2'))
  const reload = reloader.reload('one')
  const planned = await reloader.plan()
  assert.deepEqual(planned.ok && planned.plan.routes.added, [])
  await reload
})

test('a config that cannot be put in force is no success, and the next one is tried', async () => {
  let fails = true
  const reloader = createReloader(configOf('/1'), {
    clock: fakeClock(),
    log: silentLog,
    load: () => Promise.resolve(parseConfig(JSON.stringify(document('/2')), FILE, {})),
    apply: () => (fails ? Promise.reject(new Error('no')) : Promise.resolve([])),
    ports: { refused: () => Promise.resolve([]), blocked: () => Promise.resolve([]) },
  })
  await assert.rejects(reloader.reload('one'), /no/)
  assert.equal(reloader.reloads.ok, 0)
  fails = false
  assert.ok((await reloader.reload('two')).ok)
  assert.equal(reloader.reloads.ok, 1)
})
