// Leads the workers: binds the ports, hands them each snapshot and each config, gathers their reports.
import { randomBytes } from 'node:crypto'
import type { Clock } from '../../shared/clock.js'
import type { Config, ListenerConfig } from '../../shared/config/model.js'
import { staysOpen } from '../../shared/config/staying.js'
import type { Log, LogLevel } from '../../shared/log.js'
import type { TrafficSink } from '../../shared/metrics/report.js'
import type { ProcessorStatus, ProcessorView, Purged } from '../../shared/processor.js'
import { type Change, diff } from '../../shared/registry/delta.js'
import type { RegistrySource, Snapshot } from '../../shared/registry/instance.js'
import { PRODUCT } from '../../shared/version.js'
import { createCacheDirectory } from './cache-directory.js'
import { createChangeNews } from './change-news.js'
import { createCrew } from './crew.js'
import { watchForHangs } from './hang-watch.js'
import { bind, type BoundPort, closeOthers, inTheWay, PortRefused, probe } from './listen.js'
import { createSharedState } from './machine-state.js'
import type { FromWorker, ListenerPort, ToWorker } from './messages.js'
import { WorkerProcess } from './worker-process.js'

export interface Processor extends ProcessorView {
  readonly port: number
  /** Of its listeners, by name. */
  readonly listeners: Readonly<Record<string, number>>
  /**
   * Goes by another config, of which `applicable` has taken out what needs a restart. `swapRegistry` does the same for the
   * registry: what it publishes reaches the workers together with the config. Resolves when new listeners are open, and rejects
   * with a PortRefused where one cannot be had: nothing has changed then. Calls do not overlap.
   */
  reconfigure(config: Config, swapRegistry?: () => void): Promise<void>
  /** Rejects with the PortRefused of `reconfigure`, and opens nothing for longer than a moment. */
  tryPorts(config: Config): Promise<void>
  /** New workers in place of the old ones, one by one; see `Crew.replaceAll`. */
  replaceWorkers(): Promise<{ readonly replaced: number; readonly draining: number }>
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

/** How long a flush waits for a worker that does not answer. */
const FLUSH_MS = 250
/** The same for a purge: a worker may have much to look through. */
const PURGE_MS = 2000
/** The same for a config with other listeners, which is not in force before. */
const TAKE_MS = 5000

/** Binds the ports and starts the workers; resolves when all of them serve. Rejects with one line that says what to do. */
export async function startProcessor(first: Config, deps: SupervisorDeps): Promise<Processor> {
  const { clock, log, registry } = deps
  let ports = await bind(first)
  const [{ port }] = ports as [BoundPort]
  const shared = createSharedState({ clock })
  const caches = createCacheDirectory<WorkerProcess>({
    clock,
    tell: (worker, words, sent) => worker.send({ kind: 'cache', words }, undefined, sent),
  })
  const via = `${PRODUCT}-${randomBytes(4).toString('hex')}`
  // Both stay as long as this process: clients come back with what any worker, of any config, has given them.
  const ticketKeys = randomBytes(48).toString('base64')
  const stickySecret = randomBytes(32).toString('base64')
  const waiting = new Map<number, (answers: number) => void>()
  let config = forWorkers(first)
  let state: ProcessorStatus['state'] = 'starting'
  let snapshot: Snapshot = registry.current
  let named = 0
  let questions = 0
  let swapping = false

  const crew = createCrew(first.processor.workers, {
    clock,
    log,
    spawn,
    drainMs: () => config.processor.timeouts.drainMs,
  })
  const { workers } = crew
  const news = createChangeNews<WorkerProcess>({ workers, serves, tell: (worker, word) => worker.send(word) })
  let endWatch = watchForHangs(workers, first.processor.hangMs, deps)

  function spawn(): WorkerProcess {
    const name = `${deps.namePrefix ?? ''}w${++named}`
    const { level } = deps
    const change = { kind: 'whole', snapshot } as const
    const start = {
      kind: 'start',
      name,
      config,
      via,
      port,
      listeners: listenersOf(ports),
      ticketKeys,
      stickySecret,
      level,
      change,
    } as const
    const now = { monotonic: clock.now(), wall: clock.wall() }
    return new WorkerProcess(name, start, ports, now, { message: onMessage, exit: onExit })
  }

  function onExit(worker: WorkerProcess, reason: string): void {
    crew.exited(worker, reason)
    caches.left(worker)
    news.left(worker)
  }

  function onMessage(worker: WorkerProcess, message: FromWorker): void {
    worker.heardAt = clock.now()
    switch (message.kind) {
      case 'serving':
        worker.state = worker.retiring || state === 'draining' ? 'draining' : 'serving'
        log.info({ worker: worker.name, pid: worker.pid, port }, 'worker serves')
        return crew.serving(worker)
      case 'failed':
        log.error({ worker: worker.name }, `worker cannot listen: ${message.message}`)
        return worker.kill()
      case 'report':
        worker.gauges = message.report.gauges
        worker.snapshotSeq = message.snapshotSeq
        return deps.sink.accept(message.report)
      case 'flushed':
        return waiting.get(message.id)?.(0)
      case 'purged':
        return waiting.get(message.id)?.(message.answers)
      case 'changed':
        caches.changed(message.keys)
        return news.changed(worker, message.id, message.keys)
      case 'heard':
        return news.heard(worker, message.id)
      case 'ask':
        return worker.send({ kind: 'decided', decided: shared.decide(message.ask) })
      case 'cache':
        return caches.heard(worker, message.notes)
      case 'resync':
        return worker.send({ kind: 'change', change: { kind: 'whole', snapshot } })
      case 'log':
        return log[message.level](message.fields, message.message)
    }
  }

  function tellAll(message: ToWorker): void {
    for (const worker of workers) worker.send(message)
  }

  const unsubscribe = registry.subscribe((next) => {
    if (swapping) return
    const change = diff(snapshot, next)
    snapshot = next
    tellAll({ kind: 'change', change })
  })

  try {
    await crew.start()
  } catch (error) {
    stop()
    throw new Error(`the workers do not start on port ${port}: see the lines above`, { cause: error })
  }
  state = 'serving'
  for (const { name, port } of listenersOf(ports)) log.info({ listener: name, port }, 'a listener is open')

  function end(): void {
    state = 'stopped'
    endWatch()
    unsubscribe()
  }

  function stop(): void {
    crew.dismiss()
    end()
    for (const worker of workers) worker.kill()
    closePorts()
  }

  function closePorts(): void {
    closeOthers(ports, [])
  }

  /** The ports of another config. What stands in the way of one is let go first, and had back where that was in vain. */
  async function open(next: Config): Promise<readonly BoundPort[]> {
    const way = inTheWay(next, ports)
    const [first] = way
    if (first === undefined) return bind(next, ports)
    const [before, names] = [ports, new Set(way.map(({ name }) => name))]
    // A worker that comes meanwhile waits for what is let go.
    ports = before.filter(({ name }) => !names.has(name))
    tellAll({ kind: 'release', names: [...names] })
    const free = await taken()
    try {
      const { port, wanted } = first
      if (!free) throw new PortRefused(`port ${port} is held by a worker that does not answer: try again`, wanted.path)
      closeOthers(way, [])
      return await bind(next, ports)
    } catch (error) {
      ports = free ? await bind(config, ports) : before
      give(names)
      await taken()
      throw error
    }
  }

  /** Resolves when the workers have taken what was sent until now; false where one has not in time. */
  async function taken(): Promise<boolean> {
    const asked = answering().map((worker) => ask(worker, (id) => ({ kind: 'flush', id }), TAKE_MS))
    return !(await Promise.all(asked)).includes(undefined)
  }

  /** Those that leave take nothing new. */
  function give(names: ReadonlySet<string>): void {
    for (const one of ports)
      if (names.has(one.name)) for (const worker of workers) if (!worker.retiring) worker.give(one)
  }

  /** Sends a config on its way, and the ports that are new. Resolves when no worker has the old ones any more. */
  async function distribute(before: Config, change: Change, bound: readonly BoundPort[]): Promise<void> {
    const old = ports
    ports = bound
    tellAll({ kind: 'config', config, listeners: listenersOf(ports), change })
    const fresh = opened(before.processor.listeners, config.processor.listeners)
    give(fresh)
    const closed = opened(config.processor.listeners, before.processor.listeners)
    if (fresh.size + closed.size === 0) return
    closeOthers(old, ports)
    await taken()
    for (const name of closed) if (!fresh.has(name)) log.info({ listener: name }, 'a listener is closed')
    for (const { name, port } of ports) if (fresh.has(name)) log.info({ listener: name, port }, 'a listener is open')
  }

  return {
    port,
    get listeners() {
      return Object.fromEntries(listenersOf(ports).map(({ name, port }) => [name, port]))
    },
    status: () => ({
      name: config.processor.name,
      state,
      port,
      listeners: listenersOf(ports),
      replaced: crew.replaced,
      workers: [...workers].map((worker) => worker.status()),
    }),
    async reconfigure(next, swapRegistry = () => undefined) {
      const bound = state === 'serving' ? await open(next) : ports
      // It may have begun to end meanwhile.
      if (isEnding()) {
        closeOthers(bound, ports)
        return swapRegistry()
      }
      // One message for both, and one new table in each worker: a route that came before its instances would answer 503, and
      // instances that left before their routes would, too.
      swapping = true
      try {
        swapRegistry()
      } finally {
        swapping = false
      }
      const before = config
      config = forWorkers(next)
      const change = diff(snapshot, registry.current)
      snapshot = registry.current
      const distributed = distribute(before, change, bound)
      crew.resize(next.processor.workers)
      if (next.processor.hangMs !== before.processor.hangMs) {
        endWatch()
        endWatch = watchForHangs(workers, next.processor.hangMs, deps)
      }
      await distributed
    },
    tryPorts: (next) => probe(next, ports),
    replaceWorkers: () => crew.replaceAll(),
    async flush() {
      await Promise.all(answering().map((worker) => ask(worker, (id) => ({ kind: 'flush', id }), FLUSH_MS)))
    },
    async purge(purge): Promise<Purged> {
      caches.purged()
      const asked = answering().map((worker) => ask(worker, (id) => ({ kind: 'purge', id, purge }), PURGE_MS))
      const said = (await Promise.all(asked)).filter((answers) => answers !== undefined)
      const answers = said.reduce((sum, count) => sum + count, 0)
      return { answers, workers: said.length, silent: asked.length - said.length }
    },
    async drain() {
      if (state === 'stopped') return
      state = 'draining'
      crew.dismiss()
      closePorts()
      for (const worker of workers) worker.drain()
      // A worker that hangs while it drains must not hold up the end.
      const { drainMs } = config.processor.timeouts
      const giveUp =
        drainMs > 0 ? clock.after(drainMs + 2000, () => workers.forEach((worker) => worker.kill())) : undefined
      await crew.gone()
      giveUp?.()
      end()
    },
    kill: stop,
  }

  function isEnding(): boolean {
    return state !== 'serving'
  }

  function answering(): WorkerProcess[] {
    return [...workers].filter(serves)
  }

  /** Resolves with what the worker answers, or with nothing where it does not within `ms`. */
  function ask(worker: WorkerProcess, message: (id: number) => ToWorker, ms: number): Promise<number | undefined> {
    return new Promise((resolve) => {
      const id = ++questions
      const cancel = clock.after(ms, () => end())
      const end = (answers?: number): void => {
        cancel()
        waiting.delete(id)
        resolve(answers)
      }
      waiting.set(id, end)
      worker.send(message(id))
    })
  }
}

function listenersOf(ports: readonly BoundPort[]): readonly ListenerPort[] {
  return ports.flatMap(({ name, port }) => (name === '' ? [] : [{ name, port }]))
}

/** Names of those of `after` that do not go on with a socket of `before`. */
function opened(before: readonly ListenerConfig[], after: readonly ListenerConfig[]): ReadonlySet<string> {
  const old = new Map(before.map((listener) => [listener.name, listener]))
  return new Set(after.filter((listener) => !staysOpen(old.get(listener.name), listener)).map(({ name }) => name))
}

function serves({ state }: WorkerProcess): boolean {
  return state === 'serving' || state === 'draining'
}

/** No worker speaks to the admin API, so none needs to know its token. */
function forWorkers(config: Config): Config {
  const { token: _token, ...discovery } = config.discovery
  return { ...config, discovery }
}
