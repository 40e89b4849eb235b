// The registry's data as every part of the product sees it: immutable, numbered, free of live state.

export type Health = 'up' | 'down' | 'unknown'

/** The seed's word for the result of a poll, as `/stats` and the store spell it. */
export type Status = 'active' | 'inactive' | 'service unreachable' | 'discovery server error' | 'unknown'

/** What an operator or a client has declared; it stands above health. Both keep new requests away. */
export type Override = 'drain' | 'out-of-service'

export type Priority = 'high' | 'med' | 'low' | 'unset'

/** Highest first: the order in which tiers are tried. */
export const PRIORITIES: readonly Priority[] = ['high', 'med', 'low', 'unset']

/** One address of a service, as configured or discovered. */
export interface InstanceSpec {
  /** `service/host:port/base/path`, unique in a registry; the port is always written. */
  readonly id: string
  readonly service: string
  /** The address as the config spells it; the seed's `instance_url`. */
  readonly url: string
  readonly secure: boolean
  /** A name or an address, IPv6 without brackets. */
  readonly host: string
  readonly port: number
  /** Put before every forwarded path; empty or `/base` without a trailing slash. */
  readonly basePath: string
  readonly priority: Priority
  /** Share of traffic inside its tier; 0 takes no new request. */
  readonly weight: number
  readonly zone?: string
  readonly metadata: Readonly<Record<string, string>>
}

/** An instance in a snapshot: its spec and what the registry knows of its health. */
export interface Instance extends InstanceSpec {
  readonly health: Health
  readonly override?: Override
  /** Epoch milliseconds of the last change of health. */
  readonly since: number
}

/** An immutable copy of the registry. `term` rises with each life of the registry, `seq` with each change in it. */
export interface Snapshot {
  readonly term: number
  readonly seq: number
  readonly instances: readonly Instance[]
}

export interface RegistrySource {
  readonly current: Snapshot
  /** Calls back with each later snapshot; the returned function ends it. */
  subscribe(listener: (snapshot: Snapshot) => void): () => void
}

/** Two snapshots are compared by term first: a restarted registry begins a new count. */
export function isNewer(a: Pick<Snapshot, 'term' | 'seq'>, b: Pick<Snapshot, 'term' | 'seq'>): boolean {
  return a.term !== b.term ? a.term > b.term : a.seq > b.seq
}

export const EMPTY_SNAPSHOT: Snapshot = Object.freeze({ term: 0, seq: 0, instances: Object.freeze([]) })
