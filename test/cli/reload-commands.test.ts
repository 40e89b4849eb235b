// `plan` and `reload`: what they print, and how they exit.
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { Command } from 'commander'
import { planCommand } from '../../cli/commands/plan.js'
import { reloadCommand } from '../../cli/commands/reload.js'
import type { Terminal } from '../../cli/commands/terminal.js'
import type { Planned } from '../../discovery/api/deps.js'
import { createPlan } from '../../shared/config/plan.js'
import { parseTestConfig } from '../kit/config.js'
import { freePort } from '../kit/ports.js'
import { ORDERS, startApi, type TestApi } from '../discovery/api/server.js'

async function run(args: readonly string[], env: Terminal['env'] = {}) {
  const result = { out: '', err: '', code: 0 }
  const terminal: Terminal = {
    env,
    out: (text) => void (result.out += text),
    err: (line) => void (result.err += `${line}\n`),
    exitWith: (code) => void (result.code = code),
    colours: false,
  }
  const program = new Command('serverpy')
  for (const command of [planCommand(terminal), reloadCommand(terminal)]) program.addCommand(command.exitOverride())
  await program.parseAsync(args, { from: 'user' })
  return result
}

const document = (path: string, discovery = {}) => ({
  version: 1,
  discovery,
  services: { orders: { ...ORDERS, apis: [path] } },
})
const PLANNED: Planned = {
  ok: true,
  plan: createPlan(parseTestConfig(document('/orders')), parseTestConfig(document('/carts'))),
}
const FAULTY: Planned = {
  ok: false,
  problems: [{ file: 'services.json', line: 3, col: 5, path: 'a.b', message: 'is \u001b[31mwrong', hint: 'mend it' }],
}

function answering(api: TestApi, planned: Planned, replaced = { replaced: 2, draining: 0 }): void {
  api.lifecycle.control = {
    reloads: { ok: 0, failed: 0, lastOk: true, lastAt: undefined, problems: [] },
    plan: () => Promise.resolve(planned),
    reload: () => Promise.resolve(planned),
    replaceWorkers: () => Promise.resolve(replaced),
  }
}

async function files(t: TestContext, contents: Record<string, unknown>): Promise<(name: string) => string> {
  const folder = await mkdtemp(join(tmpdir(), 'serverpy-plan-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  for (const [name, content] of Object.entries(contents)) await writeFile(join(folder, name), JSON.stringify(content))
  return (name) => join(folder, name)
}

test('plan shows what a reload would change, as lines or as JSON', async (t) => {
  const api = await startApi(t)
  answering(api, PLANNED)
  const text = '+ route orders:/carts\n- route orders:/orders\n'
  assert.deepEqual(await run(['plan', '--url', api.url]), { out: text, err: '', code: 0 })
  const { out } = await run(['plan', '--json', '--url', api.url])
  assert.deepEqual(JSON.parse(out), PLANNED.ok && PLANNED.plan)
})

test('reload says what it has changed, and how many workers are new', async (t) => {
  const api = await startApi(t)
  answering(api, PLANNED, { replaced: 2, draining: 1 })
  const text = '+ route orders:/carts\n- route orders:/orders\n'
  assert.deepEqual(await run(['reload', '--url', api.url]), { out: text, err: '', code: 0 })
  assert.deepEqual(await run(['reload', '--workers', '--url', api.url]), {
    out: `${text}2 workers replaced; 1 of the old ones still finish what they began\n`,
    err: '',
    code: 0,
  })
})

test('a file with faults exits with 2, and its lines cannot steer the terminal', async (t) => {
  const api = await startApi(t)
  answering(api, FAULTY)
  const line = 'services.json:3:5  a.b  is \\u001b[31mwrong  (mend it)\n'
  assert.deepEqual(await run(['plan', '--url', api.url]), { out: '', err: line, code: 2 })
  const told = `${line}the config in force stays\n`
  assert.deepEqual(await run(['reload', '--url', api.url]), { out: '', err: told, code: 2 })
})

test('the token comes from the config, or from SERVERPY_TOKEN', async (t) => {
  const api = await startApi(t, { document: { discovery: { token: 'not-for-all' } } })
  answering(api, PLANNED)
  const refused = await run(['reload', '--url', api.url])
  assert.equal(refused.code, 1)
  assert.match(refused.err, /answered 401: this needs the token/)
  assert.equal((await run(['reload', '--url', api.url], { SERVERPY_TOKEN: 'not-for-all' })).code, 0)
  const file = await files(t, {
    'c.json': document('/orders', { host: '127.0.0.1', port: api.port, token: 'not-for-all' }),
  })
  assert.equal((await run(['reload', '-c', file('c.json')])).code, 0)
})

test('two files are compared without a server', async (t) => {
  const file = await files(t, {
    'old.json': document('/orders'),
    'new.json': document('/carts', { port: 1 }),
    'faulty.json': { version: 1 },
  })
  const plan = (...args: string[]) => run(['plan', ...args])
  const text = '+ route orders:/carts\n- route orders:/orders\n! discovery.port needs a restart; the old value stays\n'
  assert.deepEqual(await plan('-c', file('new.json'), '--against', file('old.json')), { out: text, err: '', code: 0 })
  const same = await plan('-c', file('old.json'), '--against', file('old.json'))
  assert.deepEqual(same, { out: 'no changes\n', err: '', code: 0 })
  assert.equal((await plan('-c', file('faulty.json'), '--against', file('old.json'))).code, 2)
  assert.equal((await plan('--against', file('old.json'))).code, 2)
})

test('a server that does not answer is said in one line', async () => {
  const { err, code } = await run(['reload', '--url', `http://127.0.0.1:${await freePort()}`])
  assert.deepEqual([code, err.split('\n').length], [1, 2])
  assert.match(err, /nothing listens there/)
})
