// Sends an exchange to the best instance of a service: tries one after another until one answers or none may be tried.
import { ProxyError } from '../../shared/errors.js'
import type { Endpoint } from '../balancing/endpoint.js'
import { isLastResort, mayFree, noInstance, whyNobody } from '../balancing/last-resort.js'
import type { Pool } from '../balancing/pool.js'
import type { Core } from '../core.js'
import { answer } from '../engine/answer-head.js'
import type { UpstreamConnection } from '../engine/upstream.js'
import { Deadline } from '../engine/wheel.js'
import type { Wire } from '../engine/wire/wire.js'
import type { Exchange, Handler, RequestSink } from '../exchange.js'
import { backoffMs } from '../resilience/backoff.js'
import type { LiveService } from '../resilience/live-service.js'
import { Replay } from '../resilience/replay.js'
import {
  isIdempotent,
  isRepeatable,
  isRetryStatus,
  mayFollow,
  mayRetry,
  mayRetryStatus,
  type Tries,
} from '../resilience/retry.js'
import type { Route } from '../routing/table.js'
import { Attempt, type Trying } from './attempt.js'
import { InLine, type Waiter } from './in-line.js'
import { allowedUpgrade, openTunnel } from './switching.js'

export function createForward(core: Core): Handler {
  return (exchange) => {
    const route = exchange.route as Route
    const pool = exchange.table.pool(route.service)
    const { live } = route
    if (pool === undefined || live === undefined) return core.fail(exchange, noInstance(route.service))
    const forwarding = new Forwarding(exchange, route, live, pool, core)
    exchange.sink = forwarding
    forwarding.start()
  }
}

class Forwarding implements RequestSink, Trying, Waiter, Tries {
  readonly upgrade: string
  readonly repeatable: boolean
  waitsForContinue: boolean
  /** The try whose answer the client gets, as far as is known. */
  private current: Attempt | undefined
  /** A second one beside it, while neither has answered. */
  private rival: Attempt | undefined
  private readonly tried: Endpoint[] = []
  private readonly replay: Replay
  /** Why the last try failed. */
  private failure: ProxyError | undefined
  /** The one extra try that a dead idle connection is worth has been used. */
  private raced = false
  /** It goes where polls say that nobody is: nothing better is left. */
  private panicking = false
  /** Some endpoint had no connection left. */
  private crowded = false
  /** Where it waits for a place, or has waited. */
  private inLine: InLine | undefined
  /** It waits for its next try. */
  private pausing = false
  /** It counts against the limit of the service. */
  private admitted = false
  private ended = false
  private pause: Deadline | undefined
  private hedge: Deadline | undefined

  constructor(
    readonly exchange: Exchange,
    private readonly route: Route,
    private readonly live: LiveService,
    private readonly pool: Pool<Endpoint>,
    private readonly core: Core,
  ) {
    this.repeatable = isRepeatable(exchange, route.retry)
    this.replay = new Replay(this.repeatable, route.retry.bodyBytes)
    this.waitsForContinue = exchange.expectsContinue && !exchange.requestDone
    this.upgrade = exchange.offers === '' ? '' : allowedUpgrade(exchange, route)
    live.began()
  }

  get timeouts() {
    return this.route.timeouts
  }

  // ---- tries

  start(): void {
    if (this.live.full) this.wait()
    else this.called()
  }

