// The top of a KrakenD file: ports, times and what holds for every endpoint.
import type { Path } from '../../document.js'
import type { Sketch } from '../sketch.js'
import type { Defaults } from './endpoint.js'
import { readRateLimit } from './limits.js'
import { readExtraConfig } from './namespaces.js'
import { some } from './pipe.js'
import { readBots, readCors, readSecurityFields } from './security.js'
import { readClientTls } from './shapes.js'
import type { Source } from './source.js'
import { noteUseless, readDownstreamTls } from './server.js'

export interface Gateway extends Defaults {
  /** Keys of every service. */
  readonly service: Readonly<Record<string, unknown>>
  /** Which of its own paths the gateway answers; the health page under the path it has. */
  readonly own: { readonly health: string | undefined; readonly debug: boolean; readonly echo: boolean }
}

const PIPES: Path = ['processor', 'pipes']
/** Where the options of the pipe `krakend` are written; it is the first. */
export const DETAILS: Path = [...PIPES, 0]

/** Of KrakenD. */
const DEFAULT_PORT = 8080
const DEFAULT_TIMEOUT = '2s'

/** From KrakenD's key to the one of this product. */
const TIMES: readonly (readonly [key: string, name: string])[] = [
  ['read_header_timeout', 'request_head'],
  ['idle_timeout', 'keep_alive'],
  ['dialer_timeout', 'connect'],
  ['response_header_timeout', 'first_byte'],
  ['idle_connection_timeout', 'upstream_keep_alive'],
  ['max_shutdown_wait_time', 'drain'],
]

export function readGateway(given: Source, sketch: Sketch): Gateway {
  const put = (path: Path, value: unknown, key: string): void => sketch.put(path, value, given.at(key))
  put(['processor', 'name'], given.text('name') || undefined, 'name')
  put(['processor', 'host'], given.text('listen_ip') || undefined, 'listen_ip')
  put(['processor', 'port'], given.number('port') ?? DEFAULT_PORT, 'port')
  for (const [key, name] of TIMES) put(['processor', 'timeouts', name], given.duration(key), key)
  put(['processor', 'limits', 'head'], given.number('max_header_bytes'), 'max_header_bytes')
  const idle = given.number('max_idle_connections_per_host')
  put(['processor', 'limits', 'idle_upstream_connections'], idle, 'max_idle_connections_per_host')
  readDownstreamTls(given, sketch)

  sketch.put(DETAILS, { use: 'krakend', redirect_slash: true, redirect_letters: true }, given.path)
  let health: string | undefined = '/__health'
  let errorText = false
  let mostBody: Gateway['mostBody']
  readExtraConfig(given, [
    [
      'router',
      (extra, key) => {
        const router = readRouter(extra.object(key), sketch)
        errorText = router.errorText
        health = router.health
        mostBody = router.mostBody
      },
    ],
    ['security/cors', (extra, key) => readCors(extra, key, PIPES, sketch)],
    ['security/http', (extra, key) => readSecurityFields(extra, key, PIPES, sketch)],
    ['security/bot-detector', (extra, key) => readBots(extra, key, PIPES, sketch)],
    ['qos/ratelimit/service', (extra, key) => readRateLimit(extra, key, PIPES, sketch)],
  ])

  const client = readClientTls(given.object('client_tls'))
  const insecure = given.flag('allow_insecure_connections')
  const tls = { ...(insecure === true && { verify: false }), ...client }
  const hosts = some(given.texts('host'))
  const timeout = given.duration('timeout')
  const cacheTtl = given.duration('cache_ttl')
  const gateway = {
    hosts: hosts && { hosts, from: given.at('host') },
    timeout: { text: timeout ?? DEFAULT_TIMEOUT, from: timeout === undefined ? [] : given.at('timeout') },
    cacheTtl: cacheTtl === undefined ? undefined : { text: cacheTtl, from: given.at('cache_ttl') },
    output: given.text('output_encoding'),
    errorText,
    mostBody,
    service: Object.keys(tls).length > 0 ? { tls } : {},
    own: {
      health,
      // KrakenD has them where it is told so; who has used them finds them here in any case, unless told not to.
      debug: given.flag('debug_endpoint') ?? true,
      echo: given.flag('echo_endpoint') ?? true,
    },
  }
  noteUseless(given)
  return gateway
}

interface Router {
  readonly errorText: boolean
  readonly mostBody: Gateway['mostBody']
  readonly health: string | undefined
}

function readRouter(given: Source | undefined, sketch: Sketch): Router {
  const set = (name: string, value: unknown, key: string): void => sketch.put([...DETAILS, name], value, given?.at(key))
  const errorText = given?.flag('return_error_msg') ?? false
  if (errorText) set('return_error_msg', true, 'return_error_msg')
  if (given?.flag('hide_version_header')) set('version', false, 'hide_version_header')
  for (const [key, name] of [
    ['disable_redirect_trailing_slash', 'redirect_slash'],
    ['disable_redirect_fixed_path', 'redirect_letters'],
    ['no_redirects', 'redirect_slash'],
    ['no_redirects', 'redirect_letters'],
  ] as const)
    if (given?.flag(key)) set(name, false, key)
  const bodies = given?.object('error_body')
  for (const [status, name] of [
    ['404', 'not_found'],
    ['405', 'not_allowed'],
  ] as const) {
    const body = bodies?.raw(status)
    if (body !== undefined) sketch.put([...DETAILS, name], JSON.stringify(body), bodies?.at(status))
  }
  bodies?.noteUnread(() => ({ message: 'this body has no counterpart here', hint: 'the pipe `error`' }))
  sketch.put(['processor', 'timeouts', 'request_head'], given?.duration('read_header_timeout'), given?.path)
  const proxies = some(given?.texts('trusted_proxies'))
  sketch.put(['processor', 'trusted_proxies'], proxies, given?.at('trusted_proxies'))
  const bytes = given?.number('max_payload')
  const hidden = given?.flag('disable_health') === true
  const path = given?.text('health_path') || '/__health'
  given?.noteUnread((key) => ({
    message: `the option "${key}" of the router has no counterpart here`,
    hint: ROUTER[key] ?? 'the routes themselves',
  }))
  return {
    errorText,
    mostBody: given && bytes ? { bytes, from: given.at('max_payload') } : undefined,
    health: hidden ? undefined : path,
  }
}

const ROUTER: Readonly<Record<string, string>> = {
  remote_ip_headers: 'processor.trusted_proxies: X-Forwarded-For of those is believed',
  forwarded_by_client_ip: 'processor.trusted_proxies',
  disable_access_log: 'processor.access_log is off unless it is there',
  logger_skip_paths: 'processor.access_log is off unless it is there',
  disable_handle_method_not_allowed: 'routes with fixed answers',
  auto_options: 'the pipe `cors`',
  disable_gzip: 'the pipe `compress` is off unless it is there',
}
