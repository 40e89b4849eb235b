// Every default of the config, in the units of the model.
import type {
  AccessLogConfig,
  BalanceConfig,
  Batch,
  BreakerConfig,
  ConcurrencyConfig,
  DampingConfig,
  DownstreamTlsConfig,
  HedgeConfig,
  LimitsConfig,
  OutlierConfig,
  PipeConfig,
  RetentionConfig,
  RetryConfig,
  StickyConfig,
  TimeoutsConfig,
  TracingConfig,
} from './model.js'

const SECOND = 1000
const HOUR = 3_600_000
const DAY = 86_400_000

export const POLLING = {
  frequencyMs: 60 * SECOND,
  timeoutMs: 5 * SECOND,
  retries: 0,
  retryDelayMs: 1 * SECOND,
  rise: 1,
  fall: 1,
  packetLimit: 5000,
  statuses: [[200, 299]] as readonly (readonly [number, number])[],
}

export const DISCOVERY = {
  name: 'Discovery Server',
  port: 8008,
  store: 'sqlite:serverpy.db',
  dumpFile: 'file.dump',
  concurrency: 256,
  jitter: 0.05,
}

export const RETENTION: RetentionConfig = {
  schedule: '*/10 * * * *',
  eventsMs: 30 * DAY,
  minutesMs: 7 * DAY,
  hoursMs: 400 * DAY,
  requestsMs: 30 * DAY,
  goneMs: 7 * DAY,
}

export const PROCESSOR = {
  name: 'Request Processor',
  port: 8001,
  hangMs: 5 * SECOND,
  requestLimit: 100,
  batch: 'off' as Batch,
  tlsVersion: 'TLSv1.2' as DownstreamTlsConfig['minVersion'],
}

export const LIMITS: LimitsConfig = {
  headBytes: 32 * 1024,
  headerCount: 100,
  uriBytes: 16 * 1024,
  bodyBytes: 0,
  // Slower than any link in use, and still far more than who drips a byte at a time to hold a connection wants to send.
  bodyRate: 64,
  connections: 20_000,
  clientConnections: 0,
  requestsPerConnection: 0,
  upstreamConnections: 4096,
  idleUpstreamConnections: 1024,
}

export const TIMEOUTS: TimeoutsConfig = {
  connectMs: 3 * SECOND,
  firstByteMs: 30 * SECOND,
  idleMs: 30 * SECOND,
  totalMs: 0,
  requestHeadMs: 10 * SECOND,
  keepAliveMs: 75 * SECOND,
  upgradedIdleMs: HOUR,
  upstreamKeepAliveMs: 4 * SECOND,
  drainMs: 30 * SECOND,
}

export const RETRY: RetryConfig = {
  attempts: 3,
  on: ['connect', 'reset'],
  backoff: { baseMs: 25, mostMs: 1 * SECOND },
  budget: { share: 0.2, floor: 10 },
  perTryMs: 0,
  unsafe: 'never',
  bodyBytes: 64 * 1024,
  holdBytes: 0,
}

/** What holds inside a block that is there. */
export const HEDGE: HedgeConfig = { after: { kind: 'quantile', q: 0.95 }, most: 0.05 }

/** What holds inside a block that is there. */
export const BREAKER: BreakerConfig = {
  consecutive: 0,
  rate: 0.5,
  volume: 20,
  windowMs: 10 * SECOND,
  openMs: 5 * SECOND,
}

export const OUTLIER: OutlierConfig = {
  enabled: true,
  failures: 3,
  answers: 5,
  statuses: [[500, 599]],
  baseMs: 1 * SECOND,
  mostMs: 60 * SECOND,
  most: 0.5,
}

export const BALANCE: BalanceConfig = {
  strategy: 'round-robin',
  preferZone: false,
  slowStartMs: 0,
  spillBelow: 0,
  minInstances: 1,
  panic: 'serve',
}

export const STICKY: StickyConfig = { cookie: 'serverpy', path: '/', secure: false, sameSite: 'Lax' }

export const CONCURRENCY: ConcurrencyConfig = { instance: 0, service: 0, queue: 100, queueMs: 100 }

/** What holds inside a block that is there. */
export const DAMPING: DampingConfig = { changes: 5, windowMs: 60 * SECOND, steadyMs: 30 * SECOND }

export const ACCESS_LOG: AccessLogConfig = { sample: 0 }

/** What holds inside a block that is there. */
export const TRACING: Pick<TracingConfig, 'sample'> = { sample: 1 }

export const PIPE: Pick<PipeConfig, 'onThrow' | 'hookMs' | 'isolate'> = {
  onThrow: 'fail',
  hookMs: 5 * SECOND,
  isolate: 'none',
}

/** What holds inside a block that is there. */
export const PIPE_BREAKER: NonNullable<PipeConfig['breaker']> = { failures: 5, openMs: 30 * SECOND }

/** Of a listener that passes connections on as they are. */
export const LISTENER = { idleMs: HOUR, connections: 10_000 }
