// A scenario that compares proxies: warm-up, then rounds in which each has its turn, then a table of medians.
import { machine } from '../../page.js'
import { misses } from '../aims.js'
import type { Aim } from '../aims.js'
import { scoped } from '../cleanup.js'
import type { Load } from '../load/load.js'
import { measure } from '../measure.js'
import type { Round } from '../measure.js'
import type { PeerName } from '../peers/index.js'
import type { Peer } from '../peers/start.js'
import { rowsOf, table } from '../table.js'
import type { Column, Result } from '../table.js'
import type { Bench, Scenario } from './scenario.js'
import { setStage } from './stage.js'
import type { StageOptions } from './stage.js'

/** Compilers and pools reach their steady state before anything counts: by so many requests, or bursts of a slow one. */
const WARM_UP = { requests: 50_000, bursts: 4 }

export interface PreparedLoad {
  readonly load: Load
  /** What of it is known only now, as words for the line under the table. */
  readonly note?: string
}

export interface Comparison extends StageOptions {
  readonly name: string
  readonly columns: readonly Column[]
  /** What × compares with. */
  readonly reference?: PeerName
  /** How the load is made, as words for the line under the table. */
  readonly loadWords: string
  /** `burst` measures one proxy, for loads that depend on what it can take; undefined when it does not take part. */
  prepare(bench: Bench, burst: (peer: PeerName, load: Load) => Promise<Round | undefined>): Promise<PreparedLoad>
  readonly aims?: readonly Aim[]
}

export function comparison(definition: Comparison): Scenario {
  const { name, peers } = definition
  return { name, peers, run: (bench) => scoped(bench.cleanup, (scope) => compare(definition, bench, scope)) }
}

async function compare(definition: Comparison, bench: Bench, cleanup: Bench['cleanup']): Promise<string> {
  const { name, reference = 'nginx', columns, aims = [] } = definition
  const { rounds, seconds } = bench
  const stage = await setStage(name, definition, bench, cleanup)
  const options = { seconds, folder: stage.folder, cleanup }
  const burst = async (wanted: PeerName, load: Load) => {
    const peer = stage.peers.find((candidate) => candidate.name === wanted)
    return peer && measure(peer, load, options)
  }
  const { load, note } = await definition.prepare(bench, burst)
  const taking = stage.peers.map((peer): { peer: Peer; rounds: Round[] } => ({ peer, rounds: [] }))
  for (const { peer } of taking) await warmUp(() => measure(peer, load, options))
  for (let round = 0; round < rounds; round++) {
    for (const { peer, rounds } of rotated(taking, round)) rounds.push(await measure(peer, load, options))
    bench.say(`${name}: round ${round + 1} of ${rounds}`)
  }

  const results = taking.map(({ peer, rounds }): Result => {
    const { name, label, kind } = peer
    return { name, label, supervised: kind.supervised === true, rounds }
  })
  const rows = results.flatMap(rowsOf)
  const base = rows.find((row) => row.name === reference)
  for (const miss of base ? misses(aims, rows, base) : []) bench.say(`${name}: MISSED ${miss}`)
  const words = [definition.loadWords, note, `medians of ${rounds} interleaved rounds of ${seconds} s`]
  const left =
    stage.refused.length > 0 ? [`Left out, because this build has no such thing: ${stage.refused.join(', ')}.`] : []
  const foot = [`${words.filter((part) => part !== undefined).join('; ')}.`, machine(), ...left]
  return `${table(rows, base, columns)}\n\n${foot.join(' ')}`
}

async function warmUp(burst: () => Promise<Round>): Promise<void> {
  for (let bursts = 0, requests = 0; bursts < WARM_UP.bursts && requests < WARM_UP.requests; bursts++) {
    requests += (await burst()).requests
  }
}

/** Each round begins with another proxy, so that no one always follows the same neighbour. */
function rotated<T>(list: readonly T[], by: number): T[] {
  const start = by % list.length
  return [...list.slice(start), ...list.slice(0, start)]
}
