// PipeHub's own server and client: ports, time limits, and the handlers for hosts that are not there and for panics.
import type { Path } from '../../document.js'
import { quoted } from '../../problem.js'
import { readGoDuration } from '../krakend/duration.js'
import type { Section } from '../section.js'
import type { Sketch } from '../sketch.js'

/** `server { … }` of the first releases, and `core { http { server { … } client { … } } }` of the later ones. */
export function readServer(root: Section, sketch: Sketch): void {
  for (const core of ['server', 'core'].flatMap((key) => root.section(key) ?? [])) {
    putSpan(core, 'graceful-shutdown', ['processor', 'timeouts', 'drain_ms'], sketch)
    readActions(core, sketch)
    const http = core.section('http')
    if (http) readHttp(http, sketch)
    core.rest()
  }
}

function readHttp(http: Section, sketch: Sketch): void {
  putPort(http, sketch)
  readActions(http, sketch)
  const server = http.section('server')
  if (server) {
    readActions(server, sketch)
    for (const listen of server.sections('listen')) {
      putPort(listen, sketch)
      listen.rest()
    }
    server.rest()
  }
  const client = http.section('client')
  if (client) readClient(client, sketch)
  http.rest()
}

function putPort(section: Section, sketch: Sketch): void {
  const at = ['processor', 'port']
  const port = section.value('port')
  if (port === undefined) return
  if (sketch.at(at) === undefined) sketch.put(at, port, section.at('port'))
  else sketch.note(section.at('port'), 'only the first port is listened on', 'add it to processor.listeners')
}

const PAGES: readonly (readonly [string, string])[] = [
  ['not-found', 'answers for hosts and paths that are not there come from the pipe not-found'],
  ['panic', 'answers for what fails come from the pipe error'],
]

function readActions(section: Section, sketch: Sketch): void {
  const action = section.section('action')
  for (const [key, message] of PAGES) {
    const handler = action?.text(key)
    if (action === undefined || handler === undefined) continue
    const pipe = key === 'panic' ? 'error' : key
    sketch.note(
      action.at(key),
      `${quoted(handler)} does not run: ${message}`,
      `add { use: ${pipe} } to processor.pipes, with the answer as its options`,
      { at: ['processor'] },
    )
  }
  action?.rest()
}

function readClient(client: Section, sketch: Sketch): void {
  const idle = ['processor', 'limits', 'idle_upstream_connections']
  if (client.boolean('disable-keep-alive') === true) {
    client.value('max-idle-conns-per-host')
    sketch.put(idle, 0, client.at('disable-keep-alive'))
  } else putLimit(client, 'max-idle-conns-per-host', idle, sketch)
  putLimit(client, 'max-conns-per-host', ['processor', 'limits', 'upstream_connections'], sketch)
  putSpan(client, 'idle-conn-timeout', ['processor', 'timeouts', 'upstream_keep_alive_ms'], sketch)
  putSpan(client, 'tls-handshake-timeout', ['processor', 'timeouts', 'connect_ms'], sketch)
  client.rest({
    'disable-compression':
      'drop it: bodies are passed on as they are; the pipe compress is there where they shall not be',
    'max-idle-conns': 'set processor.limits.idle_upstream_connections, which counts per instance',
    'expect-continue-timeout': 'drop it: the instance decides on "100-continue"',
  })
}

/** 0 stands for no limit, or for Go's own. */
function putLimit(section: Section, key: string, at: Path, sketch: Sketch): void {
  if (section.value(key) !== 0) sketch.put(at, section.value(key), section.at(key))
}

function putSpan(section: Section, key: string, at: Path, sketch: Sketch): void {
  const text = section.text(key)
  if (text === undefined || text === '') return
  const ms = readGoDuration(text)
  if (ms === undefined) sketch.fault(section.at(key), `${quoted(text)} is not a duration`, 'such as "10s" or "1m30s"')
  else sketch.put(at, Math.round(ms), section.at(key))
}
