// What the poller counts of itself, for metrics and for the question whether it keeps up.
import { bucketOf, LATENCY_BUCKETS } from '../../shared/metrics/histogram.js'
import type { Observation } from '../registry/status.js'

type Verdict = Observation['verdict']

export interface PollerStats {
  readonly instances: number
  /** Probes running now. */
  readonly inFlight: number
  /** Probes that wait for one of those to end. */
  readonly waiting: number
  /** Finished polls since the start. */
  readonly polls: Readonly<Record<Verdict, number>>
  /** Probes since the start: a poll with retries has several. */
  readonly probes: number
  /** Turns dropped because the instance's last poll was still running. */
  readonly skipped: number
  /** From the moment at which a poll was due until its first probe; buckets as in shared/metrics/histogram. */
  readonly lateness: { readonly buckets: readonly number[]; readonly sumMs: number; readonly maxMs: number }
}

export interface Meter {
  started(lateMs: number): void
  probed(): void
  skipped(): void
  finished(verdict: Verdict): void
  read(): Pick<PollerStats, 'polls' | 'probes' | 'skipped' | 'lateness'>
}

export function createMeter(): Meter {
  const polls = { passed: 0, failed: 0, inconclusive: 0 }
  const buckets = new Array<number>(LATENCY_BUCKETS).fill(0)
  let probes = 0
  let skipped = 0
  let sumMs = 0
  let maxMs = 0

  return {
    started(lateMs) {
      const index = bucketOf(lateMs)
      buckets[index] = (buckets[index] ?? 0) + 1
      sumMs += lateMs
      maxMs = Math.max(maxMs, lateMs)
    },
    probed: () => void probes++,
    skipped: () => void skipped++,
    finished: (verdict) => void polls[verdict]++,
    read: () => ({ polls: { ...polls }, probes, skipped, lateness: { buckets: [...buckets], sumMs, maxMs } }),
  }
}
