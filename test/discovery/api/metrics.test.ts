// /metrics: the format to the letter, and numbers that agree with what was counted.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createExposition } from '../../../discovery/api/exposition.js'
import { readExposition, type Family } from '../../kit/exposition.js'
import type { Override } from '../../../shared/registry/instance.js'
import { promtool, promtoolMissing } from '../../kit/promtool.js'
import { startFullApi } from './full-scrape.js'
import { A, B, countOf, processorOf, reportOf, startApi } from './server.js'

function value(families: Map<string, Family>, name: string, labels: Record<string, string> = {}): number | undefined {
  const family = [...families.values()].find(({ samples }) => samples.some((sample) => sample.name === name))
  return family?.samples.find(
    (sample) =>
      sample.name === name &&
      JSON.stringify(Object.entries(sample.labels).sort()) === JSON.stringify(Object.entries(labels).sort()),
  )?.value
}

test('traffic, health, polling, store, workers and process are there, in the exact format', async (t) => {
  const api = await startFullApi(t)
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
  assert.equal(at('serverpy_pipe_events_total', { pipe: 'fair', event: 'refused' }), 3)
  assert.equal(at('serverpy_pipe_events_total', { pipe: 'fair', event: 'failed' }), 2)
  assert.equal(at('serverpy_pipe_events_total', { pipe: 'cache', event: 'barred' }), 0, 'there from the start')
  assert.equal(at('serverpy_pipe_value', { pipe: 'cache', name: 'entries' }), 4)
  assert.equal(at('serverpy_requests_recorded_total'), 1)
  assert.equal(at('serverpy_requests_shed_total'), 10)
  assert.equal(at('serverpy_instance_health', { service: 'orders', instance: A }), 1)
  assert.equal(at('serverpy_instance_health', { service: 'orders', instance: B }), 0)
  assert.equal(at('serverpy_instances', { service: 'orders', health: 'down' }), 1)
  assert.equal(at('serverpy_attempts_total', { service: 'orders', result: 'failure' }), 4)
  assert.equal(at('serverpy_retries_total', { service: 'orders' }), 4)
  assert.equal(at('serverpy_hedges_total', { service: 'orders' }), 1)
  assert.equal(at('serverpy_ejections_total', { service: 'orders' }), 4)
  assert.equal(at('serverpy_retry_budget_spent_total', { service: 'orders' }), 5)
  assert.equal(at('serverpy_queued_total', { service: 'orders' }), 7)
  assert.equal(at('serverpy_load_shed_total', { service: 'orders' }), 6)
  assert.equal(at('serverpy_queue_length', { service: 'orders' }), 3)
  assert.equal(at('serverpy_instance_requests_total', { service: 'orders', instance: A, class: '5xx' }), 1)
  assert.equal(at('serverpy_instance_request_duration_seconds_count', { service: 'orders', instance: A }), 10)
  assert.equal(at('serverpy_instance_request_duration_seconds_count', { service: 'orders', instance: B }), undefined)
  assert.equal(at('serverpy_instance_attempts_total', { service: 'orders', instance: A, result: 'timeout' }), 2)
  assert.equal(at('serverpy_instance_retries_total', { service: 'orders', instance: A }), 4)
  assert.equal(at('serverpy_instance_hedges_total', { service: 'orders', instance: A }), 1)
  assert.equal(at('serverpy_instance_ejections_total', { service: 'orders', instance: B }), 2)
  assert.equal(at('serverpy_instance_in_flight', { service: 'orders', instance: A }), 4)
  assert.equal(at('serverpy_instance_connections', { service: 'orders', instance: A }), 8)
  assert.equal(at('serverpy_instance_guard_workers', { service: 'orders', instance: A, state: 'closed' }), 1)
  assert.equal(at('serverpy_instance_guard_workers', { service: 'orders', instance: B, state: 'closed' }), 0)
  assert.equal(at('serverpy_instance_guard_workers', { service: 'orders', instance: B, state: 'open' }), 1)
  assert.equal(at('serverpy_instance_guard_workers', { service: 'orders', instance: B, state: 'half-open' }), 0)
  assert.equal(at('serverpy_instance_disputed_workers', { service: 'orders', instance: B }), 1)
  assert.equal(at('serverpy_instance_override', { service: 'orders', instance: A }), 0)
  assert.equal(at('serverpy_series_dropped'), 0)
  assert.equal(at('serverpy_config_reloads_total', { result: 'failed' }), 1)
  assert.equal(at('serverpy_config_last_reload_ok'), 0)
  assert.equal(at('serverpy_config_last_reload_timestamp_seconds'), Date.UTC(2030, 0, 1) / 1000)
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

test('an override shows as it is declared and as it ends', async (t) => {
  const api = await startApi(t)
  const shownAs = async (override: Override | undefined) => {
    api.registry.setOverride(A, override)
    api.registry.flush()
    const families = readExposition(await (await api.fetch('/metrics')).text())
    return value(families, 'serverpy_instance_override', { service: 'orders', instance: A })
  }
  assert.equal(await shownAs('drain'), 1)
  assert.equal(await shownAs('out-of-service'), 2)
  assert.equal(await shownAs(undefined), 0)
})

test('the series of an instance go with it, and what it had stays in the sums of its service', async (t) => {
  const api = await startFullApi(t)
  const shown = async () => await (await api.fetch('/metrics')).text()
  assert.match(await shown(), new RegExp(`instance="${A}"`))
  api.registry.replace((api.config.services[0]?.servers ?? []).filter(({ spec }) => spec.id !== A))
  const text = await shown()
  assert.doesNotMatch(text, new RegExp(`instance="${A}"`))
  assert.match(text, new RegExp(`instance="${B}"`))
  const families = readExposition(text)
  assert.equal(value(families, 'serverpy_requests_total', { service: 'orders', class: '2xx' }), 8)
  assert.equal(value(families, 'proxy_request_total', { status: 'success' }), 9)
})

test('what is counted before a question is in its answer, while another scrape is being written', async (t) => {
  const api = await startApi(t)
  api.lifecycle.processor = processorOf()
  for (let i = 1; i <= 20; i++) {
    const early = api.fetch('/metrics')
    api.traffic.accept(reportOf({ counts: [countOf({ requests: 1, errors: 0, classes: [0, 0, 1, 0, 0, 0] })] }))
    const families = readExposition(await (await api.fetch('/metrics')).text())
    assert.equal(value(families, 'proxy_request_total', { status: 'success' }), i)
    await (await early).text()
  }
})

test('hundreds of thousands of lines are written in slices, with the loop free between them', async () => {
  const to = createExposition()
  const samples = Array.from({ length: 300_000 }, (_, i) => [{ i: `${i}` }, i] as const)
  to.gauge('x', 'many', samples)
  let turns = 0
  let running = true
  const turn = (): void => {
    turns++
    if (running) setImmediate(turn)
  }
  setImmediate(turn)
  const bytes = await to.bytes()
  running = false
  assert.equal(bytes.toString().split('\n').length, 300_003)
  assert.ok(turns >= 5, `${turns} turns of the event loop`)
})

test('promtool finds nothing to say against what is exposed', { skip: promtoolMissing }, async (t) => {
  for (const api of [await startApi(t), await startFullApi(t)]) {
    const text = await (await api.fetch('/metrics')).text()
    assert.deepEqual(promtool(['check', 'metrics'], text), { code: 0, output: '' })
  }
  const wrong = promtool(['check', 'metrics'], '# TYPE requests counter\nrequests 1\n')
  assert.notEqual(wrong.code, 0)
})

test('labels and help survive whatever characters they hold', async () => {
  const to = createExposition()
  const service = 'a"b\\c\nd{e="f",}'
  to.counter('x_total', 'one\ntwo \\ three', [[{ service }, 1]])
  to.gauge('y', 'numbers', [
    [{ n: 'inf' }, Infinity],
    [{ n: 'tiny' }, 1e-9],
  ])
  const families = readExposition((await to.bytes()).toString())
  assert.equal(families.get('x_total')?.samples[0]?.labels.service, service)
  assert.equal(families.get('x_total')?.help, 'one\\ntwo \\\\ three')
  assert.deepEqual(
    families.get('y')?.samples.map((sample) => sample.value),
    [Infinity, 1e-9],
  )
})
