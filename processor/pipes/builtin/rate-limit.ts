// Refuses requests of a client that come faster than it may ask.
import type { RateLimitOptions } from '../../../shared/config/pipes/rate-limit.js'
import { keyReader, namesOf } from '../count-key.js'
import type { Verdict } from '../machine-state.js'
import { definePipe, type Pipe, type PipeExchange, type PipeTools, type Reply } from '../pipe.js'
import { refuse } from '../refusing.js'

/** What an exchange's answer tells: of several limits the one that is nearest to its end. */
interface Told {
  readonly by: RateLimit
  readonly verdict: Verdict
}

const TOLD = 'rate-limit.told'
/** Of those that lack what they are counted by; no client can send it. */
const KEYLESS = '\n'

export default definePipe<RateLimitOptions>({
  create: (options, tools) => new RateLimit(options, tools),
})

class RateLimit implements Pipe {
  readonly onResponse?: NonNullable<Pipe['onResponse']>
  private readonly keyOf: (x: PipeExchange) => string | undefined
  private readonly missing: string
  private refused = 0

  constructor(
    private readonly options: RateLimitOptions,
    private readonly tools: PipeTools,
  ) {
    this.keyOf = keyReader(options.by)
    this.missing = `this request lacks what requests are counted by: ${namesOf(options.by)}`
    if (options.headers) this.onResponse = (x, answer) => this.tell(x, answer.headers)
  }

  onRequest(x: PipeExchange): Reply | void | Promise<Reply | void> {
    const { limit, rule, scope, withoutKey } = this.options
    let key = this.keyOf(x)
    if (key === undefined) {
      if (withoutKey === 'pass') return undefined
      if (withoutKey === 'refuse') return refuse(x, 'invalid-request', this.missing)
      key = KEYLESS
    }
    const verdict = this.tools.machine.take(limit, key, rule, scope)
    return verdict instanceof Promise ? verdict.then((one) => this.judge(x, one)) : this.judge(x, verdict)
  }

  private judge(x: PipeExchange, verdict: Verdict): Reply | void {
    const { headers, status } = this.options
    if (headers) {
      const told = x.state.get(TOLD) as Told | undefined
      if (told === undefined || verdict.left <= told.verdict.left) x.state.set(TOLD, { by: this, verdict })
    }
    if (verdict.allowed) return undefined
    this.refused++
    const fields = { 'Retry-After': seconds(verdict.retryMs), ...(headers && this.fieldsOf(verdict)) }
    return refuse(x, 'rate-limited', 'this client asks too often: wait before the next request', fields, { status })
  }

  metrics(): Readonly<Record<string, number>> {
    return { refused: this.refused }
  }

  private tell(x: PipeExchange, headers: { set(name: string, value: string): void }): void {
    const told = x.state.get(TOLD) as Told | undefined
    if (told?.by !== this) return
    for (const [name, value] of Object.entries(this.fieldsOf(told.verdict))) headers.set(name, value)
  }

  /** draft-ietf-httpapi-ratelimit-headers-06, section 4. */
  private fieldsOf({ left, resetMs }: Verdict): Record<string, string> {
    return {
      'RateLimit-Limit': String(this.options.rule.burst),
      'RateLimit-Remaining': String(left),
      'RateLimit-Reset': seconds(resetMs),
    }
  }
}

/** Whole ones, rounded up: whoever waits so long has waited long enough. */
function seconds(ms: number): string {
  return String(Math.max(1, Math.ceil(ms / 1000)))
}
