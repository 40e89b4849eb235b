// What a service does about attempts that fail, instances that are ill, and more requests than it can take.
import { BREAKER, CONCURRENCY, HEDGE, OUTLIER, RETRY } from '../defaults.js'
import type { Path } from '../document.js'
import type {
  BreakerConfig,
  ConcurrencyConfig,
  ExchangeTimeouts,
  HedgeConfig,
  OutlierConfig,
  ProcessorConfig,
  RetryConfig,
  ServiceConfig,
} from '../model.js'
import type { ConcurrencyInput, RouteRetryInput, ServiceInput } from '../schema/layouts.js'
import { looksLikeQuantile, quantileShare } from '../text/quantile.js'
import { sizeBytes } from '../text/size.js'
import { defined, readMs, readStatuses, spanPath, warnUseless, type Context, type Draft } from './context.js'

type ServiceDraft = Draft<ServiceInput>
type RetryDraft = Omit<Draft<RouteRetryInput>, 'budget'>
type Resilience = Pick<ServiceConfig, 'retry' | 'hedge' | 'breaker' | 'outlier' | 'concurrency'>

/** `timeouts` are those of the service. */
export function readResilience(
  draft: ServiceDraft,
  processor: ProcessorConfig,
  timeouts: ExchangeTimeouts,
  path: Path,
  context: Context,
): Resilience {
  const retry = {
    ...RETRY,
    ...readRetry(draft.retry, RETRY, timeouts, [...path, 'retry'], context),
    budget: { ...RETRY.budget, ...defined({ share: draft.retry?.budget?.share, floor: draft.retry?.budget?.floor }) },
  }
  const breaker = readBreaker(draft.breaker, [...path, 'breaker'], context)
  return {
    retry,
    ...defined({ hedge: readHedge(draft.hedge, retry, timeouts, [...path, 'hedge'], context), breaker }),
    outlier: readOutlier(draft.outlier, breaker, [...path, 'outlier'], context),
    concurrency: readConcurrency(draft.concurrency, processor.workers, [...path, 'concurrency'], context),
  }
}

/** What the block says; a `backoff` is whole, with what it leaves open taken from `base`. */
export function readRetry(
  block: RetryDraft | undefined,
  base: RetryConfig,
  timeouts: ExchangeTimeouts,
  path: Path,
  context: Context,
): Partial<RetryConfig> {
  if (!block) return {}
  const { body, hold } = block
  const reasons = block.on?.flatMap((reason) =>
    reason === undefined ? [] : [String(reason) as RetryConfig['on'][number]],
  )
  const perTryMs = readMs(block, 'per_try', path, context)
  warnLonger(perTryMs, timeouts, spanPath(block, 'per_try', path), context)
  if (perTryMs !== undefined && perTryMs > 0 && !(reasons ?? base.on).includes('timeout')) {
    const hint = 'add timeout to "on", or drop this'
    const message = 'a try that it ends is not followed by another one without "timeout" in "on"'
    context.report.warn(spanPath(block, 'per_try', path), { message, hint })
  }
  return defined({
    attempts: block.attempts,
    on: reasons && [...new Set(reasons)],
    backoff: block.backoff && readGrowth(block.backoff, base.backoff, [...path, 'backoff'], context),
    perTryMs,
    unsafe: block.unsafe,
    bodyBytes: body === undefined ? undefined : sizeBytes(body),
    holdBytes: hold === undefined ? undefined : sizeBytes(hold),
  })
}

function warnLonger(ms: number | undefined, { firstByteMs }: ExchangeTimeouts, path: Path, context: Context): void {
  if (ms === undefined || firstByteMs === 0 || ms <= firstByteMs) return
  const message = `longer than the timeout first_byte, which ends a try after ${firstByteMs} ms`
  context.report.warn(path, { message, hint: 'make it shorter, or raise that one' })
}

interface Growth {
  readonly baseMs: number
  readonly mostMs: number
}

type GrowthDraft = NonNullable<RetryDraft['backoff']>

