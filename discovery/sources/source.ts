// Where instances come from: a config file now, other registries beside it.
import type { ServerConfig } from '../../shared/config/model.js'

export interface Source {
  /** Resolves after the first `emit`; each call gives everything that the source knows, with the polling that applies. */
  start(emit: (all: readonly ServerConfig[]) => void): Promise<void>
  /** Nothing is emitted afterwards. */
  close(): Promise<void>
}
