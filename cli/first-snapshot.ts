// What a processor on its own goes by before it has heard from the discovery server.
import type { Clock } from '../shared/clock.js'
import type { Config } from '../shared/config/model.js'
import { isNewer, type RegistrySource, type Snapshot } from '../shared/registry/instance.js'

export interface OrConfigured extends RegistrySource {
  /** Another config is in force. */
  configure(config: Config): void
}

/** `remote` as soon as it has been heard of; before, what the config says, with nothing known of its health. */
export function orConfigured(remote: RegistrySource, config: Config): OrConfigured {
  let configured = snapshotOf(config, 1)
  return {
    get current() {
      return isNewer(remote.current, configured) ? remote.current : configured
    },
    subscribe: (listener) => remote.subscribe(listener),
    configure(next) {
      configured = snapshotOf(next, configured.seq + 1)
    },
  }
}

function snapshotOf({ services }: Config, seq: number): Snapshot {
  const instances = services.flatMap(({ servers }) =>
    servers.map(({ spec }) => ({ ...spec, health: 'unknown' as const, since: 0 })),
  )
  return { term: 0, seq, instances }
}

/** Resolves with the first snapshot, or after `patienceMs` without one. */
export function firstSnapshot(
  remote: RegistrySource,
  patienceMs: number,
  { clock }: { clock: Pick<Clock, 'after'> },
): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      cancel()
      unsubscribe()
      resolve()
    }
    const cancel = clock.after(patienceMs, end)
    const unsubscribe = remote.subscribe(end)
  })
}
