// The second version of harbr-router's file: several proxies, each with an address to listen on and its upstreams.
import type { Path } from '../../document.js'
import { changedFieldFault } from '../../pipes/field-names.js'
import { quoted } from '../../problem.js'
import { fieldNameFault } from '../../text/http.js'
import { checkName, putListen, type Names } from '../names.js'
import type { Section } from '../section.js'
import type { Sketch } from '../sketch.js'
import { readGlobal } from './global.js'
import { putTotal } from './prefixes.js'
import { readUpstreams } from './upstreams.js'

/** Where a proxy listens: the processor's own port, or a listener beside it. */
interface Place {
  readonly name: string
  /** Undefined: the processor's own port. */
  readonly listener: Path | undefined
}

export function readInstances(root: Section, names: Names, sketch: Sketch): void {
  const proxies = root.sections('proxy_instances')
  if (proxies.length === 0) sketch.fault(root.at('proxy_instances'), 'there must be a proxy')
  const main = proxies.find((proxy) => (proxy.text('proxy_type') ?? 'http') === 'http')
  for (const proxy of proxies) {
    const kind = proxy.text('proxy_type') ?? 'http'
    if (kind !== 'http' && kind !== 'tcp') {
      sketch.note(
        proxy.at('proxy_type'),
        `the proxy ${quoted(proxy.written('name') ?? '')} is left out: ${quoted(kind)} is not proxied`,
        'keep harbr-router, or another proxy for datagrams, for this port',
      )
      continue
    }
    readProxy(proxy, kind, proxy === main, names, sketch)
  }
  // Without one the processor's own port has no routes: it need not be a known one.
  if (!main) sketch.put(['processor', 'port'], 0, root.at('proxy_instances'))
  const global = root.section('global')
  if (global) readGlobal(global, sketch)
}

function readProxy(proxy: Section, kind: string, main: boolean, names: Names, sketch: Sketch): void {
  proxy.required('listen_addr')
  const place = placeOf(proxy, main, names, sketch)
  const address = proxy.text('listen_addr')
  if (address !== undefined) putListen(address, place.listener ?? ['processor'], proxy.at('listen_addr'), sketch)
  const settings = proxy.section('config')
  const hosts = proxy.sections('hosts')
  const services =
    hosts.length > 0 && kind === 'http'
      ? readHosts(hosts, place, names, sketch)
      : [readWhole(proxy, hosts, place, kind, sketch)]
  if (settings) readSettings(settings, kind, services, place, sketch)
  proxy.rest()
}

function placeOf(proxy: Section, main: boolean, names: Names, sketch: Sketch): Place {
  const given = proxy.text('name') ?? ''
  checkName(given, proxy.at('name'), sketch)
  const name = names.from(given, 'proxy')
  if (main) return { name, listener: undefined }
  const listener = sketch.add(['processor', 'listeners'], {}, proxy.path)
  sketch.put([...listener, 'name'], name, proxy.at('name'))
  return { name, listener }
}

/** Every request, or every connection, of the port goes to one service. */
function readWhole(proxy: Section, hosts: readonly Section[], place: Place, kind: string, sketch: Sketch): Path {
  const service: Path = ['services', place.name]
  const upstreams = [...proxy.sections('upstreams'), ...hosts]
  if (upstreams.length === 0) sketch.fault(proxy.path, 'a proxy needs upstreams', undefined, 'key')
  readUpstreams(upstreams, service, proxy.path, kind, sketch)
  if (place.listener === undefined) sketch.put([...service, 'apis'], ['/'], proxy.path)
  else sketch.put([...place.listener, kind === 'tcp' ? 'tcp' : 'service'], place.name, proxy.path)
  return service
}

/** Each entry has a prefix of paths as its name. */
function readHosts(hosts: readonly Section[], place: Place, names: Names, sketch: Sketch): Path[] {
  return hosts.map((host) => {
    host.required('name')
    const prefix = host.text('name') ?? '/'
    const name = names.from(place.listener === undefined ? prefix : `${place.name}${prefix}`, 'root')
    const service: Path = ['services', name]
    readUpstreams([host], service, host.path, 'http', sketch)
    if (place.listener === undefined) sketch.put([...service, 'apis', 0], prefix, host.at('name'))
    else {
      const route = sketch.add(['routes'], {}, host.path)
      sketch.put([...route, 'match', 'path'], prefix, host.at('name'))
      sketch.put([...route, 'listener'], place.name, host.path)
      sketch.put([...route, 'service'], name, host.path)
    }
    return service
  })
}

