// The columns of the scenarios' tables.
import { ERRORS, cpuPerRequest, figure, times } from './table.js'
import type { Column } from './table.js'

const rate = (unit: string) => figure(`${unit}s/s`, (round) => round.requestsPerSecond, 0)
const cpu = (unit: string) => figure(`CPU µs per ${unit}`, cpuPerRequest, 1)
const p50 = figure('p50 ms', (round) => round.p50Ms, 2)
const p90 = figure('p90 ms', (round) => round.p90Ms, 2)
const p99 = figure('p99 ms', (round) => round.p99Ms, 2)
const p999 = figure('p99.9 ms', (round) => round.p999Ms, 2)
const memory = figure('memory MiB', (round) => round.spent.rssBytes / 2 ** 20, 0)

/** `reference` is the proxy that × stands for, by the name that the title calls it. */
export function closedLoop(reference = 'nginx', unit = 'request'): readonly Column[] {
  return [rate(unit), cpu(unit), times(`× ${reference}`, cpuPerRequest), p50, p99, p999, memory, ERRORS]
}

export const MIXED: readonly Column[] = [
  rate('request'),
  cpu('request'),
  times('× nginx', cpuPerRequest),
  figure('fast p50 ms', (round) => round.p50Ms, 2),
  figure('fast p90 ms', (round) => round.p90Ms, 2),
  figure('fast p99 ms', (round) => round.p99Ms, 2),
  figure('slow p50 ms', (round) => round.slowP50Ms ?? Number.NaN, 1),
  ERRORS,
]

export const OPEN_LOOP: readonly Column[] = [
  rate('request'),
  cpu('request'),
  p50,
  p90,
  p99,
  p999,
  times('p99 × nginx', (round) => round.p99Ms),
  figure('load late p99 ms', (round) => round.lagP99Ms ?? Number.NaN, 3),
  ERRORS,
]
