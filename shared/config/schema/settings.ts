// What the two servers may be told, in both layouts.
import { z } from 'zod'
import { DISCOVERY, LIMITS, PROCESSOR, RETENTION, TIMEOUTS } from '../defaults.js'
import type { Fault } from '../problem.js'
import type { Span } from '../text/duration.js'
import { cidrFault, hostFault } from '../text/host.js'
import { count, cron, duration, durations, LONGEST_TIMER_MS, nonEmpty, size, text, TIMER } from './fields.js'
import { listener } from './listener.js'
import { pipes } from './pipe.js'
import { accessLog, tracing } from './telemetry.js'
import { batch, downstreamTls } from './traffic.js'

const DAY_MS = 86_400_000
const KEPT = { shortestMs: 60_000, longestMs: 36_500 * DAY_MS }

const kept = (description: string, ms: number) =>
  duration(KEPT)
    .optional()
    .meta({ description, default: `${ms / DAY_MS}d` })

const retention = z
  .strictObject({
    schedule: cron()
      .optional()
      .meta({ description: 'Cron expression: when old rows are removed.', default: RETENTION.schedule }),
    events: kept('How long changes of health are kept.', RETENTION.eventsMs),
    minutes: kept('How long per-minute counts are kept.', RETENTION.minutesMs),
    hours: kept('How long per-hour counts are kept.', RETENTION.hoursMs),
    requests: kept('How long requests are kept, within their number.', RETENTION.requestsMs),
    gone: kept('How long data of instances that are in no config is kept.', RETENTION.goneMs),
  })
  .meta({ id: 'Retention', description: 'How long the store remembers.' })

/** The engine's table of fields has room for no more. */
const MOST_FIELDS = 1000
/** With less than this, every request would be refused. */
const SMALLEST_LIMIT = 256

const limits = z
  .strictObject({
    head: size(SMALLEST_LIMIT).optional().meta({ description: 'Head of a request.', default: LIMITS.headBytes }),
    fields: count(1, MOST_FIELDS)
      .optional()
      .meta({ description: 'Header fields of a request.', default: LIMITS.headerCount }),
    uri: size(SMALLEST_LIMIT).optional().meta({ description: 'Target of a request.', default: LIMITS.uriBytes }),
    body: size(0).optional().meta({ description: 'Body of a request; 0: no limit.', default: LIMITS.bodyBytes }),
    body_rate: size(0).optional().meta({
      description: "Bytes per second that a request's body must come with, on average; 0: no limit.",
      default: LIMITS.bodyRate,
    }),
    requests: count(0, 1_000_000_000).optional().meta({
      description: "Requests after which a client's connection is closed; 0: no limit.",
      default: LIMITS.requestsPerConnection,
    }),
    connections: count(1, 1_000_000)
      .optional()
      .meta({ description: 'Client connections per worker.', default: LIMITS.connections }),
    client_connections: count(0, 1_000_000).optional().meta({
      description: 'Connections per worker from one client address; 0: no limit. Trusted proxies are exempt.',
      default: LIMITS.clientConnections,
    }),
    upstream_connections: count(1, 1_000_000)
      .optional()
      .meta({ description: 'Connections per worker to one instance.', default: LIMITS.upstreamConnections }),
    idle_upstream_connections: count(0, 1_000_000).optional().meta({
      description: 'Unused connections kept per worker to one instance.',
      default: LIMITS.idleUpstreamConnections,
    }),
  })
  .meta({ id: 'Limits', description: 'What the request processor accepts at most.' })

const timeouts = z
  .strictObject({
    ...durations('connect', 'To open a connection to an instance.', TIMER, TIMEOUTS.connectMs),
    ...durations('first_byte', 'From the end of the request to the head of the answer.', TIMER, TIMEOUTS.firstByteMs),
    ...durations('idle', 'Between two pieces of a body.', TIMER, TIMEOUTS.idleMs),
    ...durations('total', 'For a whole exchange.', TIMER, TIMEOUTS.totalMs),
    ...durations('request_head', 'For a client to send a whole head.', TIMER, TIMEOUTS.requestHeadMs),
    ...durations('keep_alive', "Between two requests on a client's connection.", TIMER, TIMEOUTS.keepAliveMs),
    ...durations(
      'upgraded',
      'How long a connection that has switched protocols may be silent.',
      TIMER,
      TIMEOUTS.upgradedIdleMs,
    ),
    ...durations(
      'upstream_keep_alive',
      'How long an unused connection to an instance is kept.',
      TIMER,
      TIMEOUTS.upstreamKeepAliveMs,
    ),
    ...durations('drain', 'How long a stop waits for requests in flight.', TIMER, TIMEOUTS.drainMs),
  })
  .meta({ id: 'Timeouts', description: 'Timeouts of the request processor; 0 means none.' })

