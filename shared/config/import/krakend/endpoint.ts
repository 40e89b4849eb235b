// An endpoint as a route with `merge`.
import type { Path } from '../../document.js'
import { quoted } from '../../problem.js'
import type { Sketch } from '../sketch.js'
import { readSigner, readValidator } from './auth.js'
import { readBackend } from './backend.js'
import type { Hosts } from './hosts.js'
import { readRateLimit } from './limits.js'
import { readExtraConfig } from './namespaces.js'
import { readBots } from './security.js'
import { readFlatmap } from './shapes.js'
import type { Source } from './source.js'
import { readChecks, readJsonSchema } from './validation.js'

/** What holds where an endpoint says nothing. */
export interface Defaults {
  readonly hosts: { readonly hosts: readonly string[]; readonly from: Path } | undefined
  readonly timeout: { readonly text: string; readonly from: Path }
  readonly cacheTtl: { readonly text: string; readonly from: Path } | undefined
  readonly output: string | undefined
  /** Failures say why. */
  readonly errorText: boolean
  readonly mostBody: { readonly bytes: number; readonly from: Path } | undefined
}

const OUTPUTS: Readonly<Record<string, string>> = {
  json: 'json',
  'fast-json': 'json',
  'json-collection': 'json-collection',
  string: 'string',
  xml: 'xml',
  yaml: 'yaml',
  negotiate: 'negotiate',
  'no-op': 'no-op',
}

/** KrakenD takes bodies of any size; here they are held, and something must be the end of it. */
const REQUEST_SIZE = '10MiB'
const BODILESS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE'])

/** Of a part of `merge`. */
const MOST_CALLS = 16

/** A variable is none. */
const PARAMETER = /(?<!\$)\{([^{}/]+)\}/g

/** The path of the endpoint; undefined where it has none, which is a fault. */
export function readEndpoint(given: Source, hosts: Hosts, defaults: Defaults, sketch: Sketch): string | undefined {
  const said = given.text('endpoint')
  if (said === undefined) {
    if (!given.has('endpoint')) sketch.fault(given.path, 'there is no "endpoint"', 'the path, such as "/users/{id}"')
    return undefined
  }
  const path = /^(?:\/|\$\{)/.test(said) ? said : `/${said}`
  const method = (given.text('method') || 'GET').toUpperCase()
  const match = { path, methods: [method], exact: true }
  const route = sketch.add(['routes'], { match }, given.path)
  given.beside(route)
  const set = (name: string, value: unknown, from: Path = given.path): void => sketch.put([...route, name], value, from)
  sketch.put([...route, 'match', 'path'], path, given.at('endpoint'))
  if (given.has('method')) sketch.put([...route, 'match', 'methods', 0], method, given.at('method'))

  const backends = given.objects('backend') ?? []
  if (backends.length === 0) sketch.fault(given.path, 'the endpoint has no backend', 'give at least one in "backend"')
  const pipes = [...route, 'pipes']
  let sequential = false
  let validated = false
  readExtraConfig(given, [
    ['security/bot-detector', (extra, key) => readBots(extra, key, pipes, sketch)],
    [
      'auth/validator',
      (extra, key) => {
        validated = true
        readValidator(extra, key, pipes, sketch)
      },
    ],
    ['qos/ratelimit/router', (extra, key) => readRateLimit(extra, key, pipes, sketch)],
    ['validation/json-schema', (extra, key) => readJsonSchema(extra, key, pipes, sketch)],
    ['validation/cel', (extra, key) => readChecks(extra, key, pipes, sketch)],
    ['auth/signer', (extra, key) => readSigner(extra, key, pipes, sketch)],
    ['proxy', (extra, key) => void (sequential = readProxy(extra.object(key), set))],
  ])

  const parameters = new Set(Array.from(path.matchAll(PARAMETER), ([, name]) => name as string))
  const output = readOutput(given, defaults)
  const around = {
    ...{ sketch, hosts, defaultHosts: defaults.hosts, method, parameters, sequential, validated, route },
    asItIs: output === 'no-op',
  }
  backends.forEach((backend, i) => readBackend(backend, i, { ...around, alone: backends.length === 1 }))

  const timeout = given.duration('timeout')
  set('timeout', timeout ?? defaults.timeout.text, timeout === undefined ? defaults.timeout.from : given.at('timeout'))
  const ttl = given.duration('cache_ttl')
  if (ttl !== undefined) set('cache_ttl', ttl, given.at('cache_ttl'))
  else if (defaults.cacheTtl) set('cache_ttl', defaults.cacheTtl.text, defaults.cacheTtl.from)
  set('output', output, given.at('output_encoding'))
  const calls = readCalls(given)
  set('concurrent_calls', calls, given.at('concurrent_calls'))
  // Without a list nothing passes, and that must be said here.
  set('input_headers', given.texts('input_headers') ?? [], given.at('input_headers'))
  set('input_query_strings', given.texts('input_query_strings') ?? [], given.at('input_query_strings'))
  set('completed', 'X-Krakend-Completed')
  set('forwarding', 'strict')
  const { mostBody } = defaults
  // Where one backend gets it, and nothing looks at its answer, a body of any length passes on as it comes.
  const alone = backends.length === 1 && (calls ?? 1) <= 1
  const passes = output === 'no-op' && alone && sketch.at([...route, 'merge', 0, 'cache']) === undefined
  const mostBytes = mostBody?.bytes ?? (passes ? undefined : REQUEST_SIZE)
  if (!BODILESS.has(method)) set('request_size', mostBytes, mostBody?.from)
  if (defaults.errorText) set('return_error_msg', true)
  given.noteUnread((key) => ({
    message: `the key ${quoted(key)} of an endpoint is not known`,
    hint: 'see the keys of a route',
  }))
  return path
}

/** Returns whether the backends are asked one after the other. */
function readProxy(proxy: Source | undefined, set: (name: string, value: unknown, from?: Path) => void): boolean {
  if (!proxy) return false
  const sequential = proxy.flag('sequential') ?? false
  if (sequential) set('sequential', true, proxy.at('sequential'))
  set('flatmap', readFlatmap(proxy), proxy.at('flatmap_filter'))
  const fixed = proxy.object('static')
  const data = fixed?.raw('data')
  if (fixed && data !== undefined) set('static', { data, strategy: fixed.text('strategy') ?? 'always' }, fixed.path)
  // Later parts may name any earlier answer.
  proxy.texts('sequential_propagated_params')
  proxy.noteUnread((key) => ({
    message: `${quoted(key)} has no counterpart here`,
    hint: 'see the keys of a route with `merge`',
  }))
  return sequential
}

function readCalls(given: Source): number | undefined {
  const calls = given.number('concurrent_calls')
  if (calls === undefined || calls <= MOST_CALLS) return calls
  given.note('concurrent_calls', `${calls} calls at once are more than there may be`, `${MOST_CALLS} are made`)
  return MOST_CALLS
}

function readOutput(given: Source, defaults: Defaults): string | undefined {
  const name = given.text('output_encoding') ?? defaults.output
  if (name === undefined || name === '') return undefined
  const known = Object.hasOwn(OUTPUTS, name) ? OUTPUTS[name] : undefined
  if (known === undefined)
    given.note('output_encoding', `answers in ${quoted(name)} are written as JSON`, Object.keys(OUTPUTS).join(', '))
  return known
}
