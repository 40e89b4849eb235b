// A backend of an endpoint as a part of `merge`.
import type { Path } from '../../document.js'
import { quoted } from '../../problem.js'
import type { Sketch } from '../sketch.js'
import type { Hosts, More } from './hosts.js'
import { readBackendLimit, readBreaker, readPartLimit } from './limits.js'
import { readExtraConfig } from './namespaces.js'
import { some } from './pipe.js'
import { readClient, readFlatmap } from './shapes.js'
import type { Source } from './source.js'
import { readChecks, readPartChecks } from './validation.js'

/** Of the endpoint that a backend belongs to. */
interface Surroundings {
  readonly sketch: Sketch
  readonly hosts: Hosts
  /** The service's own, for backends that name none; `from` is where they stand. */
  readonly defaultHosts: { readonly hosts: readonly string[]; readonly from: Path } | undefined
  /** Of the endpoint. */
  readonly method: string
  readonly parameters: ReadonlySet<string>
  readonly sequential: boolean
  readonly validated: boolean
  /** Whether there is no other backend. */
  readonly alone: boolean
  /** Its answer is passed on: whatever it says of its encoding, KrakenD does not read it. */
  readonly asItIs: boolean
  /** `routes[n]` of the native config. */
  readonly route: Path
}

/** Of a part. */
const SMALLEST_CACHE = 1024

const ENCODINGS: Readonly<Record<string, string>> = {
  json: 'json',
  'fast-json': 'json',
  safejson: 'safejson',
  string: 'string',
  xml: 'xml',
  rss: 'rss',
  'no-op': 'no-op',
}

/** `index` counts the backends of the endpoint. */
export function readBackend(given: Source, index: number, around: Surroundings): void {
  const { sketch } = around
  const part = sketch.add([...around.route, 'merge'], {}, given.path)
  const set = (name: string, value: unknown, key?: string): void =>
    sketch.put([...part, name], value, key === undefined ? given.path : given.at(key))
  // Read first: they say what the service of these hosts is like.
  let service: Record<string, unknown> = {}
  readExtraConfig(given, [
    ['proxy', (extra, key) => readProxy(extra.object(key), set)],
    ['backend/http', (extra, key) => readErrors(extra.object(key), set)],
    [
      'backend/http/client',
      (extra, key) => {
        const client = readClient(extra.object(key))
        if (client.noRedirect) set('redirects', 0)
        service = { ...service, ...client.service }
      },
    ],
    ['qos/circuit-breaker', (extra, key) => void (service = { ...service, ...readBreaker(extra, key) })],
    [
      'qos/ratelimit/proxy',
      (extra, key) => {
        if (around.alone) readBackendLimit(extra, key, [...around.route, 'pipes'], sketch)
        else readPartLimit(extra, key, part, sketch)
      },
    ],
    ['qos/http-cache', (extra, key) => readCache(extra.object(key), set)],
    [
      'validation/cel',
      (extra, key) => {
        if (around.alone) readChecks(extra, key, [...around.route, 'pipes'], sketch)
        else readPartChecks(extra, key, part, sketch)
      },
    ],
  ])

  const own = 'breaker' in service
  set('service', readHosts(given, around, { keys: service, from: given.at('extra_config'), own }))
  set('path', readPattern(given, index, around), 'url_pattern')
  set('method', (given.text('method') || around.method).toUpperCase(), given.has('method') ? 'method' : undefined)
  const encoding = readEncoding(given)
  set('encoding', around.asItIs ? undefined : encoding, 'encoding')
  set('is_collection', given.flag('is_collection'), 'is_collection')
  set('target', given.text('target') || undefined, 'target')
  const allow = some(given.texts('allow'))
  const deny = some(given.texts('deny'))
  set('allow', allow, 'allow')
  if (!allow) set('deny', deny, 'deny')
  set('mapping', readMapping(given, sketch), 'mapping')
  set('group', given.text('group') || undefined, 'group')
  set('input_headers', some(given.texts('input_headers')), 'input_headers')
  set('input_query_strings', some(given.texts('input_query_strings')), 'input_query_strings')
  set('timeout', given.duration('timeout'), 'timeout')
  // Addresses are checked in any case.
  given.flag('disable_host_sanitize')
  given.noteUnread((key) => ({
    message: `the key ${quoted(key)} of a backend is not known`,
    hint: 'see the keys of a part of `merge`',
  }))
}

