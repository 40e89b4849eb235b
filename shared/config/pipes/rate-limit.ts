// The options of `rate-limit`.
import { z } from 'zod'
import { readMs } from '../normalise/context.js'
import { count, durations, LONGEST_TIMER_MS, nonEmpty, oneOf } from '../schema/fields.js'
import { builtIn } from './builtin.js'
import { countedBy, readCountedBy, type CountKey } from './counted-by.js'

export interface RateLimitOptions {
  /** Tells this limit from others: the same in all workers, and after a reload. */
  readonly limit: string
  readonly rule: { readonly rate: number; readonly periodMs: number; readonly burst: number }
  readonly by: readonly CountKey[]
  readonly scope: 'machine' | 'worker'
  readonly status: number
  /** RateLimit-Limit, -Remaining and -Reset go with each answer. */
  readonly headers: boolean
  /** What becomes of requests that lack what they are counted by. */
  readonly withoutKey: 'pass' | 'refuse' | 'shared'
}

const MOST = 1_000_000_000
const PERIOD = { shortestMs: 1, longestMs: LONGEST_TIMER_MS }

const schema = z.strictObject({
  rate: z.number().positive().max(MOST).meta({ description: 'Requests per period, of each client.' }),
  ...durations('period', 'The time that `rate` is for.', PERIOD, 1000),
  burst: count(1, MOST).optional().meta({ description: 'Requests that may come at once; `rate` unless given.' }),
  by: countedBy().optional().meta({
    description: 'What clients are told apart by: ip, route, service, header:NAME, claim:NAME, param:NAME, or a list.',
    default: 'ip',
  }),
  scope: oneOf(['machine', 'worker'])
    .optional()
    .meta({ description: 'Who counts together: all workers of the machine, or each for itself.', default: 'machine' }),
  status: count(400, 599).optional().meta({ description: 'Status of a refusal.', default: 429 }),
  headers: z
    .boolean()
    .optional()
    .meta({ description: 'Whether answers have RateLimit-Limit, -Remaining and -Reset.', default: false }),
  without_key: oneOf(['pass', 'refuse', 'shared']).optional().meta({
    description: 'Requests that lack what they are counted by pass, are refused, or share one count.',
    default: 'shared',
  }),
  limit: nonEmpty().optional().meta({ description: 'Limits with the same name and the same numbers count together.' }),
})

export const rateLimit = builtIn({
  name: 'rate-limit',
  description: 'Refuses requests of a client that come faster than it may ask.',
  schema,
  read(draft, path, context): RateLimitOptions {
    const rate = draft.rate ?? 1
    return {
      limit: draft.limit ?? path.join('.'),
      rule: {
        rate,
        periodMs: readMs(draft, 'period', path, context) ?? 1000,
        burst: draft.burst ?? Math.max(1, Math.ceil(rate)),
      },
      by: readCountedBy(draft.by, { on: 'ip' }),
      scope: draft.scope ?? 'machine',
      status: draft.status ?? 429,
      headers: draft.headers ?? false,
      withoutKey: draft.without_key ?? 'shared',
    }
  },
})
