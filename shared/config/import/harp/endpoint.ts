// An endpoint of HARP: a port, and the addresses of one API behind it. It becomes a service with a listener.
import type { Path } from '../../document.js'
import { quoted } from '../../problem.js'
import { checkName, type Names } from '../names.js'
import type { Entry, Section } from '../section.js'
import type { Sketch } from '../sketch.js'
import type { HarpClient } from './client.js'
import { readBreaker } from './breaker.js'
import { readProbe } from './probe.js'

export interface Endpoint {
  readonly section: Section
  readonly port: unknown
  readonly portAt: Path
}

/** The name of its service; undefined where none can be made of it. */
export function readEndpoint(
  { section: endpoint, port, portAt }: Endpoint,
  client: HarpClient,
  names: Names,
  sketch: Sketch,
): string | undefined {
  endpoint.required('name')
  const given = endpoint.text('name') ?? ''
  if (port === undefined) {
    const hint = 'give it a port, or a route of the native config'
    const shown = quoted(endpoint.written('name') ?? '')
    sketch.note(endpoint.path, `the endpoint ${shown} has no port, and is left out`, hint)
    return undefined
  }
  checkName(given, endpoint.at('name'), sketch)
  const name = names.from(given, 'api')
  const service: Path = ['services', name]
  sketch.put(service, {}, endpoint.path)
  const description = endpoint.text('description')
  if (description !== undefined && description !== '') sketch.comment(service, description)
  const listener = sketch.add(['processor', 'listeners'], {}, endpoint.path)
  sketch.put([...listener, 'name'], name, endpoint.at('name'))
  // Text will do for HARP, too.
  const isDigits = typeof port === 'string' && /^\d{1,5}$/.test(port)
  sketch.put([...listener, 'port'], isDigits ? Number(port) : port, portAt)
  sketch.put([...listener, 'service'], name, endpoint.at('name'))
  const url = endpoint.text('url')
  const remote = endpoint.section('remote')
  if (url !== undefined && remote)
    sketch.fault(endpoint.at('url'), '"remote" is there too', 'keep one of the two', 'key')
  if (url === undefined && !remote) sketch.fault(endpoint.path, 'an endpoint needs "url" or "remote"', undefined, 'key')
  if (url !== undefined) readSingle(url, endpoint, service, sketch)
  if (remote) readRemote(remote, service, sketch)
  client.apply(service)
  endpoint.rest({
    controller: 'write a pipe that answers: a Python class cannot run here',
    rules: 'write a pipe: Python cannot run here',
  })
  return name
}

function readSingle(url: string, endpoint: Section, service: Path, sketch: Sketch): void {
  sketch.put([...service, 'servers', 0], url, endpoint.at('url'))
  noteLastPiece(url, endpoint.at('url'), service, sketch)
  readProbe(undefined, [], service, endpoint.path, sketch)
}

function readRemote(remote: Section, service: Path, sketch: Sketch): void {
  const members = remote.list('endpoints')
  if (members.length === 0) sketch.fault(remote.path, 'a remote needs "endpoints"', undefined, 'key')
  const pooled = members.some(({ section }) => section !== undefined && poolsOf(section).includes('fallback'))
  const urls = members.map((member, i) => readMember(member, [...service, 'servers', i], pooled, sketch))
  readPoolSize(remote, pooled, service, sketch)
  readProbe(remote.section('probe'), urls, service, remote.path, sketch)
  const sections = members.map(({ section }) => section)
  readBreaker(remote, sections, service, sketch)
  for (const section of sections) section?.rest()
  remote.rest({ current_pool_name: 'drop it: it is found out' })
}

/** Its address; empty where it has none. */
function readMember({ value, path, section }: Entry, server: Path, pooled: boolean, sketch: Sketch): string {
  const url = section ? section.text('url') : value
  section?.required('url')
  sketch.put(server, {}, path)
  if (typeof url !== 'string') {
    if (!section) sketch.fault(path, 'must be an address, or an object with "url"')
    return ''
  }
  sketch.put([...server, 'url'], url, section ? section.at('url') : path)
  noteLastPiece(url, section ? section.at('url') : path, server, sketch)
  if (pooled && section) putTier(section, server, sketch)
  else if (pooled) sketch.put([...server, 'priority'], 'high', path)
  return url
}

/** HARP resolves the path of a request against the address, as links are: RFC 3986 section 5.2.3. */
function noteLastPiece(url: string, from: Path, at: Path, sketch: Sketch): void {
  const piece = /^[a-z]+:\/\/[^/?#]+\/(?:[^?#]*\/)?([^/?#]+)$/i.exec(url)?.[1]
  if (piece === undefined) return
  sketch.note(
    from,
    'the whole path of the address is put before that of each request; HARP leaves out its last piece, which no "/" ends',
    'take that piece out of the address to have it as it was',
    { at },
  )
}

function poolsOf(member: Section): unknown[] {
  const pools = member.list('pools').map(({ value }) => value)
  return pools.length === 0 ? ['default'] : pools
}

function putTier(member: Section, server: Path, sketch: Sketch): void {
  const pools = poolsOf(member)
  for (const pool of pools) {
    if (pool === 'default' || pool === 'fallback') continue
    sketch.fault(member.at('pools'), 'a pool is "default" or "fallback"')
  }
  sketch.put(
    [...server, 'priority'],
    pools.includes('default') ? 'high' : 'med',
    member.has('pools') ? member.at('pools') : member.path,
  )
}

function readPoolSize(remote: Section, pooled: boolean, service: Path, sketch: Sketch): void {
  const least = remote.number('min_pool_size') ?? 1
  const at = remote.at('min_pool_size')
  // An API whose addresses are all down is told of at once.
  sketch.put([...service, 'balance', 'panic'], 'refuse', remote.path)
  if (pooled && least > 1) sketch.put([...service, 'balance', 'min_instances'], least, at)
  if (!pooled || least >= 1) return
  sketch.note(at, 'fallback addresses join as soon as no other is left', 'take those out that shall never be asked', {
    at: service,
  })
}
