// The schemas of what processors elsewhere exchange with discovery: the model's own spelling, times in epoch milliseconds.
import { CODES } from '../../../shared/errors.js'
import { LATENCY_BUCKETS } from '../../../shared/metrics/histogram.js'
import { REPORT_LIMITS } from '../../../shared/metrics/limits.js'
import { EJECTION_REASONS, GUARDS } from '../report-parts.js'
import { anyNumber, array, count, flag, map, number, object, oneOf, ref, text, type Schema } from './schema.js'

export const wireSchemas: Readonly<Record<string, Schema>> = {
  WireInstance: object(
    {
      id: text,
      service: text,
      url: text,
      secure: flag,
      host: text,
      port: { type: 'integer', minimum: 1, maximum: 65535 },
      basePath: text,
      priority: oneOf('high', 'med', 'low', 'unset'),
      weight: number,
      zone: text,
      metadata: map(text),
      health: oneOf('up', 'down', 'unknown'),
      override: oneOf('drain', 'out-of-service'),
      since: number,
    },
    ['zone', 'override'],
  ),
  Snapshot: object({ term: count, seq: count, instances: array(ref('WireInstance')) }),
  ChangeLine: {
    description: 'One line of the stream. A delta applies to the snapshot with the same term whose seq is its base.',
    oneOf: [
      object({ kind: { const: 'whole' }, snapshot: ref('Snapshot') }),
      object({
        kind: { const: 'delta' },
        term: count,
        seq: count,
        base: count,
        put: array(ref('WireInstance')),
        gone: array(text),
      }),
      object({ kind: { const: 'beat' } }),
      object({ kind: { const: 'purged' }, number: count, purges: array(ref('Purge')) }),
    ],
  },
  Purge: {
    oneOf: [
      object({ kind: { const: 'all' } }),
      object({ kind: { enum: ['url', 'prefix'] }, host: text, target: text }),
    ],
  },
  Report: object(
    {
      worker: text,
      records: {
        ...array(
          object({
            at: number,
            id: text,
            service: text,
            instance: text,
            route: text,
            method: text,
            path: text,
            status: count,
            durationMs: number,
            attempts: count,
            bytesIn: count,
            bytesOut: count,
            error: oneOf('', ...CODES),
            client: text,
          }),
        ),
        maxItems: REPORT_LIMITS.records,
      },
      counts: {
        ...array(
          object({
            service: text,
            instance: text,
            requests: count,
            errors: count,
            classes: { type: 'array', items: count, minItems: 6, maxItems: 6 },
            latencySumMs: number,
            latencyMaxMs: number,
            buckets: { type: 'array', items: count, minItems: LATENCY_BUCKETS, maxItems: LATENCY_BUCKETS },
            bytesIn: count,
            bytesOut: count,
          }),
        ),
        maxItems: REPORT_LIMITS.counts,
      },
      attempts: object({ success: count, failure: count, timeout: count }),
      retries: count,
      tried: {
        ...array(
          object({
            service: text,
            instance: text,
            success: count,
            failure: count,
            timeout: count,
            retries: count,
            hedges: count,
            ejections: count,
          }),
        ),
        maxItems: REPORT_LIMITS.counts,
      },
      services: {
        ...array(object({ service: text, queued: count, shed: count, budgetSpent: count })),
        maxItems: REPORT_LIMITS.counts,
      },
      pipes: {
        ...array(object({ pipe: text, counts: map(number) })),
        maxItems: REPORT_LIMITS.pipes,
      },
      listeners: {
        ...array(object({ listener: text, accepted: count, refused: count, bytesIn: count, bytesOut: count })),
        maxItems: REPORT_LIMITS.counts,
      },
      endpoints: {
        ...array(
          object(
            {
              instance: text,
              inFlight: count,
              connections: count,
              guard: oneOf(...GUARDS),
              reason: oneOf(...EJECTION_REASONS),
              disputed: flag,
            },
            ['reason'],
          ),
        ),
        maxItems: REPORT_LIMITS.endpoints,
      },
      waiting: { ...array(object({ service: text, queued: count })), maxItems: REPORT_LIMITS.counts },
      pipeStates: { ...array(object({ pipe: text, values: map(anyNumber) })), maxItems: REPORT_LIMITS.pipes },
      listening: { ...array(object({ listener: text, connections: count })), maxItems: REPORT_LIMITS.counts },
      snapshot: object({ term: count, seq: count }),
      suspects: { type: 'array', items: text, maxItems: REPORT_LIMITS.suspects },
      codes: map(count),
      refusals: map(count),
      served: count,
      shed: count,
      gauges: object({ connections: count, inFlight: count, upgraded: count, loopLagMs: number, rssBytes: count }),
    },
    ['listeners', 'endpoints', 'waiting', 'pipeStates', 'listening'],
  ),
}
