// A worker's live state for one instance: its connections, what is in flight, and what traffic says of it. It outlives
// snapshots and reloads.
import type { ServiceConfig } from '../../shared/config/model.js'
import type { AttemptCount, AttemptResult, EndpointState, GuardKind } from '../../shared/metrics/report.js'
import type { Instance } from '../../shared/registry/instance.js'
import { Batcher } from '../engine/batcher.js'
import { type AnswerSink, type ConnectionHome, UpstreamConnection, type UpstreamTarget } from '../engine/upstream.js'
import type { Wheel } from '../engine/wheel.js'
import { AdaptiveLimit } from '../resilience/adaptive-limit.js'
import { Guard } from '../resilience/guard.js'
import type { LiveService } from '../resilience/live-service.js'
import type { InstanceTls } from '../tls/upstream.js'
import type { Candidate } from './balancer.js'
import { fallenLatency, peakLatency } from './peak-latency.js'
import { rampedWeight } from './slow-start.js'

export interface EndpointLimits {
  /** Connections, used and idle. */
  readonly connections: number
  readonly idle: number
  readonly keepAliveMs: number
  /** Stay above Node's sockets. */
  readonly useSockets: boolean
}

export interface EndpointDeps {
  readonly wheel: Wheel
  readonly service: LiveService
  /** Its guard has opened, or closed, or lets one try. */
  readonly guardChanged: (endpoint: Endpoint) => void
}

/** An instance that is down for its polls is disputed for so long after an answer. */
const DISPUTE_MS = 10_000

export class Endpoint implements ConnectionHome, Candidate {
  readonly id: string
  /** What follows the target in a request's head: the version, and Host, whose port is left out where it is the scheme's own. */
  readonly versionAndHost: string
  readonly basePath: string
  readonly guard: Guard
  barred = false
  /** Exchanges that use it now. */
  inFlight = 0
  credit = 0
  batcher: Batcher | undefined
  private adaptive: AdaptiveLimit | undefined
  /** Exchanges at once; Infinity: no limit. */
  private most = Infinity
  private open = 0
  private readonly idle: UpstreamConnection[] = []
  private target: UpstreamTarget
  private limits: EndpointLimits
  private retired = false
  private ejected = false
  private guarded: GuardKind = 'closed'
  /** The strategy of its service asks for latencies. */
  private measured = false
  private peakMs = 0
  private latencyAt = 0
  private answeredAt = -Infinity
  /** Since when it takes traffic again, while its weight grows; -1: not. */
  private rampFrom = -1
  private readonly wheel: Wheel
  private readonly service: LiveService
  private tally = { success: 0, failure: 0, timeout: 0, retries: 0, hedges: 0, ejections: 0 }

  constructor(
    /** As the newest snapshot has it. */
    public instance: Instance,
    /** For an instance that speaks TLS. */
    tls: InstanceTls | undefined,
    limits: EndpointLimits,
    private readonly deps: EndpointDeps,
  ) {
    const { host, port, secure } = instance
    this.wheel = deps.wheel
    this.service = deps.service
    this.id = instance.id
    this.basePath = instance.basePath
    const name = host.includes(':') ? `[${host}]` : host
    this.versionAndHost = ` HTTP/1.1\r\nHost: ${port === (secure ? 443 : 80) ? name : `${name}:${port}`}\r\n`
    this.limits = limits
    this.target = this.targetWith(secure ? tls : undefined)
    const { outlier, breaker } = this.config
    this.guard = new Guard(
      { outlier, breaker },
      { wheel: deps.wheel, mayEject: () => this.service.mayEject(), changed: () => this.onGuard() },
    )
    this.applyConfig()
  }

  private get config(): ServiceConfig {
    return this.service.config
  }

  private targetWith(tls: InstanceTls | undefined): UpstreamTarget {
    const { host, port } = this.instance
    const { keepAliveMs, useSockets } = this.limits
    return { host, port, tls, keepAliveMs, useSockets }
  }

