// Every fault at every rate with every proxy, and how they compare.
import type { ChaosPart, Choice } from '../part.js'
import { FAULTS } from '../faults/index.js'
import type { Fault } from '../faults/fault.js'
import { OURS, PEERS } from '../peers/index.js'
import { tally } from '../../endurance/check.js'
import { type Trial, tryFault } from './trial.js'

interface Row {
  readonly fault: Fault
  readonly rate: number
  /** By proxy. */
  readonly trials: ReadonlyMap<string, Trial>
}

export const faults: ChaosPart = {
  title: 'Faults',
  async run(bench, cluster, choice) {
    const rows: Row[] = []
    for (const rate of choice.rates) {
      for (const fault of choice.faults.map((name) => FAULTS[name] as Fault)) {
        const trials = new Map<string, Trial>()
        for (const name of choice.peers) {
          const kind = PEERS[name] as (typeof PEERS)[string]
          const trial = await tryFault(bench, cluster, kind, fault, rate)
          trials.set(name, trial)
          bench.say(`${rate}/s, ${fault.title}, ${kind.label(bench.ours)}: ${line(trial)}`)
        }
        rows.push({ fault, rate, trials })
      }
    }
    const tables = choice.rates.map((rate) => tablesOf(rows, rate, choice, bench.ours))
    return { text: tables.join('\n\n'), broken: rows.flatMap(brokenIn) }
  },
}

function line({ lost, gets, lostBy, failedPosts, failedBy, twice, wrong, p99Ms, backMs }: Trial): string {
  const back = backMs === undefined ? '' : `, back after ${backMs.toFixed(0)} ms`
  return (
    `GETs lost ${lost} of ${gets} (${tally(lostBy)}), POSTs failed ${failedPosts} (${tally(failedBy)}), ` +
    `twice ${twice}, wrong ${wrong}, p99 ${p99Ms.toFixed(0)} ms${back}`
  )
}

function tablesOf(rows: readonly Row[], rate: number, { peers }: Choice, ours: string): string {
  const of = rows.filter((row) => row.rate === rate)
  const labels = peers.map((name) => (PEERS[name] as (typeof PEERS)[string]).label(ours))
  const names = labels.map((label) => label.split(' ')[0])
  const wrong = peers.map(
    (name, i) => `${names[i]} ${of.reduce((sum, { trials }) => sum + (trials.get(name)?.wrong ?? 0), 0)}`,
  )
  const block = (columns: readonly Column[]): string =>
    [
      cells(['', ...columns.flatMap(({ title }) => names.map((name) => `${title}: ${name}`))]),
      cells(['---', ...columns.flatMap(() => names.map(() => '---:'))]),
      ...of.map(({ fault, trials }) =>
        cells([
          fault.title,
          ...columns.flatMap(({ cell }) => peers.map((name) => cell(trials.get(name) as Trial, name === OURS))),
        ]),
      ),
    ].join('\n')
  return [
    `${rate} requests/s: ${labels.join(', ')}. What clients lost and what instances got twice; answers and requests that were mixed up: ${wrong.join(', ')}.`,
    block(LOSS),
    'What it cost in time, and memory of all processes before and after:',
    block(TIME),
  ].join('\n\n')
}

interface Column {
  readonly title: string
  cell(trial: Trial, ours: boolean): string
}

const bold = (text: string, ours: boolean): string => (ours ? `**${text}**` : text)

const LOSS: readonly Column[] = [
  { title: 'GETs lost', cell: ({ lost, gets }, ours) => bold(`${lost}${shareOf(lost, gets)}`, ours) },
  { title: 'POSTs twice', cell: ({ twice }, ours) => bold(String(twice), ours) },
  { title: 'POSTs failed', cell: ({ failedPosts }) => String(failedPosts) },
]

const TIME: readonly Column[] = [
  { title: 'p99 ms', cell: ({ p99Ms }) => (Number.isNaN(p99Ms) ? '–' : p99Ms.toFixed(0)) },
  { title: 'back after ms', cell: ({ backMs }) => backText(backMs) },
  {
    title: 'memory MiB',
    cell: ({ memoryBytes }) => `${mib(memoryBytes.before)} → ${mib(memoryBytes.after)}`,
  },
]

const mib = (bytes: number): string => (bytes / 2 ** 20).toFixed(0)
const cells = (texts: readonly string[]): string => `| ${texts.join(' | ')} |`

function shareOf(count: number, all: number): string {
  return count === 0 ? '' : ` (${((100 * count) / all).toFixed(2)} %)`
}

function backText(backMs: number | undefined): string {
  if (backMs === undefined) return '–'
  return Number.isFinite(backMs) ? backMs.toFixed(0) : 'not in time'
}

/** Where ours breaks its word, or another proxy does better. */
function brokenIn({ fault, rate, trials }: Row): string[] {
  const ours = trials.get(OURS)
  if (ours === undefined) return []
  const at = `${rate}/s, ${fault.title}`
  const lines: string[] = []
  const { lost, gets, twice, wrong } = ours
  if (fault.mostLost !== undefined && lost > fault.mostLost * gets) {
    lines.push(`${at}: ${lost} of ${gets} GETs lost, at most ${Math.floor(fault.mostLost * gets)} wanted`)
  }
  if (twice > 0) lines.push(`${at}: ${twice} POSTs arrived twice`)
  if (wrong > 0) lines.push(`${at}: ${wrong} wrong messages`)
  for (const [name, other] of trials) {
    if (other.lost < lost) lines.push(`${at}: ${lost} GETs lost, ${name} lost ${other.lost}`)
  }
  return lines
}
