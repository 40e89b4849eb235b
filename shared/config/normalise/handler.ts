// What a route does with its requests: sends them to a service, puts several answers together, or answers by itself.
import type { Path } from '../document.js'
import type { RouteConfig } from '../model.js'
import type { RouteInput } from '../schema/layouts.js'
import type { Context, Draft } from './context.js'
import { readMerge } from './merge.js'
import { readSentFields } from './polling.js'

/** Every answer of the gateway's own has them. */
const OWN_FIELDS: ReadonlySet<string> = new Set(['date', 'via', 'x-request-id'])

/** A route has one of them. */
const KINDS = ['service', 'merge', 'fixed'] as const

export function readHandler(
  draft: Draft<RouteInput>,
  path: Path,
  context: Context,
): RouteConfig['handler'] | undefined {
  const { report, services } = context
  const { service, fixed } = draft
  const given = KINDS.filter((kind) => draft[kind] !== undefined)
  const merge = readMerge(draft, path, context, services.named)
  const [first, second] = given
  if (second !== undefined) {
    report.fault([...path, second], { message: `"${first}" is there too`, hint: 'keep one of the two' }, 'key')
    return undefined
  }
  if (merge) return { kind: 'merge', merge }
  if (service !== undefined) {
    return services.use(service, [...path, 'service']) ? { kind: 'forward', service } : undefined
  }
  if (fixed) return readFixed(fixed, [...path, 'fixed'], context)
  const told = KINDS.some((kind) => report.has([...path, kind]))
  if (!told) report.fault(path, 'a route needs "service", "merge" or "fixed"', 'key')
  return undefined
}

function readFixed(
  fixed: NonNullable<Draft<RouteInput>['fixed']>,
  path: Path,
  context: Context,
): Extract<RouteConfig['handler'], { kind: 'fixed' }> {
  const { report } = context
  const headers = readSentFields(fixed.headers ?? {}, [...path, 'headers'], context)
  for (const name of Object.keys(headers)) {
    if (!OWN_FIELDS.has(name.toLowerCase())) continue
    report.fault([...path, 'headers', name], `the gateway sets ${name.toLowerCase()} itself`, 'key')
  }
  const echo = fixed.echo === true
  const statusPath = [...path, 'status']
  if (fixed.status === undefined && !echo && !report.has(statusPath))
    report.fault(statusPath, '"status" is required', 'key')
  const status = fixed.status ?? 200
  const body = fixed.body ?? ''
  if (body !== '' && echo)
    report.fault([...path, 'body'], { message: '"echo" is there too', hint: 'keep one of the two' }, 'key')
  // RFC 9110 section 15: these never have content.
  if ((body !== '' || echo) && (status === 204 || status === 205 || status === 304)) {
    report.fault([...path, echo ? 'status' : 'body'], `an answer with status ${status} has no body`)
  }
  return { kind: 'fixed', status, headers, body, ...(echo && { echo }) }
}
