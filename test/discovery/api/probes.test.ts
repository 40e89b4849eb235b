// /health, /livez and /readyz: what they say, and what makes a process unready.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Store } from '../../../discovery/store/store.js'
import type { ProcessorStatus } from '../../../shared/processor.js'
import { processorOf, startApi } from './server.js'

interface Readiness {
  status: string
  checks: { name: string; ok: boolean; detail: string }[]
}

test("/health says the seed's sentence and the configured names", async (t) => {
  const api = await startApi(t, {
    document: {
      discovery: { name: 'Alpha' },
      services: { a: { servers: ['127.0.0.1:1'], polling: { method: 'tcp' }, apis: ['/a'] } },
    },
  })
  assert.deepEqual(await api.json('/health'), {
    status: 'Discovery Server running',
    name: 'Alpha',
    processor: 'Request Processor',
    version: '1.2.3',
    instances: 1,
  })
  assert.deepEqual(await api.json('/livez'), { status: 'alive' })
})

test('a discovery server that runs alone is ready', async (t) => {
  const api = await startApi(t)
  assert.deepEqual(await api.json('/readyz'), { status: 'ready', checks: [] })
  const { checks } = await api.json<Readiness>('/readyz?verbose')
  assert.deepEqual(
    checks.map(({ name, ok }) => [name, ok]),
    [
      ['draining', true],
      ['processor', true],
      ['store', true],
      ['config', true],
    ],
  )
})

test('with a processor to come it is ready only once a worker serves', async (t) => {
  const api = await startApi(t)
  api.lifecycle.processorExpected = true
  const failing = async () => {
    const answer = await api.fetch('/readyz')
    const { status, checks } = (await answer.json()) as Readiness
    return [answer.status, status, ...checks.map(({ name, detail }) => `${name}: ${detail}`)]
  }
  assert.deepEqual(await failing(), [503, 'not ready', 'processor: not started yet'])

  const whole = processorOf()
  const having = (patch: Partial<ProcessorStatus>) => {
    api.lifecycle.processor = { ...whole, status: () => ({ ...whole.status(), ...patch }) }
  }
  having({ state: 'starting', workers: [] })
  assert.deepEqual(await failing(), [503, 'not ready', 'processor: starting, 0 of 0 workers serving'])
  having({ workers: whole.status().workers.map((worker) => ({ ...worker, state: 'gone' })) })
  assert.deepEqual(await failing(), [503, 'not ready', 'processor: serving, 0 of 1 workers serving'])
  having({})
  assert.deepEqual(await failing(), [200, 'ready'])
  having({ state: 'draining' })
  assert.deepEqual(await failing(), [503, 'not ready', 'processor: draining, 1 of 1 workers serving'])
})

test('a process that drains is not ready, and still alive', async (t) => {
  const api = await startApi(t)
  api.lifecycle.draining = true
  const answer = await api.fetch('/readyz')
  assert.equal(answer.status, 503)
  assert.equal(answer.headers.get('retry-after'), '1')
  assert.equal(((await answer.json()) as Readiness).checks[0]?.name, 'draining')
  assert.equal((await api.fetch('/livez')).status, 200)
})

test('a store in trouble degrades and does not stop traffic; the check is named unasked', async (t) => {
  const broken = (store: Store): Store => ({
    ...store,
    dropped: 0,
    health: () => ({ ok: false, reason: 'disk full', since: 0 }),
  })
  const api = await startApi(t, { store: broken })
  assert.deepEqual(await api.json('/readyz'), {
    status: 'degraded',
    checks: [{ name: 'store', ok: false, detail: 'disk full' }],
  })
})
