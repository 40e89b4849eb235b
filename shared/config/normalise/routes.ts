// The routes: one for each API of each service, then those of `routes`.
import { RETRY } from '../defaults.js'
import type { Path } from '../document.js'
import type { PipeConfig, ProcessorConfig, RouteConfig, ServiceConfig } from '../model.js'
import { quoted } from '../problem.js'
import type { RouteInput } from '../schema/layouts.js'
import { suggest } from '../suggest.js'
import { trimSlash } from '../text/path.js'
import { defined, warnUseless, type Context, type Draft } from './context.js'
import { readTimeouts, readUpgrade } from './exchange.js'
import { readHandler } from './handler.js'
import { matchKey, readMatch } from './match.js'
import { readPipes, readRewrite } from './pipes.js'
import { readRetry } from './resilience.js'
import type { Settings } from './settings.js'

/** Where routes come together: ids are made unique, and a match that was there before is warned about. */
interface Table {
  add(route: Omit<RouteConfig, 'id'>, path: Path): void
  readonly routes: readonly RouteConfig[]
}

/** A service, with what its routes get from it. */
export interface Routed {
  readonly config: ServiceConfig
  readonly path: Path
  readonly pipes: readonly PipeConfig[]
}

export function readRoutes(
  services: readonly Routed[],
  given: readonly (Draft<RouteInput> | undefined)[],
  settings: Settings,
  processor: ProcessorConfig,
  context: Context,
): readonly RouteConfig[] {
  const table = createTable(context)
  const forward = ({ config, pipes }: Routed, path: string) => ({
    match: { hosts: [], methods: [], path, exact: false, headers: [], query: [] },
    handler: { kind: 'forward' as const, service: config.name },
    importance: 'normal' as const,
    pipes,
  })
  for (const service of services) {
    service.config.apis.forEach((api, i) => {
      table.add(forward(service, trimSlash(api)), [...service.path, 'apis', i])
    })
  }
  const byName = new Map(services.map((service) => [service.config.name, service]))
  for (const { name, takes } of processor.listeners) {
    const service = takes.kind === 'service' ? byName.get(takes.service) : undefined
    if (service) table.add({ ...forward(service, '/'), listener: name }, settings.path('processor', 'listeners'))
  }
  given.forEach((draft, i) => {
    if (!draft) return
    const route = readRoute(draft, ['routes', i], byName, processor, context)
    if (route) table.add(route, ['routes', i])
  })
  return table.routes
}

function readRoute(
  draft: Draft<RouteInput>,
  path: Path,
  byName: ReadonlyMap<string, Routed>,
  processor: ProcessorConfig,
  context: Context,
): Omit<RouteConfig, 'id'> | undefined {
  const timeouts = readTimeouts(draft, path, context)
  const handler = readHandler(draft, path, context)
  const match = draft.match && readMatch(draft.match, [...path, 'match'], context)
  const own = [
    ...readPipes(draft.pipes, [...path, 'pipes'], context),
    ...readRewrite(draft.rewrite, draft.match?.path ?? '', [...path, 'rewrite'], context),
  ]
  if (draft.listener !== undefined) checkListener(draft.listener, [...path, 'listener'], processor, context)
  if (!match || !handler) return undefined
  const service = handler.kind === 'forward' ? byName.get(handler.service) : undefined
  const retry = readRetry(
    draft.retry,
    service?.config.retry ?? RETRY,
    { ...(service?.config.timeouts ?? processor.timeouts), ...timeouts },
    [...path, 'retry'],
    context,
  )
  const some = (given: object) => Object.keys(given).length > 0
  const upgrade = readUpgrade(draft.upgrade)
  if (handler.kind !== 'forward') {
    const answer = handler.kind === 'fixed' ? 'to a fixed answer' : 'to an answer that is put together'
    warnUseless(draft, ['upgrade', 'rewrite'], answer, path, context)
  }
  warnUnguarded(draft.merge, own, path, byName, processor, context)
  return {
    match,
    handler,
    ...defined({ listener: draft.listener }),
    pipes: [...(service?.pipes ?? []), ...own],
    ...(some(timeouts) && { timeouts }),
    ...(some(retry) && { retry }),
    importance: draft.importance ?? 'normal',
    ...(upgrade && { upgrade }),
  }
}

/** What a route puts together comes past the pipes of the services that it asks. */
function warnUnguarded(
  parts: Draft<RouteInput>['merge'],
  own: readonly PipeConfig[],
  path: Path,
  byName: ReadonlyMap<string, Routed>,
  { pipes, hosts }: ProcessorConfig,
  { report }: Context,
): void {
  const before = new Set([...pipes, ...hosts.flatMap((host) => host.pipes), ...own].map(({ use }) => use))
  parts?.forEach((part, i) => {
    const service = part?.service === undefined ? undefined : byName.get(part.service)
    const missing = service?.pipes.find(({ guards, use }) => guards === true && !before.has(use))
    if (missing === undefined) return
    const message = `the pipe ${missing.use} of ${quoted(part?.service ?? '')} does not stand before this route`
    report.warn([...path, 'merge', i, 'service'], { message, hint: 'put it into the pipes of the route, too' })
  })
}

function checkListener(name: string, path: Path, { listeners }: ProcessorConfig, { report }: Context): void {
  const listener = listeners.find((one) => one.name === name)
  if (listener?.takes.kind === 'routes') return
  if (listener) {
    const message = `the listener ${quoted(name)} is for the service ${quoted(listener.takes.service)} alone`
    report.fault(path, { message, hint: 'name a listener without "service" and "tcp"' })
    return
  }
  const near = suggest(
    name,
    listeners.flatMap((one) => (one.takes.kind === 'routes' ? [one.name] : [])),
  )
  const hint = near ?? 'list it under "listeners" of the processor'
  report.fault(path, { message: `there is no listener ${quoted(name)}`, hint })
}

function createTable({ report, line }: Context): Table {
  const routes: RouteConfig[] = []
  const ids = new Set<string>()
  const lastOf = new Map<string, number>()
  const firsts = new Map<string, Path>()
  return {
    routes,
    add(route, path) {
      const key = matchKey(route)
      const first = firsts.get(key)
      if (first) report.warn(path, `line ${line(first)} routes the same; the last wins`)
      else firsts.set(key, path)
      const name = nameOf(route)
      let n = lastOf.get(name) ?? 0
      let id: string
      do id = ++n === 1 ? name : `${name}#${n}`
      while (ids.has(id))
      lastOf.set(name, n)
      ids.add(id)
      routes.push({ id, ...route })
    },
  }
}

function nameOf({ handler, match, listener }: Omit<RouteConfig, 'id'>): string {
  const answers = handler.kind === 'forward' ? handler.service : handler.kind
  return `${answers}:${match.path}${listener === undefined ? '' : `@${listener}`}`
}
