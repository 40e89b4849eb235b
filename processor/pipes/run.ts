// One exchange on its way through the pipes of its route: it stands between the client's connection and the handler.
import { ProxyError } from '../../shared/errors.js'
import type { Call, Calling } from '../call.js'
import type { Core } from '../core.js'
import type { Exchange, Handler } from '../exchange.js'
import { AnswerSide } from './answer-side.js'
import type { Chain } from './chain.js'
import { checkedCall } from './checked-call.js'
import { HeldRequest, type HoldingOwner } from './held-request.js'
import { isPromise, Phase } from './hook-side.js'
import type { Reply } from './pipe.js'
import { RequestBodyWay } from './request-body.js'
import type { Stuck } from './running.js'
import type { Step } from './step.js'

/** Of an exchange that nobody waits for. */
const FORGONE: Calling = {
  get answer() {
    return Promise.reject(new ProxyError('client-gone', 'client', 'never', 'nobody waits for the answer'))
  },
  cancel: () => undefined,
}

export class PipeRun extends AnswerSide implements HoldingOwner, Stuck {
  private held: HeldRequest | undefined
  private collecting = false
  /** What sends the request's body through streams. */
  private streams: RequestBodyWay | undefined
  private calls: Calling[] | undefined
  /** The last hook has returned: nobody may be asked on behalf of the exchange. */
  private left = false

  constructor(
    exchange: Exchange,
    chain: Chain,
    private readonly handler: Handler,
    core: Core,
  ) {
    super(exchange, chain, core)
    exchange.client = this
    exchange.pipes = this
  }

  begin(): void {
    const { exchange } = this
    if (exchange.body !== 'none') exchange.sink = this.held = new HeldRequest(exchange, this)
    this.goOn()
  }

  /** Runs the pipes that have not had the request, and then the handler. */
  private goOn(): void {
    const { steps } = this.chain
    while (this.reached < steps.length) {
      const index = this.reached++
      const step = steps[index] as Step
      if (!this.enters(step, index)) {
        if (this.phase !== Phase.Request) return
        continue
      }
      if (step.requestBytes > 0 && this.held !== undefined && this.content === undefined) {
        // It is asked when the body is whole, if ever.
        this.collecting = true
        this.reached = index
        this.acceptBody()
        return this.held.collect(step.requestBytes)
      }
      if (!this.ask(step, index)) return
    }
    this.handOver()
  }

  /** Whether the pipe takes part in this exchange. */
  private enters(step: Step, index: number): boolean {
    const open = step.pipe === undefined || step.open
    if (!open && step.takesPart(this)) return true
    ;(this.absent ??= new Set()).add(step)
    if (open && !step.skips) this.refuse(index, step.refusal())
    return false
  }

  /** Calls `onRequest`. False: the exchange does not go on now. */
  private ask(step: Step, index: number): boolean {
    const { pipe } = step
    if (pipe?.onRequest === undefined) return true
    let result
    try {
      result = pipe.onRequest(this) ?? undefined
    } catch (error) {
      return this.brokeAsking(step, index, error)
    }
    if (result === undefined) return true
    if (!isPromise(result)) {
      this.answerWith(result, index)
      return false
    }
    this.settle(
      step,
      'onRequest',
      result,
      (reply) => {
        if (reply !== undefined) return this.answerWith(reply, index)
        this.goOn()
      },
      (error, code) => {
        if (this.brokeAsking(step, index, error, code)) this.goOn()
      },
    )
    return false
  }

  private brokeAsking(step: Step, index: number, reason: unknown, code?: 'pipe-timeout'): boolean {
    const said = reason instanceof ProxyError ? reason : undefined
    // A built-in pipe refuses by that. A user's has not caught what a call of it came to; nobody waits where the client has gone.
    const broken = said === undefined || (step.foreign && said.code !== 'client-gone')
    const failure = broken ? this.broke(step, 'onRequest', reason, code) : said
    if (broken && step.skips) return true
    this.refuse(index, said ?? failure)
    return false
  }

