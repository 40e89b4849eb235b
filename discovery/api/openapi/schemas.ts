// The named schemas of the OpenAPI document: registry, traffic and history as the API shows them.
import { CODES } from '../../../shared/errors.js'
import { LATENCY_BUCKETS } from '../../../shared/metrics/histogram.js'
import { REFUSALS } from '../../../shared/metrics/refusals.js'
import { EJECTION_REASONS } from '../report-parts.js'
import {
  anyNumber,
  array,
  count,
  flag,
  map,
  nullable,
  number,
  object,
  oneOf,
  pageOf,
  ref,
  text,
  time,
  type Schema,
} from './schema.js'

const health = oneOf('up', 'down', 'unknown')
const priority = oneOf('high', 'med', 'low', 'unset')
const override = nullable(oneOf('drain', 'out-of-service'))
const status = oneOf('active', 'inactive', 'service unreachable', 'discovery server error', 'unknown')
const countsOf = (names: readonly string[]): Schema => ({
  type: 'object',
  properties: Object.fromEntries(names.map((name) => [name, count])),
  additionalProperties: false,
})

const packet = {
  start_time: time,
  end_time: time,
  final_status: status,
  response: text,
  latency_ms: number,
  tries: count,
}

const instanceFacts = {
  id: text,
  health,
  status,
  since: time,
  override,
  priority,
  reason: text,
  latency_ms: nullable(number),
  requests: count,
  errors: count,
  in_flight: count,
  connections: count,
  ejected_by: array(ref('Ejection')),
  polling_disputed: flag,
  flapping: flag,
}

const latency = object({
  mean: nullable(number),
  p50: nullable(number),
  p90: nullable(number),
  p99: nullable(number),
  max: nullable(number),
})

const workerGauges = { connections: count, in_flight: count, upgraded: count, loop_lag_ms: number, rss_bytes: count }

