// The instances that the config file names.
import type { ServerConfig, ServiceConfig } from '../../shared/config/model.js'
import type { Source } from './source.js'

export interface ConfigSource extends Source {
  /** Another config is in force. */
  replace(services: readonly ServiceConfig[]): void
}

export function createConfigSource(services: readonly ServiceConfig[]): ConfigSource {
  let emit: ((all: readonly ServerConfig[]) => void) | undefined
  return {
    start(to) {
      emit = to
      emit(serversOf(services))
      return Promise.resolve()
    },
    replace: (next) => emit?.(serversOf(next)),
    close() {
      emit = undefined
      return Promise.resolve()
    },
  }
}

function serversOf(services: readonly ServiceConfig[]): ServerConfig[] {
  return services.flatMap(({ servers }) => servers)
}
