// One gateway with an origin for each of its services: what a case meets. Cases of a lane run one after the other.
import { startGateway } from '../kit/gateway.js'
import type { Cleanup } from '../kit/process.js'
import { waitFor } from '../kit/wait.js'
import { type Recorder, startRecorder } from './recorder.js'

/** Services by name, each with its API paths and whatever else its config says. With `hosts` each takes its own host only. */
export interface Layout {
  readonly hosts?: Readonly<Record<string, string>>
  readonly services: Readonly<Record<string, Readonly<Record<string, unknown>> & { readonly apis: readonly string[] }>>
  readonly processor?: Record<string, unknown>
}

export const PLAIN: Layout = { services: { app: { apis: ['/app'] } } }

export interface Lane {
  readonly port: number
  readonly origins: ReadonlyMap<string, Recorder>
  /** Whether this path belongs to the service, by the longest prefix. */
  serves(service: string, path: string): boolean
  /** Has requests of several clients go out on one connection, as if a thousand answers had come fast. */
  share(): void
  /** Resolves once nothing is in flight any more. */
  quiet(): Promise<void>
  stop(): Promise<void>
}

export async function startLane(layout: Layout): Promise<Lane> {
  const ends: (() => unknown)[] = []
  const stop = async (): Promise<void> => {
    for (const end of ends) await end()
  }
  try {
    return await start(layout, { after: (run) => void ends.unshift(run) }, stop)
  } catch (error) {
    await stop()
    throw error
  }
}

async function start(layout: Layout, t: Cleanup, stop: () => Promise<void>): Promise<Lane> {
  const origins = new Map<string, Recorder>()
  const services: Record<string, unknown> = {}
  for (const [name, service] of Object.entries(layout.services)) {
    const origin = await startRecorder(t)
    origins.set(name, origin)
    const { apis, ...more } = service
    services[name] = { servers: [origin.authority], ...more, ...(layout.hosts === undefined ? { apis } : {}) }
  }
  const routes = Object.entries(layout.hosts ?? {}).map(([service, host]) => ({
    match: { host, path: '/app' },
    service,
  }))
  const gateway = await startGateway(t, {
    services,
    processor: layout.processor ?? {},
    ...(layout.hosts === undefined ? {} : { routes }),
  })
  return {
    port: gateway.port,
    origins,
    serves: (service, path) => servicesOf(layout, path).includes(service),
    share() {
      for (const { batcher } of gateway.endpoints.values())
        for (let i = 0; batcher !== undefined && i < 2048; i++) batcher.answered(batcher.takeTurn(), 0.1, 1)
    },
    async quiet() {
      await waitFor(() => gateway.core.inFlight === 0 && gateway.core.connections.size === 0, {
        what: 'nothing to be in flight',
      })
    },
    stop,
  }
}

/** The services that have the longest prefix of this path among their APIs. */
export function servicesOf(layout: Layout, path: string): string[] {
  const fitting = Object.entries(layout.services)
    .flatMap(([name, { apis }]) => apis.map((api) => ({ name, prefix: api === '/' ? '' : api })))
    .filter(({ prefix }) => path === prefix || path.startsWith(`${prefix}/`))
  const longest = Math.max(...fitting.map(({ prefix }) => prefix.length))
  return fitting.filter(({ prefix }) => prefix.length === longest).map(({ name }) => name)
}
