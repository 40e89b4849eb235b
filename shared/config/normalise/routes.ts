// The routes: one for each API of each service, then those of `routes`.
import { RETRY } from '../defaults.js'
import type { Path } from '../document.js'
import type { FieldMatch, ProcessorConfig, RouteConfig, RouteMatch, ServiceConfig } from '../model.js'
import { MOST_SHOWN, quoted, type Fault } from '../problem.js'
import type { RouteInput } from '../schema/layouts.js'
import { suggest } from '../suggest.js'
import { plainHostPattern } from '../text/host.js'
import { matchedFieldFault } from '../text/http.js'
import { trimSlash } from '../text/path.js'
import type { Context, Draft } from './context.js'
import { readTimeouts, readUpgrade } from './exchange.js'
import { readSentFields } from './polling.js'
import { readRetry } from './resilience.js'

/** Where routes come together: ids are made unique, and a match that was there before is warned about. */
interface Table {
  add(route: Omit<RouteConfig, 'id'>, path: Path): void
  readonly routes: readonly RouteConfig[]
}

/** What is wrong with the name of a service; undefined where there is one. */
type Finder = (service: string) => Fault | undefined

/** Every answer of the gateway's own has them. */
const OWN_FIELDS: ReadonlySet<string> = new Set(['date', 'via', 'x-request-id'])

export function readRoutes(
  services: readonly { readonly config: ServiceConfig; readonly path: Path }[],
  given: readonly (Draft<RouteInput> | undefined)[],
  processor: ProcessorConfig,
  context: Context,
): readonly RouteConfig[] {
  const table = createTable(context)
  for (const { config, path } of services) {
    config.apis.forEach((api, i) => {
      const match = { hosts: [], methods: [], path: trimSlash(api), exact: false, headers: [], query: [] }
      table.add({ match, handler: { kind: 'forward', service: config.name }, importance: 'normal' }, [
        ...path,
        'apis',
        i,
      ])
    })
  }
  const byName = new Map(services.map(({ config }) => [config.name, config]))
  const find = createFinder([...byName.keys()])
  given.forEach((draft, i) => {
    const path = ['routes', i]
    const handler = draft && readHandler(draft, path, find, context)
    const match = draft?.match && readMatch(draft.match, [...path, 'match'], context)
    if (!draft || !match || !handler) return
    const timeouts = readTimeouts(draft, path, context)
    const service = handler.kind === 'forward' ? byName.get(handler.service) : undefined
    const retry = readRetry(
      draft.retry,
      service?.retry ?? RETRY,
      { ...(service?.timeouts ?? processor.timeouts), ...timeouts },
      [...path, 'retry'],
      context,
    )
    const some = (given: object) => Object.keys(given).length > 0
    const upgrade = readUpgrade(draft.upgrade)
    if (upgrade && handler.kind === 'fixed')
      context.report.warn([...path, 'upgrade'], '"upgrade" is of no use to a fixed answer', 'key')
    table.add(
      {
        match,
        handler,
        ...(some(timeouts) && { timeouts }),
        ...(some(retry) && { retry }),
        importance: draft.importance ?? 'normal',
        ...(upgrade && { upgrade }),
      },
      path,
    )
  })
  return table.routes
}

function createFinder(names: readonly string[]): Finder {
  const known = new Set(names)
  let guesses = 0
  return (service) => {
    if (known.has(service)) return undefined
    // Each guess looks at every name: more of them than are shown would cost much for nothing.
    const hint = guesses++ < MOST_SHOWN ? suggest(service, names) : undefined
    return { message: `there is no service ${quoted(service)}`, ...(hint !== undefined && { hint }) }
  }
}

function createTable({ report, line }: Context): Table {
  const routes: RouteConfig[] = []
  const ids = new Set<string>()
  const lastOf = new Map<string, number>()
  const firsts = new Map<string, Path>()
  return {
    routes,
    add(route, path) {
      const key = matchKey(route.match)
      const first = firsts.get(key)
      if (first) report.warn(path, `line ${line(first)} routes the same; the last wins`)
      else firsts.set(key, path)
      const name = `${route.handler.kind === 'forward' ? route.handler.service : 'fixed'}:${route.match.path}`
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

/** Equal for two matches that take the same requests: names of parameters and the order of lists say nothing. */
function matchKey({ hosts, methods, path, exact, headers, query }: RouteMatch): string {
  const sorted = (fields: readonly FieldMatch[]) =>
    fields.map((field) => JSON.stringify([field.name, field.value])).sort()
  return JSON.stringify([
    [...hosts].sort(),
    [...methods].sort(),
    path.replace(/\{[^}]*\}/g, '{}'),
    exact,
    sorted(headers),
    sorted(query),
  ])
}

function readMatch(
  draft: NonNullable<Draft<RouteInput>['match']>,
  path: Path,
  { report }: Context,
): RouteMatch | undefined {
  for (const name of Object.keys(draft.headers ?? {})) {
    const fault = matchedFieldFault(name)
    if (fault) report.fault([...path, 'headers', name], fault, 'key')
  }
  if (draft.path === undefined) return undefined
  return {
    hosts: listOf(draft.host).map(plainHostPattern),
    methods: listOf(draft.methods),
    path: trimSlash(draft.path),
    exact: draft.exact ?? false,
    headers: fieldsOf(draft.headers, (name) => name.toLowerCase()),
    query: fieldsOf(draft.query, (name) => name),
  }
}

function listOf(given: string | (string | undefined)[] | undefined): string[] {
  const list = (Array.isArray(given) ? given : [given]).filter((one) => one !== undefined)
  return [...new Set(list)]
}

function fieldsOf(
  given: Draft<Record<string, string | true>> | undefined,
  spell: (name: string) => string,
): FieldMatch[] {
  return Object.entries(given ?? {}).map(([name, value]) =>
    typeof value === 'string' ? { name: spell(name), value } : { name: spell(name) },
  )
}

function readHandler(
  draft: Draft<RouteInput>,
  path: Path,
  find: Finder,
  context: Context,
): RouteConfig['handler'] | undefined {
  const { report } = context
  const { service, fixed } = draft
  if (service !== undefined && fixed !== undefined) {
    report.fault([...path, 'fixed'], { message: '"service" is there too', hint: 'keep one of the two' }, 'key')
    return undefined
  }
  if (service !== undefined) {
    const fault = find(service)
    if (!fault) return { kind: 'forward', service }
    report.fault([...path, 'service'], fault)
    return undefined
  }
  if (!fixed) {
    const told = report.has([...path, 'service']) || report.has([...path, 'fixed'])
    if (!told) report.fault(path, 'a route needs "service" or "fixed"', 'key')
    return undefined
  }
  const headers = readSentFields(fixed.headers ?? {}, [...path, 'fixed', 'headers'], context)
  for (const name of Object.keys(headers)) {
    if (!OWN_FIELDS.has(name.toLowerCase())) continue
    report.fault([...path, 'fixed', 'headers', name], `the gateway sets ${name.toLowerCase()} itself`, 'key')
  }
  const status = fixed.status ?? 200
  const body = fixed.body ?? ''
  // RFC 9110 section 15: these never have content.
  if (body !== '' && (status === 204 || status === 205 || status === 304)) {
    report.fault([...path, 'fixed', 'body'], `an answer with status ${status} has no body`)
  }
  return { kind: 'fixed', status, headers, body }
}
