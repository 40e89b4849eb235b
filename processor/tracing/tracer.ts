// Decides which requests are traced and sends their spans, in batches, beside the path of requests. Off unless it is configured.
import type { Clock } from '../../shared/clock.js'
import type { TracingConfig } from '../../shared/config/model.js'
import type { Log } from '../../shared/log.js'
import type { RequestRecord } from '../../shared/metrics/report.js'
import { createExporter, type Exporter } from './exporter.js'
import { encode, type SpanSource, type TracedExchange } from './spans.js'
import { Trace } from './trace.js'
import { newTraceId, parseTraceparent } from './trace-context.js'

export interface Tracer {
  /**
   * A request has come, with `incoming` as its traceparent (empty: none, or one that is not valid). Undefined: it is not
   * traced, and its traceparent travels on as it came.
   */
  begin(incoming: string, now: number): Trace | undefined
  /** Its exchange has ended, whatever became of it. */
  ended(trace: Trace, record: RequestRecord): void
  /** Sends what waits, as far as that is possible in short time. */
  close(): Promise<void>
  /** Exchanges whose spans were given up since the start. */
  readonly dropped: number
}

export interface TracerDeps extends SpanSource {
  readonly clock: Clock
  /** 0 to 1, as Math.random. */
  readonly random: () => number
  readonly log: Log
}

/** Exchanges that wait to be sent. */
const MOST_WAITING = 2048
/** Exchanges in one request: encoding them holds the event loop for about a millisecond. */
const BATCH = 128
const EVERY_MS = 1000
const TIMEOUT_MS = 10_000
const MOST_TRIES = 5
const FIRST_PAUSE_MS = 1000
const MOST_PAUSE_MS = 30_000
/** How long the end of a worker waits for the last batches. */
const PATIENCE_MS = 1000
/** Losses are told of no more often than this. */
const TELL_MS = 10_000

export function createTracer(config: TracingConfig | undefined, deps: TracerDeps): Tracer | undefined {
  if (config === undefined) return undefined
  const endpoint = receiver(config.endpoint)
  if (endpoint === undefined) {
    deps.log.error({}, 'no spans are sent: the endpoint of tracing is no URL')
    return undefined
  }
  const { headers, sample } = config
  return start(createExporter({ endpoint, headers, timeoutMs: TIMEOUT_MS }, deps.clock), sample, deps)
}

/** As OpenTelemetry's SDKs have it: an endpoint without a path means the usual one. */
function receiver(endpoint: string): URL | undefined {
  if (!URL.canParse(endpoint)) return undefined
  const url = new URL(endpoint)
  if (url.pathname === '/') url.pathname = '/v1/traces'
  return url
}

function start(exporter: Exporter, sample: number, deps: TracerDeps): Tracer {
  const { clock, random, log } = deps
  const waiting: TracedExchange[] = []
  let sending: Promise<void> | undefined
  let cancelTimer: (() => void) | undefined
  let cancelPause: (() => void) | undefined
  let closing = false
  let dropped = 0
  let told = 0
  let toldAt = -Infinity

  function lose(exchanges: number, reason: string): void {
    dropped += exchanges
    const now = clock.now()
    if (now - toldAt < TELL_MS) return
    log.warn({ exchanges: dropped - told, reason }, 'spans are lost')
    told = dropped
    toldAt = now
  }

  function pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = clock.after(ms, resolve)
      cancelPause = () => {
        cancel()
        resolve()
      }
    })
  }

  async function sendBatch(batch: readonly TracedExchange[]): Promise<void> {
    const body = encode(batch, deps)
    for (let tries = 1; ; tries++) {
      const sent = await exporter.send(body)
      if (sent.kind === 'ok') return
      // At the end there is no time to wait for a receiver in trouble.
      if (sent.kind === 'refused' || tries === MOST_TRIES || closing) return lose(batch.length, sent.reason)
      await pause(Math.min(MOST_PAUSE_MS, sent.afterMs ?? FIRST_PAUSE_MS * 2 ** (tries - 1)))
    }
  }

  async function sendAll(): Promise<void> {
    while (waiting.length > 0) await sendBatch(waiting.splice(0, BATCH))
  }

  function send(): Promise<void> {
    cancelTimer?.()
    cancelTimer = undefined
    sending ??= sendAll().finally(() => (sending = undefined))
    return sending
  }

  return {
    begin(incoming, now) {
      const parent = parseTraceparent(incoming)
      if (parent !== undefined) return parent.sampled ? new Trace(parent.traceId, parent.parentId, now) : undefined
      return sample > 0 && random() < sample ? new Trace(newTraceId(), '', now) : undefined
    },
    ended(trace, record) {
      if (closing || waiting.length >= MOST_WAITING) return lose(1, 'more end than can be sent')
      waiting.push({ trace, record })
      if (sending !== undefined) return
      // Never within the turn in which the request ended.
      if (waiting.length === BATCH) setImmediate(() => void send())
      else cancelTimer ??= clock.after(EVERY_MS, () => void send())
    },
    async close() {
      closing = true
      cancelPause?.()
      const late = pause(PATIENCE_MS)
      await Promise.race([send(), late])
      cancelPause?.()
      exporter.close()
    },
    get dropped() {
      return dropped
    },
  }
}
