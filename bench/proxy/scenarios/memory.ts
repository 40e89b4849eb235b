// What a proxy's processes hold in memory: under load, and for each connection that only stays.
import { machine } from '../../page.js'
import { scoped } from '../cleanup.js'
import { wrk } from '../load/wrk.js'
import { connect } from '../load/own.js'
import { measure } from '../measure.js'
import type { Peer } from '../peers/start.js'
import { openFiles, usageOfTree } from '../process-tree.js'
import { SMALL } from '../requests.js'
import type { Bench, Scenario } from './scenario.js'
import { setStage } from './stage.js'

const BUSY = 64
const IDLE = 10_000
/** Enough requests that heaps have grown as far as they will. */
const LOAD_SECONDS = 5
const AIM_BUSY_MIB = 80
const AIM_IDLE_KIB = 40

export const MEMORY: Scenario = {
  name: 'memory',
  peers: ['nginx', 'haproxy', 'caddy', 'us'],
  run: (bench) =>
    scoped(bench.cleanup, async (cleanup) => {
      const stage = await setStage('memory', { peers: MEMORY.peers }, bench, cleanup)
      const lines: string[] = []
      for (const peer of stage.peers) lines.push(await weigh(peer, stage.folder, bench))
      const busy = `under load: after ${LOAD_SECONDS} s over ${BUSY} connections`
      return [
        `| Proxy | MiB under load | MiB with ${IDLE} idle connections | KiB per idle connection |`,
        '| --- | ---: | ---: | ---: |',
        ...lines,
        '',
        `Resident memory; ${busy}; idle: after one request each. ${machine()}`,
      ].join('\n')
    }),
}

async function weigh(peer: Peer, folder: string, bench: Bench): Promise<string> {
  return scoped(bench.cleanup, async (cleanup) => {
    const burst = { seconds: LOAD_SECONDS, folder, cleanup }
    await measure(peer, wrk({ connections: BUSY, request: SMALL }), burst)
    const without = rssOf(peer)
    await connect({ program: bench.tools.load, connections: IDLE, request: SMALL }, { ...burst, port: peer.port })
    const open = workersOf(peer).reduce((sum, { pid }) => sum + openFiles(pid), 0)
    if (open < IDLE) throw new Error(`${peer.name} holds ${open} of ${IDLE} idle connections`)
    const idle = rssOf(peer)
    const perConnection = (idle - without) / IDLE
    if (peer.kind.supervised && (without > AIM_BUSY_MIB * 2 ** 20 || perConnection > AIM_IDLE_KIB * 1024)) {
      bench.say(`memory: MISSED ${peer.name}: at most ${AIM_BUSY_MIB} MiB and ${AIM_IDLE_KIB} KiB are wanted`)
    }
    const label = peer.kind.supervised ? `**${peer.label}** (worker)` : peer.label
    return `| ${[label, mib(without), mib(idle), (perConnection / 1024).toFixed(1)].join(' | ')} |`
  })
}

function workersOf(peer: Peer) {
  const all = usageOfTree(peer.process.pid)
  return peer.kind.supervised ? all.slice(1) : all
}

function rssOf(peer: Peer): number {
  return workersOf(peer).reduce((sum, { rssBytes }) => sum + rssBytes, 0)
}

function mib(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(1)
}
