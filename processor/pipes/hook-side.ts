// The hooks of the pipes that one exchange passes: waited for no longer than their time, and what they break is theirs.
import type { ProxyError } from '../../shared/errors.js'
import type { Core } from '../core.js'
import { Deadline } from '../engine/wheel.js'
import type { Exchange } from '../exchange.js'
import type { Chain } from './chain.js'
import { beginWait, endWait, type Wait } from './lost.js'
import { RequestSide } from './request-side.js'
import { letGo } from './reply-source.js'
import type { Step } from './step.js'

export const enum Phase {
  /** The request goes through the pipes. */
  Request,
  /** The handler has it. */
  Handler,
  /** The head of the answer, or the failure, goes through the pipes. */
  Answer,
  /** The answer's head is out. */
  Body,
  Over,
}

export abstract class HookSide extends RequestSide {
  protected phase = Phase.Request
  /** Pipes that were asked, or left out, in `onRequest`. */
  protected reached = 0
  /** Pipes that take no part in this exchange. */
  protected absent: Set<Step> | undefined
  /** Pipes with a breaker that failed in this exchange. */
  private faulty: Set<Step> | undefined
  /** Grows when what is under way does not matter any more. */
  protected turn = 0
  private deadline: Deadline | undefined
  private wait: Wait | undefined

  constructor(
    exchange: Exchange,
    protected readonly chain: Chain,
    core: Core,
  ) {
    super(exchange, core)
    chain.enter()
  }

  protected broke(step: Step, hook: string, reason: unknown, code?: 'pipe-timeout'): ProxyError {
    if (step.config.breaker !== undefined) (this.faulty ??= new Set()).add(step)
    return step.broke(hook, reason, code)
  }

  /** Waits for a hook, within its time. */
  protected settle<T>(
    step: Step,
    hook: string,
    promise: Promise<T>,
    then: (value: T) => void,
    failed: (reason: unknown, code?: 'pipe-timeout') => void,
  ): void {
    const { wheel } = this.core
    const turn = ++this.turn
    const giveUp = (why: string): void => {
      endWait(wait)
      if (turn !== this.turn) return
      this.turn++
      failed(new Error(why), 'pipe-timeout')
    }
    const deadline = new Deadline(() => giveUp(`no answer from ${hook} after ${step.config.hookMs} ms`))
    const came = (value: T): void => {
      wheel.drop(deadline)
      endWait(wait)
      if (turn !== this.turn) return letGo(value)
      this.turn++
      wheel.tick()
      // Code without types says null for nothing.
      then((value ?? undefined) as T)
    }
    const wait = beginWait(came, {
      lost() {
        wheel.drop(deadline)
        wheel.tick()
        giveUp(`${hook} can never come to its end: what it waited for did not come back and was ended`)
      },
    })
    this.deadline = deadline
    this.wait = wait
    wheel.set(deadline, step.config.hookMs)
    // Promises of other making are not trusted to keep the rules.
    Promise.resolve(promise).then(came, (reason: unknown) => {
      wheel.drop(deadline)
      endWait(wait)
      if (turn !== this.turn) {
        this.broke(step, `${hook}, too late`, reason)
        return
      }
      this.turn++
      wheel.tick()
      failed(reason)
    })
  }

  /** No hook runs any more but `onDone`. */
  protected endHooks(): void {
    const { core, chain } = this
    this.turn++
    if (this.deadline !== undefined) core.wheel.drop(this.deadline)
    endWait(this.wait)
    this.endSignal()
    if (chain.hearsEnds) this.tellEnd()
    for (const index of chain.breakers) {
      const step = chain.steps[index] as Step
      // One that was not asked has shown nothing.
      if (index >= this.reached) continue
      if (this.faulty?.has(step) !== true && this.absent?.has(step) !== true) step.worked()
    }
    chain.left()
  }

  private tellEnd(): void {
    const { exchange, core, chain } = this
    const outcome = {
      status: exchange.status,
      error: exchange.error,
      durationMs: core.wheel.now() - exchange.startedAt,
      bytesIn: exchange.bytesIn,
      bytesOut: exchange.bytesOut,
      attempts: exchange.attempts,
      instance: exchange.instance,
    }
    for (let i = this.reached - 1; i >= 0; i--) {
      const step = chain.steps[i] as Step
      if (step.pipe?.onDone === undefined || this.absent?.has(step) === true) continue
      try {
        const result: unknown = step.pipe.onDone(this, outcome) ?? undefined
        if (isPromise(result)) Promise.resolve(result).catch((error: unknown) => this.broke(step, 'onDone', error))
      } catch (error) {
        this.broke(step, 'onDone', error)
      }
    }
  }
}

/** Hooks may return promises of any making. */
export function isPromise<T>(result: T | Promise<T>): result is Promise<T> {
  try {
    return typeof (result as { then?: unknown } | undefined)?.then === 'function'
  } catch {
    // What cannot even be looked at is no promise.
    return false
  }
}
