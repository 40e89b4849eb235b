// Imports a KrakenD configuration, version 3 of its format.
import type { Document } from '../../document.js'
import type { Imported, Importer } from '../import.js'
import { createSketch, type Sketch } from '../sketch.js'
import { readEndpoint } from './endpoint.js'
import { DETAILS, readGateway, type Gateway } from './gateway.js'
import { createHosts } from './hosts.js'
import { createSource } from './source.js'

const VERSION = 3

/** Of the full layout; none of them is in a file of KrakenD. */
const OWN = ['services', 'processor', 'discovery', 'routes']

export const krakend: Importer = {
  format: 'krakend',
  title: 'KrakenD',
  marks(data) {
    // A list called `endpoints` at the top is in no config of this product.
    const found = Array.isArray(data['endpoints']) ? ['endpoints'] : []
    // A number may be a mistake, and a path may have any name: beside keys of the full layout they say nothing.
    if (found.length === 0 && OWN.some((key) => key in data)) return []
    if (/\bkrakend\b/i.test(String(data['$schema']))) found.push('$schema')
    if (data['version'] === VERSION) found.push('version')
    return found
  },
  convert,
}

function convert(document: Document): Imported {
  const sketch = createSketch()
  const given = createSource(document, [], sketch)
  const version = given.raw('version')
  if (version !== VERSION) {
    const hint = 'bring it to version 3 with the migration tool of KrakenD'
    if (version === undefined) sketch.fault([], 'there is no "version"', 'version 3 of the format is read')
    else sketch.fault(['version'], 'only version 3 of the format is read', hint)
    return sketch.done()
  }
  const endpoints = given.objects('endpoints') ?? []
  const gateway = readGateway(given, sketch)
  const hosts = createHosts(sketch, gateway.service)
  const paths = endpoints.flatMap((endpoint) => readEndpoint(endpoint, hosts, gateway, sketch) ?? [])
  addOwnPaths(gateway, sketch)
  if (paths.length > 0) sketch.put([...DETAILS, 'paths'], [...new Set(paths)], given.at('endpoints'))
  if (endpoints.length === 0) sketch.fault(given.at('endpoints'), 'there is no endpoint')
  return sketch.done()
}

/** KrakenD's own pages, as routes: whoever does not want one takes it out. */
function addOwnPaths({ own }: Gateway, sketch: Sketch): void {
  const add = (path: string, exact: boolean, answer: string): void => {
    const pipes = [{ use: 'krakend', answer }]
    sketch.add(['routes'], { match: { path, ...(exact && { exact }) }, fixed: { status: 200 }, pipes }, [])
  }
  if (own.health !== undefined) add(own.health, true, 'health')
  if (own.debug) add('/__debug', false, 'debug')
  if (own.echo) add('/__echo', false, 'echo')
}
