// The one frozen model that both layouts of the file normalise to: defaults applied, times in milliseconds.
import type { InstanceSpec } from '../registry/instance.js'
import type { MergeConfig } from './merge-model.js'
import type { HostConfig, PipeConfig } from './pipe-model.js'

export type { HostConfig, MergeConfig, PipeConfig }

/** A fault (or a warning) in a config file. `line` and `col` count from 1; 0 where no place can be named. */
export interface Problem {
  readonly file: string
  readonly line: number
  readonly col: number
  /** Dotted path of the key, e.g. `services.orders.polling.frequency`; empty for the file as a whole. */
  readonly path: string
  readonly message: string
  /** What to do, e.g. `did you mean "frequency"?`. */
  readonly hint?: string
}

export type Parsed =
  | { readonly ok: true; readonly config: Config; readonly warnings: readonly Problem[] }
  | { readonly ok: false; readonly problems: readonly Problem[] }

/** Plain JSON data: it travels to the workers as it is. */
export interface Config {
  readonly layout: 'classic' | 'full'
  /** Absolute path of the file it came from. */
  readonly file: string
  readonly discovery: DiscoveryConfig
  readonly processor: ProcessorConfig
  readonly services: readonly ServiceConfig[]
  /** From every service's `apis`, then from `routes`; of two that match the same, the last wins. */
  readonly routes: readonly RouteConfig[]
}

export interface DiscoveryConfig {
  readonly name: string
  /** Undefined: all interfaces. */
  readonly host?: string
  /** 0 picks a free one. */
  readonly port: number
  readonly store: { readonly kind: 'sqlite'; readonly path: string } | { readonly kind: 'memory' }
  /** Needed by whatever changes something; while none is set only loopback peers may. */
  readonly token?: string
  readonly retention: RetentionConfig
  /** Absolute path of the file that `/dump` writes. */
  readonly dumpFile: string
  /** Cron form; undefined: only on request. */
  readonly dumpSchedule?: string
  readonly polling: {
    /** Probes in flight at once over all instances. */
    readonly concurrency: number
    /** Share of the frequency by which each poll may be early or late, 0 to 0.5; spreads load without drifting. */
    readonly jitter: number
  }
}

export interface RetentionConfig {
  /** Cron form: when old rows are removed. */
  readonly schedule: string
  readonly eventsMs: number
  readonly minutesMs: number
  readonly hoursMs: number
  /** Requests older than this go, whatever the rings hold. */
  readonly requestsMs: number
  /** Data of instances that are in no config any more. */
  readonly goneMs: number
}

export interface ProcessorConfig {
  readonly name: string
  readonly host?: string
  readonly port: number
  readonly workers: number
  /** A worker silent for so long is replaced. */
  readonly hangMs: number
  /** Peers whose X-Forwarded-* are believed, as addresses or CIDR blocks. */
  readonly trustedProxies: readonly string[]
  /** Where it runs, for services that prefer instances nearby. */
  readonly zone?: string
  readonly accessLog: AccessLogConfig
  /** Undefined: no spans are sent. `traceparent` travels in any case. */
  readonly tracing?: TracingConfig
  /** Undefined: the port speaks plain HTTP. With it, TLS only. */
  readonly tls?: DownstreamTlsConfig
  readonly limits: LimitsConfig
  readonly timeouts: TimeoutsConfig
  /** What holds for services that leave it open. */
  readonly batch: Batch
  /** Newest requests kept per instance; 0 keeps none. */
  readonly requestLimit: number
  /** Before those of hosts, services and routes; for requests that no route takes, too. */
  readonly pipes: readonly PipeConfig[]
  /** Of several that match the most specific counts. */
  readonly hosts: readonly HostConfig[]
  /** Beside the port above. */
  readonly listeners: readonly ListenerConfig[]
}

/** A port of its own. */
export interface ListenerConfig {
  /** Unique; in metrics, in logs, and in the routes that are for it. */
  readonly name: string
  readonly host?: string
  readonly port: number
  readonly tls?: DownstreamTlsConfig
  /** `routes`: the routes that name this listener. `service`: every request. `tcp`: every connection, as it is. */
  readonly takes:
    | { readonly kind: 'routes' }
    | { readonly kind: 'service'; readonly service: string }
    | {
        readonly kind: 'tcp'
        readonly service: string
        /** A connection ends after so long without a byte in either direction; 0: never. */
        readonly idleMs: number
        /** Connections at once, per worker. */
        readonly connections: number
      }
}