function readProxy(proxy: Source | undefined, set: (name: string, value: unknown, key?: string) => void): void {
  if (!proxy) return
  set('flatmap', readFlatmap(proxy))
  set('shadow', proxy.flag('shadow') || undefined)
  const time = proxy.duration('shadow_timeout')
  if (time !== undefined) set('timeout', time)
  proxy.noteUnread(() => ({
    message: 'this option of a backend has no counterpart here',
    hint: 'see the keys of a part of `merge`',
  }))
}

function readErrors(http: Source | undefined, set: (name: string, value: unknown, key?: string) => void): void {
  if (!http) return
  const details = http.text('return_error_details')
  const code = http.flag('return_error_code')
  set('return_error_details', details || undefined)
  if (!details) set('return_error_code', code || undefined)
  http.noteUnread(() => ({
    message: 'this option of a backend has no counterpart here',
    hint: 'see the keys of a part of `merge`',
  }))
}

/** Whether caches of several backends are one makes no difference to what is answered. */
function readCache(given: Source | undefined, set: (name: string, value: unknown, key?: string) => void): void {
  const bytes = given?.number('max_size') ?? 0
  given?.flag('shared')
  set('cache', bytes >= SMALLEST_CACHE ? bytes : given !== undefined)
  given?.noteUnread((key) => ({
    message: `"${key}" of a cache has no counterpart here`,
    hint: 'cache of a part: its bytes',
  }))
}

function readHosts(given: Source, around: Surroundings, more: More): string | undefined {
  const { sketch, hosts, defaultHosts } = around
  const sd = given.text('sd')
  const scheme = given.text('sd_scheme')
  const own = some(given.texts('host'))
  if (sd === 'dns' || sd === 'dns-shared')
    given.note(
      'sd',
      'SRV records are not looked up: the host is taken as an address',
      'list the instances, or let them register',
    )
  else if (sd && sd !== 'static') sketch.fault(given.at('sd'), `${quoted(sd)} is not known`, 'static or dns')
  if (own) {
    const schemed = scheme === 'https' ? own.map((host) => (host.includes('://') ? host : `https://${host}`)) : own
    return hosts.service(schemed, given.at('host'), more)
  }
  if (defaultHosts) return hosts.service(defaultHosts.hosts, defaultHosts.from, more)
  sketch.fault(given.path, 'the backend has no host', 'give "host" here or at the top')
  return undefined
}

/** The path, with what is in braces checked against what there is. */
function readPattern(given: Source, index: number, around: Surroundings): string | undefined {
  const pattern = given.text('url_pattern')
  if (pattern === undefined) {
    if (!given.has('url_pattern')) around.sketch.fault(given.path, 'the backend has no "url_pattern"')
    return undefined
  }
  for (const [, name = ''] of pattern.matchAll(/(?<!\$)\{([^{}]*)\}/g)) {
    const fault = parameterFault(name, index, around)
    if (fault !== undefined)
      around.sketch.fault(given.at('url_pattern'), `the parameter ${quoted(name)} is undefined`, fault)
  }
  return pattern.startsWith('/') ? pattern : `/${pattern}`
}

function parameterFault(name: string, index: number, around: Surroundings): string | undefined {
  if (around.parameters.has(name)) return undefined
  const earlier = /^resp(\d+)(?:_.+)?$/i.exec(name)?.[1]
  if (earlier !== undefined) {
    if (!around.sequential) return 'answers of other backends are there with "sequential": true only'
    return Number(earlier) < index ? undefined : 'only backends before this one have answered by then'
  }
  if (name.startsWith('JWT.')) return around.validated ? undefined : 'claims are there with "auth/validator" only'
  const known = [...around.parameters]
  return known.length > 0 ? `the endpoint has ${known.map((one) => `{${one}}`).join(', ')}` : 'the endpoint has none'
}

function readEncoding(given: Source): string | undefined {
  const name = given.text('encoding')
  if (name === undefined || name === '') return undefined
  const known = Object.hasOwn(ENCODINGS, name) ? ENCODINGS[name] : undefined
  if (known === undefined)
    given.note('encoding', `answers in ${quoted(name)} are read as JSON`, Object.keys(ENCODINGS).join(', '))
  return known
}

function readMapping(given: Source, sketch: Sketch): Record<string, string> | undefined {
  const mapping = given.object('mapping')
  if (!mapping) return undefined
  const names = given.raw('mapping') as Record<string, unknown>
  for (const [from, to] of Object.entries(names))
    if (typeof to !== 'string') sketch.fault([...mapping.path, from], 'must be text')
  return names as Record<string, string>
}
