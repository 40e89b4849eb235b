// The instances that the config file names.
import type { ServiceConfig } from '../../shared/config/model.js'
import type { Source } from './source.js'

export function createConfigSource(services: readonly ServiceConfig[]): Source {
  return {
    start(emit) {
      emit(services.flatMap((service) => service.servers))
      return Promise.resolve()
    },
    close: () => Promise.resolve(),
  }
}
