// The first version of harbr-router's file: one address to listen on, and an upstream for each prefix of paths.
import { TIMEOUTS } from '../../defaults.js'
import type { Path } from '../../document.js'
import { putListen, type Names } from '../names.js'
import type { Section } from '../section.js'
import type { Sketch } from '../sketch.js'

/** Of harbr-router's own: it cannot be set there. */
const HEALTH = { frequency: 10, timeout: 5, expect: { status: '200-299' } }
/** Where a limit of ours would end a request before the file's does. */
const OWN_LIMIT_MS = TIMEOUTS.firstByteMs
/** Longer than this nobody waits for a connection unless told to. */
const OWN_CONNECT_MS = TIMEOUTS.connectMs
const MOST_ATTEMPTS = 20

export function readPrefixes(root: Section, names: Names, sketch: Sketch): void {
  for (const key of ['listen_addr', 'global_timeout_ms', 'max_connections', 'routes']) root.required(key)
  const address = root.text('listen_addr')
  const port = address === undefined ? undefined : putListen(address, ['processor'], root.at('listen_addr'), sketch)
  freeDiscoveryPort(port, root.at('listen_addr'), sketch)
  const globalMs = root.number('global_timeout_ms') ?? 0
  putGlobal(root, sketch)
  putConnections(root, sketch)
  const routes = root.named('routes')
  if (routes.length === 0 && root.has('routes')) sketch.fault(root.at('routes'), 'there must be a route')
  for (const { name: prefix, section } of routes) readPrefix(prefix, section, globalMs, names, sketch)
}

function putGlobal(root: Section, sketch: Sketch): void {
  const ms = root.number('global_timeout_ms')
  const from = root.at('global_timeout_ms')
  if (ms === undefined) return
  const at = ['processor', 'timeouts']
  putTotal(ms, at, from, sketch)
  sketch.note(
    from,
    `an answer that still comes after ${ms} ms is cut off; harbr-router waits so long for its head only`,
    'where downloads or streams take longer, set first_byte_ms in place of total_ms',
    { at },
  )
}

function putConnections(root: Section, sketch: Sketch): void {
  const most = root.value('max_connections')
  if (most === undefined) return
  const at = ['processor', 'limits', 'connections']
  sketch.put(at, most, root.at('max_connections'))
  sketch.note(
    root.at('max_connections'),
    '"max_connections" counts for each worker process here, not for all together',
    'divide it by the number of workers, or set processor.workers: 1',
    { at },
  )
}

function readPrefix(prefix: string, route: Section, globalMs: number, names: Names, sketch: Sketch): void {
  const service: Path = ['services', names.from(prefix, 'root')]
  sketch.put(service, {}, route.path)
  route.required('upstream')
  const upstream = route.text('upstream')
  sketch.put([...service, 'servers', 0], upstream, route.at('upstream'))
  noteBasePath(upstream, route.at('upstream'), service, sketch)
  sketch.put([...service, 'apis', 0], prefix, route.path)
  const check = route.text('health_check_path')
  if (check === undefined) putConnectionCheck(service, route.path, sketch)
  else {
    const from = route.at('health_check_path')
    sketch.put([...service, 'polling'], { method: 'health', endpoint: check, ...HEALTH }, from)
    sketch.put([...service, 'polling', 'endpoint'], check, from)
    sketch.put([...service, 'balance'], { panic: 'refuse' }, from)
    sketch.comment(
      [...service, 'balance'],
      'an upstream that fails its check gets nothing until it recovers, unless its requests go on to succeed',
    )
  }
  const timeoutMs = route.number('timeout_ms')
  if (timeoutMs !== undefined) {
    putTry(timeoutMs, [...service, 'timeout'], route.at('timeout_ms'), sketch)
    if (timeoutMs > globalMs) putTotal(timeoutMs, [...service, 'timeout'], route.at('timeout_ms'), sketch)
  }
  putRetries(route.number('retry_count') ?? 0, service, route.at('retry_count'), sketch)
  notePreservedHost(route, sketch)
  route.rest()
}

/** A service needs polling; the cheapest one finds what does not listen at all. */
export function putConnectionCheck(service: Path, from: Path, sketch: Sketch): void {
  sketch.put([...service, 'polling'], { method: 'tcp', frequency: 10, timeout: 5 }, from)
  sketch.comment([...service, 'polling'], 'where no health check was set, whether a connection opens is looked at')
}

/** A time limit of each try: what comes after the head of an answer is not in it. */
export function putTry(ms: number, at: Path, from: Path, sketch: Sketch): void {
  if (isNegative(ms, from, sketch)) return
  sketch.put([...at, 'first_byte_ms'], ms, from)
  if (ms < OWN_CONNECT_MS) sketch.put([...at, 'connect_ms'], ms, from)
}

/** A time limit of a whole exchange. */
export function putTotal(ms: number | undefined, at: Path, from: Path, sketch: Sketch): void {
  if (ms === undefined || isNegative(ms, from, sketch)) return
  sketch.put([...at, 'total_ms'], ms, from)
  if (ms <= OWN_LIMIT_MS) return
  for (const key of ['first_byte_ms', 'idle_ms'])
    if (sketch.at([...at, key]) === undefined) sketch.put([...at, key], ms, from)
}

/** `retries`: tries beside the first. */
export function putRetries(retries: number, service: Path, from: Path, sketch: Sketch): void {
  if (isNegative(retries, from, sketch)) return
  const attempts = Math.min(retries + 1, MOST_ATTEMPTS)
  sketch.put([...service, 'retry', 'attempts'], attempts, from)
  if (attempts > 1) sketch.put([...service, 'retry', 'on'], ['connect', 'reset', 'timeout'], from)
  if (retries >= MOST_ATTEMPTS)
    sketch.note(from, `more than ${MOST_ATTEMPTS} tries are not made`, 'lower it: so many tries only add to the load', {
      at: service,
    })
}

function isNegative(number: number, from: Path, sketch: Sketch): boolean {
  if (number < 0) sketch.fault(from, 'must not be negative')
  return number < 0
}

/** harbr-router never puts the path of an upstream before that of a request. */
export function noteBasePath(address: string | undefined, from: Path, at: Path, sketch: Sketch): void {
  if (address === undefined || !/^[a-z]+:\/\/[^/?#]+\/[^?#]/i.test(address)) return
  sketch.note(
    from,
    'the path of the address is put before the path of each request here',
    'take it out of the address where it shall not be',
    { at },
  )
}

export function notePreservedHost(section: Section, sketch: Sketch): void {
  if (section.boolean('preserve_host_header') !== true) return
  sketch.note(
    section.at('preserve_host_header'),
    'instances get their own name as Host',
    'have them read X-Forwarded-Host, which holds what the client asked for',
  )
}

/** The discovery server has a port of its own, which the file knows nothing of. */
export function freeDiscoveryPort(taken: number | undefined, from: Path, sketch: Sketch): void {
  if (taken === 8008) sketch.put(['discovery', 'port'], 8009, from)
  sketch.note(
    from,
    'metrics are not on this port',
    `they are on the discovery server's: port ${taken === 8008 ? 8009 : 8008}, /metrics`,
    { at: ['processor'] },
  )
}