/** Under the name of their kind, or right there. */
function readSettings(all: Section, kind: string, services: readonly Path[], place: Place, sketch: Sketch): void {
  const settings = all.section(kind) ?? all
  if (kind === 'tcp') readTcpSettings(settings, place, sketch)
  else for (const service of services) readHttpSettings(settings, service, place, sketch)
  if (settings !== all) all.rest()
  settings.rest({
    connection_pooling: 'connections to instances are always kept and used again',
    connection_pool_size: 'set processor.limits.upstream_connections, which counts per instance and worker',
    nodelay: 'drop it: small pieces are always sent at once',
    keepalive: 'drop it: connections that are dead are found by checks and by time limits',
  })
}

function readTcpSettings(settings: Section, { listener }: Place, sketch: Sketch): void {
  if (listener === undefined) return
  for (const key of ['idle_timeout_secs', 'max_idle_time_secs'])
    sketch.put([...listener, 'idle'], settings.value(key), settings.at(key))
}

function readHttpSettings(settings: Section, service: Path, { listener }: Place, sketch: Sketch): void {
  const pipes = [...service, 'pipes']
  const most = settings.value('max_request_size')
  if (most !== undefined) {
    const pipe = sketch.add(pipes, { use: 'body-limit' }, settings.at('max_request_size'))
    sketch.put([...pipe, 'bytes'], most, settings.at('max_request_size'))
  }
  readHeaders(settings, pipes, sketch)
  if (settings.boolean('sticky_sessions') === true)
    sketch.put([...service, 'balance', 'sticky'], true, settings.at('sticky_sessions'))
  const limits = [
    ['request_timeout_secs', (settings.number('request_timeout_secs') ?? 0) * 1000],
    ['timeout_ms', settings.number('timeout_ms') ?? 0],
  ] as const
  if (limits.every(([key]) => settings.has(key)))
    sketch.note(settings.at('request_timeout_secs'), '"timeout_ms" says the same', 'drop one of the two')
  for (const [key, ms] of limits) if (settings.has(key)) putTotal(ms, [...service, 'timeout'], settings.at(key), sketch)
  const keepAlive = settings.value('keep_alive_timeout_secs')
  if (listener === undefined)
    sketch.put(['processor', 'timeouts', 'keep_alive'], keepAlive, settings.at('keep_alive_timeout_secs'))
  else if (keepAlive !== undefined)
    sketch.note(
      settings.at('keep_alive_timeout_secs'),
      'kept connections have one time limit on all ports',
      'set processor.timeouts.keep_alive',
    )
}

/** Names and values that every request gets, and names that it loses. */
function readHeaders(settings: Section, pipes: Path, sketch: Sketch): void {
  const added = settings.section('add_headers')
  const removed = settings.list('remove_headers')
  const set = (added?.keys ?? []).filter((name) => isFree(name, added?.at(name) ?? [], sketch))
  const taken = removed.filter(({ value, path }) => typeof value !== 'string' || isFree(value, path, sketch))
  if (set.length === 0 && taken.length === 0) return
  const pipe = sketch.add(pipes, { use: 'headers' }, settings.at(set.length === 0 ? 'remove_headers' : 'add_headers'))
  for (const name of set) sketch.put([...pipe, 'request', 'set', name], literal(added?.value(name)), added?.at(name))
  taken.forEach(({ value, path }, i) => sketch.put([...pipe, 'request', 'remove', i], value, path))
}

/** Whether a pipe may change the field. Where it may not, the rest of the file holds all the same. */
function isFree(name: string, from: Path, sketch: Sketch): boolean {
  const fault = changedFieldFault(name, 'request')
  if (fault === undefined || fieldNameFault(name) !== undefined) return true
  sketch.note(from, `${quoted(name)} is left as it is: ${fault.message}`, fault.hint ?? 'drop it')
  return false
}

/** A text without places to fill in. A reference to a variable stays one. */
function literal(value: unknown): unknown {
  return typeof value === 'string'
    ? value.replace(/\$\{[^}]*\}|[{}]/g, (found) => (found.length > 1 ? found : found + found))
    : value
}
