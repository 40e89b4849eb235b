// The ports beside the processor's own.
import { LISTENER } from '../defaults.js'
import type { Path } from '../document.js'
import type { ListenerConfig } from '../model.js'
import { quoted } from '../problem.js'
import type { ListenerInput, ProcessorInput } from '../schema/layouts.js'
import { defined, readMs, spanPath, type Context, type Draft } from './context.js'
import { readDownstreamTls } from './tls.js'

export function readListeners(
  given: Draft<ProcessorInput>['listeners'],
  path: Path,
  context: Context,
): readonly ListenerConfig[] {
  const { report, line } = context
  const firsts = new Map<string, Path>()
  return (given ?? []).flatMap((draft, i) => {
    if (draft?.name === undefined) return []
    const at = [...path, i]
    const first = firsts.get(draft.name)
    if (first) report.fault([...at, 'name'], `the listener on line ${line(first)} is called ${quoted(draft.name)} too`)
    else firsts.set(draft.name, [...at, 'name'])
    return [readListener(draft, draft.name, at, context)]
  })
}

function readListener(draft: Draft<ListenerInput>, name: string, path: Path, context: Context): ListenerConfig {
  return {
    name,
    ...defined({ host: draft.host, tls: readDownstreamTls(draft.tls, [...path, 'tls'], context) }),
    port: draft.port ?? 0,
    takes: readTaken(draft, path, context),
  }
}

function readTaken(draft: Draft<ListenerInput>, path: Path, context: Context): ListenerConfig['takes'] {
  const { report, services } = context
  const { service, tcp } = draft
  if (service !== undefined) services.use(service, [...path, 'service'])
  if (tcp !== undefined) {
    services.use(tcp, [...path, 'tcp'])
    if (service !== undefined)
      report.fault([...path, 'tcp'], { message: '"service" is there too', hint: 'keep one of the two' }, 'key')
    return {
      kind: 'tcp',
      service: tcp,
      idleMs: readMs(draft, 'idle', path, context) ?? LISTENER.idleMs,
      connections: draft.connections ?? LISTENER.connections,
    }
  }
  const useless = { message: 'is of no use without "tcp"', hint: "timeouts and limits of requests are the processor's" }
  for (const at of [spanPath(draft, 'idle', path), [...path, 'connections']]) {
    const key = String(at.at(-1)) as 'idle' | 'idle_ms' | 'connections'
    if (draft[key] !== undefined) report.warn(at, { ...useless, message: `"${key}" ${useless.message}` }, 'key')
  }
  return service === undefined ? { kind: 'routes' } : { kind: 'service', service }
}
