// Whether the ports of a changed config can be had: a plan tells it, so that no reload and no restart is the first to find out.
import { type Discovery, tryDiscoveryPort } from '../discovery/server.js'
import { PortRefused, probe } from '../processor/supervisor/listen.js'
import type { Processor } from '../processor/supervisor/supervisor.js'
import type { Config, Problem } from '../shared/config/model.js'

export interface PortTrial {
  /** Why a reload would refuse `next`, of which `applicable` has taken out what needs a restart. */
  refused(next: Config): Promise<readonly Problem[]>
  /** Why a restart with `wanted` would fail, a sentence each: of the ports that only a restart changes. */
  blocked(inForce: Config, wanted: Config): Promise<readonly string[]>
}

/** Those that run in this process. */
export interface Halves {
  readonly discovery?: Pick<Discovery, 'port'>
  readonly processor?: Pick<Processor, 'port' | 'listeners' | 'tryPorts'>
}

export function createPortTrial({ discovery, processor }: Halves): PortTrial {
  /** A restart begins with these let go. */
  const ours = () => [discovery?.port, processor?.port, ...Object.values(processor?.listeners ?? {})]

  async function failure(half: 'discovery' | 'processor', inForce: Config, wanted: Config): Promise<string[]> {
    const { host, port } = wanted[half]
    if ((host === inForce[half].host && port === inForce[half].port) || ours().includes(port)) return []
    try {
      await (half === 'discovery' ? tryDiscoveryPort(wanted) : probe(withoutListeners(wanted)))
      return []
    } catch (error) {
      return [error instanceof Error ? error.message : String(error)]
    }
  }

  return {
    async refused(next) {
      try {
        await processor?.tryPorts(next)
        return []
      } catch (error) {
        return [asProblem(error, next)]
      }
    },
    async blocked(inForce, wanted) {
      return [
        ...(discovery === undefined ? [] : await failure('discovery', inForce, wanted)),
        ...(processor === undefined ? [] : await failure('processor', inForce, wanted)),
      ]
    },
  }
}

/** Throws what is no refused port. */
export function asProblem(error: unknown, { file }: Config): Problem {
  if (!(error instanceof PortRefused)) throw error
  const { message, path } = error
  return { file, line: 0, col: 0, path, message }
}

function withoutListeners(config: Config): Config {
  return { ...config, processor: { ...config.processor, listeners: [] } }
}
