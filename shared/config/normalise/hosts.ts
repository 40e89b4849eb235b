// What holds for all requests of one host, whichever route takes them.
import type { Path } from '../document.js'
import type { HostConfig } from '../model.js'
import type { ProcessorInput } from '../schema/layouts.js'
import { hostPatternFault, plainHostPattern } from '../text/host.js'
import type { Context, Draft } from './context.js'
import { readPipes } from './pipes.js'

export function readHosts(given: Draft<ProcessorInput>['hosts'], path: Path, context: Context): readonly HostConfig[] {
  const { report, line } = context
  const firsts = new Map<string, Path>()
  return Object.entries(given ?? {}).flatMap(([name, settings]) => {
    const at = [...path, name]
    const fault = hostPatternFault(name)
    if (fault) report.fault(at, fault, 'key')
    const host = plainHostPattern(name)
    const first = firsts.get(host)
    if (first) report.fault(at, `the same host as on line ${line(first)}`, 'key')
    else firsts.set(host, at)
    return settings ? [{ host, pipes: readPipes(settings.pipes, [...at, 'pipes'], context) }] : []
  })
}