  /** The service's config has changed: later requests go by the new one. Connections stay where their target does. */
  configure(tls: InstanceTls | undefined, limits: EndpointLimits, tlsChanged: boolean): void {
    const { outlier, breaker } = this.config
    const stays = !tlsChanged && limits.keepAliveMs === this.limits.keepAliveMs
    this.limits = limits
    if (!stays) {
      this.target = this.targetWith(this.instance.secure ? tls : undefined)
      for (const connection of this.idle.splice(0)) connection.destroy()
    }
    this.guard.configure({ outlier, breaker })
    this.applyConfig()
  }

  private applyConfig(): void {
    const { balance, batch, concurrency } = this.config
    this.measured = balance.strategy === 'p2c' || balance.strategy === 'ewma'
    if (batch === 'off') this.batcher = undefined
    else {
      this.batcher ??= new Batcher(
        () => this.acquire(false),
        () => this.use(),
      )
    }
    const auto = concurrency.instance === 'auto'
    this.adaptive = auto ? (this.adaptive ?? new AdaptiveLimit()) : undefined
    this.most =
      concurrency.instance === 'auto' ? (this.adaptive?.limit ?? Infinity) : this.service.shareOf(concurrency.instance)
    this.settle()
  }

  // ---- what balancing asks

  get weight(): number {
    const { weight } = this.instance
    if (this.rampFrom < 0) return weight
    const { slowStartMs } = this.config.balance
    const now = this.wheel.now()
    if (now - this.rampFrom >= slowStartMs) this.rampFrom = -1
    return this.rampFrom < 0 ? weight : rampedWeight(weight, this.rampFrom, slowStartMs, now)
  }

  get latencyMs(): number {
    return this.peakMs === 0 ? 0 : fallenLatency(this.peakMs, this.wheel.now() - this.latencyAt)
  }

  /** It takes no more for the moment, though nothing is wrong with it. */
  get full(): boolean {
    return this.inFlight >= this.most && !this.guard.barred && !this.retired
  }

  // Also for exchanges that began with an older table: whoever has drained an instance means it.
  private settle(): void {
    const { guard, instance, retired } = this
    this.barred = guard.barred || this.inFlight >= this.most || instance.override !== undefined || retired
  }

  /** The snapshot has news of it. */
  renew(instance: Instance): void {
    const before = this.instance
    this.instance = instance
    this.settle()
    if (before.health === instance.health) return
    if (instance.health !== 'up') return
    if (before.health === 'down') this.guard.recovered()
    this.returned()
  }

  /** Instances that return, or come later than the others, get their share little by little. */
  ramp(): void {
    if (this.config.balance.slowStartMs > 0) this.rampFrom = this.wheel.now()
  }

  // ---- what its requests tell

  /** The head of an answer has come, so long after the request. */
  answered(status: number, ms: number, trial: boolean, startedAt: number): void {
    const { guard } = this
    guard.succeeded(status, trial, startedAt)
    // A last resort has answered: it need not wait for its time to be over.
    if (guard.kind === 'open' && status < 500) guard.recovered()
    this.answeredAt = this.wheel.now()
    this.waited(ms)
    const { adaptive } = this
    if (adaptive === undefined) return
    adaptive.observe(ms, this.inFlight, status < 500)
    const before = this.most
    this.most = adaptive.limit
    this.settle()
    if (this.most > before && !this.barred) this.service.callNext()
  }

  /** So long it took, or somebody has waited in vain. */
  waited(ms: number): void {
    if (!this.measured) return
    const now = this.wheel.now()
    this.peakMs = peakLatency(this.peakMs, ms, now - this.latencyAt)
    this.latencyAt = now
  }

  attempted(result: AttemptResult): void {
    this.tally[result]++
  }

  retried(): void {
    this.tally.retries++
  }

  hedged(): void {
    this.tally.hedges++
  }

