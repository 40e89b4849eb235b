// What the API reads and shows; it owns none of it.
import type { Clock } from '../../shared/clock.js'
import type { Config } from '../../shared/config/model.js'
import type { Log } from '../../shared/log.js'
import type { Explain, ProcessorView } from '../../shared/processor.js'
import type { Poller } from '../polling/poller.js'
import type { Recall } from '../recall.js'
import type { Registry } from '../registry/status.js'
import type { Store } from '../store/store.js'
import type { Traffic } from '../traffic.js'

export interface ApiDeps {
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
}
