// /api/v1: what has happened: requests, events and the roll-ups of counts.
import type { RequestRecord } from '../../../shared/metrics/report.js'
import type { RegistryEvent, RequestFilter, Rollup } from '../../store/store.js'
import type { ApiDeps } from '../deps.js'
import { iso, sendJson, type Endpoint } from '../endpoint.js'
import { badField } from '../problem.js'
import { readQuery, type Query } from '../query.js'
import type { Settle } from '../settle.js'
import { latencyView, rounded } from '../views.js'
import { fromStore, pageBody, readPage } from './page.js'

export function requestsEndpoint(deps: ApiDeps, settle: Settle): Endpoint {
  return async (req, res) => {
    const query = readQuery(req, ['service', 'instance', 'route', 'method', 'status', 'limit', 'cursor'])
    const status = query.text('status')
    if (status !== undefined && !/^(0|[1-5]\d\d|[1-5]xx)$/.test(status)) {
      throw badField('status', 'must be a status (404), a class (5xx), or 0 for clients that had gone')
    }
    const filter = textsOf(query, ['service', 'instance', 'route', 'method', 'status']) satisfies RequestFilter
    const page = readPage(query)
    await settle.history()
    sendJson(res, await pageBody(() => deps.store.history.requests(filter, page), requestView))
  }
}

export function eventsEndpoint(deps: ApiDeps, settle: Settle): Endpoint {
  return async (req, res) => {
    const query = readQuery(req, ['service', 'instance', 'limit', 'cursor'])
    const filter = textsOf(query, ['service', 'instance'])
    const page = readPage(query)
    await settle.history()
    sendJson(res, await pageBody(() => deps.store.history.events(filter, page), eventView))
  }
}

const SPAN_MS = { minute: 60_000, hour: 3_600_000 } as const
const USUAL_SPANS = { minute: 60, hour: 24 } as const
const MOST_SPANS = 1_500
/** Spans times instances: what an answer may hold. */
const MOST_ROWS = 100_000

export function rollupsEndpoint(deps: ApiDeps, settle: Settle): Endpoint {
  return async (req, res) => {
    const query = readQuery(req, ['span', 'from', 'to', 'service', 'instance'])
    const span = query.oneOf('span', ['minute', 'hour']) ?? 'minute'
    const to = query.time('to') ?? deps.clock.wall() + 1
    const from = query.time('from') ?? to - USUAL_SPANS[span] * SPAN_MS[span]
    if (from >= to) throw badField('from', 'must lie before to')
    const spans = Math.ceil((to - from) / SPAN_MS[span])
    if (spans > MOST_SPANS) throw badField('from', `lies more than ${MOST_SPANS} ${span}s before to`)
    const filter = textsOf(query, ['service', 'instance'])
    if (filter.instance === undefined && spans * seriesOf(filter.service, deps) > MOST_ROWS) {
      throw badField('from', 'is too long ago for so many instances: ask for one, or for a shorter time')
    }
    await settle.history()
    const rollups = await fromStore(() => deps.store.history.rollups({ ...filter, span, from, to }))
    sendJson(res, { span, from: iso(from), to: iso(to), items: rollups.map(rollupView) })
  }
}

function seriesOf(service: string | undefined, { registry }: ApiDeps): number {
  const { instances } = registry.current
  return service === undefined ? instances.length : instances.filter((one) => one.service === service).length
}

/** The keys that are given; absent ones stay absent. */
function textsOf<K extends string>(query: Query<K>, keys: readonly K[]): { [P in K]?: string } {
  const found: { [P in K]?: string } = {}
  for (const key of keys) {
    const value = query.text(key)
    if (value !== undefined) found[key] = value
  }
  return found
}

function requestView(record: RequestRecord) {
  return {
    at: iso(record.at),
    id: record.id,
    service: record.service || null,
    instance: record.instance || null,
    route: record.route || null,
    method: record.method,
    path: record.path,
    status: record.status,
    duration_ms: rounded(record.durationMs),
    attempts: record.attempts,
    bytes_in: record.bytesIn,
    bytes_out: record.bytesOut,
    error: record.error || null,
    client: record.client,
  }
}

function eventView(event: RegistryEvent) {
  return { ...event, at: iso(event.at) }
}

function rollupView(rollup: Rollup) {
  return {
    start: iso(rollup.start),
    service: rollup.service || null,
    instance: rollup.instance || null,
    requests: rollup.requests,
    errors: rollup.errors,
    classes: rollup.classes,
    latency_ms: latencyView(rollup),
    buckets: rollup.buckets,
    bytes_in: rollup.bytesIn,
    bytes_out: rollup.bytesOut,
  }
}
