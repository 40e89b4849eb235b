// A worker's live state for one instance: its connections and what is in flight. It outlives snapshots.
import type tls from 'node:tls'
import type { UpstreamTlsConfig } from '../../shared/config/model.js'
import type { Instance } from '../../shared/registry/instance.js'
import { type AnswerSink, type ConnectionHome, UpstreamConnection, type UpstreamTarget } from '../engine/upstream.js'
import { Batcher } from '../engine/batcher.js'
import type { Wheel } from '../engine/wheel.js'

export interface EndpointLimits {
  /** Connections, used and idle. */
  readonly connections: number
  readonly idle: number
  readonly keepAliveMs: number
  /** Requests may share connections. */
  readonly batch: boolean
}

export class Endpoint implements ConnectionHome {
  readonly id: string
  /** The Host field's value: the port is left out where it is the scheme's own. */
  readonly authority: string
  readonly basePath: string
  /** Exchanges that use it now. */
  inFlight = 0
  /** Smooth weighted round-robin's running value. */
  credit = 0
  private open = 0
  private readonly idle: UpstreamConnection[] = []
  private readonly target: UpstreamTarget
  private retired = false
  readonly batcher: Batcher | undefined

  constructor(
    /** As the newest snapshot has it. */
    public instance: Instance,
    tlsOptions: tls.ConnectionOptions,
    private readonly limits: EndpointLimits,
    private readonly wheel: Wheel,
  ) {
    const { host, port, secure } = instance
    this.id = instance.id
    this.basePath = instance.basePath
    const name = host.includes(':') ? `[${host}]` : host
    this.authority = port === (secure ? 443 : 80) ? name : `${name}:${port}`
    this.target = { host, port, tls: secure ? tlsOptions : undefined, keepAliveMs: limits.keepAliveMs }
    this.batcher = limits.batch
      ? new Batcher(
          () => this.acquire(false),
          () => void this.inFlight++,
        )
      : undefined
  }

  /**
   * An idle connection, the one used last first, or a new one that still connects; undefined at the limit. `fresh`: only
   * a new one will do.
   */
  acquire(fresh: boolean): UpstreamConnection | undefined {
    const connection = fresh ? undefined : this.idle.pop()
    if (connection !== undefined) {
      this.inFlight++
      return connection
    }
    if (this.open >= this.limits.connections) return undefined
    this.inFlight++
    this.open++
    return new UpstreamConnection(this.target, this.wheel, this)
  }

  /** Ends an exchange's use of a connection; `usable`: request and answer both came to their end. */
  release(connection: UpstreamConnection, sink: AnswerSink, usable: boolean): void {
    this.inFlight--
    connection.leave(sink, usable)
  }

  rested(connection: UpstreamConnection): void {
    if (this.retired || this.idle.length >= this.limits.idle) return connection.destroy()
    connection.rest()
    this.idle.push(connection)
  }

  /** The instance has left the registry: idle connections close now, the others after their answer. */
  retire(): void {
    this.retired = true
    for (const connection of this.idle.splice(0)) connection.destroy()
  }

  closed(connection: UpstreamConnection): void {
    this.open--
    const index = this.idle.indexOf(connection)
    if (index >= 0) this.idle.splice(index, 1)
  }
}

/** Node's options for verifying an instance's certificate. `ca` is the content of the configured file. */
export function tlsOptions(
  config: UpstreamTlsConfig,
  instance: Instance,
  ca: string | undefined,
): tls.ConnectionOptions {
  const isAddress = /^[\d.]+$|:/.test(instance.host)
  const servername = config.serverName ?? (isAddress ? undefined : instance.host)
  return {
    rejectUnauthorized: config.verify,
    ALPNProtocols: ['http/1.1'],
    ...(servername === undefined ? {} : { servername }),
    ...(ca === undefined ? {} : { ca }),
  }
}
