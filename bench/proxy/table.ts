// From single rounds to a table: rows are proxies, columns are what a scenario is about.
import type { Round, Spent } from './measure.js'
import type { PeerName } from './peers/index.js'
import { median, ratio } from './statistics.js'
import type { Ratio } from './statistics.js'

export interface Row {
  readonly name: PeerName
  readonly label: string
  readonly rounds: readonly (Round & { readonly spent: Spent })[]
}

export interface Column {
  readonly title: string
  cell(row: Row, reference: Row | undefined): string
}

export interface Result {
  readonly name: PeerName
  readonly label: string
  /** Its first process does not handle requests. */
  readonly supervised: boolean
  readonly rounds: readonly Round[]
}

/** Ours has two rows: its workers alone, which a further core multiplies, and everything that runs beside them. */
export function rowsOf({ name, label, supervised, rounds }: Result): Row[] {
  const row = (title: string, part: 'workers' | 'whole'): Row => ({
    name,
    label: title,
    rounds: rounds.map((round) => ({ ...round, spent: round[part] })),
  })
  return supervised
    ? [row(`**${label}** (worker)`, 'workers'), row(`${label} (all processes)`, 'whole')]
    : [row(label, 'whole')]
}

export type Figure = (round: Row['rounds'][number]) => number

export const cpuPerRequest: Figure = ({ spent, requests }) => spent.cpuUs / requests

export const medianOf = (row: Row, figure: Figure): number => median(row.rounds.map(figure))

export function ratioOf(row: Row, reference: Row, figure: Figure): Ratio {
  return ratio(row.rounds.map(figure), reference.rounds.map(figure))
}

export const figure = (title: string, of: Figure, digits: number): Column => ({
  title,
  cell: (row) => medianOf(row, of).toFixed(digits),
})

/** The median of the rounds' ratios, and between which two all of them lie. */
export const times = (title: string, of: Figure): Column => ({
  title,
  cell(row, reference) {
    if (reference === undefined) return ''
    if (row === reference) return '1.00'
    const { median, least, most } = ratioOf(row, reference, of)
    if (row.rounds.length === 1) return median.toFixed(2)
    return `${median.toFixed(2)} (${least.toFixed(2)}–${most.toFixed(2)})`
  },
})

export const ERRORS: Column = {
  title: 'errors',
  cell: ({ rounds }) => String(rounds.reduce((sum, { errors }) => sum + errors, 0)),
}

/** The cheapest first. */
export function table(rows: readonly Row[], reference: Row | undefined, columns: readonly Column[]): string {
  const sorted = [...rows].sort((a, b) => medianOf(a, cpuPerRequest) - medianOf(b, cpuPerRequest))
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [
    line(['Proxy', ...columns.map(({ title }) => title)]),
    line(['---', ...columns.map(() => '---:')]),
    ...sorted.map((row) => line([row.label, ...columns.map((column) => column.cell(row, reference))])),
  ].join('\n')
}
