// From single rounds to the table in docs/performance.md.
import { machine } from '../page.js'
import type { LoadResult } from './load.js'
import type { Usage } from './process-tree.js'

/** One round of one peer: what the load saw, and what the processes spent meanwhile. */
export interface Round extends LoadResult {
  /** Of the process that handled most, its worker. */
  worker: Pick<Usage, 'cpuUs' | 'rssBytes'>
  /** Of all processes of the peer together. */
  whole: Pick<Usage, 'cpuUs' | 'rssBytes'>
}

export interface Result {
  name: string
  label: string
  rounds: Round[]
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2
}

interface Row {
  label: string
  requestsPerSecond: number
  cpuUs: number
  p50Ms: number
  p99Ms: number
  rssMiB: number
  errors: number
}

/** Ours has two rows: the worker alone, which a further core multiplies, and everything that runs beside it. */
function rowsOf({ name, label, rounds }: Result): Row[] {
  const of = (pick: (round: Round) => number) => median(rounds.map(pick))
  const row = (title: string, part: 'worker' | 'whole'): Row => ({
    label: title,
    requestsPerSecond: of((r) => r.requestsPerSecond),
    cpuUs: of((r) => r[part].cpuUs / r.requests),
    p50Ms: of((r) => r.p50Ms),
    p99Ms: of((r) => r.p99Ms),
    rssMiB: of((r) => r[part].rssBytes) / 2 ** 20,
    errors: rounds.reduce((sum, r) => sum + r.errors, 0),
  })
  return name === 'us'
    ? [row(`**${label}**, its worker`, 'worker'), row(`${label}, all processes`, 'whole')]
    : [row(label, 'whole')]
}

export function table(results: readonly Result[]): string {
  const rows = results.flatMap(rowsOf).sort((a, b) => a.cpuUs - b.cpuUs)
  const nginx = results.find(({ name }) => name === 'nginx')
  const base = nginx && rowsOf(nginx)[0]?.cpuUs
  const lines = rows.map((row) => {
    const factor = base === undefined ? '' : (row.cpuUs / base).toFixed(2)
    const numbers = [
      row.requestsPerSecond.toFixed(0),
      row.cpuUs.toFixed(1),
      factor,
      row.p50Ms.toFixed(2),
      row.p99Ms.toFixed(2),
    ]
    return `| ${[row.label, ...numbers, row.rssMiB.toFixed(0), String(row.errors)].join(' | ')} |`
  })
  return [
    '| Proxy | requests/s | CPU µs per request | × nginx | p50 ms | p99 ms | memory MiB | errors |',
    '| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |',
    ...lines,
  ].join('\n')
}

/** How it was measured, as sentences under the table. */
export function circumstances(run: { rounds: number; seconds: number; connections: number }): string {
  return (
    `${machine()} ${run.rounds} interleaved rounds of ${run.seconds} s, ${run.connections} keep-alive connections, ` +
    'medians. Repeat it with `npm run bench:proxy`.'
  )
}
