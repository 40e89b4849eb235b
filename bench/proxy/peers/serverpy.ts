// Ours: everything as shipped, the recording of requests and the metrics included, but for the ports and what a scenario is about.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from '../../../test/kit/ports.js'
import { startProxy } from './peer.js'
import type { PeerKind, Setup } from './peer.js'

/** `variant` is what the label says beside name and version. */
export function serverpyPeer(variant = '', service: Record<string, unknown> = {}): PeerKind {
  return {
    label: (ours) => `serverpy ${version(ours)}${variant}`,
    needs: [],
    supervised: true,
    async start(setup) {
      const main = mainOf(setup.ours)
      const file = join(setup.folder, 'services.json')
      writeFileSync(file, JSON.stringify(serverpyConfig(setup, await freePort(), { service })))
      return startProxy([process.execPath, main, '-c', file, '-l', 'warn'], setup)
    },
  }
}

export function mainOf(ours: string): string {
  const main = join(ours, 'dist', 'cli', 'main.js')
  if (!existsSync(main)) throw new Error(`${main} is missing: run \`npm run build\` first`)
  return main
}

export function serverpyConfig(
  { folder, originPort, port, tls, websocket, workers }: Omit<Setup, 'cleanup' | 'ours'>,
  adminPort: number,
  { service = {}, processor = {} }: { service?: object; processor?: object } = {},
) {
  return {
    version: 1,
    discovery: { host: '127.0.0.1', port: adminPort, store: `sqlite:${join(folder, 'bench.db')}` },
    processor: {
      host: '127.0.0.1',
      port,
      workers,
      ...processor,
      ...(tls ? { tls: { cert: tls.certFile, key: tls.keyFile } } : {}),
    },
    services: {
      bench: {
        servers: [`127.0.0.1:${originPort}`],
        polling: { method: 'health', endpoint: '/health', frequency: 10 },
        apis: ['/api'],
        ...(websocket ? { upgrade: ['websocket'] } : {}),
        ...service,
      },
    },
  }
}

function version(ours: string): string {
  return (JSON.parse(readFileSync(join(ours, 'package.json'), 'utf8')) as { version: string }).version
}
