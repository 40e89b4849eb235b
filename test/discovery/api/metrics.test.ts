// /metrics: the format to the letter, and numbers that agree with what was counted.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createExposition } from '../../../discovery/api/exposition.js'
import { readExposition, type Family } from '../../kit/exposition.js'
import { A, B, countOf, processorOf, recordOf, reportOf, startApi } from './server.js'

function value(families: Map<string, Family>, name: string, labels: Record<string, string> = {}): number | undefined {
  const family = [...families.values()].find(({ samples }) => samples.some((sample) => sample.name === name))
  return family?.samples.find(
    (sample) =>
      sample.name === name &&
      JSON.stringify(Object.entries(sample.labels).sort()) === JSON.stringify(Object.entries(labels).sort()),
  )?.value
}

test('traffic, health, polling, store, workers and process are there, in the exact format', async (t) => {
  const api = await startApi(t)
  api.poll(A)
  api.poll(B, { verdict: 'failed', status: 'service unreachable', response: 'no' })
  api.lifecycle.processor = processorOf()
  api.traffic.accept(
    reportOf({
      records: [recordOf()],
      shed: 10,
      counts: [
        countOf(),
        countOf({ service: '', instance: '', requests: 1, errors: 0, classes: [1, 0, 0, 0, 0, 0], buckets: [] }),
      ],
      attempts: { success: 9, failure: 3, timeout: 2 },
      retries: 4,
      refusals: { 'bare-lf': 5, overload: 1 },
      codes: { 'connect-timeout': 1, 'answer-timeout': 1, 'no-route': 3 },
    }),
  )
  const answer = await api.fetch('/metrics')
  assert.equal(answer.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8')
  const families = readExposition(await answer.text())
  const at = (name: string, labels?: Record<string, string>) => value(families, name, labels)

  assert.equal(at('proxy_request_total', { status: 'success' }), 9)
  assert.equal(at('proxy_request_total', { status: 'error' }), 2)
  assert.equal(at('proxy_attempt_total', { result: 'success' }), 9)
  assert.equal(at('proxy_attempt_total', { result: 'failure' }), 3)
  assert.equal(at('proxy_attempt_total', { result: 'timeout' }), 2)
  assert.equal(at('proxy_timeout_total'), 2)
  assert.equal(at('proxy_request_duration_seconds_count'), 10)
  assert.equal(at('proxy_request_duration_seconds_bucket', { le: '0.004' }), 0)
  assert.equal(at('proxy_request_duration_seconds_bucket', { le: '0.008' }), 10)
  assert.equal(at('serverpy_requests_total', { service: 'orders', class: '2xx' }), 8)
  assert.equal(at('serverpy_requests_total', { service: '', class: 'client_gone' }), 1)
  assert.equal(at('serverpy_request_duration_seconds_sum', { service: 'orders' }), 0.06)
  assert.equal(at('serverpy_errors_total', { code: 'no-route' }), 3)
  assert.equal(at('serverpy_refusals_total', { reason: 'bare-lf' }), 5)
  assert.equal(at('serverpy_refusals_total', { reason: 'overload' }), 1)
  assert.equal(at('serverpy_requests_recorded_total'), 1)
  assert.equal(at('serverpy_requests_shed_total'), 10)
  assert.equal(at('serverpy_instance_health', { service: 'orders', instance: A }), 1)
  assert.equal(at('serverpy_instance_health', { service: 'orders', instance: B }), 0)
  assert.equal(at('serverpy_instances', { service: 'orders', health: 'down' }), 1)
  assert.equal(at('serverpy_registry_term'), 7)
  assert.equal(at('serverpy_registry_seq'), api.registry.current.seq)
  assert.equal(at('serverpy_polls_total', { verdict: 'passed' }), 5)
  assert.equal(at('serverpy_polls_in_flight'), 1)
  assert.equal(at('serverpy_poll_lateness_seconds_count'), 8)
  assert.equal(at('serverpy_store_ok'), 1)
  assert.equal(at('serverpy_workers', { state: 'serving' }), 1)
  assert.equal(at('serverpy_worker_connections', { worker: 'w-1' }), 3)
  assert.equal(at('serverpy_worker_in_flight', { worker: 'w-1' }), 2)
  assert.equal(at('serverpy_worker_upgraded', { worker: 'w-1' }), 1)
  assert.equal(at('serverpy_worker_loop_lag_seconds', { worker: 'w-1' }), 0.0005)
  assert.equal(at('serverpy_build_info', { version: '1.2.3', node: process.versions.node }), 1)
  assert.ok((at('process_resident_memory_bytes') ?? 0) > 1e6)
  assert.ok(Math.abs((at('process_start_time_seconds') ?? 0) - (Date.now() / 1000 - process.uptime())) < 5)
})

test('without any traffic every family is still valid', async (t) => {
  const api = await startApi(t)
  const families = readExposition(await (await api.fetch('/metrics')).text())
  assert.equal(value(families, 'proxy_request_total', { status: 'success' }), 0)
  assert.equal(value(families, 'serverpy_instance_health', { service: 'orders', instance: A }), -1)
})

test('labels and help survive whatever characters they hold', () => {
  const to = createExposition()
  const service = 'a"b\\c\nd{e="f",}'
  to.counter('x_total', 'one\ntwo \\ three', [[{ service }, 1]])
  to.gauge('y', 'numbers', [
    [{ n: 'inf' }, Infinity],
    [{ n: 'tiny' }, 1e-9],
  ])
  const families = readExposition(to.text())
  assert.equal(families.get('x_total')?.samples[0]?.labels.service, service)
  assert.equal(families.get('x_total')?.help, 'one\\ntwo \\\\ three')
  assert.deepEqual(
    families.get('y')?.samples.map((sample) => sample.value),
    [Infinity, 1e-9],
  )
})
