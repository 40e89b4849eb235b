// The store that the config names.
import type { Clock } from '../../shared/clock.js'
import type { DiscoveryConfig } from '../../shared/config/model.js'
import type { Log } from '../../shared/log.js'
import { createMemoryStore } from './memory.js'
import { createSqliteStore } from './sqlite/store.js'
import type { Store } from './store.js'

/** Never rejects: a store that cannot work yet says so in its `health` and keeps trying. */
export async function openStore(config: DiscoveryConfig['store'], deps: { clock: Clock; log: Log }): Promise<Store> {
  return config.kind === 'memory' ? createMemoryStore(deps) : createSqliteStore(config.path, deps)
}
