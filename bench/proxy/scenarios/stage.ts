// The proxies of a scenario, all running at once, each idle while another is measured.
import { mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import type { Cleanup } from '../../../test/kit/process.js'
import type { PeerName } from '../peers/index.js'
import { Refused } from '../peers/peer.js'
import { startPeer } from '../peers/start.js'
import type { Peer } from '../peers/start.js'
import type { Bench } from './scenario.js'

export interface StageOptions {
  readonly peers: readonly PeerName[]
  readonly origin?: 'http' | 'echo'
  readonly tls?: boolean
  readonly workers?: number
}

export interface Stage {
  readonly folder: string
  readonly peers: readonly Peer[]
  /** Names of proxies that lack what the scenario is about. */
  readonly refused: readonly string[]
}

export async function setStage(name: string, options: StageOptions, bench: Bench, cleanup: Cleanup): Promise<Stage> {
  const folder = mkdtempSync(join(bench.folder, `${name}-`))
  const setup = {
    cleanup,
    folder,
    ours: bench.ours,
    originPort: options.origin === 'echo' ? bench.echoOriginPort : bench.httpOriginPort,
    workers: options.workers ?? 1,
    websocket: options.origin === 'echo',
    tls: options.tls === true ? bench.certificate : undefined,
  }
  const peers: Peer[] = []
  const refused: string[] = []
  for (const peer of bench.chosen(options.peers)) {
    try {
      peers.push(await startPeer(peer, setup))
    } catch (error) {
      if (!(error instanceof Refused)) throw error
      refused.push(peer)
      bench.say(`${name}: left out, because its config is refused: ${error.message}`)
    }
  }
  return { folder, peers, refused }
}
