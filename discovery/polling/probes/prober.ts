// All probes behind one function: the method of the target's polling picks.
import type { Clock } from '../../../shared/clock.js'
import type { Log } from '../../../shared/log.js'
import { createHealthProbe } from './health.js'
import { createPingProbe } from './ping.js'
import type { Probe, Target } from './probe.js'
import { createResolver } from './resolve.js'
import { createTcpProbe } from './tcp.js'

export interface Prober {
  readonly probe: Probe
  /** Drops kept connections. */
  close(): void
}

export interface ProberDeps {
  readonly clock: Clock
  readonly log: Log
  /** Where ping and fping are looked for, as in the environment variable PATH. */
  readonly searchPath: string
}

export function createProber(deps: ProberDeps): Prober {
  const resolved = { ...deps, resolver: createResolver() }
  const health = createHealthProbe(resolved)
  const ping = createPingProbe(resolved)
  const tcp = createTcpProbe(resolved)

  return {
    probe(target, signal) {
      switch (target.polling.method) {
        case 'health':
          return health.probe(target as Target<'health'>, signal)
        case 'ping':
          return ping(target as Target<'ping'>, signal)
        case 'tcp':
          return tcp(target as Target<'tcp'>, signal)
      }
    },
    close: () => health.close(),
  }
}
