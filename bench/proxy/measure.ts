// One burst against one proxy: what the load saw, and what the proxy's processes spent meanwhile.
import type { Cleanup } from '../../test/kit/process.js'
import type { Load, LoadResult } from './load/load.js'
import type { Peer } from './peers/start.js'
import { usageOfTree } from './process-tree.js'
import type { Usage } from './process-tree.js'

export type Spent = Pick<Usage, 'cpuUs' | 'rssBytes'>

export interface Round extends LoadResult {
  /** Of all processes of the proxy together. */
  readonly whole: Spent
  /** Of all but the first one. */
  readonly workers: Spent
}

export interface MeasureOptions {
  readonly seconds: number
  readonly folder: string
  readonly cleanup: Cleanup
}

export async function measure(peer: Peer, load: Load, options: MeasureOptions): Promise<Round> {
  let before = new Map<number, number>()
  const begin = () => {
    before = new Map(usageOfTree(peer.process.pid).map(({ pid, cpuUs }) => [pid, cpuUs]))
  }
  const seen = await load({ ...options, port: peer.port, begin })
  const spent = usageOfTree(peer.process.pid).map((usage) => ({
    ...usage,
    cpuUs: usage.cpuUs - (before.get(usage.pid) ?? 0),
  }))
  return { ...seen, whole: sum(spent), workers: sum(spent.slice(1)) }
}

function sum(usages: readonly Usage[]): Spent {
  const of = (pick: (usage: Usage) => number) => usages.reduce((total, usage) => total + pick(usage), 0)
  return { cpuUs: of((usage) => usage.cpuUs), rssBytes: of((usage) => usage.rssBytes) }
}
