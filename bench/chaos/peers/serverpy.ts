// Ours, with what a service that must not lose requests would have in its config.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from '../../../test/kit/ports.js'
import { mainOf, serverpyPeer } from '../../proxy/peers/serverpy.js'
import { PATH } from '../parts/messages.js'
import { type PeerKind, type Setup, startCommand } from './peer.js'
import { TERMS } from './terms.js'

/** In place of what the comparison has. */
export interface Variant {
  readonly workers?: number
  /** Keys of the service. */
  readonly service?: Readonly<Record<string, unknown>>
}

export const SERVICE = 'work'

export function serverpy(variant: Variant = {}): PeerKind {
  return {
    label: (ours) => serverpyPeer().label(ours),
    needs: [],
    async start(setup) {
      const adminPort = await freePort()
      const file = join(setup.folder, 'services.json')
      writeFileSync(file, JSON.stringify(config(setup, adminPort, variant)))
      const command = [process.execPath, mainOf(setup.ours), 'run', '-c', file]
      return { process: await startCommand(command, setup, /"msg":"ready"/), adminPort }
    },
  }
}

function config({ folder, port, instances }: Setup, adminPort: number, { workers, service }: Variant) {
  const { attempts, connectMs, perTryMs, totalMs, pollMs, pollTimeoutMs } = TERMS
  return {
    version: 1,
    discovery: { host: '127.0.0.1', port: adminPort, store: `sqlite:${join(folder, 'chaos.db')}` },
    processor: { host: '127.0.0.1', port, workers: workers ?? TERMS.workers },
    services: {
      [SERVICE]: {
        servers: instances.map((at) => `127.0.0.1:${at}`),
        polling: {
          method: 'health',
          endpoint: '/health',
          frequency_ms: pollMs,
          timeout_ms: pollTimeoutMs,
          rise: 1,
          fall: 1,
        },
        apis: [PATH],
        timeout: { connect_ms: connectMs, first_byte_ms: perTryMs, total_ms: totalMs },
        retry: {
          attempts,
          on: ['connect', 'reset', 'timeout', '500', '502', '503', '504'],
          per_try_ms: perTryMs,
          hold: '64KiB',
        },
        balance: 'p2c',
        outlier: true,
        ...service,
      },
    },
  }
}