/** A time that doubles up to a bound. Of the two, the one that is left open gives way to the one that is said. */
function readGrowth(block: GrowthDraft, open: Growth, path: Path, context: Context): Growth {
  const base = readMs(block, 'base', path, context)
  const most = readMs(block, 'max', path, context)
  if (base !== undefined && most !== undefined && base > most) {
    const hint = 'the first is doubled until it reaches the second'
    context.report.fault(spanPath(block, 'base', path), { message: '"base" is longer than "max"', hint })
  }
  return {
    baseMs: base ?? Math.min(open.baseMs, most ?? Infinity),
    mostMs: most ?? Math.max(open.mostMs, base ?? 0),
  }
}

function readHedge(
  draft: ServiceDraft['hedge'],
  retry: RetryConfig,
  timeouts: ExchangeTimeouts,
  path: Path,
  context: Context,
): HedgeConfig | undefined {
  if (draft === undefined || draft === false) return undefined
  if (retry.attempts < 2) {
    const hint = 'raise retry.attempts, or drop "hedge"'
    context.report.fault(path, { message: 'a second try needs "retry.attempts" of at least 2', hint }, 'key')
  }
  const block = draft === true ? {} : draft
  return { ...HEDGE, ...defined({ after: readAfter(block, timeouts, path, context), most: block.most }) }
}

function readAfter(
  block: Extract<ServiceDraft['hedge'], object>,
  timeouts: ExchangeTimeouts,
  path: Path,
  context: Context,
): HedgeConfig['after'] | undefined {
  const ms = readMs(block, 'after', path, context)
  warnLonger(ms, timeouts, spanPath(block, 'after', path), context)
  if (ms !== undefined) return { kind: 'ms', ms }
  const { after } = block
  const q = typeof after === 'string' && looksLikeQuantile(after) ? quantileShare(after) : undefined
  return q === undefined ? undefined : { kind: 'quantile', q }
}

/** By a rate, unless failures in a row are all that is asked for. */
function readBreaker(draft: ServiceDraft['breaker'], path: Path, context: Context): BreakerConfig | undefined {
  if (draft === undefined || draft === false) return undefined
  const block = draft === true ? {} : draft
  const consecutive = block.consecutive ?? BREAKER.consecutive
  const rate = block.rate ?? (consecutive > 0 ? 0 : BREAKER.rate)
  if (rate === 0) {
    if (consecutive === 0) {
      const hint = 'give one of the two, or breaker: false'
      context.report.fault([...path, 'rate'], { message: 'without "consecutive" the breaker would never open', hint })
    }
    warnUseless(block, ['volume', 'window', 'window_ms'], 'without "rate"', path, context)
  }
  return {
    ...BREAKER,
    consecutive,
    rate,
    ...defined({
      volume: block.volume,
      windowMs: readMs(block, 'window', path, context),
      openMs: readMs(block, 'open', path, context),
    }),
  }
}

/** To a breaker the statuses count too. */
function readOutlier(
  draft: ServiceDraft['outlier'],
  breaker: BreakerConfig | undefined,
  path: Path,
  context: Context,
): OutlierConfig {
  const block = typeof draft === 'object' ? draft : {}
  if (block.answers === 0 && !breaker) warnUseless(block, ['statuses'], 'where "answers" is 0', path, context)
  return {
    ...OUTLIER,
    enabled: draft !== false,
    ...defined({
      failures: block.failures,
      answers: block.answers,
      statuses: readStatuses(block.statuses),
      most: block.most,
    }),
    ...readGrowth(block, OUTLIER, path, context),
  }
}

function readConcurrency(
  draft: Draft<ConcurrencyInput> | undefined,
  workers: number,
  path: Path,
  context: Context,
): ConcurrencyConfig {
  const block = draft ?? {}
  const { instance, service, queue } = block
  for (const [key, limit] of Object.entries({ instance, service })) {
    if (typeof limit !== 'number' || limit === 0 || limit >= workers) continue
    const message = `fewer than the ${workers} workers, of which each takes at least 1`
    context.report.warn([...path, key], { message, hint: `so it is ${workers} in all` })
  }
  const queueMs = readMs(block, 'queue_time', path, context)
  const read = { ...CONCURRENCY, ...defined({ instance, service, queue, queueMs }) }
  if (read.instance === 0 && read.service === 0)
    warnUseless(block, ['queue', 'queue_time', 'queue_time_ms'], 'without "instance" or "service"', path, context)
  return read
}
