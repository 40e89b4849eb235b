// HARP: a port for each external API, pools of its addresses, probes, and rules in Python.
import type { Document } from '../../document.js'
import { quoted } from '../../problem.js'
import { isObject } from '../../reader.js'
import type { Importer } from '../import.js'
import { createNames } from '../names.js'
import { createSection, type Section } from '../section.js'
import { createSketch, type Sketch } from '../sketch.js'
import { readClient } from './client.js'
import { readEndpoint, type Endpoint } from './endpoint.js'
import { readRules } from './rules.js'

/** What a file of HARP has settings for. */
const APPLICATIONS: ReadonlySet<string> = new Set([
  'acl',
  'dashboard',
  'http_cache',
  'http_client',
  'janitor',
  'metrics',
  'notifications',
  'proxy',
  'rules',
  'sentry',
  'storage',
  'telemetry',
])

/** Where HARP's own pages are found unless the file says otherwise. */
const DASHBOARD_PORT = 4080

export const harp: Importer = {
  format: 'harp',
  title: 'HARP',
  told: ['rules'],
  marks(data) {
    const { proxy } = data
    const found = [
      ...(isObject(proxy) && isObject(proxy['endpoints']) ? ['proxy'] : []),
      ...(isObject(data['proxy.endpoints']) ? ['proxy.endpoints'] : []),
      ...(Array.isArray(data['applications']) ? ['applications'] : []),
    ]
    return found.length === 0 && isPart(data) ? Object.keys(data) : found
  },
  convert(document: Document) {
    const sketch = createSketch()
    const root = createSection(document, [], sketch)
    const names = createNames()
    readDashboard(root.section('dashboard'), sketch)
    // Every request comes by the port of an endpoint: the processor's own needs no known number.
    sketch.put(['processor', 'host'], '127.0.0.1')
    sketch.put(['processor', 'port'], 0)
    sketch.comment(['processor', 'port'], 'nothing is routed here: each API has a listener of its own')
    const client = readClient(root, sketch)
    const services = endpointsOf(root).flatMap((endpoint) => {
      const name = readEndpoint(endpoint, client, names, sketch)
      return name === undefined ? [] : [{ name, called: endpoint.section.text('name') ?? '' }]
    })
    if (services.length === 0)
      sketch.fault([], 'there must be an endpoint with a port', 'where HARP reads several files, put them into one')
    readRules(root, services, sketch)
    noteDotted(root, sketch)
    noteRest(root)
    return sketch.done()
  },
}

/** One of the files that HARP reads as one: nothing in it is a service of the native config. */
function isPart(data: Readonly<Record<string, unknown>>): boolean {
  const entries = Object.entries(data).filter(([key]) => key !== 'serverpy' && key !== '$schema')
  const isNone = (value: unknown) => !isObject(value) || 'servers' in value || 'apis' in value || 'polling' in value
  return entries.length > 0 && entries.every(([key, value]) => APPLICATIONS.has(key) && !isNone(value))
}

function endpointsOf(root: Section): Endpoint[] {
  const proxy = root.section('proxy')
  const endpoints = [...readEndpoints(proxy, 'endpoints'), ...readEndpoints(root, 'proxy.endpoints')]
  proxy?.rest()
  return endpoints
}

/** A list; in the first versions of HARP an object with the ports as its keys. */
function readEndpoints(parent: Section | undefined, key: string): Endpoint[] {
  const given = parent?.value(key)
  if (isObject(given) && !Array.isArray(given))
    return (parent?.named(key) ?? []).map(({ name, section }) => ({ section, port: name, portAt: section.path }))
  const list = parent?.sections(key) ?? []
  return list.map((section) => ({ section, port: section.value('port'), portAt: section.at('port') }))
}

function readDashboard(dashboard: Section | undefined, sketch: Sketch): void {
  const port = dashboard?.value('port') ?? DASHBOARD_PORT
  sketch.put(['discovery', 'port'], port, dashboard?.at('port') ?? [])
  sketch.comment(['discovery', 'port'], 'the API of the registry, the statistics and the metrics')
  if (dashboard === undefined) return
  if (dashboard.boolean('enabled') === false) {
    sketch.note(
      dashboard.at('enabled'),
      'the API of the discovery server cannot be switched off',
      'set discovery.host: 127.0.0.1 to keep its port to this machine',
      { at: ['discovery'] },
    )
  }
  dashboard.rest({
    auth: 'set discovery.token: what changes anything asks for it, reading is open',
    devserver: 'drop it: there is no page to develop',
    public_url: 'drop it: the API works behind any address',
  })
}

/** HARP takes `dashboard.port: 1` for `dashboard: { port: 1 }`. */
function noteDotted(root: Section, sketch: Sketch): void {
  for (const key of root.keys) {
    const dot = key.indexOf('.')
    const [head, rest] = [key.slice(0, dot), key.slice(dot + 1)]
    if (!APPLICATIONS.has(head) || key === 'proxy.endpoints' || root.value(key) === undefined) continue
    sketch.note(
      root.at(key),
      `${quoted(key)} is left out: keys with a dot are not read`,
      `write ${head}: { ${rest}: … }`,
    )
  }
}

function noteRest(root: Section): void {
  root.rest({
    applications: 'drop it: what they do is built in, or stands in notes of its own',
    storage: 'set discovery.store: what was served is kept there; the data of HARP is not taken over',
    janitor: 'set discovery.retention: old rows are removed by it',
    notifications: 'send alerts by rules over the metrics, such as those of Prometheus',
    sentry: 'write a pipe with onError that sends what it sees, or read the log',
    telemetry: 'drop it: nothing is reported to anybody',
    services: 'write pipes: nothing is injected',
    acl: 'use the pipe ip, or auth-basic',
    $schema: 'drop it',
  })
}
