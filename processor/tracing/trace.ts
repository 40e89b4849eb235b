// One exchange that is traced: its place in the trace, and the tries that it has made.
import type { Code } from '../../shared/errors.js'
import type { Instance } from '../../shared/registry/instance.js'
import { newSpanId } from './trace-context.js'

export class Trace {
  readonly spanId = newSpanId()
  readonly attempts: TracedAttempt[] = []

  constructor(
    readonly traceId: string,
    /** The caller's span; empty: the trace begins here. */
    readonly parentId: string,
    /** Monotonic milliseconds. */
    readonly startedAt: number,
  ) {}

  /** A try begins at `now`. */
  attempt(instance: Instance, now: number, hedge = false): TracedAttempt {
    const attempt = new TracedAttempt(this.traceId, instance, now, hedge)
    this.attempts.push(attempt)
    return attempt
  }
}

export class TracedAttempt {
  readonly spanId = newSpanId()
  /** Status of its answer; 0: none has come. */
  status = 0
  error: Code | '' = ''
  /** Monotonic milliseconds; undefined: nobody waits for it any more. */
  endedAt: number | undefined

  constructor(
    private readonly traceId: string,
    readonly instance: Instance,
    readonly startedAt: number,
    readonly hedge: boolean,
  ) {}

  /** The field line that makes this try the parent of what the instance does. */
  get line(): string {
    return `traceparent: 00-${this.traceId}-${this.spanId}-01\r\n`
  }

  end(now: number, status: number, error: Code | ''): void {
    this.endedAt = now
    this.status = status
    this.error = error
  }
}