function storeFault(store: string): Fault | undefined {
  if (store === 'memory' || /^sqlite:[^\u0000]+$/.test(store)) return undefined
  return { message: 'not a store', hint: '"sqlite:serverpy.db" or "memory"' }
}

// It travels in a header field.
function tokenFault(token: string): Fault | undefined {
  if (token === '') return { message: 'must not be empty' }
  return /^[\x21-\x7e]+$/.test(token) ? undefined : { message: 'a token holds printable ASCII without spaces only' }
}

const discoveryKeys = {
  store: text(storeFault).optional().meta({ description: 'sqlite:FILE, or memory.', default: DISCOVERY.store }),
  token: text(tokenFault).optional().meta({
    description: 'Needed by whatever changes something; best given as ${VAR}. Without it only loopback peers may.',
  }),
  retention: retention.optional(),
  dump_file: nonEmpty().optional().meta({ description: 'File that /dump writes.', default: DISCOVERY.dumpFile }),
  dump_schedule: cron().optional().meta({ description: 'Cron expression: when a dump is written unasked.' }),
  concurrency: count(1, 100_000)
    .optional()
    .meta({ description: 'Probes in flight at once, over all instances.', default: DISCOVERY.concurrency }),
  jitter: z
    .number()
    .min(0)
    .max(0.5)
    .optional()
    .meta({ description: 'Share of the frequency by which a poll may be early or late.', default: DISCOVERY.jitter }),
}

/** An idle worker gives a sign of life once a second. */
const HANG: Span = { shortestMs: 2000, longestMs: LONGEST_TIMER_MS }

const hostSettings = z.strictObject({ pipes }).meta({ id: 'Host', description: 'What holds for requests of one host.' })

const processorKeys = {
  workers: z
    .union([z.literal('auto'), count(1, 1024)], { error: 'must be "auto" or a whole number' })
    .optional()
    .meta({ description: 'Worker processes; auto: one per core.', default: 'auto' }),
  ...durations('hang', 'A worker silent for so long is replaced.', HANG, PROCESSOR.hangMs),
  trusted_proxies: z
    .array(text(cidrFault))
    .optional()
    .meta({ description: 'Addresses and CIDR blocks whose X-Forwarded-* are believed.', default: [] }),
  zone: nonEmpty()
    .optional()
    .meta({ description: 'Where it runs, for services that prefer instances of their own zone.' }),
  access_log: accessLog
    .optional()
    .meta({ description: 'A line for each request; true: for every one.', default: false }),
  tracing: tracing.optional(),
  tls: downstreamTls.optional(),
  limits: limits.optional(),
  timeouts: timeouts.optional(),
  batch: batch
    .optional()
    .meta({ description: 'Where a service leaves it open: off or auto.', default: PROCESSOR.batch }),
  request_limit: count(0, 1_000_000)
    .optional()
    .meta({ description: 'Newest requests kept per instance; 0: none.', default: PROCESSOR.requestLimit }),
  pipes,
  hosts: z
    .record(z.string(), hostSettings)
    .optional()
    .meta({ description: 'By host, or by `*.example.org` for any number of labels; the most specific one counts.' }),
  listeners: z.array(listener).optional().meta({ description: 'Ports beside `port`.' }),
}

const name = (of: string) => nonEmpty().optional().meta({ description: 'Name to show.', default: of })
const host = () => text(hostFault).optional().meta({ description: 'Address to listen on; without it, all.' })
const port = (of: number) =>
  count(0, 65535).optional().meta({ description: 'Port to listen on; 0 picks a free one.', default: of })

export const discovery = z
  .strictObject({ name: name(DISCOVERY.name), host: host(), port: port(DISCOVERY.port), ...discoveryKeys })
  .meta({ id: 'Discovery', description: 'The discovery server.' })

export const processor = z
  .strictObject({ name: name(PROCESSOR.name), host: host(), port: port(PROCESSOR.port), ...processorKeys })
  .meta({ id: 'Processor', description: 'The request processor.' })

export const metaInfo = z
  .strictObject({
    discovery_server_name: name(DISCOVERY.name),
    discovery_server_host: host(),
    discovery_server_port: port(DISCOVERY.port),
    request_processor_name: name(PROCESSOR.name),
    request_processor_host: host(),
    request_processor_port: port(PROCESSOR.port),
    ...discoveryKeys,
    ...processorKeys,
  })
  .meta({ id: 'MetaInfo', description: 'The two servers.' })
