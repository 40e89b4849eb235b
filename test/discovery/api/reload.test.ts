// Plan and reload over the API: who may, what they get, and what they are told of a file with faults.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Control, Planned } from '../../../discovery/api/deps.js'
import { createPlan } from '../../../shared/config/plan.js'
import { parseTestConfig } from '../../kit/config.js'
import { ORDERS, startApi } from './server.js'

const config = (path: string) => parseTestConfig({ version: 1, services: { orders: { ...ORDERS, apis: [path] } } })

const PLANNED: Planned = { ok: true, plan: createPlan(config('/orders'), config('/carts')) }
const FAULTY: Planned = {
  ok: false,
  problems: [{ file: 'services.json', line: 3, col: 5, path: 'services.orders', message: 'is wrong', hint: 'mend it' }],
}
const RELOADS = { ok: 0, failed: 0, lastOk: true, lastAt: undefined, problems: [] }

function controlOf(planned: Planned, more: Partial<Control> = {}): Control & { readonly calls: string[] } {
  const calls: string[] = []
  const answer = (call: string) => () => {
    calls.push(call)
    return Promise.resolve(planned)
  }
  const replaceWorkers = () => {
    calls.push('workers')
    return Promise.resolve({ replaced: 2, draining: 1 })
  }
  return { calls, reloads: RELOADS, plan: answer('plan'), reload: answer('reload'), replaceWorkers, ...more }
}

const VIEW = {
  services: { added: [], changed: [], removed: [] },
  instances: { added: [], changed: [], removed: [] },
  routes: { added: ['orders:/carts'], changed: [], removed: ['orders:/orders'] },
  listeners: { added: [], changed: [], removed: [] },
  settings: [],
  workers: null,
  restart: [],
  blocked: [],
}

test('a plan is shown, a reload is done, and workers are replaced after it', async (t) => {
  const api = await startApi(t)
  const control = controlOf(PLANNED)
  api.lifecycle.control = control
  const post = async (path: string) => {
    const answer = await api.fetch(path, { method: 'POST' })
    assert.equal(answer.status, 200)
    return answer.json()
  }
  assert.deepEqual(await post('/api/v1/plan'), { changed: true, plan: VIEW })
  assert.deepEqual(await post('/api/v1/reload'), { changed: true, plan: VIEW })
  assert.deepEqual(await post('/api/v1/reload?workers=true'), {
    changed: true,
    plan: VIEW,
    replaced_workers: { replaced: 2, draining: 1 },
  })
  assert.deepEqual(control.calls, ['plan', 'reload', 'reload', 'workers'])
})

test('a file with faults is a 422 that names each, and no worker is touched', async (t) => {
  const api = await startApi(t)
  const control = controlOf(FAULTY)
  api.lifecycle.control = control
  for (const path of ['/api/v1/plan', '/api/v1/reload', '/api/v1/reload?workers=true']) {
    const answer = await api.fetch(path, { method: 'POST' })
    assert.equal(answer.status, 422)
    assert.match(answer.headers.get('content-type') ?? '', /^application\/problem\+json/)
    const body = (await answer.json()) as Record<string, unknown>
    assert.equal(body['detail'], 'the config file has a fault; the config in force stays')
    assert.deepEqual(body['problems'], FAULTY.ok ? [] : FAULTY.problems)
  }
  assert.deepEqual(control.calls, ['plan', 'reload', 'reload'])
})

test('both need the token, and are no GET', async (t) => {
  const api = await startApi(t, { document: { discovery: { token: 'not-for-all' } } })
  const control = controlOf(PLANNED)
  api.lifecycle.control = control
  for (const path of ['/api/v1/plan', '/api/v1/reload']) {
    assert.equal((await api.fetch(path, { method: 'POST' })).status, 401)
    assert.equal((await api.fetch(path)).status, 405)
    const headers = { authorization: 'Bearer not-for-all' }
    assert.equal((await api.fetch(`${path}?bogus=1`, { method: 'POST', headers })).status, 400)
    assert.equal((await api.fetch(path, { method: 'POST', headers })).status, 200)
  }
  assert.deepEqual(control.calls, ['plan', 'reload'])
})

test('where there is nothing to reload, or no worker, or none that starts, that is said', async (t) => {
  const api = await startApi(t)
  const detail = async (path: string) => {
    const answer = await api.fetch(path, { method: 'POST' })
    assert.equal(answer.status, 503)
    return ((await answer.json()) as { detail: string }).detail
  }
  assert.equal(await detail('/api/v1/plan'), 'this server has not started yet')
  const control = controlOf(PLANNED, { replaceWorkers: undefined })
  api.lifecycle.control = control
  assert.equal(await detail('/api/v1/reload?workers=1'), 'no request processor runs in this process')
  assert.deepEqual(control.calls, [])
  api.lifecycle.control = controlOf(PLANNED, { replaceWorkers: () => Promise.reject(new Error('they do not start')) })
  assert.equal(await detail('/api/v1/reload?workers=1'), 'they do not start')
})

test('readiness tells of a refused file, and serves on', async (t) => {
  const api = await startApi(t)
  const problems = FAULTY.ok ? [] : [...FAULTY.problems, ...FAULTY.problems]
  api.lifecycle.configReloads = { ok: 1, failed: 1, lastOk: false, lastAt: 0, problems }
  const { status, checks } = await api.json<{ status: string; checks: unknown[] }>('/readyz')
  assert.equal(status, 'degraded')
  const detail =
    'refused at 1970-01-01T00:00:00.000Z, the one before serves on (1 service, 1 route): ' +
    'services.json:3:5  services.orders  is wrong  (mend it) (and 1 more)'
  assert.deepEqual(checks, [{ name: 'config', ok: false, detail }])
})
