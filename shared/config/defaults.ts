// Every default of the config, in the units of the model.
import type { Batch, DownstreamTlsConfig, LimitsConfig, RetentionConfig, RetryConfig, TimeoutsConfig } from './model.js'

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

export const RETRY: RetryConfig = { attempts: 3, on: ['connect', 'reset'] }