  /** Begins a try. `again`: the endpoint that gets the request once more. */
  private attempt(again?: Endpoint): void {
    const { exchange, failure } = this
    let endpoint = again ?? this.choose()
    let connection: UpstreamConnection | undefined
    while (endpoint !== undefined) {
      const { batcher } = endpoint
      if (batcher !== undefined && failure === undefined && batcher.ready && this.batchable) {
        this.current = this.attemptAt(endpoint)
        return batcher.add(this.current)
      }
      connection = endpoint.acquire(again !== undefined)
      if (connection !== undefined) break
      // It has all the connections that it may have.
      this.crowded = true
      this.tried.push(endpoint)
      endpoint = this.pool.pick(exchange, this.tried)
    }
    if (endpoint === undefined || connection === undefined) return this.nobodyLeft()
    if (exchange.attempts > 0 && failure !== undefined) {
      exchange.retries++
      endpoint.retried()
    }
    const attempt = this.attemptAt(endpoint)
    this.current = attempt
    attempt.begin(connection, this.replay.pieces)
    // Within a read the body may follow at once and leave in the same write.
    if (exchange.requestDone || !exchange.client.reading) attempt.flush()
    // A second try would take a client away from the instance that it comes back to.
    if (this.live.hedging !== undefined && this.pool.sticky === undefined) this.armHedge(this.live.hedging.delayMs())
  }

  private attemptAt(endpoint: Endpoint): Attempt {
    const { exchange } = this
    const attempt = new Attempt(this, endpoint, this.core, exchange.attempts === 0 ? 'first' : 'retry')
    exchange.attempts++
    exchange.instance = endpoint.id
    return attempt
  }

  private choose(): Endpoint | undefined {
    const { exchange, pool, tried } = this
    const endpoint = pool.pick(exchange, tried)
    if (endpoint !== undefined) return endpoint
    if (this.failure !== undefined && this.failure.retry !== 'safe' && tried.length > 0) {
      // All have been tried. One that was reached may do better the second time; one that refused will not.
      tried.length = 0
      return pool.pick(exchange, tried)
    }
    return undefined
  }

  private nobodyLeft(): void {
    const { exchange, pool, tried, core } = this
    if (pool.endpoints.some((endpoint) => mayFree(endpoint) && !tried.includes(endpoint))) return this.wait()
    const last =
      pool.pickInPanic(exchange, tried) ?? pool.endpoints.find((one) => isLastResort(one) && !tried.includes(one))
    if (last !== undefined) {
      this.panicking = true
      return this.attempt(last)
    }
    const { failure } = this
    core.fail(exchange, failure === undefined || (this.panicking && failure.retry === 'safe') ? this.nobody() : failure)
  }

  private nobody(): ProxyError {
    return whyNobody(this.pool, this.route.service, this.crowded)
  }

  get attempts(): number {
    return this.exchange.attempts
  }

  get headSent(): boolean {
    return this.exchange.headSent
  }

  get replayable(): boolean {
    return this.replay.possible
  }

  get patienceMs(): number {
    const { retry } = this.route
    return retry.perTryMs > 0 && this.repeatable && mayFollow(this, retry) ? retry.perTryMs : 0
  }

  get holdBytes(): number {
    const { retry } = this.route
    return retry.holdBytes > 0 && this.repeatable && mayFollow(this, retry) ? retry.holdBytes : -1
  }

  private get batchable(): boolean {
    const { body, method } = this.exchange
    // An answer to HEAD announces a body that must not come, and some send it.
    return body === 'none' && this.upgrade === '' && method !== 'HEAD' && isIdempotent(method)
  }

  // ---- waiting for a place

  private wait(): void {
    const { live, core, exchange } = this
    if (this.admitted) live.withdrawn()
    this.admitted = false
    const { totalMs } = this.route.timeouts
    const until = totalMs === 0 ? Infinity : exchange.startedAt + totalMs
    this.inLine ??= new InLine(live, this.route.importance, until, core.wheel, this)
    if (this.inLine.join()) {
      if (!exchange.requestDone) exchange.client.pause()
      return
    }
    live.refused()
    core.fail(exchange, new ProxyError('overload', 'internal', 'never', `"${live.name}" has all that it can do`))
  }

  called(): void {
    if (!this.admitted) this.live.admitted()
    this.admitted = true
    this.attempt()
  }

  dropped(): void {
    this.live.refused()
    const failure = new ProxyError(
      'overload',
      'internal',
      'never',
      `no place at "${this.live.name}" became free in time`,
    )
    this.core.fail(this.exchange, failure)
  }

