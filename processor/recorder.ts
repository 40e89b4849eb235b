// Counts every request exactly and keeps as many records as the rings of the store would keep anyway.
import type { Code } from '../shared/errors.js'
import { bucketOf } from '../shared/metrics/histogram.js'
import { emptySum, type Sum } from '../shared/metrics/sum.js'
import { REPORT_LIMITS } from '../shared/metrics/limits.js'
import type { Refusal } from '../shared/metrics/refusals.js'
import type { LiveState } from './live-state.js'
import type { AttemptResult, Report, RequestRecord } from '../shared/metrics/report.js'

/** Records of one report over all rings: what is more is shed, so that a burst over many instances stays bounded. */
const MOST_RECORDS = 1000

/** The newest records of one instance since the last report. */
interface Ring {
  readonly records: RequestRecord[]
  next: number
}

export interface Recorder {
  /** A request has ended, in whatever way. */
  finished(record: RequestRecord): void
  attempted(result: AttemptResult): void
  retried(times: number): void
  refused(reason: Refusal): void
  /** An attempt failed at this instance. */
  suspect(instance: string): void
  /** Something changed that the registry should know at once. */
  urgent(): void
  /** What came together since the last call, and what `live` says beside it; undefined where nothing did. */
  take(gauges: Report['gauges'], live: () => LiveState, always: boolean): Report | undefined
}

/** `ringSize`: records kept per instance, 0: none. `onFirst` is called when something is there to report, `onUrgent` when that may not wait. */
export function createRecorder(
  worker: string,
  ringSize: number,
  onFirst: () => void,
  onUrgent: () => void = onFirst,
): Recorder {
  let counts = new Map<string, Sum>()
  let rings = new Map<string, Ring>()
  let codes: Partial<Record<Code, number>> = {}
  let refusals: Partial<Record<Refusal, number>> = {}
  let attempts: Record<AttemptResult, number> = { success: 0, failure: 0, timeout: 0 }
  let retries = 0
  let suspects = new Set<string>()
  let served = 0
  let kept = 0
  let dirty = false

  function touch(): void {
    if (dirty) return
    dirty = true
    onFirst()
  }

  function countOf(service: string, instance: string): Sum {
    // An instance belongs to one service, and its id says to which.
    const key = instance === '' ? service : instance
    let count = counts.get(key)
    if (count === undefined) counts.set(key, (count = emptySum(service, instance)))
    return count
  }

  function keep(record: RequestRecord): void {
    if (ringSize === 0) return
    const key = record.instance === '' ? record.service : record.instance
    let ring = rings.get(key)
    if (ring === undefined) rings.set(key, (ring = { records: [], next: 0 }))
    if (ring.records.length < ringSize) {
      if (kept === MOST_RECORDS) return
      kept++
      ring.records.push(record)
    } else {
      // The store's ring would drop the oldest; so it is not even sent.
      ring.records[ring.next] = record
      ring.next = (ring.next + 1) % ringSize
    }
  }

  return {
    finished(record) {
      touch()
      served++
      const count = countOf(record.service, record.instance)
      count.requests++
      // RFC 9110 section 15: a status above 599 is taken for a 5xx.
      const statusClass = Math.min(5, Math.floor(record.status / 100))
      count.classes[statusClass] = (count.classes[statusClass] ?? 0) + 1
      if (record.status >= 500) count.errors++
      count.latencySumMs += record.durationMs
      if (record.durationMs > count.latencyMaxMs) count.latencyMaxMs = record.durationMs
      const bucket = bucketOf(record.durationMs)
      count.buckets[bucket] = (count.buckets[bucket] ?? 0) + 1
      count.bytesIn += record.bytesIn
      count.bytesOut += record.bytesOut
      if (record.error !== '') codes[record.error] = (codes[record.error] ?? 0) + 1
      keep(record)
    },
    attempted(result) {
      touch()
      attempts[result]++
    },
    retried(times) {
      retries += times
    },
    refused(reason) {
      touch()
      refusals[reason] = (refusals[reason] ?? 0) + 1
    },
    suspect(instance) {
      touch()
      if (suspects.size < REPORT_LIMITS.suspects) suspects.add(instance)
    },
    urgent() {
      touch()
      onUrgent()
    },
    take(gauges, live, always) {
      if (!dirty && !always) return undefined
      const records: RequestRecord[] = []
      for (const ring of rings.values())
        records.push(...ring.records.slice(ring.next), ...ring.records.slice(0, ring.next))
      const report: Report = {
        worker,
        records,
        counts: [...counts.values()],
        attempts,
        retries,
        suspects: [...suspects],
        codes,
        refusals,
        served,
        shed: served - records.length,
        gauges,
        ...live(),
      }
      counts = new Map()
      rings = new Map()
      codes = {}
      refusals = {}
      attempts = { success: 0, failure: 0, timeout: 0 }
      suspects = new Set()
      retries = served = kept = 0
      dirty = false
      return report
    },
  }
}
