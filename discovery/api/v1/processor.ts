// /api/v1: the routes, the workers behind them, and why a request would go where it goes.
import type { RouteConfig } from '../../../shared/config/model.js'
import type { ProcessorStatus, WorkerStatus } from '../../../shared/processor.js'
import type { ApiDeps } from '../deps.js'
import { iso, sendJson, type Endpoint } from '../endpoint.js'
import { ApiProblem, badField } from '../problem.js'
import { readQuery } from '../query.js'
import type { Settle } from '../settle.js'
import type { WorkerGauges } from '../../traffic.js'
import { listenerViews } from '../views.js'

export function routesEndpoint(deps: ApiDeps): Endpoint {
  return (req, res) => {
    readQuery(req, [])
    sendJson(res, { items: deps.config.routes.map(routeView) })
  }
}

export function listenersEndpoint(deps: ApiDeps, settle: Settle): Endpoint {
  return async (req, res) => {
    readQuery(req, [])
    await settle.counts()
    sendJson(res, { items: listenerViews(deps) })
  }
}

export function workersEndpoint(deps: ApiDeps): Endpoint {
  return (req, res) => {
    readQuery(req, [])
    const status = deps.lifecycle.processor?.status()
    const own = new Set(status?.workers.map((worker) => worker.name))
    sendJson(res, {
      processor: status === undefined ? null : processorView(status),
      items: status?.workers.map(workerView) ?? [],
      remote: deps.traffic
        .workers()
        .filter(({ worker }) => !own.has(worker))
        .map(remoteView),
    })
  }
}

export function explainEndpoint(deps: ApiDeps): Endpoint {
  return (req, res) => {
    const query = readQuery(req, ['method', 'url'])
    const method = query.text('method') ?? 'GET'
    if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}$/.test(method)) throw badField('method', 'is not a method')
    const url = query.text('url')
    if (url === undefined) throw badField('url', 'is missing: a URL, or a path with its query')
    if (!isUrl(url)) throw badField('url', 'must be a http or https URL, or a path that begins with /')
    const { explain } = deps.lifecycle
    if (explain === undefined) throw new ApiProblem(503, 'no request processor runs in this process')
    sendJson(res, explain(method, url))
  }
}

function isUrl(url: string): boolean {
  return url.startsWith('/') || (/^https?:\/\//i.test(url) && URL.canParse(url))
}

/** Values of matched headers and query keys, and fixed answers, may be secrets: only names are shown. */
function routeView({ id, match, handler, listener, pipes, timeouts, retry }: RouteConfig) {
  return {
    id,
    hosts: match.hosts,
    methods: match.methods,
    path: match.path,
    exact: match.exact,
    headers: match.headers.map(({ name }) => name),
    query: match.query.map(({ name }) => name),
    handler: handlerView(handler),
    timeouts: {
      connect_ms: timeouts?.connectMs ?? null,
      first_byte_ms: timeouts?.firstByteMs ?? null,
      idle_ms: timeouts?.idleMs ?? null,
      total_ms: timeouts?.totalMs ?? null,
    },
    retry: { attempts: retry?.attempts ?? null, on: retry?.on ?? null },
    listener: listener ?? null,
    pipes: pipes.map(({ name }) => name),
  }
}

function handlerView(handler: RouteConfig['handler']) {
  switch (handler.kind) {
    case 'forward':
      return { kind: handler.kind, service: handler.service }
    case 'fixed':
      return { kind: handler.kind, status: handler.status }
    case 'merge':
      return { kind: handler.kind, services: [...new Set(handler.merge.parts.map((part) => part.service))] }
  }
}

function processorView({ name, state, port, replaced }: ProcessorStatus) {
  return { name, state, port, replaced }
}

function workerView(worker: WorkerStatus) {
  return {
    name: worker.name,
    pid: worker.pid,
    state: worker.state,
    started_at: iso(worker.startedAt),
    connections: worker.connections,
    in_flight: worker.inFlight,
    upgraded: worker.upgraded,
    loop_lag_ms: worker.loopLagMs,
    rss_bytes: worker.rssBytes,
    snapshot_seq: worker.snapshotSeq,
  }
}

/** Of a worker that reports from elsewhere only this is known. */
function remoteView({ worker, gauges, at }: WorkerGauges) {
  return {
    name: worker,
    reported_at: iso(at),
    connections: gauges.connections,
    in_flight: gauges.inFlight,
    upgraded: gauges.upgraded,
    loop_lag_ms: gauges.loopLagMs,
    rss_bytes: gauges.rssBytes,
  }
}
