// Answers with what several services bring, asked at once or one after the other: as much as there is when time is up.
import type { MergeConfig, PartConfig } from '../../../shared/config/merge-model.js'
import { ProxyError } from '../../../shared/errors.js'
import type { Core } from '../../core.js'
import { Deadline } from '../../engine/wheel.js'
import type { Exchange, Handler, RequestSink } from '../../exchange.js'
import { claimsOf } from '../../pipes/claims.js'
import { HeldRequest, type HoldingOwner } from '../../pipes/held-request.js'
import { answerAsItIs, answerData, answerFailure, beginAsItIs } from './answer.js'
import type { Asking, PartResult } from './ask.js'
import { Budget, Unreadable } from './budget.js'
import { createReady, type Ready, type ReadyDeps, type ReadyPart, takesBody } from './ready.js'
import { Relay } from './relay.js'
import { fill, type Filling, Unfillable } from './template.js'
import { Upload } from './upload.js'

/** Of the route's time, what several parts have: the rest is for putting them together and for the way back. */
const SHARE_OF_PARTS = 0.85
/** One alone has nearly all of it; the answer must be out before the exchange itself is out of time. */
const SPARE_MS = 40

const NO_BODY = Buffer.alloc(0)

export interface MergeDeps extends ReadyDeps {
  readonly core: Pick<Core, 'wheel' | 'fail' | 'via' | 'deps'>
}

export function createMerge(config: MergeConfig, deps: MergeDeps): Handler {
  const ready = createReady(config, deps)
  return (exchange) => new Merging(exchange, ready, deps).begin()
}

class Merging implements RequestSink, HoldingOwner {
  private readonly askings: Asking[] = []
  private readonly results: (PartResult | undefined)[] = []
  private readonly budget = new Budget()
  private readonly deadline = new Deadline(() => this.late())
  private held: HeldRequest | undefined
  private body: Buffer | undefined
  private until = 0
  /** What passes the client's body on as it comes. */
  private upload: Upload | undefined
  /** What passes an answer on as it comes, once it has begun. */
  private relay: Relay | undefined
  private ended = false

  constructor(
    private readonly exchange: Exchange,
    private readonly ready: Ready,
    private readonly deps: MergeDeps,
  ) {}

  begin(): void {
    const { exchange, ready } = this
    if (exchange.body === 'none' || !ready.takesBody || !takesBody(exchange.method)) {
      exchange.sink = this
      return this.start()
    }
    if (exchange.expectsContinue) exchange.client.interim('100 Continue', '')
    if (ready.streamsBody) {
      exchange.sink = this
      this.upload = new Upload(exchange)
      return this.start()
    }
    this.held = new HeldRequest(exchange, this)
    exchange.sink = this.held
    this.held.collect(ready.mostHeld)
  }

  collected(): void {
    this.body = this.held?.content()
    this.held = undefined
    this.exchange.sink = this
    this.start()
  }

  tooLarge(): void {
    if (this.ended) return
    const message = `a body of at most ${this.ready.mostHeld} bytes is taken here`
    this.end()
    this.deps.core.fail(this.exchange, new ProxyError('body-too-large', 'client', 'never', message))
  }

  private start(): void {
    const { ready } = this
    // Of one whose body is on its way, the time of the answer begins at its end.
    if (this.upload === undefined) this.limitTime(ready.config.timeoutMs)
    else this.until = Infinity
    for (const part of ready.shadows) this.ask(part, new Budget())
    if (ready.config.sequential) return this.next()
    // All are asked before the first can answer.
    for (const part of ready.parts) this.askings.push(this.ask(part, this.budget))
    this.askings.forEach((asking, i) => this.await(asking, (result) => this.came(i, result)))
  }

  private limitTime(timeoutMs: number): void {
    const { wheel } = this.deps.core
    const several = this.ready.parts.length > 1
    const ms = Math.max(1, several ? timeoutMs * SHARE_OF_PARTS : timeoutMs - Math.min(SPARE_MS, timeoutMs / 4))
    wheel.tick()
    this.until = wheel.now() + ms
    wheel.set(this.deadline, ms)
  }

  /** Of parts that are asked one after the other. */
  private next(): void {
    const i = this.results.length
    const part = this.ready.parts[i]
    if (part === undefined) return this.finish()
    const asking = this.ask(part, this.budget)
    this.askings[i] = asking
    this.await(asking, (result) => {
      this.results[i] = result
      // What is not whole is no ground to go on from.
      if (result.ok && result.complete) this.next()
      else this.finish()
    })
  }

  private await(asking: Asking, then: (result: PartResult) => void): void {
    asking.result
      .then((result) => {
        if (!this.ended && this.relay === undefined) then(result)
      })
      .catch((error: unknown) => this.broken(error))
  }

  private came(i: number, result: PartResult): void {
    this.results[i] = result
    for (let k = 0; k < this.ready.parts.length; k++) if (this.results[k] === undefined) return
    this.finish()
  }

