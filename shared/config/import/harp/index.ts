// HARP: a port for each external API, pools of its addresses, probes, and rules in Python.
import type { Document } from '../../document.js'
import { isObject } from '../../reader.js'
import type { Importer } from '../import.js'
import { createNames } from '../names.js'
import { createSection, type Section } from '../section.js'
import { createSketch, type Sketch } from '../sketch.js'
import { readClient } from './client.js'
import { readEndpoint } from './endpoint.js'
import { readRules } from './rules.js'

/** Where HARP's own pages are found unless the file says otherwise. */
const DASHBOARD_PORT = 4080

export const harp: Importer = {
  format: 'harp',
  title: 'HARP',
  recognises(data) {
    const { proxy } = data
    if (isObject(proxy) && Array.isArray(proxy['endpoints'])) return true
    return Array.isArray(data['proxy.endpoints']) || Array.isArray(data['applications'])
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
      return name === undefined ? [] : [{ name, called: endpoint.text('name') ?? '' }]
    })
    if (services.length === 0) sketch.fault([], 'there must be an endpoint with a port')
    readRules(root.section('rules'), services, sketch)
    noteRest(root)
    return sketch.done()
  },
}

function endpointsOf(root: Section): Section[] {
  const proxy = root.section('proxy')
  const endpoints = [...(proxy?.sections('endpoints') ?? []), ...root.sections('proxy.endpoints')]
  proxy?.rest()
  return endpoints
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
