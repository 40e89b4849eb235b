// What a proxy under faults is to the bench, and how one is started.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from '../../../test/kit/ports.js'
import { type Cleanup, type RunningProcess, startProcess } from '../../../test/kit/process.js'
import { request } from '../../../test/kit/http.js'
import { waitFor } from '../../../test/kit/wait.js'
import type { Cluster } from '../cluster.js'
import { PATH } from '../parts/messages.js'
import { usageOfTree } from '../../proxy/process-tree.js'

export interface Setup {
  readonly cleanup: Cleanup
  /** The peer's own. */
  readonly folder: string
  readonly port: number
  /** Of the instances. */
  readonly instances: readonly number[]
  /** The checkout whose build of ours runs. */
  readonly ours: string
}

export interface Started {
  readonly process: RunningProcess
  /** Of ours. */
  readonly adminPort?: number
}

export interface PeerKind {
  /** Its name and version. */
  label(ours: string): string
  /** Commands that it needs. */
  readonly needs: readonly string[]
  start(setup: Setup): Promise<Started>
}

export interface Peer extends Started {
  readonly port: number
  /** Of all its processes. */
  rssBytes(): number
}

export interface Stage {
  readonly cleanup: Cleanup
  readonly folder: string
  readonly cluster: Cluster
  readonly ours: string
}

/** Starts a proxy before the cluster and resolves when each instance has had a request through it. */
export async function startPeer(kind: PeerKind, { cleanup, folder, cluster, ours }: Stage): Promise<Peer> {
  const own = join(folder, 'proxy')
  mkdirSync(own)
  const port = await freePort()
  const instances = cluster.members.map((member) => member.port)
  const started = await kind.start({ cleanup, folder: own, port, instances, ours })
  const reached = async () => {
    await request(port, 'GET', `${PATH}ready`)
    return cluster.members.every((member) => member.deliveries().length > 0)
  }
  try {
    await waitFor(reached, { timeoutMs: 20_000, intervalMs: 20, what: 'a request at each instance' })
  } catch (error) {
    throw new Error(`${kind.label(ours)}: ${(error as Error).message}\n${started.process.output()}`, { cause: error })
  }
  return {
    ...started,
    port,
    rssBytes: () => usageOfTree(started.process.pid).reduce((sum, { rssBytes }) => sum + rssBytes, 0),
  }
}

export function startCommand(
  [command = '', ...args]: readonly string[],
  { cleanup, folder }: Setup,
  ready?: RegExp,
): Promise<RunningProcess> {
  return startProcess(command, args, {
    t: cleanup,
    cwd: folder,
    env: { NODE_ENV: 'production' },
    ...(ready === undefined ? {} : { ready }),
  })
}
