// What a worker tells of its requests follows the config, and nothing that waits is lost when that changes.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTelemetry } from '../../processor/telemetry.js'
import type { ProcessorConfig, TracingConfig } from '../../shared/config/model.js'
import { silentLog } from '../../shared/log.js'
import { recordOf } from '../discovery/api/server.js'
import { testConfig } from '../kit/gateway.js'
import { waitFor } from '../kit/wait.js'
import { startReceiver } from './tracing/receiver.js'

function configOf(tracing: TracingConfig | undefined): ProcessorConfig {
  return {
    ...testConfig({ services: { s: { servers: ['127.0.0.1:9'], apis: ['/s'] } } }).processor,
    accessLog: { sample: 0 },
    ...(tracing && { tracing }),
  }
}

test('spans go where the config of their time says', async (t) => {
  const [first, second] = [await startReceiver(t), await startReceiver(t)]
  const to = (url: string): TracingConfig => ({ endpoint: url, sample: 1, headers: {} })
  const telemetry = createTelemetry(configOf(undefined), { worker: 'w1', log: silentLog })
  const request = (id: string) => {
    const trace = telemetry.tracer.begin('', 0)
    if (trace) telemetry.tracer.ended(trace, recordOf({ id }))
    return trace !== undefined
  }
  assert.equal(request('a'), false)
  telemetry.configure(configOf(to(first.url)))
  assert.equal(request('b'), true)
  telemetry.configure(configOf(to(first.url)))
  telemetry.configure(configOf(to(second.url)))
  assert.equal(request('c'), true)
  await waitFor(() => first.spans().length === 1, { what: 'the spans of before the change' })
  await telemetry.close()
  assert.match(first.exports[0]?.body ?? '', /"stringValue":"b"/)
  assert.match(second.exports[0]?.body ?? '', /"stringValue":"c"/)
  telemetry.configure(configOf(undefined))
  assert.equal(request('d'), false)
})
