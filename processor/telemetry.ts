// What a worker tells of its requests one by one: the access log and the spans, as the config of now has it.
import { hostname } from 'node:os'
import { isDeepStrictEqual } from 'node:util'
import { systemClock } from '../shared/clock.js'
import type { ProcessorConfig, TracingConfig } from '../shared/config/model.js'
import type { Log } from '../shared/log.js'
import { VERSION } from '../shared/version.js'
import { type AccessLog, createAccessLog } from './access-log.js'
import { createLineWriter } from './line-writer.js'
import { createTracer, type Tracer } from './tracing/tracer.js'

export interface Telemetry {
  readonly accessLog: Pick<AccessLog, 'finished'>
  readonly tracer: Pick<Tracer, 'begin' | 'ended'>
  /** Later requests go by this; what waits of earlier ones is still sent where it was meant to go. */
  configure(config: ProcessorConfig): void
  /** Writes and sends what waits, as far as that is possible in short time. */
  close(): Promise<void>
}

const STDOUT = 1

export function createTelemetry(
  config: ProcessorConfig,
  deps: { readonly worker: string; readonly log: Log },
): Telemetry {
  const { worker, log } = deps
  const accessLog = createAccessLog(config.accessLog, {
    worker,
    out: createLineWriter(STDOUT),
    random: Math.random,
    log,
  })
  let wanted: TracingConfig | undefined
  let tracer: Tracer | undefined
  const closing = new Set<Promise<void>>()

  function retire(): void {
    const closed = tracer?.close()
    if (closed === undefined) return
    closing.add(closed)
    void closed.then(() => closing.delete(closed))
  }

  function trace(tracing: TracingConfig | undefined, scheme: 'http' | 'https'): void {
    if (isDeepStrictEqual(tracing, wanted)) return
    retire()
    wanted = tracing
    tracer = createTracer(tracing, {
      version: VERSION,
      worker: `${hostname()}/${worker}`,
      scheme,
      clock: systemClock,
      random: Math.random,
      log,
    })
  }

  const schemeOf = ({ tls }: ProcessorConfig) => (tls === undefined ? 'http' : 'https')
  trace(config.tracing, schemeOf(config))
  return {
    accessLog,
    tracer: {
      begin: (incoming, now) => tracer?.begin(incoming, now),
      ended: (one, record) => tracer?.ended(one, record),
    },
    configure(next) {
      accessLog.configure(next.accessLog)
      trace(next.tracing, schemeOf(next))
    },
    async close() {
      retire()
      await Promise.all([accessLog.close(), ...closing])
    },
  }
}