  // ---- what becomes of a try

  unplaced(attempt: Attempt): void {
    if (this.ended || this.exchange.answerDone) return
    this.exchange.attempts--
    this.current = undefined
    this.crowded = true
    this.tried.push(attempt.endpoint)
    this.attempt()
  }

  failed(attempt: Attempt, error: ProxyError, blameless: boolean): void {
    const { exchange, route, core } = this
    if (blameless && !this.raced && this.mayRace && (!attempt.endpoint.guard.troubled || this.live.mayRetry())) {
      // Nobody's fault, so no attempt lost; nor a part of the budget, unless the instance is in trouble in any case.
      this.raced = true
      exchange.attempts--
      this.failure = error
      attempt.abandon()
      if (this.alone(attempt)) this.attempt(attempt.endpoint)
      return
    }
    if (blameless) attempt.abandon()
    else attempt.blame(error)
    // The other one may still answer.
    if (!this.alone(attempt)) return
    if (exchange.headSent) return exchange.client.abort(error.code)
    this.tried.push(attempt.endpoint)
    if (mayRetry(error, this, route.retry) && this.live.mayRetry()) return this.retry(error)
    core.fail(exchange, this.panicking && error.retry === 'safe' ? this.nobody() : error)
  }

  late(attempt: Attempt): void {
    const { exchange, pool, route, live } = this
    if (this.ended || exchange.headSent) return
    const error = new ProxyError('answer-timeout', 'upstream', 'idempotent-only', 'the answer did not come in time')
    // A try that nothing can follow has all the time that there is.
    if (!mayRetry(error, this, route.retry)) return
    if (pool.pick(exchange, [...this.tried, attempt.endpoint]) === undefined) return
    if (this.rival === undefined && !live.mayRetry()) return
    attempt.giveUp(error)
    this.tried.push(attempt.endpoint)
    if (this.alone(attempt)) this.retry(error)
  }

  private get mayRace(): boolean {
    return !this.exchange.headSent && this.replay.possible && this.repeatable
  }

  /** Forgets an attempt that is over. False: another one is still on its way. */
  private alone(attempt: Attempt): boolean {
    const { current, rival } = this
    this.current = attempt === current ? rival : current
    this.rival = undefined
    return this.current === undefined
  }

  private retry(failure: ProxyError): void {
    this.failure = failure
    const { route, core, exchange } = this
    const pauseMs = backoffMs(exchange.retries + 1, route.retry.backoff, Math.random)
    if (pauseMs <= 0) return this.attempt()
    if (!exchange.requestDone) exchange.client.pause()
    this.pausing = true
    this.pause ??= new Deadline(() => this.afterPause())
    core.wheel.set(this.pause, pauseMs)
  }

  private afterPause(): void {
    if (!this.pausing) return
    this.pausing = false
    this.attempt()
  }

  accepts(attempt: Attempt): boolean {
    const { status } = answer
    const { live, core, exchange, route } = this
    if (this.rival !== undefined && isRetryStatus(status, route.retry)) {
      // The other one may do better.
      attempt.dismiss()
      this.alone(attempt)
      this.tried.push(attempt.endpoint)
      return false
    }
    if (status >= 500 && mayRetryStatus(status, this, route.retry) && this.mayGoOn(attempt) && live.mayRetry()) {
      attempt.dismiss()
      if (!this.alone(attempt)) return false
      this.tried.push(attempt.endpoint)
      this.retry(new ProxyError('bad-answer', 'upstream', 'idempotent-only', `the instance answered ${status}`))
      return false
    }
    const other = attempt === this.current ? this.rival : this.current
    other?.abandon()
    this.current = attempt
    this.rival = undefined
    exchange.instance = attempt.endpoint.id
    // By the older of two: the younger's time alone would call ever more of the first ones slow.
    live.hedging?.observe(core.wheel.now() - Math.min(attempt.startedAt, other?.startedAt ?? Infinity))
    if (this.hedge !== undefined) core.wheel.clear(this.hedge)
    return true
  }

