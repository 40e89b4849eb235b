// harbr-router: `listen_addr` and `routes` of its first version, `proxy_instances` of its second.
import type { Document } from '../../document.js'
import { isObject } from '../../reader.js'
import type { Importer } from '../import.js'
import { createNames } from '../names.js'
import { createSection } from '../section.js'
import { createSketch } from '../sketch.js'
import { readInstances } from './instances.js'
import { readPrefixes } from './prefixes.js'

export const harbrRouter: Importer = {
  format: 'harbr-router',
  title: 'harbr-router',
  marks(data) {
    const first = ['listen_addr', 'global_timeout_ms', 'max_connections'].some((key) => isScalar(data[key]))
    return [
      ...(first && isObject(data['routes']) ? ['routes'] : []),
      ...(Array.isArray(data['proxy_instances']) ? ['proxy_instances'] : []),
    ]
  },
  convert(document: Document) {
    const sketch = createSketch()
    const root = createSection(document, [], sketch)
    if (Array.isArray(document.value(['proxy_instances']))) readInstances(root, createNames(), sketch)
    else readPrefixes(root, createNames(), sketch)
    root.rest({ $schema: 'drop it' })
    return sketch.done()
  },
}

function isScalar(value: unknown): boolean {
  return value !== undefined && value !== null && !isObject(value)
}
