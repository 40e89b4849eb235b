// One bare connection of a client on its way to the best instance of a service: the instance is chosen, tried, left for
// another one where it cannot be reached, and then bytes pass both ways.
import { ERRORS, ProxyError } from '../../../shared/errors.js'
import type { AttemptResult } from '../../../shared/metrics/report.js'
import type { Chooser } from '../../balancing/balancer.js'
import type { Endpoint } from '../../balancing/endpoint.js'
import { isLastResort, noInstance, whyNobody } from '../../balancing/last-resort.js'
import type { Pool } from '../../balancing/pool.js'
import { type BareConnection, type Core, plainAddress } from '../../core.js'
import { connectFailure } from '../../engine/connect-failure.js'
import { Tunnel, type TunnelEnd } from '../../engine/tunnel.js'
import { Deadline } from '../../engine/wheel.js'
import { connect, type Dialer, type UpstreamTarget } from '../../engine/wire/connect.js'
import { NOBODY } from '../../engine/wire/take-over.js'
import type { Wire, WireOwner } from '../../engine/wire/wire.js'
import type { LiveService } from '../../resilience/live-service.js'
import type { LiveListener } from '../../live-listener.js'
import { mayRetry } from '../../resilience/retry.js'

/** Where its listener sends it. */
export interface Destination {
  readonly listener: LiveListener
  readonly service: string
  /** Without a byte for so long it ends; 0: never. */
  readonly idleMs: number
  /** Undefined: no instance is known. */
  readonly pool: Pool<Endpoint> | undefined
  readonly live: LiveService | undefined
}

export class TcpSession implements BareConnection, WireOwner, Dialer {
  readonly peer: string
  readonly listener: LiveListener
  private readonly chooser: Chooser
  private readonly startedAt: number
  private readonly deadline: Deadline
  private readonly tried: Endpoint[] = []
  private attempts = 0
  private bytesIn = 0
  private bytesOut = 0
  private admitted = false
  private over = false
  /** What the client has sent while its instance was looked for. */
  private readonly early: Buffer[] = []
  private clientEnded = false
  /** The instance that it is at, or is being connected to. */
  private endpoint: Endpoint | undefined
  private target: UpstreamTarget | undefined
  private trial = false
  private triedAt = 0
  private stopConnecting: (() => void) | undefined
  private tunnel: Tunnel | undefined

  /** Nothing has been read of `client`. */
  constructor(
    private readonly client: Wire,
    private readonly to: Destination,
    private readonly core: Core,
  ) {
    this.peer = client.peer
    this.listener = to.listener
    const address = plainAddress(client.peer)
    this.chooser = { path: '', address, header: () => undefined, query: () => undefined }
    this.startedAt = core.wheel.now()
    this.deadline = new Deadline(() => this.tooLate())
    client.owner = this
    // That the client goes away is seen by reading alone.
    client.resume()
  }

  start(): void {
    const { live, service } = this.to
    if (live === undefined) return this.fail(noInstance(service))
    live.began()
    if (live.full) {
      live.refused()
      return this.fail(new ProxyError('overload', 'internal', 'never', `"${service}" has all that it can do`))
    }
    live.admitted()
    this.admitted = true
    this.attempt(live, undefined)
  }

  private attempt(live: LiveService, failure: ProxyError | undefined): void {
    const { pool, service } = this.to
    if (pool === undefined) return this.fail(noInstance(service))
    // No Via tells that a connection has been here before.
    if (pool.loops) return this.fail(new ProxyError('loop', 'client', 'never', `"${service}" is this gateway itself`))
    let crowded = false
    for (let endpoint = this.choose(pool); endpoint !== undefined; endpoint = this.choose(pool)) {
      this.tried.push(endpoint)
      const target = endpoint.occupy()
      if (target !== undefined) return this.connect(endpoint, target, live, failure !== undefined)
      crowded = true
    }
    this.fail(failure ?? whyNobody(pool, service, crowded))
  }

  private choose(pool: Pool<Endpoint>): Endpoint | undefined {
    const { chooser, tried } = this
    return (
      pool.pick(chooser, tried) ??
      pool.pickInPanic(chooser, tried) ??
      pool.endpoints.find((one) => isLastResort(one) && !tried.includes(one))
    )
  }

  private connect(endpoint: Endpoint, target: UpstreamTarget, live: LiveService, again: boolean): void {
    const { wheel } = this.core
    this.endpoint = endpoint
    this.target = target
    this.attempts++
    if (again) {
      endpoint.retried()
      this.core.deps.recorder.retried(1)
    }
    this.triedAt = wheel.now()
    this.trial = endpoint.guard.begin()
    this.stopConnecting = connect({ ...target, bare: true }, NOBODY, this)
    wheel.set(this.deadline, live.config.timeouts.connectMs)
  }

  // ---- Dialer

  connectFailed(code: string): void {
    this.core.wheel.tick()
    const failure = connectFailure(code, this.target?.tls !== undefined)
    const why = code === '' ? 'closed during the handshake' : code
    this.missed(new ProxyError(failure, 'upstream', 'safe', `cannot connect: ${why}`))
  }