export const schemas: Readonly<Record<string, Schema>> = {
  Problem: object({ type: text, title: text, status: count, detail: text, field: text }, ['field']),
  Links: map(text),
  Health: object({
    status: { const: 'Discovery Server running' },
    name: text,
    processor: text,
    version: text,
    instances: count,
  }),
  Alive: object({ status: { const: 'alive' } }),
  Readiness: object({
    status: oneOf('ready', 'degraded', 'not ready'),
    checks: array(object({ name: oneOf('draining', 'processor', 'store', 'config'), ok: flag, detail: text })),
  }),
  Success: object({ status: { const: 'Success' } }),

  Stats: object({
    generated_at: time,
    service_statistics: array(
      object({
        instance_url: text,
        service_name: text,
        check_start_time: nullable(time),
        last_checked_at: nullable(time),
        last_failure: nullable(time),
        packet_limit: count,
        ...instanceFacts,
        stats_packets: array(ref('Packet')),
      }),
    ),
    services: array(ref('Service')),
    requests: ref('RequestTotals'),
    pipes: array(object({ name: text, events: map(number), values: map(anyNumber) })),
    store: object({ ok: flag, reason: text, since: time }, ['reason', 'since']),
  }),
  Packet: object(packet),
  Latency: latency,
  RequestTotals: object({
    total: count,
    errors: count,
    by_class: object({ '1xx': count, '2xx': count, '3xx': count, '4xx': count, '5xx': count, client_gone: count }),
    bytes_in: count,
    bytes_out: count,
    latency_ms: ref('Latency'),
    this_life: object({
      served: count,
      recorded: count,
      shed: count,
      attempts: object({ success: count, failure: count, timeout: count }),
      retries: count,
      errors_by_code: countsOf(CODES),
      refused_by_reason: countsOf(REFUSALS),
    }),
    history_dropped: count,
  }),

  Service: object({
    name: text,
    health: oneOf('up', 'degraded', 'down', 'unknown'),
    instances: count,
    up: count,
    down: count,
    unknown: count,
    overridden: count,
    drained: count,
    ejected: count,
    disputed: count,
    requests: count,
    errors: count,
    latency_ms: ref('Latency'),
    strategy: text,
    apis: array(text),
  }),
  Services: object({ items: array(ref('Service')) }),
  Instance: object({
    ...instanceFacts,
    service: text,
    url: text,
    weight: number,
    zone: nullable(text),
    metadata: map(text),
    check_started_at: nullable(time),
    last_checked_at: nullable(time),
    last_failure_at: nullable(time),
    polling: object({
      method: oneOf('health', 'ping', 'tcp'),
      frequency: { type: ['number', 'string'], description: 'Seconds, or a cron expression.' },
      timeout_ms: number,
      retries: count,
      retry_delay_ms: number,
      rise: count,
      fall: count,
      damping: nullable(object({ changes: count, window_ms: number, steady_ms: number })),
      packet_limit: count,
    }),
  }),
  Ejection: object({
    worker: text,
    reason: oneOf(...EJECTION_REASONS),
    guard: oneOf('open', 'half-open'),
  }),
  Overridden: object({
    instance: text,
    override,
    state: oneOf('safe to stop', 'draining', 'down', 'up'),
    in_flight: count,
    health,
  }),
  Instances: pageOf(ref('Instance')),
  Packets: pageOf(ref('Packet')),

  Routes: object({
    items: array(
      object({
        id: text,
        hosts: array(text),
        methods: array(text),
        path: text,
        exact: flag,
        headers: array(text),
        query: array(text),
        handler: {
          oneOf: [
            object({ kind: { const: 'forward' }, service: text }),
            object({ kind: { const: 'fixed' }, status: count }),
            object({ kind: { const: 'merge' }, services: array(text) }),
          ],
        },
        timeouts: object({
          connect_ms: nullable(number),
          first_byte_ms: nullable(number),
          idle_ms: nullable(number),
          total_ms: nullable(number),
        }),
        retry: object({ attempts: nullable(count), on: nullable(array(text)) }),
        listener: nullable(text),
        pipes: array(text),
      }),
    ),
  }),
  Listeners: object({
    items: array(
      object({
        name: nullable(text),
        host: nullable(text),
        port: count,
        kind: oneOf('http', 'tcp'),
        tls: flag,
        service: nullable(text),
        connections: count,
        accepted: count,
        refused: count,
        bytes_in: nullable(count),
        bytes_out: nullable(count),
      }),
    ),
  }),
  Requests: pageOf(
    object({
      at: time,
      id: text,
      service: nullable(text),
      instance: nullable(text),
      route: nullable(text),
      method: text,
      path: text,
      status: count,
      duration_ms: number,
      attempts: count,
      bytes_in: count,
      bytes_out: count,
      error: nullable(oneOf(...CODES)),
      client: text,
    }),
  ),
  Events: pageOf(
    object({
      at: time,
      instance: text,
      service: text,
      kind: oneOf('health', 'override', 'dispute', 'added', 'removed'),
      from: text,
      to: text,
      reason: text,
    }),
  ),
  Rollups: object({
    span: oneOf('minute', 'hour'),
    from: time,
    to: time,
    items: array(
      object({
        start: time,
        service: nullable(text),
        instance: nullable(text),
        requests: count,
        errors: count,
        classes: { type: 'array', items: count, minItems: 6, maxItems: 6 },
        latency_ms: ref('Latency'),
        buckets: { type: 'array', items: count, minItems: LATENCY_BUCKETS, maxItems: LATENCY_BUCKETS },
        bytes_in: count,
        bytes_out: count,
      }),
    ),
  }),
  Workers: object({
    processor: nullable(
      object({ name: text, state: oneOf('starting', 'serving', 'draining', 'stopped'), port: count, replaced: count }),
    ),
    items: array(
      object({
        name: text,
        pid: count,
        state: oneOf('starting', 'serving', 'draining', 'gone'),
        started_at: time,
        ...workerGauges,
        snapshot_seq: count,
      }),
    ),
    remote: array(object({ name: text, reported_at: time, ...workerGauges })),
  }),
  Explanation: object({
    method: text,
    host: text,
    target: text,
    outcome: {
      oneOf: [
        object({ kind: { const: 'forward' }, route: text, service: text, strategy: text }),
        object({ kind: { const: 'fixed' }, route: text, status: count }),
        object({ kind: { const: 'merge' }, route: text, services: array(text) }),
        object({ kind: { const: 'refused' }, code: oneOf(...CODES), status: count, detail: text }),
      ],
    },
    pipes: array(text),
    candidates: array(
      object(
        {
          instance: text,
          url: text,
          priority,
          weight: number,
          health,
          override: oneOf('drain', 'out-of-service'),
          zone: text,
          picked: flag,
          reason: text,
          ejections: array(ref('Ejection')),
          disputed: flag,
          flapping: flag,
          in_flight: count,
        },
        ['override', 'zone'],
      ),
    ),
    picks: array(text),
  }),
}
