// PipeHub: hosts and ports, each with a handler that is a function of a Go module.
import type { Document } from '../../document.js'
import { isObject } from '../../reader.js'
import type { Importer } from '../import.js'
import { createNames } from '../names.js'
import { createSection, type Section } from '../section.js'
import { createSketch, type Sketch } from '../sketch.js'
import { readHosts, readPorts } from './hosts.js'
import { readModules } from './modules.js'
import { readServer } from './server.js'

export const pipehub: Importer = {
  format: 'pipehub',
  title: 'PipeHub',
  marks(data) {
    return [
      ...['http', 'pipe', 'tcp'].filter((kind) => isLabelled(data[kind])),
      ...['core', 'server', 'host', 'handler'].filter((kind) => isBlock(data[kind])),
    ]
  },
  convert(document: Document) {
    const sketch = createSketch()
    const root = createSection(document, [], sketch)
    // There may be none: every host then has a fixed answer.
    sketch.put(['services'], {}, [])
    readServer(root, sketch)
    const modules = readModules(root, sketch)
    const names = createNames()
    readHosts(root, modules, names, sketch)
    readPorts(root, modules, names, sketch)
    noteUnused(root, sketch)
    root.rest()
    return sketch.done()
  },
}

function noteUnused(root: Section, sketch: Sketch): void {
  if (sketch.at(['routes']) !== undefined || sketch.at(['processor', 'listeners']) !== undefined) return
  sketch.fault(root.path, 'there must be a host', 'such as http "example.org" { handler = "alias.Function" }')
}

/** Blocks with a label: a map of lists of bodies. */
function isLabelled(value: unknown): boolean {
  return isObject(value) && !Array.isArray(value) && Object.values(value).some(isBlock)
}

function isBlock(value: unknown): boolean {
  return Array.isArray(value) && value.some(isObject)
}
