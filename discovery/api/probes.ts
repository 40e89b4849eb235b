// Whether this process lives, may take traffic, and what ails it: for load balancers, orchestrators and people.
import { formatProblems } from '../../shared/config/problem.js'
import type { ApiDeps } from './deps.js'
import { iso, sendJson, type Endpoint } from './endpoint.js'
import { readQuery } from './query.js'

interface Check {
  readonly name: string
  readonly ok: boolean
  /** Without it no request can be served: readiness fails. Else the process serves on and says that it is degraded. */
  readonly vital: boolean
  readonly detail: string
}

/** The seed's answer, and the names beside it. */
export function healthEndpoint(deps: ApiDeps): Endpoint {
  return (req, res) => {
    readQuery(req, [])
    const { discovery, processor } = deps.config
    sendJson(res, {
      status: 'Discovery Server running',
      name: discovery.name,
      processor: processor.name,
      version: deps.version,
      instances: deps.registry.current.instances.length,
    })
  }
}

export function liveEndpoint(): Endpoint {
  return (req, res) => {
    readQuery(req, [])
    sendJson(res, { status: 'alive' })
  }
}

/** Polling and routing go on without the store: its trouble degrades, and only a processor that cannot serve is a 503. */
export function readyEndpoint(deps: ApiDeps): Endpoint {
  return (req, res) => {
    const verbose = readQuery(req, ['verbose']).flag('verbose')
    const checks = [drainingCheck(deps), processorCheck(deps), storeCheck(deps), configCheck(deps)]
    const failing = checks.filter((check) => !check.ok)
    const ready = !failing.some((check) => check.vital)
    const status = !ready ? 'not ready' : failing.length > 0 ? 'degraded' : 'ready'
    res.status(ready ? 200 : 503)
    if (!ready) res.set('Retry-After', '1')
    sendJson(res, {
      status,
      checks: (verbose ? checks : failing).map(({ name, ok, detail }) => ({ name, ok, detail })),
    })
  }
}

function drainingCheck({ lifecycle }: ApiDeps): Check {
  const detail = lifecycle.draining ? 'requests in flight are finished, new ones should go elsewhere' : 'no'
  return { name: 'draining', ok: !lifecycle.draining, vital: true, detail }
}

function processorCheck({ lifecycle }: ApiDeps): Check {
  const { processor, processorExpected } = lifecycle
  const name = 'processor'
  if (processor === undefined) {
    const detail = processorExpected ? 'not started yet' : 'runs apart'
    return { name, ok: !processorExpected, vital: true, detail }
  }
  const { state, workers } = processor.status()
  const serving = workers.filter((worker) => worker.state === 'serving').length
  const detail = `${state}, ${serving} of ${workers.length} workers serving`
  return { name, ok: state === 'serving' && serving > 0, vital: true, detail }
}

function storeCheck({ store, recall }: ApiDeps): Check {
  const health = store.health()
  const { missing } = recall
  const unread = missing.length > 0 ? `not read yet: ${missing.join(', ')}` : undefined
  const detail = health.ok ? (unread ?? 'written to') : health.reason
  return { name: 'store', ok: health.ok && unread === undefined, vital: false, detail }
}

/** A file that was refused degrades nothing yet, but the next start would fail. */
function configCheck({ config, lifecycle }: ApiDeps): Check {
  const { lastOk, lastAt, problems } = lifecycle.configReloads
  const held = `${counted(config.services.length, 'service')}, ${counted(config.routes.length, 'route')}`
  if (lastOk) return { name: 'config', ok: true, vital: false, detail: held }
  const [first] = formatProblems(problems)
  const more = problems.length < 2 ? '' : ` (and ${problems.length - 1} more)`
  const detail = `refused at ${iso(lastAt ?? 0)}, the one before serves on (${held}): ${first ?? ''}${more}`
  return { name: 'config', ok: false, vital: false, detail }
}

function counted(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? '' : 's'}`
}
