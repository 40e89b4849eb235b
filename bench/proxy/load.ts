// One burst of load by wrk, and what it says about it.
import { runProcess } from '../../test/kit/process.js'
import type { Cleanup } from '../../test/kit/process.js'

export interface LoadOptions {
  core: number
  connections: number
  seconds: number
  url: string
  /** Ends the load too when the comparison is stopped. */
  cleanup: Cleanup
}

export interface LoadResult {
  requests: number
  requestsPerSecond: number
  p50Ms: number
  p99Ms: number
  /** Answers that were not 2xx or 3xx, and failed connections, reads, writes and time-outs. */
  errors: number
}

export async function applyLoad({ core, connections, seconds, url, cleanup }: LoadOptions): Promise<LoadResult> {
  const wrk = [
    'wrk',
    '--threads',
    '1',
    '--connections',
    String(connections),
    '--duration',
    `${seconds}s`,
    '--latency',
    url,
  ]
  const run = await runProcess('taskset', ['-c', String(core), ...wrk], {
    t: cleanup,
    timeoutMs: seconds * 1000 + 20_000,
  })
  if (run.code !== 0) throw new Error(`wrk failed: ${run.stderr || run.stdout}`)
  return parse(run.stdout)
}

function parse(text: string): LoadResult {
  const number = (pattern: RegExp) => Number(pattern.exec(text)?.[1] ?? Number.NaN)
  const bad = /Non-2xx or 3xx responses: (\d+)/.exec(text)?.[1] ?? '0'
  const socket = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(text)?.slice(1) ?? []
  return {
    requests: number(/(\d+) requests in/),
    requestsPerSecond: number(/Requests\/sec:\s+([\d.]+)/),
    p50Ms: milliseconds(/50%\s+([\d.]+)(us|ms|s)/.exec(text)),
    p99Ms: milliseconds(/99%\s+([\d.]+)(us|ms|s)/.exec(text)),
    errors: [bad, ...socket].reduce((sum, count) => sum + Number(count), 0),
  }
}

function milliseconds(match: RegExpExecArray | null): number {
  const scale: Record<string, number> = { us: 0.001, ms: 1, s: 1000 }
  return Number(match?.[1] ?? Number.NaN) * (scale[match?.[2] ?? ''] ?? Number.NaN)
}
