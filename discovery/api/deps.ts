// What the API reads and shows; it owns none of it.
import type { Clock } from '../../shared/clock.js'
import type { Config, Problem } from '../../shared/config/model.js'
import type { Plan } from '../../shared/config/plan.js'
import type { Log } from '../../shared/log.js'
import type { Explain, ProcessorView } from '../../shared/processor.js'
import type { Poller } from '../polling/poller.js'
import type { Recall } from '../recall.js'
import type { Registry } from '../registry/status.js'
import type { Store } from '../store/store.js'
import type { Traffic } from '../traffic.js'

export interface ApiDeps {
  /** A getter: a reload puts another one in its place, so it is asked for each time. */
  readonly config: Config
  readonly version: string
  readonly registry: Registry
  readonly store: Store
  readonly recall: Pick<Recall, 'missing'>
  readonly traffic: Traffic
  readonly polling: Pick<Poller, 'stats'>
  readonly lifecycle: Lifecycle
  readonly clock: Clock
  readonly log: Log
}

/** Where the process stands, as the one who runs it says. */
export interface Lifecycle {
  /** Undefined until one is attached, and in a discovery server that runs alone. */
  readonly processor: ProcessorView | undefined
  readonly explain: Explain | undefined
  /** Whether a processor is part of this process: without it there is no readiness. */
  readonly processorExpected: boolean
  readonly draining: boolean
  readonly configReloads: ConfigReloads
  /** Undefined where nobody can reload the config. */
  readonly control: Control | undefined
}

/** What became of the config file since the start. */
export interface ConfigReloads {
  /** Times that it was read and right, changed or not; the start is none of them. */
  readonly ok: number
  /** Times that it was refused, and the old config served on. */
  readonly failed: number
  readonly lastOk: boolean
  /** Epoch milliseconds of the last time; undefined before the first. */
  readonly lastAt: number | undefined
  /** Why it was refused the last time; empty while `lastOk`. */
  readonly problems: readonly Problem[]
}

export type Planned =
  { readonly ok: true; readonly plan: Plan } | { readonly ok: false; readonly problems: readonly Problem[] }

export interface WorkersReplaced {
  readonly replaced: number
  /** Old ones that still finish what they began. */
  readonly draining: number
}

/** What the one who runs the process lets the API do with it. */
export interface Control {
  readonly reloads: ConfigReloads
  /** What a reload would do now. */
  plan(): Promise<Planned>
  /** Reads the config file and goes by it, if it is right. Calls that overlap run one after the other. */
  reload(): Promise<Planned>
  /** Undefined where there are no workers. Rejects with an Error of one line when the new workers do not start. */
  readonly replaceWorkers: (() => Promise<WorkersReplaced>) | undefined
}
