// What only the whole config shows: two things on one port, a processor that would call itself, too much of anything.
import { isIPv4 } from 'node:net'
import type { InstanceSpec } from '../../registry/instance.js'
import type { Path } from '../document.js'
import type { Config, ProcessorConfig } from '../model.js'
import type { Part } from '../problem.js'
import type { Context } from './context.js'
import type { Settings } from './settings.js'

const MOST = { services: 10_000, instances: 100_000, routes: 100_000 }

export function checkWhole(config: Config, settings: Settings, context: Context): void {
  checkListeners(config, settings, context)
  const found = {
    services: config.services.length,
    instances: config.services.reduce((sum, service) => sum + service.servers.length, 0),
    routes: config.routes.length,
  }
  for (const kind of ['services', 'instances', 'routes'] as const) {
    if (found[kind] > MOST[kind]) context.report.fault([], `${found[kind]} ${kind} are too many; at most ${MOST[kind]}`)
  }
}

function checkListeners({ discovery, processor }: Config, { path }: Settings, { report, isWritten }: Context): void {
  const written = (['processor', 'discovery'] as const).map((half) => path(half, 'port'))
  if (written.some((port) => report.has(port))) return
  if (discovery.port !== processor.port || discovery.port === 0 || !overlap(discovery.host, processor.host)) return
  const message = `the discovery server and the request processor would both listen on port ${processor.port}`
  report.fault(written.find(isWritten) ?? [], { message, hint: 'give one of them another port' })
}

function overlap(a: string | undefined, b: string | undefined): boolean {
  return isWildcard(a) || isWildcard(b) || a?.toLowerCase() === b?.toLowerCase()
}

function isWildcard(host: string | undefined): boolean {
  return host === undefined || host === '0.0.0.0' || host === '::'
}

/** An instance at the processor's own address is legal, and a mistake. */
export function warnOfLoop(
  spec: InstanceSpec,
  processor: ProcessorConfig,
  path: Path,
  part: Part,
  { report }: Context,
): void {
  if (spec.port !== processor.port) return
  if (!isThisMachine(spec.host) && spec.host !== processor.host?.toLowerCase()) return
  const message = 'this is the address of the request processor itself: requests would loop'
  report.warn(path, { message, hint: 'each ends in 508' }, part)
}

function isThisMachine(host: string): boolean {
  return ['localhost', '::1', '::', '0.0.0.0'].includes(host) || (isIPv4(host) && host.startsWith('127.'))
}
