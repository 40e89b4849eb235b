// Whether a failed attempt may be tried again: never what might be done twice.
import type { RetryConfig, RetryReason } from '../../shared/config/model.js'
import type { Code, ProxyError } from '../../shared/errors.js'

/** RFC 9110 section 9.2.2; an unknown method is taken for one that must not be repeated. */
const IDEMPOTENT = new Set(['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'TRACE'])

export function isIdempotent(method: string): boolean {
  return IDEMPOTENT.has(method)
}

/** Whether a request may be sent again after an instance may have acted on it. */
export function isRepeatable(
  request: { readonly method: string; header(name: string): string | undefined },
  { unsafe }: Pick<RetryConfig, 'unsafe'>,
): boolean {
  if (isIdempotent(request.method) || unsafe === 'always') return true
  return unsafe === 'idempotency-key' && request.header('idempotency-key') !== undefined
}

/** What the exchange has done so far. */
export interface Tries {
  /** It may be sent again after an instance may have acted on it. */
  readonly repeatable: boolean
  /** Attempts made, the failed one included. */
  readonly attempts: number
  /** Everything that the request consists of can be sent once more. */
  readonly replayable: boolean
  /** Any byte of a final answer has gone to the client. */
  readonly headSent: boolean
}

export function mayRetry(error: ProxyError, tries: Tries, config: RetryConfig): boolean {
  if (!mayFollow(tries, config) || error.retry === 'never') return false
  if (error.retry === 'idempotent-only' && !tries.repeatable) return false
  return config.on.includes(reasonOf(error.code, error.retry === 'safe'))
}

/** Whether an answer with this status may be dropped for another try. */
export function mayRetryStatus(status: number, tries: Tries, config: RetryConfig): boolean {
  return tries.repeatable && mayFollow(tries, config) && isRetryStatus(status, config)
}

/** Whether an answer with this status is one that another try might better. */
export function isRetryStatus(status: number, config: RetryConfig): boolean {
  const reason = STATUSES[status]
  return reason !== undefined && config.on.includes(reason)
}

/** Whether another try may follow on the present one. */
export function mayFollow({ attempts, replayable, headSent }: Tries, config: RetryConfig): boolean {
  return !headSent && replayable && attempts < config.attempts
}

const STATUSES: Readonly<Record<number, RetryReason>> = { 500: '500', 502: '502', 503: '503', 504: '504' }

function reasonOf(code: Code, nothingSent: boolean): RetryReason {
  if (nothingSent) return 'connect'
  return code === 'answer-timeout' ? 'timeout' : 'reset'
}