  private ask(part: ReadyPart, budget: Budget): Asking {
    const { exchange, deps, body, ready, upload } = this
    const { config } = part
    const { wheel } = deps.core
    const client = exchange.method === 'HEAD' ? 'GET' : exchange.method
    const method = config.method ?? client
    let target: string
    try {
      target = this.targetFor(part)
    } catch (error) {
      if (!(error instanceof Unfillable)) throw error
      const { message } = error
      return { result: Promise.resolve({ ok: false, reason: message, told: message }), cancel: () => undefined }
    }
    // RFC 9110 section 8.6: where a body is expected, that there is none is said.
    const none = upload === undefined && takesBody(method) && method !== 'DELETE' ? NO_BODY : undefined
    const sent = takesBody(method) ? (body ?? none) : undefined
    const { lines, ownCoding, sized } = part.fieldsFor(
      { fields: exchange.fields, address: exchange.address, host: exchange.host },
      sent !== undefined || upload !== undefined,
    )
    const relay = part.relayed ? this.createRelay(config, ownCoding) : undefined
    const own = config.timeoutMs === undefined || upload !== undefined ? Infinity : wheel.now() + config.timeoutMs
    return part.ask(
      {
        method,
        target,
        fields: lines,
        ownCoding,
        body: sent,
        streamed: upload !== undefined,
        sized,
        until: Math.min(this.until, own),
      },
      {
        call: (call, withBody) => part.outgoing(call, exchange, { taker: relay, body: withBody ? upload : undefined }),
        places: () => (exchange.table.pool(config.service)?.endpoints ?? []).map(({ instance }) => instance),
        now: () => wheel.now(),
        budget,
        admit: part.admit,
        forwarded: ready.config.forwarding === 'native',
      },
    )
  }

  private createRelay(part: PartConfig, ownCoding: boolean): Relay {
    const { exchange, ready, deps } = this
    const relay: Relay = new Relay(exchange, part, ownCoding, {
      begins: () => {
        if (this.ended || exchange.headSent || exchange.answerDone) return false
        // From here on it has the time of the exchange.
        deps.core.wheel.drop(this.deadline)
        this.relay = relay
        return true
      },
      writeHead: (answer, framing, keep) => beginAsItIs(exchange, answer, { framing, keep }, ready.config, deps.core),
      ends: () => this.end(),
    })
    return relay
  }

  private targetFor({ config, queryFor }: ReadyPart): string {
    const { exchange, results, ready } = this
    const pattern = exchange.route?.match.path.split('/') ?? []
    const filling: Filling = {
      parameter: (name) => exchange.path.split('/')[pattern.indexOf(`{${name}}`)],
      claims: () => exchange.pipes && claimsOf(exchange.pipes),
      answers: results.filter((result) => result?.ok === true),
      slashes: ready.config.forwarding === 'strict',
    }
    const target = fill(config.path, filling)
    const query = queryFor(exchange.target)
    return query === '' ? target : `${target}${target.includes('?') ? '&' : '?'}${query}`
  }

  private late(): void {
    const failure = { ok: false, reason: 'it did not answer in time', told: 'context deadline exceeded' } as const
    const asked = this.ready.config.sequential ? this.askings.length : this.ready.parts.length
    for (let i = 0; i < asked; i++) this.results[i] ??= failure
    this.finish()
  }

  private finish(): void {
    if (this.ended) return
    this.end()
    try {
      this.answer(this.results as PartResult[])
    } catch (error) {
      this.broken(error)
    }
  }

  /** A bug, or answers that together cannot be written: it costs this exchange only. */
  private broken(error: unknown): void {
    const { exchange, deps } = this
    const { core } = deps
    this.end()
    if (!(error instanceof Unreadable))
      core.deps.log.error({ error, request: exchange.id }, 'putting answers together failed')
    if (exchange.answerDone) return
    const message = error instanceof Unreadable ? error.message : 'the answers could not be put together'
    core.fail(
      exchange,
      new ProxyError('merge-failed', 'internal', 'never', message),
      `${this.ready.config.completed}: false\r\n`,
    )
  }

  private answer(results: readonly PartResult[]): void {
    const { exchange, ready, deps } = this
    const { config } = ready
    this.note(results)
    if (exchange.headSent || exchange.answerDone) return
    const [first] = results
    const combined = ready.combine(results)
    if (config.output === 'no-op' && first?.ok === true && first.answer !== undefined)
      answerAsItIs(exchange, first.answer, config, deps.core)
    else if (combined.data === undefined) answerFailure(exchange, combined, config, deps.core)
    else answerData(exchange, combined.data, combined.complete, config, deps.core)
  }

  private note(results: readonly PartResult[]): void {
    const { exchange, ready } = this
    results.forEach((result, i) => {
      const service = ready.parts[i]?.config.service
      if (!result.ok) ready.failed({ request: exchange.id, route: exchange.route?.id, service, part: i }, result.reason)
    })
  }

  /** Nobody waits for the parts any more. Shadows go on by themselves. */
  private end(): void {
    if (this.ended) return
    this.ended = true
    this.deps.core.wheel.drop(this.deadline)
    this.relay?.close()
    for (const asking of this.askings) asking.cancel()
  }

  timedOut(): void {
    this.end()
  }

  clientGone(): void {
    this.end()
  }

  over(): void {
    this.end()
  }

  // The body of a client that no part takes is read and thrown away.

  requestBody(buf: Buffer, start: number, end: number): void {
    this.upload?.take(buf, start, end)
  }

  requestEnd(): void {
    const { upload, ready } = this
    if (upload === undefined) return
    upload.end()
    const [part] = ready.parts
    if (!this.ended && this.relay === undefined)
      this.limitTime(Math.min(ready.config.timeoutMs, part?.config.timeoutMs ?? Infinity))
  }

  requestPause(): void {
    this.upload?.flush()
  }

  clientDrained(): void {
    this.relay?.clientDrained()
  }
}
