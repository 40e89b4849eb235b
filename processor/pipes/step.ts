// One pipe at its place in the config: whether it takes part, how often it has failed, and who is to blame.
import type { PipeConfig } from '../../shared/config/model.js'
import { ProxyError } from '../../shared/errors.js'
import type { Log } from '../../shared/log.js'
import type { Wheel } from '../engine/wheel.js'
import type { AnswerHead, Pipe, PipeExchange } from './pipe.js'

export type Condition = (x: PipeExchange, answer?: AnswerHead) => boolean

export interface StepDeps {
  readonly wheel: Wheel
  readonly log: Log
}

/** Lines about one hook that fails: one each second, and how many there were. */
const LOG_EVERY_MS = 1000

export class Step {
  readonly name: string
  /** Of bodies that are held for it; 0: none are. */
  readonly requestBytes: number
  readonly responseBytes: number
  /** Exchanges in which it failed. */
  failed = 0
  /** Exchanges from which it was left out, or that were refused, by its breaker. */
  barred = 0
  private inARow = 0
  /** Monotonic milliseconds; until then its breaker is open. */
  private openUntil = -Infinity
  /** By hook: when a line was written last, and how many were not since. */
  private readonly logged = new Map<string, { at: number; unlogged: number }>()

  constructor(
    readonly config: PipeConfig,
    /** Undefined: it could not be made. */
    readonly pipe: Pipe | undefined,
    buffered: { readonly request?: number; readonly response?: number },
    private readonly condition: Condition | undefined,
    private readonly deps: StepDeps,
  ) {
    this.name = config.name
    this.requestBytes = buffered.request ?? 0
    this.responseBytes = buffered.response ?? 0
  }

  /** Its code is a user's, in this process. */
  get foreign(): boolean {
    return this.config.module !== undefined && this.config.isolate === 'none'
  }

  get skips(): boolean {
    return this.config.onThrow === 'skip'
  }

  takesPart(x: PipeExchange): boolean {
    return this.condition === undefined || this.condition(x)
  }

  /** Its breaker lets no exchange through. After its time one may try. */
  get open(): boolean {
    const { breaker } = this.config
    if (breaker === undefined || this.inARow < breaker.failures) return false
    const now = this.deps.wheel.now()
    if (now < this.openUntil) {
      this.barred++
      return true
    }
    this.openUntil = now + breaker.openMs
    return false
  }

  worked(): void {
    this.inARow = 0
  }

  /** Notes a failure and returns what the exchange fails with, unless it goes on without the pipe. */
  broke(hook: string, reason: unknown, code: 'pipe-failed' | 'pipe-timeout' = 'pipe-failed'): ProxyError {
    const { config, deps } = this
    const now = deps.wheel.now()
    this.failed++
    if (config.breaker !== undefined && ++this.inARow >= config.breaker.failures) {
      this.openUntil = now + config.breaker.openMs
      if (this.inARow === config.breaker.failures)
        deps.log.warn({ pipe: this.name, failures: this.inARow }, 'a pipe is switched off: it fails again and again')
    }
    this.tell(hook, reason)
    const detail = code === 'pipe-timeout' ? 'did not come to an end in time' : 'failed'
    return new ProxyError(code, 'pipe', 'never', `the pipe "${this.name}" ${detail}`)
  }

  /** Says in the log what it threw; that alone is no failure of an exchange. */
  tell(hook: string, reason: unknown): void {
    const { deps } = this
    const now = deps.wheel.now()
    const last = this.logged.get(hook)
    if (last === undefined || now - last.at >= LOG_EVERY_MS) {
      const unlogged = last !== undefined && last.unlogged > 0 ? { unlogged: last.unlogged } : {}
      deps.log.error({ pipe: this.name, hook, error: textOf(reason), ...unlogged }, 'a pipe failed')
      this.logged.set(hook, { at: now, unlogged: 0 })
    } else last.unlogged++
  }

  refusal(): ProxyError {
    const why = this.pipe === undefined ? 'could not be made' : 'is switched off for a while'
    return new ProxyError('pipe-failed', 'pipe', 'never', `the pipe "${this.name}" ${why}`)
  }
}

/** What is known of something that was thrown, whatever it is. */
export function textOf(reason: unknown): string {
  try {
    return reason instanceof Error ? (reason.stack ?? reason.message) : String(reason)
  } catch {
    return 'something that cannot be shown'
  }
}