export interface AccessLogConfig {
  /** Share of the requests that get a line, 0 to 1; failed ones always do, unless it is 0. */
  readonly sample: number
}

export interface TracingConfig {
  /** URL of an OTLP/HTTP receiver of traces. */
  readonly endpoint: string
  /** Share of the traces begun here that are sent, 0 to 1; a caller's own decision stands. */
  readonly sample: number
  readonly headers: Readonly<Record<string, string>>
}

/** Paths and names only: the keys themselves never leave the process that uses them. */
export interface DownstreamTlsConfig {
  /** At least one; the first answers a client that names no host, or one that no certificate is for. */
  readonly certificates: readonly CertificateConfig[]
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3'
}

export interface CertificateConfig {
  /** Absolute path of a PEM file: the certificate, then those that lead to its authority. */
  readonly certFile: string
  /** Absolute path of the PEM file with its private key. */
  readonly keyFile: string
  /** Lower case, names in ASCII; `*.example.org` matches one label. Empty: the DNS names in the certificate. */
  readonly hosts: readonly string[]
}

/** `auto`: requests of one moment may share a write where the instance answers fast and evenly. */
export type Batch = 'off' | 'auto'

export interface LimitsConfig {
  readonly headBytes: number
  readonly headerCount: number
  readonly uriBytes: number
  /** Of a request's body; 0: no limit. */
  readonly bodyBytes: number
  /** Bytes per second that a request's body must come with, on average; 0: no limit. */
  readonly bodyRate: number
  /** Client connections per worker. */
  readonly connections: number
  /** Of them, from one address that is no trusted proxy; 0: no limit. */
  readonly clientConnections: number
  /** After so many a client's connection is closed; 0: no limit. */
  readonly requestsPerConnection: number
  /** Per endpoint and worker. */
  readonly upstreamConnections: number
  readonly idleUpstreamConnections: number
}

/** All in milliseconds; 0 means no limit. */
export interface TimeoutsConfig {
  readonly connectMs: number
  /** From the request's last byte to the head of the answer. */
  readonly firstByteMs: number
  /** Between two pieces of a body, in either direction. */
  readonly idleMs: number
  /** From the head of the request to the end of the answer. */
  readonly totalMs: number
  /** For a client to send a whole head. */
  readonly requestHeadMs: number
  /** Between two requests on a client's connection. */
  readonly keepAliveMs: number
  /** A connection that has switched protocols ends after so long without a byte in either direction. */
  readonly upgradedIdleMs: number
  /** How long an unused upstream connection is kept. */
  readonly upstreamKeepAliveMs: number
  /** How long SIGTERM waits for requests in flight. */
  readonly drainMs: number
}

/** What a service or a route may set for its own requests. */
export type ExchangeTimeouts = Pick<TimeoutsConfig, 'connectMs' | 'firstByteMs' | 'idleMs' | 'totalMs'>

export type RetryReason = 'connect' | 'reset' | 'timeout' | '500' | '502' | '503' | '504'

export interface RetryConfig {
  /** Tries in all, the first one included. */
  readonly attempts: number
  readonly on: readonly RetryReason[]
  /** Pause before the second retry and later ones, drawn from 0 to `baseMs` doubled each time up to `mostMs`. The first is at once. */
  readonly backoff: { readonly baseMs: number; readonly mostMs: number }
  /** Retries of the last ten seconds, per service and worker: this share of the requests of that time, and `floor` more. */
  readonly budget: { readonly share: number; readonly floor: number }
  /** From the request's last byte to the head of the answer, of one try that may be followed by another; 0: `firstByteMs` alone. */
  readonly perTryMs: number
  /** Requests that are not idempotent: `never` again once a byte has left; `idempotency-key`: where they carry that field; `always`. */
  readonly unsafe: 'never' | 'idempotency-key' | 'always'
  /** Bytes of a request's body that are kept to be sent again; longer ones are sent once. */
  readonly bodyBytes: number
  /** An answer with so short a body is passed on when it has come whole, so that a truncated one can be tried again; 0: at once. */
  readonly holdBytes: number
}