  /** An instance that says when to come again is not asked before: only others are, where there are any. */
  private mayGoOn(attempt: Attempt): boolean {
    if (!/^retry-after:/im.test(answer.fields)) return true
    return this.pool.pick(this.exchange, [...this.tried, attempt.endpoint]) !== undefined
  }

  fieldsFor(endpoint: Endpoint): string {
    return this.pool.sticky === undefined ? '' : this.pool.sticky.fieldsFor(this.exchange, endpoint)
  }

  answered(): void {
    this.exchange.client.finish()
  }

  switched(attempt: Attempt, wire: Wire, buf: Buffer, start: number, end: number): void {
    openTunnel(this.exchange, this.upgrade, wire, { buf, start, end }, this.core, () => {
      attempt.count('success')
      attempt.release(false)
    })
  }

  connected(attempt: Attempt): void {
    if (attempt === this.current) this.replay.connected()
  }

  interim(attempt: Attempt): void {
    if (answer.status === 100) this.waitsForContinue = false
    if (attempt === this.current) this.exchange.client.interim(answer.statusText, answer.fields)
  }

  sent(attempt: Attempt): void {
    if (attempt === this.current) this.exchange.client.resume()
  }

  // ---- a second try beside a slow one

  private armHedge(delayMs: number | undefined): void {
    const { exchange, core, live } = this
    if (exchange.attempts > 1 || !this.batchable) return
    live.hedging?.began()
    if (delayMs === undefined) return
    this.hedge ??= new Deadline(() => this.beginHedge())
    core.wheel.set(this.hedge, Math.max(1, delayMs))
  }

  private beginHedge(): void {
    const { current, exchange, pool, live, route } = this
    if (this.ended || current === undefined || this.rival !== undefined || exchange.headSent) return
    if (!mayFollow(this, route.retry)) return
    const endpoint = pool.pick(exchange, [...this.tried, current.endpoint])
    if (endpoint === undefined || !(live.hedging?.take() ?? false)) return
    const connection = endpoint.acquire(false)
    if (connection === undefined) return
    endpoint.hedged()
    this.rival = new Attempt(this, endpoint, this.core, 'hedge')
    exchange.attempts++
    this.rival.begin(connection, this.replay.pieces)
    this.rival.flush()
  }

  // ---- the request

  requestBody(buf: Buffer, start: number, end: number): void {
    const { current } = this
    this.replay.keep(buf, start, end, current?.connection?.connected === true)
    this.waitsForContinue = false
    if (current !== undefined) current.send(buf, start, end)
    else this.exchange.client.pause()
  }

  requestEnd(): void {
    this.requestPause()
    this.current?.awaitAnswer()
  }

  requestPause(): void {
    this.current?.flush()
  }

  // ---- the client

  clientDrained(): void {
    this.current?.clientDrained()
  }

  timedOut(): void {
    const { current } = this
    current?.count('timeout')
    // A client that is slow to send or to read has used the time up itself.
    if (current !== undefined && this.exchange.requestDone && !current.stalled) {
      current.blame(new ProxyError('answer-timeout', 'upstream', 'never', 'the whole exchange took too long'))
    }
    this.clientGone()
  }

  clientGone(): void {
    this.replay.drop()
    this.current?.abandon()
    this.rival?.abandon()
    this.current = this.rival = undefined
  }

  /** The exchange is over, in whatever way. */
  over(): void {
    if (this.ended) return
    this.ended = true
    const { live, core } = this
    this.inLine?.leave()
    this.pausing = false
    if (this.pause !== undefined) core.wheel.drop(this.pause)
    if (this.hedge !== undefined) core.wheel.drop(this.hedge)
    live.ended(this.admitted)
  }
}
