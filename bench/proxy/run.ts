// Compares one worker of ours with other proxies, all pinned to one core, in one interleaved run: `npm run bench:proxy -- --help`.
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { freePort } from '../../test/kit/ports.js'
import { startProcess } from '../../test/kit/process.js'
import { applyLoad } from './load.js'
import { originConfig } from './nginx.js'
import { PATH, PEERS, startPeer } from './peers.js'
import type { Peer } from './peers.js'
import { usageOfTree } from './process-tree.js'
import type { Usage } from './process-tree.js'
import { writeSection } from '../page.js'
import { circumstances, table } from './report.js'
import type { Result, Round } from './report.js'

const PROXY_CORE = 0
const LOAD_CORE = 1

const { values: flags } = parseArgs({
  options: {
    rounds: { type: 'string', default: '7' },
    seconds: { type: 'string', default: '3' },
    connections: { type: 'string', default: '64' },
    peers: { type: 'string', default: PEERS.join(',') },
    'no-write': { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
if (flags.help) {
  console.log(
    `node --import tsx bench/proxy/run.ts [--rounds 7] [--seconds 3] [--connections 64] [--peers ${PEERS.join(',')}] [--no-write]`,
  )
  process.exit(0)
}
const run = { rounds: count('rounds'), seconds: count('seconds'), connections: count('connections') }
const names = flags.peers.split(',')

const cleanups: (() => unknown)[] = []
const cleanup = { after: (task: () => unknown) => void cleanups.push(task) }
let cleaning: Promise<void> | undefined
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => void cleanUp().then(() => process.exit(1)))
}
try {
  await compare()
} catch (error) {
  // A load that was cut short because we are being stopped is no failure.
  if (cleaning === undefined) throw error
} finally {
  await cleanUp()
}

async function compare(): Promise<void> {
  requireCommands(['nginx', 'wrk', 'taskset'])
  const folder = mkdtempSync(join(tmpdir(), 'serverpy-bench-'))
  cleanup.after(() => rmSync(folder, { recursive: true, force: true }))
  const originPort = await startOrigin(folder)
  const bench = { cleanup, folder, originPort, core: PROXY_CORE }

  const peers: { peer: Peer; result: Result }[] = []
  for (const name of names) {
    const peer = await startPeer(name, bench)
    peers.push({ peer, result: { name, label: peer.label, rounds: [] } })
  }
  // Compilers and pools reach their steady state before anything counts.
  for (const { peer } of peers) await measure(peer)
  for (let round = 0; round < run.rounds; round++) {
    for (const { peer, result } of rotated(peers, round)) result.rounds.push(await measure(peer))
    console.error(`round ${round + 1} of ${run.rounds}`)
  }

  const results = peers.map(({ result }) => result)
  const text = `${table(results)}\n\n${circumstances(run)}`
  console.log(text)
  if (!flags['no-write']) await writeSection('proxy', text)
}

async function measure(peer: Peer): Promise<Round> {
  const before = new Map(usageOfTree(peer.process.pid).map((usage) => [usage.pid, usage.cpuUs]))
  const url = `http://127.0.0.1:${peer.port}${PATH}`
  const load = await applyLoad({ core: LOAD_CORE, connections: run.connections, seconds: run.seconds, url, cleanup })
  const spent = usageOfTree(peer.process.pid).map((usage) => ({
    ...usage,
    cpuUs: usage.cpuUs - (before.get(usage.pid) ?? 0),
  }))
  const worker = spent.reduce((most, usage) => (usage.cpuUs > most.cpuUs ? usage : most))
  const sum = (of: (usage: Usage) => number) => spent.reduce((total, usage) => total + of(usage), 0)
  return { ...load, worker, whole: { cpuUs: sum((u) => u.cpuUs), rssBytes: sum((u) => u.rssBytes) } }
}

/** On the load's core: what it costs slows every proxy alike and counts for none. */
async function startOrigin(folder: string): Promise<number> {
  const port = await freePort()
  const file = join(folder, 'origin.conf')
  writeFileSync(file, originConfig(port, folder))
  await startProcess('taskset', ['-c', String(LOAD_CORE), 'nginx', '-p', folder, '-c', file], { t: cleanup })
  return port
}

/** Each round begins with another peer, so that no one always follows the same neighbour. */
function rotated<T>(list: readonly T[], by: number): T[] {
  const start = by % list.length
  return [...list.slice(start), ...list.slice(0, start)]
}

function requireCommands(commands: readonly string[]): void {
  const missing = commands.filter((command) => spawnSync('sh', ['-c', `command -v ${command}`]).status !== 0)
  if (missing.length === 0) return
  if (process.getuid?.() !== 0 || !existsSync('/etc/debian_version')) {
    throw new Error(`install ${missing.join(', ')} first (Debian: apt-get install nginx wrk util-linux)`)
  }
  execFileSync('apt-get', ['-qq', 'update'], { stdio: ['ignore', 2, 2] })
  execFileSync('apt-get', ['-qq', 'install', '-y', '--no-install-recommends', 'nginx', 'wrk', 'util-linux'], {
    stdio: ['ignore', 2, 2],
  })
}

function count(flag: 'rounds' | 'seconds' | 'connections'): number {
  const value = Number(flags[flag])
  if (!Number.isInteger(value) || value < 1) throw new Error(`--${flag} takes a whole number from 1`)
  return value
}

/** Newest first: the processes go before the folder that they write to. */
function cleanUp(): Promise<void> {
  cleaning ??= (async () => {
    for (const task of cleanups.reverse()) await task()
  })()
  return cleaning
}
