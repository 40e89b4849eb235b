// A supervisor with real worker processes, run from source: its instances are all up, its reports are kept.
import type { Cleanup } from '../kit/process.js'
import { startProcessor, type Processor } from '../../processor/supervisor/supervisor.js'
import { systemClock } from '../../shared/clock.js'
import type { Config } from '../../shared/config/model.js'
import { type Log, silentLog } from '../../shared/log.js'
import type { Report } from '../../shared/metrics/report.js'
import type { Instance, RegistrySource, Snapshot } from '../../shared/registry/instance.js'

export interface Supervised {
  readonly processor: Processor
  readonly reports: Report[]
  /** Each line's message, with its fields. */
  readonly lines: (Record<string, unknown> & { message: string })[]
}

/** Ends with the test. */
export async function startSupervised(t: Cleanup, config: Config): Promise<Supervised> {
  const instances = config.services.flatMap(({ servers }) =>
    servers.map(({ spec }): Instance => ({ ...spec, health: 'up', since: 0 })),
  )
  const current: Snapshot = { term: 1, seq: 1, instances }
  const registry: RegistrySource = { current, subscribe: () => () => undefined }
  const reports: Report[] = []
  const lines: Supervised['lines'] = []
  const write = (fields: Record<string, unknown>, message: string) => void lines.push({ ...fields, message })
  const log: Log = { ...silentLog, info: write, warn: write, error: write }
  const processor = await startProcessor(config, {
    clock: systemClock,
    log,
    level: 'info',
    registry,
    sink: { accept: (report) => void reports.push(report) },
  })
  t.after(() => processor.kill())
  return { processor, reports, lines }
}