  private onGuard(): void {
    const { guard, service } = this
    const { kind, ejected } = guard
    if (ejected !== this.ejected && !this.retired) service.ejected += ejected ? 1 : -1
    this.ejected = ejected
    this.settle()
    if (kind !== this.guarded) this.onKind(kind)
    // Last: whom it calls may change the guard once more.
    if (!this.barred) service.callNext()
  }

  private onKind(kind: GuardKind): void {
    this.guarded = kind
    if (kind === 'open') {
      this.tally.ejections++
      // Whoever tries it again should not find a connection that the instance has long given up.
      for (const connection of this.idle.splice(0)) connection.destroy()
    }
    if (kind === 'closed') this.returned()
    this.deps.guardChanged(this)
  }

  /** It begins anew: what it was like when it failed says nothing. */
  private returned(): void {
    this.peakMs = 0
    this.ramp()
  }

  /** Counts since the last call; undefined where nothing happened. */
  take(): AttemptCount | undefined {
    const { tally } = this
    const { success, failure, timeout, ejections } = tally
    if (success + failure + timeout + ejections === 0) return undefined
    this.tally = { success: 0, failure: 0, timeout: 0, retries: 0, hedges: 0, ejections: 0 }
    return { service: this.instance.service, instance: this.id, ...tally }
  }

  /** Polls call it down, and it answers. */
  get disputed(): boolean {
    return (
      this.instance.health === 'down' && this.guard.kind === 'closed' && this.wheel.now() - this.answeredAt < DISPUTE_MS
    )
  }

  /** As of now; undefined where there is nothing to tell. */
  state(): EndpointState | undefined {
    const { guard, inFlight, open, disputed } = this
    if (inFlight === 0 && open === 0 && guard.kind === 'closed' && !disputed) return undefined
    return {
      instance: this.id,
      inFlight,
      connections: open,
      guard: guard.kind,
      ...(guard.kind !== 'closed' && guard.reason !== undefined && { reason: guard.reason }),
      disputed,
    }
  }

  // ---- connections

  private use(): void {
    this.inFlight++
    if (this.inFlight === this.most) this.barred = true
  }

  /**
   * An idle connection, the one used last first, or a new one that still connects; undefined at the limit. `fresh`: only
   * a new one will do.
   */
  acquire(fresh: boolean): UpstreamConnection | undefined {
    const connection = fresh ? undefined : this.idle.pop()
    if (connection !== undefined) {
      this.use()
      return connection
    }
    if (this.open >= this.limits.connections) return undefined
    this.use()
    this.open++
    return new UpstreamConnection(this.target, this.wheel, this)
  }

  /** Ends an exchange's use of a connection; `usable`: request and answer both came to their end. */
  release(connection: UpstreamConnection, sink: AnswerSink, usable: boolean): void {
    const wasFull = this.inFlight >= this.most
    this.inFlight--
    connection.leave(sink, usable)
    if (wasFull) this.settle()
    if (!this.barred) this.service.callNext()
  }

  /** A place for a connection that is no request's, and where to make it; undefined at the limit. */
  occupy(): UpstreamTarget | undefined {
    if (this.open >= this.limits.connections) return undefined
    this.use()
    this.open++
    return this.target
  }

  vacate(): void {
    this.open--
    if (this.inFlight-- >= this.most) this.settle()
    if (!this.barred) this.service.callNext()
  }

  rested(connection: UpstreamConnection): void {
    if (this.retired || this.idle.length >= this.limits.idle || connection.target !== this.target)
      return connection.destroy()
    connection.rest()
    connection.idleAt = this.idle.push(connection) - 1
  }

  /** The instance has left the registry: idle connections close now, the others after their answer. */
  retire(): void {
    if (this.ejected) this.service.ejected--
    this.ejected = false
    this.retired = true
    this.settle()
    this.guard.close()
    for (const connection of this.idle.splice(0)) connection.destroy()
  }

  /** Nothing of it is left. */
  get over(): boolean {
    return this.retired && this.inFlight === 0 && this.open === 0
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