/** A second try beside the first, for idempotent requests without a body, when the first is slower than most. */
export interface HedgeConfig {
  /** A fixed wait, or the latency that this share (0 to 1) of the service's answers of late stayed below. */
  readonly after: { readonly kind: 'ms'; readonly ms: number } | { readonly kind: 'quantile'; readonly q: number }
  /** Share of the service's requests, at most, that get a second try. */
  readonly most: number
}

/** Opens on what an instance answers and how often it fails; while it is open the instance gets no request at all. */
export interface BreakerConfig {
  /** Failures in a row that open it; 0: not by that. */
  readonly consecutive: number
  /** Share of failures within `windowMs` that opens it; 0: not by that. */
  readonly rate: number
  /** Fewer requests than this in the window say nothing about a rate. */
  readonly volume: number
  readonly windowMs: number
  /** How long it stays open before one request may try. */
  readonly openMs: number
}

/** Ejects an instance that traffic cannot use, ahead of the polls; ejections never take more than `most` of a service. */
export interface OutlierConfig {
  readonly enabled: boolean
  /** Resets, timeouts and truncated answers in a row that eject; a refused connection ejects at once. */
  readonly failures: number
  /** Answers in a row with one of `statuses` that eject; 0: never. */
  readonly answers: number
  /** Inclusive ranges. */
  readonly statuses: readonly (readonly [number, number])[]
  /** How long the first ejection lasts; doubled by each that follows on it, up to `mostMs`. */
  readonly baseMs: number
  readonly mostMs: number
  /** Share of the service's instances, 0 to 1, rounded up; one always stays. */
  readonly most: number
}

export type Strategy = 'round-robin' | 'random' | 'p2c' | 'least-connections' | 'ewma' | 'hash'

/** What requests are told apart by, for the strategy `hash`. */
export type HashKey =
  { readonly on: 'ip' | 'path' } | { readonly on: 'header' | 'cookie' | 'query'; readonly name: string }

export interface BalanceConfig {
  readonly strategy: Strategy
  /** Undefined for every other strategy than `hash`. */
  readonly hash?: HashKey
  /** Clients come back to the instance that they had, by a cookie. */
  readonly sticky?: StickyConfig
  /** Instances of the processor's own zone first. */
  readonly preferZone: boolean
  /** An instance that returns gets its whole share only after so long; 0: at once. */
  readonly slowStartMs: number
  /** While less than this share of a tier can take requests the next tier helps out; 0: only when none can. */
  readonly spillBelow: number
  /** While fewer instances of the better tiers can take requests the next tier joins them; 1: when none can. */
  readonly minInstances: number
  /** When no instance may take requests by its health: try those that are down, or refuse. */
  readonly panic: 'serve' | 'refuse'
}

export interface StickyConfig {
  readonly cookie: string
  /** Of the cookie, in seconds; undefined: as long as the browser's session. */
  readonly maxAgeSeconds?: number
  readonly path: string
  readonly secure: boolean
  readonly sameSite: 'Lax' | 'Strict' | 'None'
}

/** Requests in flight at once; the workers share these numbers out. 0: no limit. */
export interface ConcurrencyConfig {
  /** Per instance; `auto`: found out from its latency. */
  readonly instance: number | 'auto'
  readonly service: number
  /** Requests that wait for a place, per service. */
  readonly queue: number
  /** How long one waits at most. */
  readonly queueMs: number
}

/** Who is refused first when there is too much load. */
export type Importance = 'low' | 'normal' | 'high'

export interface ServiceConfig {
  readonly name: string
  /** Each with its own effective polling. */
  readonly servers: readonly ServerConfig[]
  readonly balance: BalanceConfig
  readonly retry: RetryConfig
  /** Undefined: no second try beside the first. */
  readonly hedge?: HedgeConfig
  /** Undefined: no breaker. */
  readonly breaker?: BreakerConfig
  readonly outlier: OutlierConfig
  readonly concurrency: ConcurrencyConfig
  readonly timeouts: ExchangeTimeouts
  /** How `https` instances are spoken to. */
  readonly tls: UpstreamTlsConfig
  /** Protocols that a client may switch its connection to, in lower case. */
  readonly upgrade: readonly string[]
  readonly batch: Batch
  readonly apis: readonly string[]
}

