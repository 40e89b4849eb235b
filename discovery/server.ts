// The discovery half as a whole: store, registry, polling, traffic and API, started in order and ended in reverse.
import { isDeepStrictEqual } from 'node:util'
import type { Clock } from '../shared/clock.js'
import { pipeNames } from '../shared/config/all-pipes.js'
import type { Config } from '../shared/config/model.js'
import type { Log } from '../shared/log.js'
import type { Explain, LiveView, ProcessorView } from '../shared/processor.js'
import type { TrafficSink } from '../shared/metrics/report.js'
import type { RegistrySource } from '../shared/registry/instance.js'
import { createApi } from './api/api.js'
import type { ConfigReloads, Control } from './api/deps.js'
import { type ListenerOptions, openListener } from './api/listener.js'
import { createPoller } from './polling/poller.js'
import { createProber } from './polling/probes/prober.js'
import { createSuspicion } from './polling/suspicion.js'
import { createRecall } from './recall.js'
import { createPersistence } from './registry/persistence.js'
import { createRegistry } from './registry/registry.js'
import { createConfigSource } from './sources/config-source.js'
import { openStore } from './store/open.js'
import { startRetention } from './store/retention.js'
import type { RegistryEvent, Store, StoredInstance } from './store/store.js'
import { createTraffic } from './traffic.js'

export interface DiscoveryDeps {
  readonly clock: Clock
  readonly log: Log
  /** 0 to 1, as Math.random. */
  readonly random: () => number
  readonly version: string
  /** Where ping and fping are looked for, as in the environment variable PATH. */
  readonly searchPath: string
  /** Whether a processor will be attached: until then the process is not ready. */
  readonly processorExpected: boolean
}

export interface Discovery {
  readonly registry: RegistrySource
  readonly sink: TrafficSink
  /** What the workers say of the instances now, for `explain`. */
  readonly live: LiveView
  /** Of the API. */
  readonly port: number
  /** The processor of the same process, for readiness, exact totals and `explain`. */
  attach(processor: ProcessorView, explain: Explain): void
  /** Whoever can reload the config, for the API. */
  control(by: Control): void
  /**
   * Goes by another config, of which `applicable` has taken out what needs a restart. The snapshot that it makes is published
   * before this returns. Instances that stay keep their history, their health and their turn to be polled.
   */
  reconfigure(config: Config): void
  /** From here on /readyz says 503; everything else goes on until `close`. */
  drain(): void
  /** Ends polling, writes what is not written yet and closes the port. */
  close(): Promise<void>
}

/**
 * Opens the API's port first: whoever cannot have it touches nothing else. Rejects with an Error whose message is one line
 * for people. A store in trouble is no reason to stay down: it is degraded, and readiness says so.
 */
export async function startDiscovery(config: Config, deps: DiscoveryDeps): Promise<Discovery> {
  const { log } = deps
  const { discovery } = config
  const listener = await openListener(addressOf(config))
  const store = await openStore(discovery.store, deps)
  const parts = await startParts(config, store, deps).catch(async (error: unknown) => {
    await listener.close()
    await store.close()
    throw error
  })
  listener.serve(parts.api.app)
  log.info({ port: listener.port, name: discovery.name }, 'the discovery server listens')
  return {
    registry: parts.registry,
    sink: parts.traffic,
    live: parts.live,
    port: listener.port,
    attach: parts.attach,
    control: parts.control,
    reconfigure: parts.reconfigure,
    drain: parts.drain,
    async close() {
      await parts.close()
      await listener.close()
      await store.close()
    },
  }
}

/** Rejects as `startDiscovery` does where the API's port cannot be had; it is open for a moment only. */
export async function tryDiscoveryPort(config: Config): Promise<void> {
  const listener = await openListener(addressOf(config))
  await listener.close()
}

function addressOf({ discovery: { host, port }, layout }: Config): ListenerOptions {
  return {
    ...(host !== undefined && { host }),
    port,
    ...(layout === 'classic'
      ? { hostKey: 'meta-info.discovery_server_host', portKey: 'meta-info.discovery_server_port' }
      : { hostKey: 'discovery.host', portKey: 'discovery.port' }),
  }
}

