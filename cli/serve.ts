// Runs the servers of a config: both halves in one process, or one half alone; and ends them as a signal asks.
import { hostname } from 'node:os'
import type { Control } from '../discovery/api/deps.js'
import { startDiscovery, type Discovery } from '../discovery/server.js'
import { createExplain } from '../processor/explain.js'
import { probe } from '../processor/supervisor/listen.js'
import { connectRegistry } from '../processor/supervisor/remote-registry.js'
import { createRemoteSink } from '../processor/supervisor/remote-sink.js'
import { startProcessor, type Processor } from '../processor/supervisor/supervisor.js'
import { systemClock } from '../shared/clock.js'
import type { Config, Parsed } from '../shared/config/model.js'
import type { Log, LogLevel } from '../shared/log.js'
import type { Purge } from '../shared/processor.js'
import { VERSION } from '../shared/version.js'
import { firstSnapshot, orConfigured } from './first-snapshot.js'
import { asProblem, createPortTrial, type Halves } from './port-trial.js'
import { createReloader, type Reloader } from './reloader.js'
import { shownUrl } from './server-url.js'

/** Instances that are known to be down should not get traffic only because the link is slow. */
const FIRST_SNAPSHOT_MS = 1000

export interface ServeDeps {
  readonly log: Log
  readonly level: LogLevel
  /** PATH of the environment: where ping and fping are looked for. */
  readonly searchPath: string
  /** Reads the config file anew. */
  readonly load: () => Promise<Parsed>
}

/** A running server: `drain` lets what runs end, `kill` does not. */
export interface Serving {
  readonly reloader: Reloader
  /** Undefined where there are no workers. */
  readonly replaceWorkers: Control['replaceWorkers']
  drain(): Promise<void>
  kill(): void
}

/** Both halves. Rejects with an Error of one line when a port cannot be had; nothing is left open then. */
export async function serveBoth(config: Config, deps: ServeDeps): Promise<Serving> {
  // Whoever cannot have one of the ports touches nothing else: the discovery half opens the store and polls.
  await probe(config)
  const discovery = await startDiscovery(config, discoveryDeps(deps, true))
  let processor: Processor
  try {
    processor = await startProcessor(config, {
      ...deps,
      clock: systemClock,
      registry: discovery.registry,
      sink: discovery.sink,
    })
  } catch (error) {
    await discovery.close()
    throw error
  }
  discovery.attach(processor, createExplain(config, discovery.registry, discovery.live))
  const reloader = reloaderOf(config, deps, { discovery, processor }, async (next) => {
    await processor.reconfigure(next, () => discovery.reconfigure(next))
    discovery.attach(processor, createExplain(next, discovery.registry, discovery.live))
  })
  const replaceWorkers = () => processor.replaceWorkers()
  discovery.control(controlOf(reloader, replaceWorkers))
  deps.log.info({ discovery: discovery.port, ...portsOf(processor) }, 'ready')
  return {
    reloader,
    replaceWorkers,
    async drain() {
      discovery.drain()
      await processor.drain()
      await discovery.close()
    },
    kill: () => processor.kill(),
  }
}

/** The registry, the polling and the API alone. */
export async function serveDiscovery(config: Config, deps: ServeDeps): Promise<Serving> {
  const discovery: Discovery = await startDiscovery(config, discoveryDeps(deps, false))
  const reloader = reloaderOf(config, deps, { discovery }, async (next) => discovery.reconfigure(next))
  discovery.control(controlOf(reloader, undefined))
  deps.log.info({ discovery: discovery.port }, 'ready')
  return {
    reloader,
    replaceWorkers: undefined,
    async drain() {
      discovery.drain()
      await discovery.close()
    },
    kill: () => undefined,
  }
}

/** The processor alone, by the registry at `url`. Until that is heard of, the config's instances count as unknown. */
export async function serveProcessor(config: Config, url: string, deps: ServeDeps): Promise<Serving> {
  let { token } = config.discovery
  // Before there are workers nothing is stored.
  let purge: (what: Purge) => Promise<void> = () => Promise.resolve()
  const link = {
    clock: systemClock,
    log: deps.log,
    get token() {
      return token
    },
    onPurge: (what: Purge) => void purge(what),
  }
  const registry = connectRegistry(url, link)
  const sink = createRemoteSink(url, link)
  try {
    await firstSnapshot(registry, FIRST_SNAPSHOT_MS, { clock: systemClock })
    const known = orConfigured(registry, config)
    const processor = await startProcessor(config, {
      ...deps,
      clock: systemClock,
      registry: known,
      namePrefix: `${hostname().slice(0, 64)}-${process.pid}-`,
      sink,
    })
    purge = async (what) => deps.log.info({ ...(await processor.purge(what)) }, 'stored answers were purged')
    const reloader = reloaderOf(config, deps, { processor }, (next) =>
      processor.reconfigure(next, () => {
        token = next.discovery.token
        known.configure(next)
      }),
    )
    deps.log.info({ ...portsOf(processor), registry: shownUrl(url) }, 'ready')
    return {
      reloader,
      replaceWorkers: () => processor.replaceWorkers(),
      async drain() {
        await processor.drain()
        registry.close()
        await sink.close()
      },
      kill: () => processor.kill(),
    }
  } catch (error) {
    registry.close()
    await sink.close()
    throw error
  }
}

/** Of its listeners only where it has some. */
function portsOf({ port, listeners }: Processor): Record<string, unknown> {
  return { processor: port, ...(Object.keys(listeners).length > 0 && { listeners }) }
}

function reloaderOf(
  config: Config,
  { log, load }: ServeDeps,
  halves: Halves,
  apply: (config: Config) => Promise<void>,
): Reloader {
  return createReloader(config, {
    clock: systemClock,
    log,
    load,
    ports: createPortTrial(halves),
    async apply(next) {
      try {
        await apply(next)
        return []
      } catch (error) {
        return [asProblem(error, next)]
      }
    },
  })
}

function controlOf(reloader: Reloader, replaceWorkers: Control['replaceWorkers']): Control {
  return {
    get reloads() {
      return reloader.reloads
    },
    plan: () => reloader.plan(),
    reload: () => reloader.reload('the API'),
    replaceWorkers,
  }
}

function discoveryDeps({ log, searchPath }: ServeDeps, processorExpected: boolean) {
  return { clock: systemClock, log, random: Math.random, version: VERSION, searchPath, processorExpected }
}
