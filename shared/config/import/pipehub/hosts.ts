// The hosts and ports of a PipeHub file: forwarded where an address is known, else answered with what is missing.
import { quoted } from '../../problem.js'
import { putListen, type Names } from '../names.js'
import type { Section } from '../section.js'
import type { Sketch } from '../sketch.js'
import type { Path } from '../../document.js'
import { addressAt, type Address, type Handler, type Modules } from './modules.js'

export function readHosts(root: Section, modules: Modules, names: Names, sketch: Sketch): void {
  for (const { name: endpoint, section } of [...root.named('http'), ...olderHosts(root)]) {
    section.required('handler')
    const called = section.text('handler')
    const origin = section.text('origin')
    section.rest()
    if (called === undefined) continue
    const handler = modules.find(called, section.at('handler'))
    const route = sketch.add(['routes'], {}, section.path)
    const host = endpoint.replace(/:\d{1,5}$/, '')
    if (host !== endpoint)
      sketch.note(section.path, 'a host is matched without its port', 'give each port a listener', { at: route })
    // For hosts that no other entry names.
    if (host !== '*') sketch.put([...route, 'match', 'host'], host, section.path)
    sketch.put([...route, 'match', 'path'], '/', section.path)
    const known = origin === undefined ? handler.address(endpoint) : addressAt(section, 'origin', origin)
    readRoute({ endpoint, host, known, at: section.at('handler') }, handler, route, names, sketch)
  }
}

/** `host { endpoint = "name" … }` of the first releases. */
function olderHosts(root: Section): { name: string; section: Section }[] {
  return root.sections('host').map((section) => {
    section.required('endpoint')
    return { name: section.text('endpoint') ?? '', section }
  })
}

interface Host {
  readonly endpoint: string
  /** Without a port. */
  readonly host: string
  readonly known: Address | undefined
  /** Where its handler is named. */
  readonly at: Path
}

function readRoute(
  { endpoint, host, known, at }: Host,
  handler: Handler,
  route: Path,
  names: Names,
  sketch: Sketch,
): void {
  sketch.comment(route, pipeLines(handler))
  if (known) {
    const name = putService(endpoint, known, names, sketch)
    sketch.put([...route, 'service'], name, known.from)
    sketch.note(
      at,
      `${quoted(handler.called)} does not run: requests are passed on to ${quoted(known.written)} as they are`,
      `write what else it did as ${handler.file}`,
      { at: route },
    )
    return
  }
  const body = `${handler.called} is a Go pipe and does not run here: write ${handler.file}\n`
  sketch.put([...route, 'fixed'], { status: 501, headers: { 'content-type': 'text/plain; charset=utf-8' }, body }, at)
  sketch.note(
    at,
    `${quoted(handler.called)} does not run: requests for ${quoted(host)} are answered with 501`,
    `write ${handler.file}, and put it in the place of this answer`,
    { at: route },
  )
}

function pipeLines({ file, entry }: Handler): string {
  return `once ${file} is written, add here: pipes: [${entry}]`
}

function putService(endpoint: string, { url, from }: Address, names: Names, sketch: Sketch): string {
  const name = names.from(endpoint, 'host')
  const service = ['services', name]
  sketch.put(service, {}, from)
  sketch.put([...service, 'servers', 0], url, from)
  sketch.put([...service, 'polling'], { method: 'tcp', frequency: 10 }, from)
  sketch.comment([...service, 'polling'], 'no health check was set: whether a connection opens is looked at')
  return name
}

/** `tcp "127.0.0.1:5432" { handler = … }`: a port whose connections the handler gets. */
export function readPorts(root: Section, modules: Modules, names: Names, sketch: Sketch): void {
  for (const { name: address, section } of root.named('tcp')) {
    section.required('handler')
    const called = section.text('handler')
    section.rest()
    if (called === undefined) continue
    const handler = modules.find(called, section.at('handler'))
    const known = handler.address(address)
    if (!known) {
      sketch.note(
        section.path,
        `the port ${quoted(address)} is left out: ${quoted(called)} is a Go pipe and does not run`,
        'name a service whose instances get the connections: a listener with "tcp"',
      )
      continue
    }
    const service = putService(address, known, names, sketch)
    const listener = sketch.add(['processor', 'listeners'], {}, section.path)
    sketch.put([...listener, 'name'], service, section.path)
    putListen(address, listener, section.path, sketch)
    sketch.put([...listener, 'tcp'], service, known.from)
    sketch.note(
      section.at('handler'),
      `${quoted(called)} does not run: connections are passed on to ${quoted(known.written)} as they are`,
      'what is inside a connection cannot be changed by a pipe',
      { at: listener },
    )
  }
}
