// The main of a worker process: serves requests with what its supervisor hands it, and ends when the supervisor is gone.
import type net from 'node:net'
import { systemClock } from '../shared/clock.js'
import { type Log, LOG_LEVELS, type LogLevel, silentLog } from '../shared/log.js'
import { createWheel } from './engine/wheel.js'
import { openGateway } from './gateway.js'
import { createInbox, type Inbox as InboxOf } from './inbox.js'
import { createLeaving } from './leaving.js'
import { blame } from './pipes/blame.js'
import type { Ask, Decided } from './pipes/machine-state.js'
import { textOf } from './pipes/step.js'
import { watchPipes } from './pipes/watch-pipes.js'
import { createMachineState } from './pipes/worker-state.js'
import { createRecorder } from './recorder.js'
import { announceTo, heard } from './pipes/cache/changes.js'
import { invalidateCaches, purgeCaches } from './pipes/cache/purge.js'
import { connectCaches } from './pipes/cache/share-link.js'
import type { CacheWord } from './pipes/cache/share-messages.js'
import type { FromWorker, ListenerPort, ToWorker } from './supervisor/messages.js'
import { createTelemetry } from './telemetry.js'

/** Longest wait of a report: what a killed worker loses. */
const REPORT_MS = 100
/** Between two reports that may not wait: each tells how every endpoint stands. */
const URGENT_GAP_MS = 20
/** Sign of life while nothing happens. */
const BEAT_MS = 1000
const BACKLOG = 4096
/** A worker that leaves does not wait for the end of its pipes for ever. */
const CLOSING_MS = 1000

/** What its supervisor says, with the handle that comes beside it. */
type Inbox = InboxOf<readonly [message: ToWorker, handle: unknown]>

/** Takes what the supervisor has decided about requests that wait for it. */
let decided: (decided: Decided) => void = () => undefined
/** Takes what the supervisor says of the caches of other workers. */
let cacheWords: (words: readonly CacheWord[]) => void = () => undefined

function say(message: FromWorker, sent?: () => void): void {
  if (process.connected) process.send?.(message, undefined, undefined, () => sent?.())
  else sent?.()
}

const byName = (ports: readonly ListenerPort[]): ReadonlyMap<string, number> =>
  new Map(ports.map(({ name, port }) => [name, port]))

/** Resolves when `ends` has, or after `ms`. */
function within(ends: Promise<void>, ms: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms)
    const ended = (): void => {
      clearTimeout(timer)
      resolve()
    }
    ends.then(ended, ended)
  })
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

