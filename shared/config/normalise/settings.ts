// The two servers' own settings, from `meta-info` or from `discovery` and `processor`.
import { resolve } from 'node:path'
import { ACCESS_LOG, DISCOVERY, LIMITS, PROCESSOR, RETENTION, TIMEOUTS, TRACING } from '../defaults.js'
import type { Path } from '../document.js'
import type {
  AccessLogConfig,
  DiscoveryConfig,
  LimitsConfig,
  ProcessorConfig,
  RetentionConfig,
  TimeoutsConfig,
  TracingConfig,
} from '../model.js'
import type { DiscoveryInput, FullInput, MetaInfoInput, ProcessorInput } from '../schema/layouts.js'
import { plainCron } from '../text/cron.js'
import { durationMs } from '../text/duration.js'
import { sizeBytes } from '../text/size.js'
import { defined, readMs, type Context, type Draft } from './context.js'
import { readExchangeTimeouts } from './exchange.js'
import { readHosts } from './hosts.js'
import { readListeners } from './listeners.js'
import { readPipes } from './pipes.js'
import { readSentFields } from './polling.js'
import { readDownstreamTls } from './tls.js'

/** The settings with their place in the file. */
export interface Settings {
  readonly discovery: Draft<DiscoveryInput>
  readonly processor: Draft<ProcessorInput>
  /** Where a key of the full layout stands in this file. */
  readonly path: (half: 'discovery' | 'processor', key: string) => Path
}

export function fullSettings(draft: Draft<FullInput>): Settings {
  return { discovery: draft.discovery ?? {}, processor: draft.processor ?? {}, path: (half, key) => [half, key] }
}

const PREFIXES = { discovery: 'discovery_server_', processor: 'request_processor_' }
const RENAMED = new Set(['name', 'host', 'port'])

export function classicSettings(meta: Draft<MetaInfoInput>): Settings {
  return {
    discovery: {
      ...meta,
      name: meta.discovery_server_name,
      host: meta.discovery_server_host,
      port: meta.discovery_server_port,
    },
    processor: {
      ...meta,
      name: meta.request_processor_name,
      host: meta.request_processor_host,
      port: meta.request_processor_port,
    },
    path: (half, key) => ['meta-info', RENAMED.has(key) ? PREFIXES[half] + key : key],
  }
}

const SHORTEST_TOKEN = 8

export function readDiscovery({ discovery: given, path }: Settings, { report, cwd }: Context): DiscoveryConfig {
  if (given.token !== undefined && given.token.length < SHORTEST_TOKEN) {
    report.warn(path('discovery', 'token'), {
      message: 'easy to guess',
      hint: `use ${SHORTEST_TOKEN} characters or more`,
    })
  }
  const store = given.store ?? DISCOVERY.store
  return {
    name: given.name ?? DISCOVERY.name,
    ...defined({
      host: given.host,
      token: given.token,
      dumpSchedule: given.dump_schedule && plainCron(given.dump_schedule),
    }),
    port: given.port ?? DISCOVERY.port,
    store:
      store === 'memory' ? { kind: 'memory' } : { kind: 'sqlite', path: resolve(cwd, store.slice('sqlite:'.length)) },
    retention: readRetention(given.retention),
    dumpFile: resolve(cwd, given.dump_file ?? DISCOVERY.dumpFile),
    polling: { concurrency: given.concurrency ?? DISCOVERY.concurrency, jitter: given.jitter ?? DISCOVERY.jitter },
  }
}

function readRetention(given: Draft<DiscoveryInput>['retention']): RetentionConfig {
  const ms = (value: number | string | undefined) => (value === undefined ? undefined : durationMs(value))
  return {
    ...RETENTION,
    ...defined({
      schedule: given?.schedule && plainCron(given.schedule),
      eventsMs: ms(given?.events),
      minutesMs: ms(given?.minutes),
      hoursMs: ms(given?.hours),
      requestsMs: ms(given?.requests),
      goneMs: ms(given?.gone),
    }),
  }
}

export function readProcessor({ processor: given, path }: Settings, context: Context): ProcessorConfig {
  const workers = given.workers ?? 'auto'
  return {
    name: given.name ?? PROCESSOR.name,
    ...defined({
      host: given.host,
      zone: given.zone,
      tracing: readTracing(given.tracing, path('processor', 'tracing'), context),
      tls: readDownstreamTls(given.tls, path('processor', 'tls'), context),
    }),
    port: given.port ?? PROCESSOR.port,
    workers: workers === 'auto' ? context.cores : workers,
    hangMs: readMs(given, 'hang', path('processor', 'hang').slice(0, -1), context) ?? PROCESSOR.hangMs,
    trustedProxies: (given.trusted_proxies ?? []).filter((peer) => peer !== undefined),
    accessLog: readAccessLog(given.access_log),
    limits: readLimits(given.limits),
    timeouts: readAllTimeouts(given.timeouts, path('processor', 'timeouts'), context),
    batch: given.batch ?? PROCESSOR.batch,
    requestLimit: given.request_limit ?? PROCESSOR.requestLimit,
    pipes: readPipes(given.pipes, path('processor', 'pipes'), context),
    hosts: readHosts(given.hosts, path('processor', 'hosts'), context),
    listeners: readListeners(given.listeners, path('processor', 'listeners'), context),
  }
}

function readAccessLog(given: Draft<ProcessorInput>['access_log']): AccessLogConfig {
  if (given === undefined || given === false) return ACCESS_LOG
  return { sample: given === true ? 1 : (given.sample ?? 1) }
}

function readTracing(given: Draft<ProcessorInput>['tracing'], path: Path, context: Context): TracingConfig | undefined {
  if (given?.endpoint === undefined) return undefined
  return {
    endpoint: given.endpoint,
    sample: given.sample ?? TRACING.sample,
    headers: readSentFields(given.headers ?? {}, [...path, 'headers'], context),
  }
}

function readLimits(given: Draft<ProcessorInput>['limits']): LimitsConfig {
  const bytes = (value: number | string | undefined) => (value === undefined ? undefined : sizeBytes(value))
  return {
    ...LIMITS,
    ...defined({
      headBytes: bytes(given?.head),
      headerCount: given?.fields,
      uriBytes: bytes(given?.uri),
      bodyBytes: bytes(given?.body),
      bodyRate: bytes(given?.body_rate),
      connections: given?.connections,
      clientConnections: given?.client_connections,
      requestsPerConnection: given?.requests,
      upstreamConnections: given?.upstream_connections,
      idleUpstreamConnections: given?.idle_upstream_connections,
    }),
  }
}

function readAllTimeouts(given: Draft<ProcessorInput>['timeouts'], path: Path, context: Context): TimeoutsConfig {
  return {
    ...TIMEOUTS,
    ...readExchangeTimeouts(given, path, context),
    ...defined({
      requestHeadMs: readMs(given, 'request_head', path, context),
      keepAliveMs: readMs(given, 'keep_alive', path, context),
      upgradedIdleMs: readMs(given, 'upgraded', path, context),
      upstreamKeepAliveMs: readMs(given, 'upstream_keep_alive', path, context),
      drainMs: readMs(given, 'drain', path, context),
    }),
  }
}
