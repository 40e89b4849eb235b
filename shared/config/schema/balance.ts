// What a service may say about who of its instances gets a request.
import { z } from 'zod'
import { BALANCE, STICKY } from '../defaults.js'
import type { Strategy } from '../model.js'
import { cookieNameFault, cookiePathFault, hashedFieldFault } from '../text/http.js'
import { count, durations, nonEmpty, oneOf, orSwitch, share, text, TIMER } from './fields.js'

const STRATEGIES = [
  'round-robin',
  'random',
  'p2c',
  'least-connections',
  'ewma',
  'hash',
] as const satisfies readonly Strategy[]

const strategy = oneOf(STRATEGIES)

const named = z
  .strictObject({
    header: text(hashedFieldFault).optional().meta({ description: 'Name of a header field.' }),
    cookie: text(cookieNameFault).optional().meta({ description: 'Name of a cookie.' }),
    query: nonEmpty().optional().meta({ description: 'Name of a query parameter.' }),
  })
  .check((context) => {
    // Whose only key is misspelled has been told of that.
    if (context.issues.length > 0 || Object.keys(context.value).length === 1) return
    const message = 'must name one of header, cookie and query'
    context.issues.push({ code: 'custom', message, input: context.value })
  })
  .meta({ id: 'HashKey', description: 'One of them.', minProperties: 1, maxProperties: 1 })

const hash = z.union([oneOf(['ip', 'path']), named], {
  error: 'must be ip, path, or an object with header, cookie or query',
})

/** Browsers keep no cookie for longer. */
const MAX_AGE = { shortestMs: 1000, longestMs: 400 * 86_400_000 }

const sticky = z
  .strictObject({
    cookie: text(cookieNameFault).optional().meta({ description: 'Name of the cookie.', default: STICKY.cookie }),
    ...durations('max_age', 'How long the browser keeps it; without it, as long as its session.', MAX_AGE),
    path: text(cookiePathFault)
      .optional()
      .meta({ description: 'Path below which the browser sends it.', default: STICKY.path }),
    secure: z
      .boolean()
      .optional()
      .meta({ description: 'Whether the browser sends it over HTTPS only.', default: STICKY.secure }),
    same_site: oneOf(['lax', 'strict', 'none']).optional().meta({
      description: 'Whether the browser sends it with requests that other sites cause.',
      default: 'lax',
    }),
  })
  .meta({ id: 'Sticky', description: 'The cookie by which clients come back to the instance that they had.' })

const block = z
  .strictObject({
    strategy: strategy
      .optional()
      .meta({ description: 'How the instances of a tier share.', default: BALANCE.strategy }),
    hash: hash.optional().meta({ description: 'What requests are told apart by; required for the strategy hash.' }),
    sticky: orSwitch(sticky, 'cookie, max_age, path, secure, same_site').optional().meta({
      description: 'Clients come back to the instance that they had, by a cookie; true: with the defaults.',
      default: false,
    }),
    prefer_zone: z.boolean().optional().meta({
      description: "Whether instances of the processor's own zone come first, inside a tier.",
      default: BALANCE.preferZone,
    }),
    ...durations(
      'slow_start',
      'How long an instance that returns takes to get its whole share.',
      TIMER,
      BALANCE.slowStartMs,
    ),
    spill_below: share().optional().meta({
      description: 'The next tier helps while less than this share of a tier can take requests; 0: when none can.',
      default: BALANCE.spillBelow,
    }),
    min_instances: count(1, 100_000).optional().meta({
      description: 'The next tier joins while fewer instances of the better tiers can take requests; 1: when none can.',
      default: BALANCE.minInstances,
    }),
    panic: oneOf(['serve', 'refuse']).optional().meta({
      description: 'When polls call every instance down: serve tries those, refuse answers 503.',
      default: BALANCE.panic,
    }),
  })
  .meta({ id: 'Balance', description: 'How traffic is spread.' })

export const balance = z.union([strategy, block], { error: `must be ${STRATEGIES.join(', ')}, or an object` })