async function start(message: Extract<ToWorker, { kind: 'start' }>, handle: unknown, next: Inbox): Promise<void> {
  const { name, via } = message
  let { config } = message
  const log = createLog(message.level, { worker: name })
  announceTo((id, keys) => say({ kind: 'changed', id, keys }))
  cacheWords = connectCaches((notes, sent) => say({ kind: 'cache', notes }, sent))
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
  const ports = { ownPort: message.port, listenerPorts: byName(message.listeners) }
  const telemetry = createTelemetry(config.processor, { worker: name, log })
  const { accessLog, tracer } = telemetry
  const shared = { via, wheel, recorder, log, accessLog, tracer }
  const ask = (asked: Ask): void => say({ kind: 'ask', ask: asked })
  const shares = createMachineState({ workers: () => config.processor.workers, send: ask, clock: systemClock, log })
  decided = (verdicts) => shares.received(verdicts)
  const machine = shares.state
  const watching = watchPipes(log)
  const gateway = await openGateway(config, { ...shared, ...ports, machine, ticketKeys, stickySecret })
  const { core, server } = gateway
  // Ready for connections only with routes and instances to send them to.
  gateway.receive(message.change)
  let serves = false
  const look = (): void => {
    if (serves || [server, ...gateway.listeners.values()].some(({ listening }) => !listening)) return
    serves = true
    say({ kind: 'serving' })
  }
  const listen = (port: net.Server, bound: unknown): void => {
    // A port that listens and cannot accept one connection may well accept the next.
    port.on('error', (error: NodeJS.ErrnoException) => {
      if (port.listening) return
      if (!serves) say({ kind: 'failed', message: error.message })
      // Of a listener that has come by a reload: the others serve on.
      else log.error({ error: error.message }, 'a listener does not listen')
    })
    port.listen(bound as net.Server, BACKLOG, look)
  }
  const listenFor = (name: string, bound: net.Server | undefined): void => {
    // Closed before it could be sent; without one a port of the system's choice would be opened.
    if (bound === undefined) return
    const listener = core.draining ? undefined : gateway.listeners.get(name)
    // A handle that nobody takes would keep its port open.
    if (listener === undefined || listener.listening) bound.close()
    else listen(listener, bound)
  }
  listen(server, handle)

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
      connections: core.open,
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
    servers: () => [server, ...gateway.listeners.values()],
    closing: gateway.closing,
    drainMs: () => config.processor.timeouts.drainMs,
    over() {
      clearInterval(beat)
      const exit = (): void => void telemetry.close().then(() => process.exit(0))
      // What pipes still have in hand, such as lines of a file, goes with their end.
      const closed = gateway.pipes.close().then(() => watching.close())
      void within(closed, CLOSING_MS).then(() => report(true, exit))
    },
  })

  next.open(async ([message, bound]) => {
    switch (message.kind) {
      case 'start':
      case 'decided':
      case 'cache':
      case 'purge':
      case 'changed':
      case 'heard':
        return
      case 'listener':
        return listenFor(message.name, bound as net.Server | undefined)
      case 'release':
        for (const name of message.names) gateway.listeners.get(name)?.close()
        return
      case 'change':
        if (!gateway.receive(message.change)) say({ kind: 'resync' })
        return
      case 'config':
        await gateway.prepare(message.config)
        config = message.config
        telemetry.configure(config.processor)
        if (!gateway.reconfigure(config, message.change, byName(message.listeners))) say({ kind: 'resync' })
        // One that was waited for may have gone.
        return look()
      case 'flush':
        return report(true, () => say({ kind: 'flushed', id: message.id }))
      case 'drain':
        return leaving.begin(message.gentle)
    }
  })
  // Without a supervisor nobody renews the routes or sees the counters; what runs is finished.
  process.on('disconnect', () => leaving.begin(false))
}

const inbox: Inbox = createInbox()
process.once('message', (message: ToWorker, handle: unknown) => {
  process.on('message', (next: ToWorker, handle: unknown) => {
    // Requests wait for it, and it has nothing to do with what comes before it.
    if (next.kind === 'decided') decided(next.decided)
    // In one order: what is asked for after a purge is not answered with what was there before it.
    else if (next.kind === 'cache') cacheWords(next.words)
    else if (next.kind === 'changed') {
      invalidateCaches(next.keys)
      say({ kind: 'heard', id: next.id })
    } else if (next.kind === 'heard') heard(next.id)
    else if (next.kind === 'purge') say({ kind: 'purged', id: next.id, answers: purgeCaches(next.purge) })
    else inbox.add([next, handle])
  })
  if (message.kind === 'start') void start(message, handle, inbox)
})
// The supervisor decides when a worker ends: a terminal's Ctrl-C reaches the whole group.
process.on('SIGINT', () => undefined)
process.on('SIGTERM', () => undefined)
// Neither does the end of a terminal end a worker, nor a signal that is meant for the supervisor.
process.on('SIGHUP', () => undefined)
process.on('SIGUSR2', () => undefined)
process.on('uncaughtException', (error) => {
  const pipe = blame(error)
  // Late, and in a callback of its own: no exchange waits for it, and nothing of the engine was under way.
  if (pipe !== undefined) {
    return say({ kind: 'log', level: 'error', fields: { pipe, error: textOf(error) }, message: 'a pipe failed late' })
  }
  say({ kind: 'log', level: 'error', fields: { error: error.stack }, message: 'a worker failed and is replaced' }, () =>
    process.exit(1),
  )
  setTimeout(() => process.exit(1), 100)
})