async function startParts(first: Config, store: Store, deps: DiscoveryDeps) {
  let config = first
  let names = namesOf(config)
  const { clock, log, version } = deps
  const { state, history } = store
  const recall = createRecall(deps)
  const stored = await recall.first('the state of instances', () => state.load(), recallState)
  const earlier = await recall.first(
    'the totals of requests',
    () => history.totals(),
    (late) => traffic.recall(late),
  )
  const term = await state.nextTerm()

  const persistence = createPersistence(stored, { state, clock, log, onLost: (rows) => registry.adopt(rows) })
  const registry = createRegistry({
    clock,
    log,
    term,
    onEvent: (event) => {
      history.appendEvent(event)
      logEvent(event, log)
    },
    onChange: (changed) => persistence.changed(changed),
  })
  const prober = createProber(deps)
  const poller = createPoller(registry, config.discovery.polling, { ...deps, prober, history })
  const traffic = createTraffic(earlier, {
    history,
    clock,
    requestLimit: config.processor.requestLimit,
    onSuspect: createSuspicion(registry, poller, deps),
    onDispute: (instance, disputed) => registry.setContradicted(instance, disputed),
    ownWorkers: () => lifecycle.processor?.status().workers.map(({ name }) => name),
    known: {
      service: (name) => names.services.has(name),
      instance: (id) => registry.status(id) !== undefined,
      route: (id) => names.routes.has(id),
      pipe: (name) => names.pipes.has(name),
      listener: (name) => name === '' || names.listeners.has(name),
    },
  })
  const lifecycle = {
    processor: undefined as ProcessorView | undefined,
    explain: undefined as Explain | undefined,
    processorExpected: deps.processorExpected,
    draining: false,
    control: undefined as Control | undefined,
    get configReloads(): ConfigReloads {
      return this.control?.reloads ?? NEVER_RELOADED
    },
  }
  const apiDeps = {
    get config() {
      return config
    },
    version,
    registry,
    store,
    recall,
    traffic,
    polling: poller,
    lifecycle,
    clock,
    log,
  }
  const api = createApi(apiDeps)
  const known = () => registry.current.instances.map(({ id }) => id)
  let retention = startRetention(config.discovery.retention, known, store, deps)

  let remembered = stored && byId(stored)
  // The registry first: nothing that was stored is overwritten before it is known.
  function recallState(late: readonly StoredInstance[]): void {
    remembered = byId(late)
    registry.adopt(remembered)
    persistence.learn(late)
    trimPackets()
  }
  // Else a lowered limit would show only after the next poll of each instance.
  function trimPackets(): void {
    const limits = registry.statuses().map(({ instance, polling }) => [instance.id, polling.packetLimit] as const)
    history
      .trimPackets(limits)
      .catch((error: unknown) => log.warn({ reason: String(error) }, 'packets beyond their limit could not be removed'))
  }

  const source = createConfigSource(config.services)
  await source.start((servers) => {
    registry.replace(servers, remembered ?? 'unread')
    poller.sync(servers)
  })
  if (stored) trimPackets()
  recall.start()

  return {
    registry,
    traffic,
    live: {
      live: (id) => ({ ...traffic.live(id), flapping: registry.status(id)?.flapping ?? false }),
      names: () => traffic.workers().map(({ worker }) => worker),
    } satisfies LiveView,
    api,
    attach(processor: ProcessorView, explain: Explain) {
      lifecycle.processor = processor
      lifecycle.explain = explain
    },
    control(by: Control) {
      lifecycle.control = by
    },
    reconfigure(next: Config) {
      const before = config
      config = next
      names = namesOf(next)
      // One that leaves now and is configured again later comes back with what it had.
      for (const { instance } of registry.statuses()) remembered?.set(instance.id, { ...instance, version: 0 })
      source.replace(next.services)
      if (remembered) trimPackets()
      if (!isDeepStrictEqual(before.discovery.retention, next.discovery.retention)) {
        retention.close()
        retention = startRetention(next.discovery.retention, known, store, deps)
      }
      api.reconfigured()
    },
    drain() {
      lifecycle.draining = true
    },
    async close() {
      lifecycle.draining = true
      await source.close()
      await poller.close()
      prober.close()
      recall.close()
      registry.flush()
      await persistence.close()
      traffic.close()
      retention.close()
      await api.close()
    },
  }
}

const NEVER_RELOADED: ConfigReloads = { ok: 0, failed: 0, lastOk: true, lastAt: undefined, problems: [] }

/** What may become a label or a ring of its own. */
function namesOf(config: Config) {
  const { services, routes, processor } = config
  return {
    services: new Set(services.map(({ name }) => name)),
    routes: new Set(routes.map(({ id }) => id)),
    pipes: pipeNames(config),
    listeners: new Set(processor.listeners.map(({ name }) => name)),
  }
}

function byId(stored: readonly StoredInstance[]): Map<string, StoredInstance> {
  return new Map(stored.map((instance) => [instance.id, instance]))
}

function logEvent({ kind, instance, service, from, to, reason }: RegistryEvent, log: Log): void {
  if (kind === 'health')
    log[to === 'down' ? 'warn' : 'info']({ instance, service, from, reason }, `an instance is ${to}`)
  else if (kind === 'dispute')
    log[to === 'none' ? 'info' : 'warn']({ instance, service, reason }, to === 'none' ? 'a dispute has ended' : to)
  else if (kind === 'override') log.info({ instance, service, from, to }, 'an override was changed')
}
