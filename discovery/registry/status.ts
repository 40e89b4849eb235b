// What the registry and the poller know of an instance beyond its snapshot: the material of /stats.
import type { Health, Instance, Override, RegistrySource, Status } from '../../shared/registry/instance.js'
import type { PollingConfig, ServerConfig } from '../../shared/config/model.js'
import type { StoredInstance } from '../store/store.js'

/** The result of one poll: data, whatever went wrong. Times are epoch milliseconds. */
export interface Observation {
  readonly startedAt: number
  readonly endedAt: number
  /** `inconclusive`: the prober failed, not the instance; says nothing about its health. */
  readonly verdict: 'passed' | 'failed' | 'inconclusive'
  readonly status: Status
  /** In short, for people: see `Packet.response`. */
  readonly response: string
  readonly latencyMs: number
  readonly tries: number
}

export interface HealthState {
  readonly health: Health
  /** Consecutive observations against `health`. */
  readonly streak: number
  /** Consecutive inconclusive observations. */
  readonly blind: number
  /** Epoch milliseconds of the last change. */
  readonly since: number
}

export interface InstanceStatus {
  readonly instance: Instance
  readonly polling: PollingConfig
  /** Its health changes so often that it is held down while a steady instance of its service is up. */
  readonly flapping: boolean
  /** Polls say that it is down, and requests succeed there. */
  readonly disputed: boolean
  /** Epoch milliseconds; null before the first poll of this life. */
  readonly checkStartedAt: number | null
  readonly lastCheckedAt: number | null
  readonly lastFailureAt: number | null
  /** `unknown` before the first poll. */
  readonly status: Status
  /** Last observation in words; empty before the first poll. */
  readonly response: string
  readonly latencyMs: number | null
}

/** The only writer of instance state. */
export interface Registry extends RegistrySource {
  /**
   * Makes `servers` the whole content. What is known of an instance whose id stays is kept; a newcomer starts from its
   * stored state, else `unknown`. While what is stored is `unread` newcomers are `unknown` until `adopt`.
   */
  replace(servers: readonly ServerConfig[], stored?: ReadonlyMap<string, StoredInstance> | 'unread'): void
  /**
   * What is stored, read late, and published at once. Instances that entered `unread` become what they would be, had it
   * been known when they entered: stored health, on top of it the polls of this life. All others take the override of
   * their row. An override that was set or ended in this life stays.
   */
  adopt(stored: ReadonlyMap<string, StoredInstance>): void
  /** A poll begins. */
  started(id: string, at: number): void
  /** A poll ended: updates health by streaks, publishes a snapshot if it changed. Unknown ids are ignored. */
  observe(id: string, observation: Observation): void
  /** False where there is no such instance. */
  setOverride(id: string, override: Override | undefined): boolean
  /** Whether workers say that requests succeed there although polls fail. */
  setContradicted(id: string, contradicted: boolean): void
  status(id: string): InstanceStatus | undefined
  /** In the order of the config. */
  statuses(): readonly InstanceStatus[]
  /** Publishes what has changed now, without holding it back for what may change a moment later. */
  flush(): void
}
