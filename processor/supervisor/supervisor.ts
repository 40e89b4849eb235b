// Keeps the workers: starts them, hands them each snapshot, gathers their reports, replaces those that die or hang.
import { randomBytes } from 'node:crypto'
import type { Clock } from '../../shared/clock.js'
import type { Config } from '../../shared/config/model.js'
import type { Log, LogLevel } from '../../shared/log.js'
import type { TrafficSink } from '../../shared/metrics/report.js'
import type { ProcessorStatus, ProcessorView } from '../../shared/processor.js'
import { diff } from '../../shared/registry/delta.js'
import type { RegistrySource, Snapshot } from '../../shared/registry/instance.js'
import { PRODUCT } from '../../shared/version.js'
import { bind } from './listen.js'
import type { FromWorker } from './messages.js'
import { WorkerProcess } from './worker-process.js'

export interface Processor extends ProcessorView {
  readonly port: number
  /** Refuses new connections, lets what runs end, resolves when every worker has gone. */
  drain(): Promise<void>
  /** Ends the workers at once. */
  kill(): void
}

export interface SupervisorDeps {
  readonly clock: Clock
  readonly log: Log
  readonly level: LogLevel
  readonly registry: RegistrySource
  readonly sink: TrafficSink
  /** Put before the workers' names, where those of several machines meet; at most 100 characters. */
  readonly namePrefix?: string
}

/** A worker that lived for less is not replaced at once: it would only die again. */
const SETTLED_MS = 5000
const FIRST_BACKOFF_MS = 100
const MOST_BACKOFF_MS = 5000
/** A worker gets this long to load and listen. */
const START_MS = 15_000
/** How long a flush waits for a worker that does not answer. */
const FLUSH_MS = 250

/** Binds the port and starts the workers; resolves when all of them serve. Rejects with one line that says what to do. */
export async function startProcessor(config: Config, deps: SupervisorDeps): Promise<Processor> {
  const { processor } = config
  const { clock, log, registry } = deps
  const { handle, port } = await bind(config)
  const via = `${PRODUCT}-${randomBytes(4).toString('hex')}`
  // No worker speaks to the admin API, so none needs to know its token.
  const { token: _token, ...discovery } = config.discovery
  const forWorkers: Config = { ...config, discovery }
  const workers = new Set<WorkerProcess>()
  const waiting = new Map<number, () => void>()
  let state: ProcessorStatus['state'] = 'starting'
  let snapshot: Snapshot = registry.current
  let replaced = 0
  let named = 0
  let flushes = 0
  let shortLives = 0
  let changed = (): void => undefined

  const ticketKeys = randomBytes(48).toString('base64')

  function spawn(): void {
    const name = `${deps.namePrefix ?? ''}w${++named}`
    const start = {
      kind: 'start',
      name,
      config: forWorkers,
      via,
      port,
      ticketKeys,
      level: deps.level,
      change: { kind: 'whole', snapshot },
    } as const
    const now = { monotonic: clock.now(), wall: clock.wall() }
    workers.add(new WorkerProcess(name, start, handle, now, { message: onMessage, exit: onExit }))
  }

  function onMessage(worker: WorkerProcess, message: FromWorker): void {
    worker.heardAt = clock.now()
    switch (message.kind) {
      case 'serving':
        worker.state = state === 'draining' ? 'draining' : 'serving'
        log.info({ worker: worker.name, pid: worker.pid, port }, 'worker serves')
        return changed()
      case 'failed':
        log.error({ worker: worker.name }, `worker cannot listen: ${message.message}`)
        return worker.kill()
      case 'report':
        worker.gauges = message.report.gauges
        worker.snapshotSeq = message.snapshotSeq
        return deps.sink.accept(message.report)
      case 'flushed':
        return waiting.get(message.id)?.()
      case 'resync':
        return worker.send({ kind: 'change', change: { kind: 'whole', snapshot } })
      case 'log':
        return log[message.level](message.fields, message.message)
    }
  }

  function onExit(worker: WorkerProcess, reason: string): void {
    workers.delete(worker)
    changed()
    if (state === 'draining' || state === 'stopped') return
    replaced++
    const livedMs = clock.now() - worker.bornAt
    shortLives = livedMs < SETTLED_MS ? shortLives + 1 : 0
    const delayMs = shortLives <= 1 ? 0 : Math.min(MOST_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** (shortLives - 2))
    log.error({ worker: worker.name, pid: worker.pid, reason, delayMs }, 'worker is gone and gets replaced')
    clock.after(delayMs, () => {
      if (state === 'serving' || state === 'starting') spawn()
    })
  }

  const unsubscribe = registry.subscribe((next) => {
    const change = diff(snapshot, next)
    snapshot = next
    for (const worker of workers) worker.send({ kind: 'change', change })
  })

  // Looks for workers that have gone silent. After a stall of this process nobody's silence means anything.
  const lookMs = Math.max(50, processor.hangMs / 5)
  let lookedAt = clock.now()
  const look = setInterval(() => {
    const now = clock.now()
    const stalled = now - lookedAt > lookMs * 3
    lookedAt = now
    for (const worker of workers) {
      if (stalled) worker.heardAt = now
      const patienceMs = worker.state === 'starting' ? Math.max(START_MS, processor.hangMs) : processor.hangMs
      if (now - worker.heardAt <= patienceMs) continue
      log.error({ worker: worker.name, pid: worker.pid, silentMs: Math.round(now - worker.heardAt) }, 'worker hangs')
      worker.kill()
    }
  }, lookMs)

  function until(settled: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      changed = () => {
        if (settled()) resolve()
      }
      changed()
    })
  }

  for (let i = 0; i < processor.workers; i++) spawn()
  await until(
    () => shortLives > 3 || [...workers].filter((worker) => worker.state === 'serving').length >= processor.workers,
  )
  if (shortLives > 3) {
    stop()
    throw new Error(`the workers do not start on port ${port}: see the lines above`)
  }
  state = 'serving'

  function stop(): void {
    state = 'stopped'
    clearInterval(look)
    unsubscribe()
    for (const worker of workers) worker.kill()
    handle.close()
  }

  return {
    port,
    status: () => ({
      name: processor.name,
      state,
      port,
      replaced,
      workers: [...workers].map((worker) => worker.status()),
    }),
    async flush() {
      const asked = [...workers].filter((worker) => worker.state === 'serving' || worker.state === 'draining')
      await Promise.all(asked.map(flushOne))
    },
    async drain() {
      if (state === 'stopped') return
      state = 'draining'
      handle.close()
      for (const worker of workers) {
        if (worker.state === 'serving') worker.state = 'draining'
        worker.send({ kind: 'drain' })
      }
      // A worker that hangs while it drains must not hold up the end.
      const { drainMs } = processor.timeouts
      const giveUp =
        drainMs > 0 ? clock.after(drainMs + 2000, () => workers.forEach((worker) => worker.kill())) : undefined
      await until(() => workers.size === 0)
      giveUp?.()
      state = 'stopped'
      clearInterval(look)
      unsubscribe()
    },
    kill: stop,
  }

  function flushOne(worker: WorkerProcess): Promise<void> {
    return new Promise((resolve) => {
      const id = ++flushes
      const cancel = clock.after(FLUSH_MS, () => end())
      const end = (): void => {
        cancel()
        waiting.delete(id)
        resolve()
      }
      waiting.set(id, end)
      worker.send({ kind: 'flush', id })
    })
  }
}
