// Whether a failed attempt may be tried again: never what might be done twice.
import type { RetryConfig, RetryReason } from '../../shared/config/model.js'
import type { Code, ProxyError } from '../../shared/errors.js'

/** RFC 9110 section 9.2.2; an unknown method is taken for one that must not be repeated. */
const IDEMPOTENT = new Set(['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'TRACE'])

export function isIdempotent(method: string): boolean {
  return IDEMPOTENT.has(method)
}

/** What the exchange has done so far. */
export interface Tries {
  readonly method: string
  /** Attempts made, the failed one included. */
  readonly attempts: number
  /** Everything that the request consists of can be sent once more. */
  readonly replayable: boolean
  /** Any byte of a final answer has gone to the client. */
  readonly headSent: boolean
}

export function mayRetry(error: ProxyError, tries: Tries, config: RetryConfig): boolean {
  if (tries.headSent || tries.attempts >= config.attempts || !tries.replayable) return false
  if (error.retry === 'never') return false
  if (error.retry === 'idempotent-only' && !isIdempotent(tries.method)) return false
  return config.on.includes(reasonOf(error.code, error.retry === 'safe'))
}

/** Whether an answer with this status may be dropped for another try. */
export function mayRetryStatus(status: number, tries: Tries, config: RetryConfig): boolean {
  if (tries.headSent || tries.attempts >= config.attempts || !tries.replayable || !isIdempotent(tries.method))
    return false
  return (status === 502 || status === 503 || status === 504) && config.on.includes(`${status}`)
}

function reasonOf(code: Code, nothingSent: boolean): RetryReason {
  if (nothingSent) return 'connect'
  return code === 'answer-timeout' ? 'timeout' : 'reset'
}
