// What only the whole config shows: two things on one port, a processor that would call itself, too much of anything.
import { isIPv4 } from 'node:net'
import type { InstanceSpec } from '../../registry/instance.js'
import type { Path } from '../document.js'
import type { Config, ProcessorConfig } from '../model.js'
import { quoted, type Part } from '../problem.js'
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

interface Port {
  readonly owner: string
  readonly host: string | undefined
  readonly port: number
  readonly path: Path
}

/** No two of them may want the same port; the later one in the list is marked, as far as it is in the file. */
function checkListeners({ discovery, processor }: Config, { path }: Settings, { report, isWritten }: Context): void {
  const ports: Port[] = [
    { owner: 'the discovery server', ...placed(discovery), path: path('discovery', 'port') },
    { owner: 'the request processor', ...placed(processor), path: path('processor', 'port') },
    ...processor.listeners.map((listener, i) => ({
      owner: `the listener ${quoted(listener.name)}`,
      ...placed(listener),
      path: [...path('processor', 'listeners'), i, 'port'],
    })),
  ]
  const sound = ports.filter((one) => one.port !== 0 && !report.has(one.path))
  const known = new Map<number, Port[]>()
  sound.forEach((one) => {
    const before = known.get(one.port)
    const other = before?.find(({ host }) => overlap(host, one.host))
    if (before) before.push(one)
    else known.set(one.port, [one])
    if (!other) return
    const message = `${other.owner} and ${one.owner} would both listen on port ${one.port}`
    const at = [one, other].map((port) => port.path).find(isWritten) ?? []
    report.fault(at, { message, hint: 'give one of them another port' })
  })
}

function placed({ host, port }: { readonly host?: string; readonly port: number }): Pick<Port, 'host' | 'port'> {
  return { host, port }
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
  const hosts = hostsByPort(processor).get(spec.port)
  if (!hosts || !(isThisMachine(spec.host) || hosts.has(spec.host))) return
  const message = 'this is the address of the request processor itself: requests would loop'
  report.warn(path, { message, hint: 'each ends in 508' }, part)
}

/** Every instance is looked up among the listeners, and there may be thousands of both. */
const byProcessor = new WeakMap<ProcessorConfig, ReadonlyMap<number, ReadonlySet<string | undefined>>>()

function hostsByPort(processor: ProcessorConfig): ReadonlyMap<number, ReadonlySet<string | undefined>> {
  const known = byProcessor.get(processor)
  if (known) return known
  const hosts = new Map<number, Set<string | undefined>>()
  for (const { host, port } of [processor, ...processor.listeners]) {
    const there = hosts.get(port)
    if (there) there.add(host?.toLowerCase())
    else hosts.set(port, new Set([host?.toLowerCase()]))
  }
  byProcessor.set(processor, hosts)
  return hosts
}

function isThisMachine(host: string): boolean {
  return ['localhost', '::1', '::', '0.0.0.0'].includes(host) || (isIPv4(host) && host.startsWith('127.'))
}
