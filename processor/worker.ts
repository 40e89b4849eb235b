// The main of a worker process: serves requests with what its supervisor hands it, and ends when the supervisor is gone.
import type net from 'node:net'
import { type Log, LOG_LEVELS, type LogLevel, silentLog } from '../shared/log.js'
import { createWheel } from './engine/wheel.js'
import { createGateway } from './gateway.js'
import { createLeaving } from './leaving.js'
import { createRecorder } from './recorder.js'
import type { FromWorker, ToWorker } from './supervisor/messages.js'
import { createTelemetry } from './telemetry.js'

/** Longest wait of a report: what a killed worker loses. */
const REPORT_MS = 100
/** Between two reports that may not wait: each tells how every endpoint stands. */
const URGENT_GAP_MS = 20
/** Sign of life while nothing happens. */
const BEAT_MS = 1000
const BACKLOG = 4096

function say(message: FromWorker, sent?: () => void): void {
  if (process.connected) process.send?.(message, undefined, undefined, () => sent?.())
  else sent?.()
}

/** Lines go to the supervisor, which has the log's one stream. */
function createLog(level: LogLevel, bound: Record<string, unknown>): Log {
  const rank = LOG_LEVELS.indexOf(level)
  const write = (of: 'debug' | 'info' | 'warn' | 'error') =>
    LOG_LEVELS.indexOf(of) < rank
      ? silentLog.debug
      : (fields: Record<string, unknown>, message: string) =>
          say({ kind: 'log', level: of, fields: { ...bound, ...fields }, message })
  return {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    child: (fields) => createLog(level, { ...bound, ...fields }),
  }
}

function start(message: Extract<ToWorker, { kind: 'start' }>, handle: unknown): void {
  const { name, via } = message
  let { config } = message
  const log = createLog(message.level, { worker: name })
  const wheel = createWheel()
  let reportSoon: NodeJS.Timeout | undefined
  let urgent: NodeJS.Timeout | undefined
  let urgentAt = -Infinity
  const recorder = createRecorder(
    name,
    config.processor.requestLimit,
    () => {
      reportSoon ??= setTimeout(() => report(false), REPORT_MS)
    },
    () => {
      // The first goes out at once. When many instances fail one after the other, one report tells of several.
      urgent ??= setTimeout(
        () => {
          urgentAt = performance.now()
          report(true)
        },
        Math.max(0, urgentAt + URGENT_GAP_MS - performance.now()),
      )
    },
  )
  const ticketKeys = Buffer.from(message.ticketKeys, 'base64')
  const stickySecret = Buffer.from(message.stickySecret, 'base64')
  const ownPort = message.port
  const telemetry = createTelemetry(config.processor, { worker: name, log })
  const { accessLog, tracer } = telemetry
  const shared = { via, wheel, recorder, log, accessLog, tracer }
  const gateway = createGateway(config, { ...shared, ownPort, ticketKeys, stickySecret })
  const { core, server } = gateway
  // Ready for connections only with routes and instances to send them to.
  gateway.receive(message.change)
  server.on('error', (error: NodeJS.ErrnoException) => say({ kind: 'failed', message: error.message }))
  server.listen(handle as net.Server, BACKLOG, () => say({ kind: 'serving' }))

  let lagSince = performance.now()
  let lag = 0
  const beat = setInterval(() => {
    const now = performance.now()
    lag = Math.max(0, now - lagSince - BEAT_MS)
    lagSince = now
    report(true)
  }, BEAT_MS)

  /** `always`: also where nothing was counted, and with how everything stands. */
  function report(always: boolean, sent?: () => void): void {
    clearTimeout(reportSoon)
    clearTimeout(urgent)
    reportSoon = urgent = undefined
    const gauges = {
      connections: core.connections.size,
      inFlight: core.inFlight,
      upgraded: core.tunnels,
      loopLagMs: Math.round(lag * 10) / 10,
      rssBytes: process.memoryUsage.rss(),
    }
    const taken = recorder.take(gauges, () => gateway.take(always), always)
    if (taken === undefined) sent?.()
    else say({ kind: 'report', report: taken, snapshotSeq: core.table.snapshot.seq }, sent)
  }

  const leaving = createLeaving({
    core,
    server,
    drainMs: () => config.processor.timeouts.drainMs,
    over() {
      clearInterval(beat)
      report(true, () => void telemetry.close().then(() => process.exit(0)))
    },
  })

  process.on('message', (next: ToWorker) => {
    switch (next.kind) {
      case 'start':
        return
      case 'change':
        if (!gateway.receive(next.change)) say({ kind: 'resync' })
        return
      case 'config':
        config = next.config
        telemetry.configure(config.processor)
        if (!gateway.reconfigure(config, next.change)) say({ kind: 'resync' })
        return
      case 'flush':
        return report(true, () => say({ kind: 'flushed', id: next.id }))
      case 'drain':
        return leaving.begin(next.gentle)
    }
  })
  // Without a supervisor nobody renews the routes or sees the counters; what runs is finished.
  process.on('disconnect', () => leaving.begin(false))
}

process.once('message', (message: ToWorker, handle: unknown) => {
  if (message.kind === 'start') start(message, handle)
})
// The supervisor decides when a worker ends: a terminal's Ctrl-C reaches the whole group.
process.on('SIGINT', () => undefined)
process.on('SIGTERM', () => undefined)
// Neither does the end of a terminal end a worker, nor a signal that is meant for the supervisor.
process.on('SIGHUP', () => undefined)
process.on('SIGUSR2', () => undefined)
process.on('uncaughtException', (error) => {
  say({ kind: 'log', level: 'error', fields: { error: error.stack }, message: 'a worker failed and is replaced' }, () =>
    process.exit(1),
  )
  setTimeout(() => process.exit(1), 100)
})