  /** The exchange fails at pipe `index`: those before it see that. */
  private refuse(index: number, failure: ProxyError): void {
    this.depth = index
    this.phase = Phase.Handler
    this.core.fail(this.exchange, failure)
  }

  private answerWith(reply: Reply, index: number): void {
    this.phase = Phase.Handler
    this.exchange.sink = undefined
    this.write(reply, index)
  }

  private handOver(): void {
    const { exchange, held } = this
    this.phase = Phase.Handler
    this.depth = this.chain.steps.length
    const handler = this.moved ? (exchange.route?.forward ?? this.handler) : this.handler
    const chunked = exchange.body === 'chunked' && this.newBody === undefined
    // Whoever has gone by the fields has not seen those behind the body.
    const sieved = chunked && this.looked
    this.settleRequest()
    if (held === undefined && this.newBody === undefined) return handler(exchange)
    const holding = held ?? new HeldRequest(exchange, this)
    if (this.newBody !== undefined) holding.replace(this.newBody)
    holding.handOver(() => {
      handler(exchange)
      const { watchers, transforms } = this
      if (exchange.sink === undefined || (watchers.length === 0 && transforms.length === 0 && !sieved)) return
      const way = new RequestBodyWay(exchange, this.real, chunked, watchers, transforms, this)
      exchange.sink = way
      if (transforms.length > 0) this.streams = way
    })
  }

  tooLarge(): void {
    this.turn++
    this.exchange.sink = undefined
    this.refuse(
      this.reached,
      new ProxyError('body-too-large', 'client', 'never', 'the body is larger than this route takes'),
    )
  }

  collected(): void {
    if (!this.collecting || this.held === undefined) return
    this.collecting = false
    this.content = this.held.content()
    const index = this.reached++
    if (this.ask(this.chain.steps[index] as Step, index)) this.goOn()
  }

  clientGone(): void {
    this.turn++
  }

  override pause(): void {
    if (this.streams === undefined) super.pause()
    else this.streams.pause()
  }

  override resume(): void {
    if (this.streams === undefined) super.resume()
    else this.streams.resume()
  }

  override sendTo(service: string): void {
    if (this.phase !== Phase.Request) throw new TypeError('a request can be sent elsewhere in onRequest only')
    super.sendTo(service)
  }

  call(call: Call): Calling {
    if (this.left) return FORGONE
    const calling = this.core.call(checkedCall(call), this.exchange)
    ;(this.calls ??= []).push(calling)
    return calling
  }

  stuck(name: string): void {
    this.turn++
    const { exchange } = this
    const step = this.chain.steps.find((one) => one.name === name)
    if (step !== undefined) this.broke(step, 'a call', 'it did not come back and was ended', 'pipe-timeout')
    // Of what it was ended in the middle of, the last pipes may not have heard.
    if (this.phase === Phase.Over) return this.leave()
    const failure = new ProxyError('pipe-timeout', 'pipe', 'never', `the pipe "${name}" did not come to an end in time`)
    // Nothing behind the call has run: what was being read on either side cannot go on.
    exchange.sink?.clientGone()
    if (exchange.answerDone) return
    exchange.requestDone = false
    this.failPast(failure, '')
  }

  /** The exchange has ended, in whatever way. */
  over(): void {
    if (this.phase === Phase.Over) return
    this.phase = Phase.Over
    // Who still writes, writes to nobody.
    this.discarding = true
    this.endDiscarding()
    this.dropAnswer()
    this.endRequest()
    if (this.calls !== undefined) for (const calling of this.calls) calling.cancel()
    this.leave()
  }

  /** Once. */
  private leave(): void {
    if (this.exchange.pipes !== this) return
    this.exchange.pipes = undefined
    this.endHooks()
    // A user's `onDone` comes behind everything else, and may still ask.
    if (this.chain.hearsEnds) queueMicrotask(() => (this.left = true))
    else this.left = true
    this.held = undefined
  }
}
