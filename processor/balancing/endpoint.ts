// A worker's live state for one instance: its connections and what is in flight. It outlives snapshots.
import type { Instance } from '../../shared/registry/instance.js'
import { type AnswerSink, type ConnectionHome, UpstreamConnection, type UpstreamTarget } from '../engine/upstream.js'
import type { InstanceTls } from '../tls/upstream.js'
import { Batcher } from '../engine/batcher.js'
import type { Wheel } from '../engine/wheel.js'

export interface EndpointLimits {
  /** Connections, used and idle. */
  readonly connections: number
  readonly idle: number
  readonly keepAliveMs: number
  /** Requests may share connections. */
  readonly batch: boolean
  /** Stay above Node's sockets. */
  readonly useSockets: boolean
}

export class Endpoint implements ConnectionHome {
  readonly id: string
  /** What follows the target in a request's head: the version, and Host, whose port is left out where it is the scheme's own. */
  readonly versionAndHost: string
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
    /** For an instance that speaks TLS. */
    tls: InstanceTls | undefined,
    private readonly limits: EndpointLimits,
    private readonly wheel: Wheel,
  ) {
    const { host, port, secure } = instance
    this.id = instance.id
    this.basePath = instance.basePath
    const name = host.includes(':') ? `[${host}]` : host
    this.versionAndHost = ` HTTP/1.1\r\nHost: ${port === (secure ? 443 : 80) ? name : `${name}:${port}`}\r\n`
    const { keepAliveMs, useSockets } = limits
    this.target = { host, port, tls: secure ? tls : undefined, keepAliveMs, useSockets }
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
    connection.idleAt = this.idle.push(connection) - 1
  }

  /** The instance has left the registry: idle connections close now, the others after their answer. */
  retire(): void {
    this.retired = true
    for (const connection of this.idle.splice(0)) connection.destroy()
  }

  closed(connection: UpstreamConnection): void {
    this.open--
    const { idleAt } = connection
    if (this.idle[idleAt] !== connection) return
    // The last one takes its place: a thousand that close at once must not search for each other.
    const last = this.idle.pop() as UpstreamConnection
    if (last === connection) return
    this.idle[idleAt] = last
    last.idleAt = idleAt
  }
}
