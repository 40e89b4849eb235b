// The discovery server's API as one express application: which path is answered by what.
import express, { type Express, type NextFunction, type Request, type Response } from 'express'
import { REPORT_LIMITS } from '../../shared/metrics/limits.js'
import { requireChanger } from './access.js'
import { createChanges } from './changes.js'
import type { ApiDeps } from './deps.js'
import { createDump } from './dump.js'
import { mount, sendJson } from './endpoint.js'
import { createMetrics } from './metrics.js'
import { openapi } from './openapi/document.js'
import { healthEndpoint, liveEndpoint, readyEndpoint } from './probes.js'
import { answerError, ApiProblem } from './problem.js'
import { readQuery } from './query.js'
import { reportsEndpoint } from './reports.js'
import { createSettle } from './settle.js'
import { statsEndpoint } from './stats.js'
import { eventsEndpoint, requestsEndpoint, rollupsEndpoint } from './v1/history.js'
import { explainEndpoint, listenersEndpoint, routesEndpoint, workersEndpoint } from './v1/processor.js'
import { purgeEndpoint } from './v1/purge.js'
import { planEndpoint, reloadEndpoint } from './v1/reload.js'
import { createOverrides } from './v1/overrides.js'
import {
  instanceEndpoint,
  instancesEndpoint,
  serviceEndpoint,
  servicesEndpoint,
  snapshotEndpoint,
} from './v1/registry.js'

export interface Api {
  readonly app: Express
  /** `deps.config` is another one. */
  reconfigured(): void
  /** Ends change streams and scheduled dumps. */
  close(): Promise<void>
}

const JSON_BODY = 'application/json'

const HEADERS = {
  'X-Content-Type-Options': 'nosniff',
  'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Cache-Control': 'no-store',
}

export function createApi(deps: ApiDeps): Api {
  const settle = createSettle(deps)
  const changes = createChanges(deps)
  const dump = createDump(deps, settle)
  const metrics = createMetrics(deps, settle)
  const reports = reportsEndpoint(deps)
  const overrides = createOverrides(deps, settle)
  // Strict: a compressed body could be a thousand times its length, and only objects are of use.
  const readBody = express.json({ limit: REPORT_LIMITS.bodyBytes, inflate: false, strict: true, type: JSON_BODY })

  const app = express()
  app.disable('x-powered-by')
  app.disable('etag')
  app.set('query parser', false)
  app.use((_req, res, next) => {
    res.set(HEADERS)
    next()
  })

  mount(app, '/', {
    get: links({
      health: '/health',
      stats: '/stats',
      ready: '/readyz',
      metrics: '/metrics',
      api: '/api/v1',
      openapi: '/openapi.json',
    }),
  })
  mount(app, '/health', { get: healthEndpoint(deps) })
  mount(app, '/stats', { get: statsEndpoint(deps, settle) })
  mount(app, '/dump', { get: dump.endpoint })
  mount(app, '/livez', { get: liveEndpoint() })
  mount(app, '/readyz', { get: readyEndpoint(deps) })
  mount(app, '/metrics', { get: metrics.endpoint })
  mount(app, '/openapi.json', { get: links(openapi(deps.version)) })

  mount(app, '/api/v1', { get: links(V1) })
  mount(app, V1.services, { get: servicesEndpoint(deps, settle) })
  mount(app, `${V1.services}/:name`, { get: serviceEndpoint(deps, settle) })
  mount(app, V1.instances, { get: instancesEndpoint(deps, settle) })
  mount(app, `${V1.instances}/*id`, { get: instanceEndpoint(deps, settle) })
  mount(app, V1.routes, { get: routesEndpoint(deps) })
  mount(app, V1.listeners, { get: listenersEndpoint(deps, settle) })
  mount(app, V1.requests, { get: requestsEndpoint(deps, settle) })
  mount(app, V1.events, { get: eventsEndpoint(deps, settle) })
  mount(app, V1.rollups, { get: rollupsEndpoint(deps, settle) })
  mount(app, V1.workers, { get: workersEndpoint(deps) })
  mount(app, V1.explain, { get: explainEndpoint(deps) })
  mount(app, V1.snapshot, { get: snapshotEndpoint(deps) })
  mount(app, V1.changes, { get: changes.endpoint })
  mount(app, V1.drain, { post: overrides.drain })
  mount(app, V1.undrain, { post: overrides.undrain })
  mount(app, V1.down, { post: overrides.down })
  mount(app, V1.up, { post: overrides.up })
  mount(app, V1.plan, { post: planEndpoint(deps) })
  mount(app, V1.reload, { post: reloadEndpoint(deps) })
  mount(app, V1.purge, { post: purgeEndpoint(deps, changes) })
  mount(app, V1.reports, {
    post: async (req, res) => {
      requireChanger(req, deps.config.discovery.token)
      if (!req.is(JSON_BODY)) throw new ApiProblem(415, `only ${JSON_BODY} is read here`)
      await new Promise<void>((resolve, reject) => {
        readBody(req, res, (error?: unknown) => (error ? reject(error as Error) : resolve()))
      })
      await reports(req, res)
    },
  })

  app.use(() => {
    throw new ApiProblem(404, 'there is nothing here; the links are at / and /api/v1')
  })
  app.use((error: unknown, req: Request, res: Response, _next: NextFunction) => answerError(error, req, res, deps.log))

  return {
    app,
    reconfigured: () => dump.reconfigured(),
    async close() {
      overrides.close()
      changes.close()
      metrics.close()
      await dump.close()
    },
  }
}

const V1 = {
  services: '/api/v1/services',
  instances: '/api/v1/instances',
  routes: '/api/v1/routes',
  listeners: '/api/v1/listeners',
  requests: '/api/v1/requests',
  events: '/api/v1/events',
  rollups: '/api/v1/rollups',
  workers: '/api/v1/workers',
  explain: '/api/v1/explain',
  snapshot: '/api/v1/snapshot',
  changes: '/api/v1/snapshot/changes',
  reports: '/api/v1/reports',
  drain: '/api/v1/drain',
  undrain: '/api/v1/undrain',
  down: '/api/v1/down',
  up: '/api/v1/up',
  plan: '/api/v1/plan',
  reload: '/api/v1/reload',
  purge: '/api/v1/purge',
}

/** Always the same document. */
function links(body: unknown) {
  return (req: Request, res: Response) => {
    readQuery(req, [])
    sendJson(res, body)
  }
}