  private tooLate(): void {
    this.stopConnecting?.()
    this.missed(new ProxyError('connect-timeout', 'upstream', 'safe', 'the connection was not accepted in time'))
  }

  /** It could not be connected; not a byte of the client has left. */
  private missed(failure: ProxyError): void {
    const { core, endpoint, attempts } = this
    const { live } = this.to
    if (this.over || endpoint === undefined || live === undefined) return
    core.wheel.clear(this.deadline)
    this.endpoint = this.stopConnecting = undefined
    const { code } = failure
    const refused = code === 'connection-refused' || code === 'unreachable'
    this.count(endpoint, code === 'connect-timeout' ? 'timeout' : 'failure')
    endpoint.guard.failed(refused ? 'refused' : 'failure', this.trial, this.triedAt)
    core.suspect(endpoint.id)
    endpoint.vacate()
    const tries = { repeatable: true, attempts, replayable: true, headSent: false }
    if (mayRetry(failure, tries, live.config.retry) && live.mayRetry()) this.attempt(live, failure)
    else this.fail(failure, endpoint)
  }

  connectedTo(upstream: Wire): void {
    const { core, endpoint } = this
    if (this.over || endpoint === undefined) return upstream.destroy()
    const { wheel } = core
    wheel.tick()
    wheel.clear(this.deadline)
    this.stopConnecting = undefined
    // There is no answer by which to tell more: whoever accepts connections is alive.
    endpoint.answered(200, wheel.now() - this.triedAt, this.trial, this.triedAt)
    const { client } = this
    this.tunnel = new Tunnel(client, upstream, wheel, this.to.idleMs, {
      passed: (bytes, towards) => {
        if (towards === 'upstream') this.bytesIn += bytes
        else this.bytesOut += bytes
        this.listener.passed(bytes, towards)
      },
      over: (how) => this.closed(endpoint, how),
    })
    for (const piece of this.early.splice(0)) this.tunnel.early('client', piece, 0, piece.length)
    if (this.clientEnded) client.owner.wireEnded()
  }

  // ---- WireOwner, until the tunnel takes over

  wireRead(buf: Buffer, bytes: number): void {
    // It waits with the rest until somebody is there to take it; TLS may have more of the same read.
    this.client.pause()
    this.early.push(Buffer.from(buf.subarray(0, bytes)))
  }

  wireEnded(): void {
    this.clientEnded = true
  }

  wireDrained(): void {}

  /** The client has gone, and is not waited for. */
  wireClosed(): void {
    const { core, endpoint } = this
    if (this.over) return
    core.wheel.tick()
    core.wheel.clear(this.deadline)
    this.stopConnecting?.()
    if (endpoint !== undefined) {
      endpoint.guard.abandoned(this.trial, this.triedAt)
      endpoint.vacate()
    }
    this.end(ERRORS['client-gone'].status, 'client-gone', endpoint)
  }

  // ---- ends

  private closed(endpoint: Endpoint, how: TunnelEnd): void {
    const { core } = this
    core.wheel.tick()
    const broke = how === 'upstream'
    this.count(endpoint, broke ? 'failure' : 'success')
    if (!broke) endpoint.guard.whole()
    else if (this.bytesOut === 0) {
      // It accepts connections and does nothing with them. Where the client has spoken, what it said may be why: that must
      // not take an instance from others, so the polls decide.
      if (this.bytesIn === 0) endpoint.guard.failed('truncated', this.trial, this.triedAt)
      core.suspect(endpoint.id)
    }
    endpoint.vacate()
    this.end(broke ? ERRORS['connection-reset'].status : 200, broke ? 'connection-reset' : '', endpoint)
  }

  private fail(failure: ProxyError, at?: Endpoint): void {
    if (this.over) return
    this.core.deps.log.debug({ code: failure.code, listener: this.listener.name }, failure.message)
    this.client.destroy()
    this.end(failure.status, failure.code, at ?? this.tried.at(-1))
  }

  /** The worker ends, and waits no longer. */
  destroy(): void {
    if (this.tunnel !== undefined) return this.tunnel.destroy()
    this.client.destroy()
    this.wireClosed()
  }

  private count(endpoint: Endpoint, result: AttemptResult): void {
    endpoint.attempted(result)
    this.core.attempted(result)
  }

  private end(status: number, error: ProxyError['code'] | '', endpoint: Endpoint | undefined): void {
    this.over = true
    const { core, to, startedAt, attempts, bytesIn, bytesOut } = this
    to.live?.ended(this.admitted)
    const durationMs = core.wheel.now() - startedAt
    core.recorded({
      at: Date.now() - durationMs,
      id: core.requestId(),
      service: to.service,
      instance: attempts === 0 ? '' : (endpoint?.id ?? ''),
      route: `tcp:${to.listener.name}`,
      method: 'TCP',
      path: '',
      status,
      durationMs,
      attempts,
      bytesIn,
      bytesOut,
      error,
      client: plainAddress(this.peer),
    })
    core.disconnectedBare(this)
  }
}
