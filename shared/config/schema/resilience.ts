// What a service may say about attempts that fail, instances that are ill, and more requests than it can take.
import { z } from 'zod'
import { BREAKER, CONCURRENCY, HEDGE, OUTLIER, RETRY } from '../defaults.js'
import type { RetryReason } from '../model.js'
import {
  count,
  durationOrQuantile,
  durations,
  misplaced,
  oneOf,
  orSwitch,
  POSITIVE_TIMER,
  share,
  size,
  someShare,
  statuses,
  TIMER,
  withMs,
} from './fields.js'

const MANY = 1_000_000
const MiB = 1024 ** 2

const backoff = z
  .strictObject({
    ...durations(
      'base',
      'Longest pause before the second retry; each later one doubles it.',
      TIMER,
      RETRY.backoff.baseMs,
    ),
    ...durations('max', 'Longest pause of all.', TIMER, RETRY.backoff.mostMs),
  })
  .meta({ id: 'Backoff', description: 'Pauses before retries, drawn from 0 up; the first retry is at once.' })

const budget = z
  .strictObject({
    share: share().optional().meta({
      description: 'Retries of the last ten seconds, as a share of the requests of that time.',
      default: RETRY.budget.share,
    }),
    floor: count(0, MANY)
      .optional()
      .meta({ description: 'So many more are allowed in any case.', default: RETRY.budget.floor }),
  })
  .meta({ id: 'Budget', description: 'How many retries there may be of late, per worker.' })

const REASONS = ['connect', 'reset', 'timeout', '500', '502', '503', '504'] as const satisfies readonly RetryReason[]

const retryKeys = {
  attempts: count(1, 20)
    .optional()
    .meta({ description: 'Tries in all, the first one included.', default: RETRY.attempts }),
  on: z
    .array(
      z.union([oneOf(REASONS), z.literal([500, 502, 503, 504])], { error: `must be one of ${REASONS.join(', ')}` }),
    )
    .optional()
    .meta({ description: 'What may be tried again, where the request allows it.', default: RETRY.on }),
  backoff: backoff.optional(),
  ...durations(
    'per_try',
    'From the end of the request to the head of the answer, for a try that another may follow; 0: first_byte alone.',
    TIMER,
    RETRY.perTryMs,
  ),
  unsafe: oneOf(['never', 'idempotency-key', 'always']).optional().meta({
    description: 'Whether requests that are not idempotent, such as POST, go again after a byte has left.',
    default: RETRY.unsafe,
  }),
  body: size(0, 16 * MiB)
    .optional()
    .meta({ description: "Bytes of a request's body that are kept to be sent again.", default: RETRY.bodyBytes }),
  hold: size(0, MiB).optional().meta({
    description: 'An answer with so short a body is passed on when it has come whole; 0: at once.',
    default: RETRY.holdBytes,
  }),
}

export const retry = z
  .strictObject({ ...retryKeys, budget: budget.optional() })
  .meta({ id: 'Retry', description: 'When a request is tried again.' })

export const routeRetry = z
  .strictObject({
    ...retryKeys,
    budget: misplaced('the budget is one for all requests of a service', 'put it under the retry of the service'),
  })
  .meta({ id: 'RouteRetry', description: "In place of single keys of the service's." })

const hedgeBlock = z
  .strictObject({
    ...withMs('after', durationOrQuantile(POSITIVE_TIMER), POSITIVE_TIMER, {
      description: "How long the first try may be alone: a duration, or a quantile of the service's latency of late.",
      default: 'p95',
    }),
    most: someShare('hedge: false turns it off')
      .optional()
      .meta({ description: "Share of the service's requests that get a second try, at most.", default: HEDGE.most }),
  })
  .meta({ id: 'Hedge', description: 'A second try beside a slow first one, for idempotent requests without a body.' })

export const hedge = orSwitch(hedgeBlock, 'after, most')

const WINDOW = { shortestMs: 100, longestMs: 3_600_000 }

const breakerBlock = z
  .strictObject({
    consecutive: count(0, MANY)
      .optional()
      .meta({ description: 'Failures in a row that open it; 0: not by that.', default: BREAKER.consecutive }),
    rate: share().optional().meta({
      description: 'Share of failures in the window that opens it; 0: not by that. 0 where only consecutive is given.',
      default: BREAKER.rate,
    }),
    volume: count(1, MANY).optional().meta({
      description: 'Fewer requests than this in the window say nothing about the rate.',
      default: BREAKER.volume,
    }),
    ...durations('window', 'Over which the rate is taken.', WINDOW, BREAKER.windowMs),
    ...durations('open', 'How long it stays open before one request may try.', POSITIVE_TIMER, BREAKER.openMs),
  })
  .meta({ id: 'Breaker', description: 'When an instance gets no request for a while, by what it answers.' })

export const breaker = orSwitch(breakerBlock, 'consecutive, rate, volume, window, open')

const outlierBlock = z
  .strictObject({
    failures: count(1, MANY).optional().meta({
      description: 'Resets, timeouts and truncated answers in a row that eject; a refused connection does at once.',
      default: OUTLIER.failures,
    }),
    answers: count(0, MANY)
      .optional()
      .meta({ description: 'Answers with one of statuses in a row that eject; 0: never.', default: OUTLIER.answers }),
    statuses: statuses()
      .optional()
      .meta({ description: 'Statuses that count: 500, "500-599", "5xx", or a list of them.', default: '5xx' }),
    ...durations(
      'base',
      'How long the first ejection lasts; each that follows on it doubles it.',
      POSITIVE_TIMER,
      OUTLIER.baseMs,
    ),
    ...durations('max', 'How long one lasts at most.', POSITIVE_TIMER, OUTLIER.mostMs),
    most: someShare('outlier: false turns it off').optional().meta({
      description: "Share of the service's instances that may be ejected, rounded up; one always stays.",
      default: OUTLIER.most,
    }),
  })
  .meta({ id: 'Outlier', description: 'When an instance that traffic cannot use is ejected, ahead of the polls.' })

export const outlier = orSwitch(outlierBlock, 'failures, answers, statuses, base, max, most')

export const concurrency = z
  .strictObject({
    instance: z
      .union([z.literal('auto'), count(0, MANY)], { error: 'must be "auto" or a whole number' })
      .optional()
      .meta({
        description: 'Requests in flight per instance; auto: found out from its latency; 0: no limit.',
        default: CONCURRENCY.instance,
      }),
    service: count(0, MANY)
      .optional()
      .meta({ description: 'Requests in flight in the service; 0: no limit.', default: CONCURRENCY.service }),
    queue: count(0, MANY)
      .optional()
      .meta({ description: 'Requests that wait for a place; one more is refused.', default: CONCURRENCY.queue }),
    ...durations('queue_time', 'How long a request waits at most.', TIMER, CONCURRENCY.queueMs),
  })
  .meta({ id: 'Concurrency', description: 'Requests at once; the workers share these numbers out.' })
