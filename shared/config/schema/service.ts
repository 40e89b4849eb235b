// What a service may hold, in both layouts.
import { z } from 'zod'
import { DAMPING, POLLING } from '../defaults.js'
import { addressFault } from '../text/address.js'
import { apiPathFault, endpointFault } from '../text/path.js'
import { balance } from './balance.js'
import {
  count,
  duration,
  durations,
  LONGEST_TIMER_MS,
  nonEmpty,
  oneOf,
  orSwitch,
  POSITIVE_TIMER,
  schedule,
  sentFields,
  statuses,
  text,
  TIMER,
  withMs,
} from './fields.js'
import { pipes } from './pipe.js'
import { breaker, concurrency, hedge, outlier, retry } from './resilience.js'
import { batch, upgrade, upstreamTls } from './traffic.js'

const expect = z
  .strictObject({
    status: statuses()
      .optional()
      .meta({ description: 'Statuses that pass: 200, "200-299", "2xx", or a list of them.', default: '200-299' }),
    body: nonEmpty().optional().meta({ description: 'Text that the first 64 KiB of the body must hold.' }),
    body_pattern: text(patternFault)
      .optional()
      .meta({ description: 'Regular expression that the first 64 KiB of the body must match.' }),
    ...durations('max_latency', 'A slower answer does not pass.', POSITIVE_TIMER),
  })
  .meta({ id: 'Expect', description: 'What an answer to a health poll must be to pass.' })

function patternFault(pattern: string) {
  try {
    new RegExp(pattern)
    return pattern === '' ? { message: 'must not be empty' } : undefined
  } catch {
    return { message: 'not a regular expression' }
  }
}

const damping = z
  .strictObject({
    changes: count(2, 1000)
      .optional()
      .meta({ description: 'Changes of health that make the instance flapping.', default: DAMPING.changes }),
    ...durations('window', 'Within this time.', POSITIVE_TIMER, DAMPING.windowMs),
    ...durations('steady', 'It is down until no poll has failed for so long.', POSITIVE_TIMER, DAMPING.steadyMs),
  })
  .meta({ id: 'Damping', description: 'When an instance flaps, and when it does so no more.' })

const FREQUENCY = { shortestMs: 10, longestMs: LONGEST_TIMER_MS }

const pollingKeys = {
  method: oneOf(['health', 'ping', 'tcp'])
    .optional()
    .meta({ description: 'health: an HTTP request; ping: ICMP; tcp: a connection.' }),
  endpoint: text(endpointFault)
    .optional()
    .meta({ description: 'Path that a health poll asks for; required for `health`.' }),
  ...withMs('frequency', schedule(FREQUENCY), FREQUENCY, {
    description: 'Time between polls, or a cron expression of five fields, or six with seconds in front.',
    default: POLLING.frequencyMs / 1000,
  }),
  ...durations('timeout', 'For one try; never more than the frequency.', POSITIVE_TIMER, POLLING.timeoutMs),
  retries: count(0, 100)
    .optional()
    .meta({ description: 'Extra tries in one poll, after a failure.', default: POLLING.retries }),
  ...durations('retry_delay', 'Pause before an extra try.', TIMER, POLLING.retryDelayMs),
  rise: count(1, 1000)
    .optional()
    .meta({ description: 'Consecutive passed polls that turn down into up.', default: POLLING.rise }),
  fall: count(1, 1000)
    .optional()
    .meta({ description: 'Consecutive failed polls that turn up into down.', default: POLLING.fall }),
  damping: orSwitch(damping, 'changes, window, steady').optional().meta({
    description: 'Holds an instance down whose health changes again and again; true: with the defaults.',
    default: false,
  }),
  packet_limit: count(1, 10_000_000)
    .optional()
    .meta({ description: 'Packets of history kept per instance.', default: POLLING.packetLimit }),
  http_method: oneOf(['GET', 'HEAD']).optional().meta({ description: 'Method of a health poll.', default: 'GET' }),
  headers: sentFields().optional().meta({ description: 'Header fields of a health poll.' }),
  expect: expect.optional(),
  tls: upstreamTls.optional(),
  priority: oneOf(['high', 'med', 'low'])
    .optional()
    .meta({ description: 'Tier of the instance; only where the block is of one instance.' }),
}