export interface ServerConfig {
  readonly spec: InstanceSpec
  readonly polling: PollingConfig
}

export interface UpstreamTlsConfig {
  readonly verify: boolean
  /** Absolute path of a PEM file with the authorities to trust in place of the system's. */
  readonly caFile?: string
  /** Absolute paths of PEM files: the certificate that the instance may ask for, and its key. Both or neither. */
  readonly certFile?: string
  readonly keyFile?: string
  readonly serverName?: string
}

export type Schedule =
  { readonly kind: 'every'; readonly ms: number } | { readonly kind: 'cron'; readonly expression: string }

export interface PollingCommon {
  readonly frequency: Schedule
  readonly timeoutMs: number
  /** Extra tries in one poll, after a failure. */
  readonly retries: number
  readonly retryDelayMs: number
  /** Consecutive passed polls that turn `down` into `up`. */
  readonly rise: number
  /** Consecutive failed polls that turn `up` (or `unknown`) into `down`. */
  readonly fall: number
  /** Undefined: every change counts. */
  readonly damping?: DampingConfig
  /** Packets of history kept; at least 1. */
  readonly packetLimit: number
}

/** An instance whose health changes again and again is held down until it has been steady. */
export interface DampingConfig {
  /** Changes within `windowMs` that make it flapping. */
  readonly changes: number
  readonly windowMs: number
  /** Without a failed poll for so long it is flapping no more. */
  readonly steadyMs: number
}

export type PollingConfig =
  | (PollingCommon & {
      readonly method: 'health'
      /** Path, with query if any; below the instance's base path. */
      readonly endpoint: string
      readonly httpMethod: 'GET' | 'HEAD'
      readonly headers: Readonly<Record<string, string>>
      readonly expect: HealthExpectation
      readonly tls: UpstreamTlsConfig
    })
  | (PollingCommon & { readonly method: 'ping' })
  | (PollingCommon & { readonly method: 'tcp' })

export interface HealthExpectation {
  /** Inclusive ranges. */
  readonly statuses: readonly (readonly [number, number])[]
  /** The first 64 KiB of the body must hold this text, or match this pattern. */
  readonly body?:
    { readonly kind: 'text'; readonly text: string } | { readonly kind: 'pattern'; readonly pattern: string }
  readonly maxLatencyMs?: number
}

export interface RouteConfig {
  /** Stable name in metrics, records and `explain`: `service:/path`, made unique. */
  readonly id: string
  readonly match: RouteMatch
  readonly handler:
    | { readonly kind: 'forward'; readonly service: string }
    | {
        readonly kind: 'fixed'
        readonly status: number
        readonly headers: Readonly<Record<string, string>>
        readonly body: string
        /** Answers with what it was asked, in place of `body`. */
        readonly echo?: boolean
      }
    | { readonly kind: 'merge'; readonly merge: MergeConfig }
  /** Name of the listener that it is for; undefined: the processor's own port. */
  readonly listener?: string
  /** Of its service and its own, in this order, behind those of the processor and of the host. */
  readonly pipes: readonly PipeConfig[]
  readonly timeouts?: Partial<ExchangeTimeouts>
  readonly retry?: Partial<RetryConfig>
  readonly importance: Importance
  /** In place of the service's. */
  readonly upgrade?: readonly string[]
}

export interface RouteMatch {
  /** Lower case, IPv6 in brackets; `*.example.org` matches any number of labels; empty: every host. */
  readonly hosts: readonly string[]
  /** Empty: every method. */
  readonly methods: readonly string[]
  /**
   * `/a/{id}/*`: literal segments, `{name}` for one segment, a last `*` for one segment or more. A path without a last
   * `*` takes itself and, unless `exact`, all below itself on whole segments. No trailing slash, save the root `/`.
   */
  readonly path: string
  readonly exact: boolean
  /** Lower-case names; without a value the field must be there. */
  readonly headers: readonly FieldMatch[]
  readonly query: readonly FieldMatch[]
}

export interface FieldMatch {
  readonly name: string
  readonly value?: string
}
