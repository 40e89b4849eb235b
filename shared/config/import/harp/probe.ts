// HARP's probe of a remote becomes the polling of a service.
import type { Path } from '../../document.js'
import { quoted } from '../../problem.js'
import type { Section } from '../section.js'
import type { Sketch } from '../sketch.js'

const INTERVAL_SECONDS = 10

/** `urls`: of the members. `from`: what the polling is said to come from where there is no probe. */
export function readProbe(
  probe: Section | undefined,
  urls: readonly string[],
  service: Path,
  from: Path,
  sketch: Sketch,
): void {
  const polling = [...service, 'polling']
  if (probe === undefined) {
    sketch.put(polling, { method: 'tcp', frequency: INTERVAL_SECONDS }, from)
    sketch.comment(polling, 'no probe was set: whether a connection opens is looked at')
    return
  }
  sketch.put(polling, { method: 'health' }, probe.path)
  const path = probe.text('path') ?? '/'
  // Such a path stands below that of the address in HARP, too.
  const isBelow = !/^[/$]/.test(path)
  sketch.put([...polling, 'endpoint'], isBelow ? `/${path}` : path, probe.has('path') ? probe.at('path') : probe.path)
  if (!isBelow) noteBasePath(urls, probe, polling, sketch)
  putMethod(probe, polling, sketch)
  const interval = probe.number('interval') ?? INTERVAL_SECONDS
  const timeout = probe.number('timeout') ?? INTERVAL_SECONDS
  sketch.put([...polling, 'frequency'], interval, probe.at('interval'))
  sketch.put([...polling, 'timeout'], Math.min(interval, timeout), probe.at('timeout'))
  if (timeout > interval)
    sketch.note(probe.at('timeout'), 'a poll ends before the next one begins', 'raise the interval', { at: polling })
  const headers = probe.section('headers')
  for (const name of headers?.keys ?? []) {
    const value = headers?.value(name)
    const sent = typeof value === 'number' || typeof value === 'boolean' ? String(value) : value
    sketch.put([...polling, 'headers', name], sent, headers?.at(name))
  }
  sketch.put([...polling, 'expect', 'status'], '200-399', probe.path)
  if (probe.boolean('verify') === false) sketch.put([...polling, 'tls', 'verify'], false, probe.at('verify'))
  const type = probe.text('type')
  if (type !== undefined && type !== 'http') sketch.fault(probe.at('type'), 'a probe is of the type "http"')
  probe.rest()
}

function putMethod(probe: Section, polling: Path, sketch: Sketch): void {
  const method = (probe.text('method') ?? 'GET').toUpperCase()
  if (method === 'HEAD') sketch.put([...polling, 'http_method'], method, probe.at('method'))
  if (method === 'HEAD' || method === 'GET') return
  sketch.note(probe.at('method'), 'a poll asks with GET or HEAD', 'let GET answer at that path', { at: polling })
}

/** HARP's path begins at the root of the host, ours below the address. */
function noteBasePath(urls: readonly string[], probe: Section, polling: Path, sketch: Sketch): void {
  if (!urls.some((url) => /^[a-z]+:\/\/[^/]+\/./i.test(url))) return
  sketch.note(
    probe.path,
    'the path of a poll stands below the path of the address here',
    `see whether ${quoted(probe.written('path') ?? '/')} answers there`,
    { at: polling },
  )
}
