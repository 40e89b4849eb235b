// One proxy, one fault, one rate: warm up, break, repair, and see what became of every request.
import { mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Cleanup } from '../../../test/kit/process.js'
import type { Part } from '../../endurance/parts/calls.js'
import { scoped } from '../../proxy/cleanup.js'
import type { Cluster } from '../cluster.js'
import type { Fault } from '../faults/fault.js'
import { type Tally, tallyOf } from '../ledger.js'
import type { ClientCalls } from '../parts/client.js'
import { monotonicMs } from '../parts/monotonic.js'
import { type Peer, type PeerKind, startPeer } from '../peers/peer.js'

/** What all trials of a run share. */
export interface Bench {
  readonly cleanup: Cleanup
  readonly folder: string
  readonly ours: string
  readonly times: Times
  client(): Part<ClientCalls>
  say(line: string): void
}

export interface Times {
  readonly warmMs: number
  readonly faultMs: number
  readonly recoveryMs: number
}

/** Of five requests one is a POST. */
export const POST_EVERY = 5
const WARM_RATE = 1000

export interface Trial extends Tally {
  readonly memoryBytes: { readonly before: number; readonly after: number }
}

/** Instances and clients are slow at first, which must not be the first proxy's bad luck. */
export async function warmUp(bench: Bench, cluster: Cluster): Promise<void> {
  await cluster.renew(mkdtempSync(join(bench.folder, 'warm-up-')), 0)
  for (const { port } of cluster.members) {
    await bench.client().ask('start', { port, perSecond: WARM_RATE, postEvery: POST_EVERY })
    await sleep(bench.times.warmMs)
    await bench.client().ask('stop')
  }
}

/** A proxy in front of a cluster that is well, while `work` runs. */
export function withPeer<T>(
  bench: Bench,
  cluster: Cluster,
  kind: PeerKind,
  work: (peer: Peer, folder: string) => Promise<T>,
  spares = 0,
): Promise<T> {
  return scoped(bench.cleanup, async (cleanup) => {
    const folder = mkdtempSync(join(bench.folder, 'trial-'))
    await cluster.renew(folder, spares)
    return work(await startPeer(kind, { cleanup, folder, cluster, ours: bench.ours }), folder)
  })
}

export function tryFault(bench: Bench, cluster: Cluster, kind: PeerKind, fault: Fault, rate: number): Promise<Trial> {
  const { warmMs, faultMs, recoveryMs } = bench.times
  return withPeer(
    bench,
    cluster,
    kind,
    async (peer) => {
      const client = bench.client()
      await client.ask('start', { port: peer.port, perSecond: rate, postEvery: POST_EVERY })
      try {
        await sleep(warmMs)
        const before = peer.rssBytes()
        const fromMs = monotonicMs()
        await fault.run(cluster, faultMs)
        const toMs = monotonicMs()
        await sleep(recoveryMs)
        const sent = await client.ask('stop')
        const after = peer.rssBytes()
        return { ...tallyOf(sent, cluster.members, { fromMs, toMs }), memoryBytes: { before, after } }
      } finally {
        // After a failure the load would go on; a second call finds nothing to stop.
        await client.ask('stop')
      }
    },
    fault.spares,
  )
}
