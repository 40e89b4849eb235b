// What every probe promises: one try at one instance ends in time, and whatever goes wrong comes back as data.
import type { Clock } from '../../../shared/clock.js'
import type { PollingConfig, ServerConfig } from '../../../shared/config/model.js'
import type { Observation } from '../../registry/status.js'

/** The result of one try. */
export type TryResult = Pick<Observation, 'verdict' | 'status' | 'response' | 'latencyMs'>

type Method = PollingConfig['method']

export type PollingOf<M extends Method> = Extract<PollingConfig, { method: M }>

/** An instance with its polling. The same object stands for it at each try. */
export type Target<M extends Method = Method> = ServerConfig & { readonly polling: PollingOf<M> }

/**
 * Never rejects, and settles within the `timeoutMs` of the target's polling, or within twice that where this process stalled
 * meanwhile. After an abort the result means nothing.
 */
export type Probe<M extends Method = Method> = (target: Target<M>, signal: AbortSignal) => Promise<TryResult>

/** A result before its time is known. */
export type Finding = Omit<TryResult, 'latencyMs'>

const MAX_RESPONSE_CHARS = 512

export const passed = (response: string): Finding => ({ verdict: 'passed', status: 'active', response })

/** The instance answered, but wrongly. */
export const wrong = (response: string): Finding => ({ verdict: 'failed', status: 'inactive', response })

/** The instance did not answer. */
export const silent = (response: string): Finding => ({ verdict: 'failed', status: 'service unreachable', response })

/** The prober failed: nothing is known of the instance. */
export const ownFault = (response: string): Finding => ({
  verdict: 'inconclusive',
  status: 'discovery server error',
  response,
})

export interface Running {
  /** Frees what the try holds; called once, whether it has finished, timed out or been aborted. */
  stop(): void
  /** What is known when the time is up; without it, that there was no answer. */
  late?(): Finding
}

/** Later than a timer ever is in a process that has its turn. */
const STALL_MS = 50

/**
 * Runs one try. `begin` starts it and calls `finish` once it knows; `latencyMs` where it differs from the time until
 * then. Later calls of `finish` are ignored.
 */
export function attempt(
  timeoutMs: number,
  signal: AbortSignal,
  deps: { readonly clock: Clock },
  begin: (finish: (finding: Finding, latencyMs?: number) => void) => Running,
): Promise<TryResult> {
  const { clock } = deps
  return new Promise((resolve) => {
    const startedAt = clock.now()
    let running: Running | undefined
    let done = false

    function finish(finding: Finding, latencyMs = clock.now() - startedAt): void {
      if (done) return
      done = true
      cancelTimeout()
      signal.removeEventListener('abort', abort)
      running?.stop()
      const response = finding.response.slice(0, MAX_RESPONSE_CHARS)
      resolve({ ...finding, response, latencyMs: Math.round(latencyMs * 1000) / 1000 })
    }

    const abort = (): void => finish(ownFault('aborted'))
    let cancelTimeout = clock.after(timeoutMs, () => {
      const lateMs = clock.now() - startedAt - timeoutMs
      // Timers come before what sockets have received meanwhile: a stall of this process says nothing of the instance.
      if (lateMs > STALL_MS) cancelTimeout = clock.after(Math.min(lateMs, timeoutMs), expire)
      else expire()
    })
    const expire = (): void => finish(running?.late?.() ?? silent(`timeout after ${timeoutMs} ms`))
    if (signal.aborted) return abort()
    signal.addEventListener('abort', abort)
    try {
      running = begin(finish)
    } catch (error) {
      // Node refuses some input (a header value, an address) by throwing.
      finish(ownFault(error instanceof Error ? error.message : String(error)))
    }
    // It may have finished before `stop` was known.
    if (done) running?.stop()
  })
}
