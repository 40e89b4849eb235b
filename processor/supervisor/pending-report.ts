// Reports that wait to be sent, added up: counts grow in value and not in number, records have a bound.
import type { Code } from '../../shared/errors.js'
import { REPORT_LIMITS } from '../../shared/metrics/limits.js'
import type { Refusal } from '../../shared/metrics/refusals.js'
import type { AttemptResult, Report, RequestRecord } from '../../shared/metrics/report.js'
import { addTally, addTo, emptySum, type Sum } from '../../shared/metrics/sum.js'

/** Records of all workers that wait; the rings of the other side would hardly keep more. */
const MOST_RECORDS = 20_000
/** Of the records in one report, so that it stays far below the limit of the body. */
const RECORD_BYTES = REPORT_LIMITS.bodyBytes / 4
const FEW_COUNTS = REPORT_LIMITS.counts / 4

export interface PendingReports {
  add(report: Report): void
  /** Takes out the next report to send, in bounds; undefined when nothing waits. */
  take(): Report | undefined
  readonly records: number
}

interface Pending {
  sums: Map<string, Sum>
  records: RequestRecord[]
  attempts: Record<AttemptResult, number>
  retries: number
  suspects: Set<string>
  codes: Partial<Record<Code, number>>
  refusals: Partial<Record<Refusal, number>>
  shed: number
  gauges: Report['gauges']
}

export function createPendingReports(): PendingReports {
  const pending = new Map<string, Pending>()
  let records = 0

  function of(report: Report): Pending {
    const found = pending.get(report.worker)
    if (found !== undefined) return found
    const first = fresh(report.gauges)
    pending.set(report.worker, first)
    return first
  }

  return {
    add(report) {
      const into = of(report)
      for (const count of report.counts) {
        const key = `${count.service}\n${count.instance}`
        let sum = into.sums.get(key)
        if (sum === undefined) into.sums.set(key, (sum = emptySum(count.service, count.instance)))
        addTo(sum, count)
      }
      // Of too many the newest are given up: what waits longest is nearest to being sent.
      const kept = report.records.slice(0, Math.max(0, MOST_RECORDS - records))
      into.records.push(...kept)
      records += kept.length
      into.shed += report.shed + report.records.length - kept.length
      addTally(into.attempts, report.attempts)
      addTally(into.codes, report.codes)
      addTally(into.refusals, report.refusals)
      into.retries += report.retries
      for (const id of report.suspects) if (into.suspects.size < REPORT_LIMITS.suspects) into.suspects.add(id)
      into.gauges = report.gauges
    },

    take() {
      const [next] = pending
      if (next === undefined) return undefined
      const [worker, from] = next
      const taken = from.records.splice(0, recordsThatFit(from.records))
      records -= taken.length
      const counts = [...from.sums].slice(0, FEW_COUNTS)
      for (const [key] of counts) from.sums.delete(key)
      const report: Report = {
        worker,
        records: taken,
        counts: counts.map(([, sum]) => sum),
        attempts: from.attempts,
        retries: from.retries,
        suspects: [...from.suspects],
        codes: from.codes,
        refusals: from.refusals,
        served: taken.length + from.shed,
        shed: from.shed,
        gauges: from.gauges,
      }
      pending.delete(worker)
      // What is left goes to the back of the line.
      if (from.records.length > 0 || from.sums.size > 0) {
        const { sums, records, gauges } = from
        pending.set(worker, { ...fresh(gauges), sums, records })
      }
      return report
    },

    get records() {
      return records
    },
  }
}

function fresh(gauges: Report['gauges']): Pending {
  return {
    sums: new Map(),
    records: [],
    attempts: { success: 0, failure: 0, timeout: 0 },
    retries: 0,
    suspects: new Set(),
    codes: {},
    refusals: {},
    shed: 0,
    gauges,
  }
}

function recordsThatFit(records: readonly RequestRecord[]): number {
  let bytes = 0
  for (const [i, record] of records.entries()) {
    // Three bytes are the most that JSON's UTF-8 takes for a character of a path, save for escapes, which a path has not.
    bytes += 600 + 3 * record.path.length
    if (i >= REPORT_LIMITS.records || (bytes > RECORD_BYTES && i > 0)) return i
  }
  return records.length
}
