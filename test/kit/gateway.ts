// A gateway in the test's own process: real sockets, a real config, a snapshot that the test can change at will.
import assert from 'node:assert/strict'
import type { AddressInfo } from 'node:net'
import { createWheel } from '../../processor/engine/wheel.js'
import { openGateway, type Gateway, type GatewayDeps } from '../../processor/gateway.js'
import { createRecorder } from '../../processor/recorder.js'
import type { Config } from '../../shared/config/model.js'
import { parseConfig } from '../../shared/config/parse.js'
import { silentLog } from '../../shared/log.js'
import type { Report } from '../../shared/metrics/report.js'
import type { Health, Instance, Override } from '../../shared/registry/instance.js'
import { freePort } from './ports.js'
import type { Cleanup } from './process.js'

export interface TestGateway extends Gateway {
  readonly port: number
  /** Of its listeners, by name. */
  readonly ports: Readonly<Record<string, number>>
  readonly config: Config
  /** Gives instances (by url, e.g. `127.0.0.1:9000`) a state; the others stay as they are. */
  set(states: Record<string, { health?: Health; override?: Override; weight?: number }>): void
  /** What has been recorded since the last call. */
  report(): Report
}

/** A config of the full layout without the parts that every test would repeat. */
export interface TestConfig {
  readonly processor?: Record<string, unknown>
  readonly services?: Record<string, unknown>
  readonly routes?: readonly unknown[]
}

export function testConfig(given: TestConfig, port = 0): Config {
  const { services = {}, processor = {}, routes } = given
  const polled = Object.fromEntries(
    Object.entries(services).map(([name, service]) => [name, { polling: { method: 'tcp' }, ...(service as object) }]),
  )
  const file = {
    version: 1,
    processor: { port, workers: 1, ...processor },
    services: polled,
    ...(routes ? { routes } : {}),
  }
  const parsed = parseConfig(JSON.stringify(file), 'test.json', {})
  assert.ok(parsed.ok, parsed.ok ? '' : JSON.stringify(parsed.problems))
  return parsed.config
}

type GatewayExtras = Partial<
  Pick<GatewayDeps, 'useSockets' | 'ticketKeys' | 'stickySecret' | 'log' | 'wheel' | 'machine'>
>

/** Starts a gateway whose instances are all `up`; it ends with the test. */
export async function startGateway(
  t: Cleanup,
  given: TestConfig,
  wanted?: number,
  more: GatewayExtras = {},
): Promise<TestGateway> {
  return startConfig(t, testConfig(given, wanted ?? (await freePort())), more)
}

/** The same for a whole config, at the port that it names. */
export async function startConfig(t: Cleanup, config: Config, more: GatewayExtras = {}): Promise<TestGateway> {
  const { port } = config.processor
  const wheel = more.wheel ?? createWheel()
  const recorder = createRecorder('test', config.processor.requestLimit, () => undefined)
  const gateway = await openGateway(config, {
    via: 'serverpy-test',
    ownPort: port,
    wheel,
    recorder,
    log: silentLog,
    ...more,
  })
  let instances: Instance[] = config.services.flatMap(({ servers }) =>
    servers.map(({ spec }): Instance => ({ ...spec, health: 'up', since: 0 })),
  )
  let seq = 0
  const publish = (): void => {
    gateway.receive({ kind: 'whole', snapshot: { term: 1, seq: ++seq, instances } })
  }
  publish()
  await new Promise<void>((resolve) => gateway.server.listen(port, '127.0.0.1', resolve))
  const ports: Record<string, number> = {}
  for (const [name, server] of gateway.listeners) {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    ports[name] = (server.address() as AddressInfo).port
  }
  t.after(() => {
    gateway.server.close()
    for (const server of gateway.listeners.values()) server.close()
    for (const connection of gateway.core.connections) connection.destroy()
    for (const connection of gateway.core.bare) connection.destroy()
    for (const endpoint of gateway.endpoints.values()) endpoint.retire()
    wheel.close()
  })
  return {
    ...gateway,
    config,
    port: (gateway.server.address() as AddressInfo).port,
    ports,
    set(states) {
      instances = instances.map((instance) => {
        const state = states[instance.url]
        return state === undefined ? instance : { ...instance, ...state }
      })
      publish()
    },
    report() {
      const { connections, inFlight, tunnels } = gateway.core
      const gauges = { connections: connections.size, inFlight, upgraded: tunnels, loopLagMs: 0, rssBytes: 0 }
      const report = recorder.take(gauges, () => gateway.take(true), true)
      assert.ok(report)
      return report
    },
  }
}
