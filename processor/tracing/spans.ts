// A traced exchange as spans in the JSON form of OTLP 1.x, with the names of OpenTelemetry's conventions for HTTP.
import type { RequestRecord } from '../../shared/metrics/report.js'
import type { Trace, TracedAttempt } from './trace.js'

export interface TracedExchange {
  readonly trace: Trace
  readonly record: RequestRecord
}

export interface SpanSource {
  readonly version: string
  /** Name of the worker, with its machine. */
  readonly worker: string
  /** What clients speak here. */
  readonly scheme: 'http' | 'https'
}

type Value = { readonly stringValue: string } | { readonly intValue: string } | { readonly boolValue: boolean }

interface Attribute {
  readonly key: string
  readonly value: Value
}

const SERVER = 2
const CLIENT = 3
const FAILED = { code: 2 }
const UNSET = {}
/** Others would make names and values without number. */
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH', 'QUERY'])

/** The body of one export request. */
export function encode(exchanges: readonly TracedExchange[], source: SpanSource): string {
  return JSON.stringify({
    resourceSpans: [
      {
        resource: {
          attributes: attributes({
            'service.name': 'serverpy',
            'service.version': source.version,
            'service.instance.id': source.worker,
          }),
        },
        scopeSpans: [
          {
            scope: { name: 'serverpy', version: source.version },
            spans: exchanges.flatMap((exchange) => spansOf(exchange, source)),
          },
        ],
      },
    ],
  })
}

function spansOf({ trace, record }: TracedExchange, { scheme }: SpanSource) {
  const { status } = record
  const failed = status === 0 || status >= 500
  const server = {
    traceId: trace.traceId,
    spanId: trace.spanId,
    ...(trace.parentId !== '' && { parentSpanId: trace.parentId }),
    name: record.route === '' ? method(record) : `${method(record)} ${record.route}`,
    kind: SERVER,
    startTimeUnixNano: nanos(record.at),
    endTimeUnixNano: nanos(record.at + record.durationMs),
    attributes: attributes({
      ...requestOf(record),
      'url.path': record.path,
      'url.scheme': scheme,
      'client.address': record.client,
      'http.response.status_code': status === 0 ? undefined : status,
      'error.type': failed ? record.error || `${status}` : undefined,
      'serverpy.request_id': record.id,
      'serverpy.route': record.route,
      'serverpy.service': record.service,
      'serverpy.instance': record.instance,
      'serverpy.attempts': record.attempts,
    }),
    status: failed ? FAILED : UNSET,
  }
  return [server, ...trace.attempts.map((attempt, i) => attemptSpan(attempt, i, trace, record))]
}

function attemptSpan(attempt: TracedAttempt, index: number, trace: Trace, record: RequestRecord) {
  const { instance, status, error, startedAt, endedAt } = attempt
  // The wall clock of the record and the monotonic one of the tries meet at the begin of the exchange.
  const at = (monotonic: number) => nanos(record.at + Math.max(0, monotonic - trace.startedAt))
  const failed = error !== '' || status >= 400
  return {
    traceId: trace.traceId,
    spanId: attempt.spanId,
    parentSpanId: trace.spanId,
    name: method(record),
    kind: CLIENT,
    startTimeUnixNano: at(startedAt),
    endTimeUnixNano: endedAt === undefined ? nanos(record.at + record.durationMs) : at(endedAt),
    attributes: attributes({
      ...requestOf(record),
      'url.full': urlAt(instance, record.path),
      'server.address': instance.host,
      'server.port': instance.port,
      'http.response.status_code': status === 0 ? undefined : status,
      'http.request.resend_count': index === 0 ? undefined : index,
      'error.type': failed ? error || `${status}` : undefined,
      'serverpy.service': record.service,
      'serverpy.instance': instance.id,
      'serverpy.attempt': index + 1,
      'serverpy.hedge': attempt.hedge ? true : undefined,
      'serverpy.abandoned': endedAt === undefined ? true : undefined,
    }),
    status: failed ? FAILED : UNSET,
  }
}

function method(record: RequestRecord): string {
  return METHODS.has(record.method) ? record.method : 'HTTP'
}

function requestOf(record: RequestRecord) {
  const known = METHODS.has(record.method)
  return {
    'http.request.method': known ? record.method : '_OTHER',
    'http.request.method_original': known ? undefined : record.method,
  }
}

/** Without the query, which may hold secrets. */
function urlAt({ secure, host, port, basePath }: TracedAttempt['instance'], path: string): string {
  const name = host.includes(':') ? `[${host}]` : host
  return `${secure ? 'https' : 'http'}://${name}:${port}${basePath}${path}`
}

/** Those that have a value. */
function attributes(of: Readonly<Record<string, string | number | boolean | undefined>>): Attribute[] {
  const list: Attribute[] = []
  for (const [key, value] of Object.entries(of)) {
    if (value === undefined || value === '') continue
    if (typeof value === 'string') list.push({ key, value: { stringValue: value } })
    else if (typeof value === 'number') list.push({ key, value: { intValue: `${value}` } })
    else list.push({ key, value: { boolValue: value } })
  }
  return list
}

/** Epoch milliseconds in nanoseconds, to the microsecond: more does not fit in a number. */
function nanos(epochMs: number): string {
  return `${Math.round(epochMs * 1000)}000`
}