export const polling = z.strictObject(pollingKeys).meta({ id: 'Polling', description: 'How instances are checked.' })

const instanceKeys = {
  weight: z
    .number()
    .min(0)
    .max(1_000_000)
    .optional()
    .meta({ description: 'Share of traffic inside its tier; 0 takes none.', default: 1 }),
  zone: nonEmpty().optional().meta({ description: 'Where it runs.' }),
  metadata: z
    .record(z.string(), z.string())
    .optional()
    .meta({ description: 'Free names and texts, shown in the registry.' }),
}

const server = z
  .strictObject({
    url: text(addressFault).meta({ description: 'host, host:port, http://… or https://…, with a base path if any.' }),
    priority: pollingKeys.priority,
    ...instanceKeys,
    polling: polling.optional(),
  })
  .meta({ id: 'Server', description: 'One instance.' })

const serverBlock = z.strictObject({ ...pollingKeys, ...instanceKeys }).meta({
  id: 'ServerPolling',
  description: 'The polling of one instance, with its priority, weight, zone and metadata.',
})

const address = text(addressFault).meta({
  description: 'host, host:port, http://… or https://…, with a base path if any.',
})

const servers = z
  .union(
    [
      z.array(z.union([address, server], { error: 'must be an address or an object with a url' })).min(1),
      z.record(z.string(), serverBlock).check((context) => {
        if (Object.keys(context.value).length > 0) return
        context.issues.push({ code: 'custom', message: 'must not be empty', input: context.value })
      }),
    ],
    { error: 'must be a list of addresses, or a map of address to polling' },
  )
  .meta({ description: 'The instances: a list, or a map of address to its own polling.' })

const timeoutBlock = z
  .strictObject({
    ...durations('connect', 'To open a connection.', TIMER),
    ...durations('first_byte', 'From the end of the request to the head of the answer.', TIMER),
    ...durations('idle', 'Between two pieces of a body.', TIMER),
    ...durations('total', 'For the whole exchange.', TIMER),
  })
  .meta({ id: 'ExchangeTimeouts', description: 'Timeouts of a request; 0 means none.' })

export const timeoutKeys = withMs(
  'timeout',
  z.union([duration(TIMER), timeoutBlock], {
    error: 'must be a duration, or an object with connect, first_byte, idle, total',
  }),
  TIMER,
  { description: "Timeouts of this one's requests; a single duration is the total." },
)

export const apiPath = text(apiPathFault)

const apis = z.array(apiPath).min(1).meta({ description: 'Paths that the service answers, each with all below it.' })

const serviceKeys = {
  servers,
  polling: polling
    .optional()
    .meta({ description: 'How its instances are checked; required where `servers` is a list.' }),
  balance: balance.optional().meta({ description: 'How traffic is spread; text alone is the strategy.' }),
  retry: retry.optional(),
  hedge: hedge
    .optional()
    .meta({ description: 'A second try beside a slow first one; true: with the defaults.', default: false }),
  breaker: breaker
    .optional()
    .meta({ description: 'When an instance gets no request for a while; true: with the defaults.', default: false }),
  outlier: outlier
    .optional()
    .meta({ description: 'When an instance that traffic cannot use is ejected; false: never.', default: true }),
  concurrency: concurrency.optional(),
  ...timeoutKeys,
  tls: upstreamTls.optional(),
  upgrade: upgrade.optional(),
  batch: batch.optional().meta({
    description: "Whether requests of one moment may share a write: off or auto. Without it, the processor's.",
  }),
  pipes,
  apis: apis.optional(),
}

export const classicService = z.strictObject(serviceKeys).meta({ id: 'ClassicService', description: 'A service.' })

export const fullService = z.strictObject(serviceKeys).meta({
  id: 'Service',
  description: 'A service; `apis` may be left out where a route, a listener or a pipe names it.',
})
