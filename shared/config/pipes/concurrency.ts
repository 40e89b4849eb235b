// The options of `concurrency`.
import { z } from 'zod'
import { PIPE } from '../defaults.js'
import { readMs, spanPath } from '../normalise/context.js'
import { count, durations, oneOf } from '../schema/fields.js'
import { builtIn } from './builtin.js'
import { countedBy, readCountedBy, type CountKey } from './counted-by.js'

export interface ConcurrencyOptions {
  /** Requests at once. */
  readonly limit: number
  readonly by: readonly CountKey[]
  readonly scope: 'machine' | 'worker'
  /** Requests that wait for a place, of each key. */
  readonly queue: number
  readonly queueMs: number
  readonly status: number
  readonly withoutKey: 'pass' | 'refuse' | 'shared'
}

const MANY = 1_000_000
/** Longer than a client waits; a pipe's hook has a limit of its own, too. */
const QUEUE_TIME = { shortestMs: 1, longestMs: 60_000 }

const schema = z.strictObject({
  limit: count(1, MANY).meta({ description: 'Requests in flight at once.' }),
  by: countedBy().optional().meta({
    description: 'What is counted apart: route, service, ip, header:NAME, claim:NAME, param:NAME, or a list.',
    default: 'route',
  }),
  scope: oneOf(['machine', 'worker']).optional().meta({
    description: 'Whose requests `limit` is for: of the machine, shared out among its workers, or of each worker.',
    default: 'machine',
  }),
  queue: count(0, MANY)
    .optional()
    .meta({ description: 'Requests that wait for a place, in place of a refusal.', default: 0 }),
  ...durations('queue_time', 'How long one waits at most; less than `hook_timeout`.', QUEUE_TIME, 1000),
  status: count(400, 599).optional().meta({ description: 'Status of a refusal.', default: 503 }),
  without_key: oneOf(['pass', 'refuse', 'shared']).optional().meta({
    description: 'Requests that lack what they are counted by pass, are refused, or are counted together.',
    default: 'shared',
  }),
})

export const concurrency = builtIn({
  name: 'concurrency',
  description: 'Lets only so many requests be in flight at once.',
  schema,
  read(draft, path, context): ConcurrencyOptions {
    const queueMs = readMs(draft, 'queue_time', path, context) ?? 1000
    const hookSaid = ['hook_timeout', 'hook_timeout_ms'].some((key) => context.isWritten([...path, key]))
    if (queueMs >= PIPE.hookMs && !hookSaid) {
      const message = `a hook of a pipe may take ${PIPE.hookMs / 1000}s`
      context.report.fault(spanPath(draft, 'queue_time', path), { message, hint: 'set "hook_timeout" above it' })
    }
    return {
      limit: draft.limit ?? 1,
      by: readCountedBy(draft.by, { on: 'route' }),
      scope: draft.scope ?? 'machine',
      queue: draft.queue ?? 0,
      queueMs,
      status: draft.status ?? 503,
      withoutKey: draft.without_key ?? 'shared',
    }
  },
})
