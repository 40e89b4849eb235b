// Reports that wait to be sent, added up: counts grow in value and not in number, records have a bound.
import type { Code } from '../../shared/errors.js'
import { REPORT_LIMITS } from '../../shared/metrics/limits.js'
import type { Refusal } from '../../shared/metrics/refusals.js'
import { NamedSums } from '../../shared/metrics/named-sums.js'
import { PipeSums } from '../../shared/metrics/pipe-sums.js'
import type {
  AttemptCount,
  AttemptResult,
  EndpointState,
  ListenerCount,
  Report,
  RequestRecord,
  ServiceCount,
} from '../../shared/metrics/report.js'
import { addTally, addTo, emptySum, type Sum } from '../../shared/metrics/sum.js'

/** Records of all workers that wait; the rings of the other side would hardly keep more. */
const MOST_RECORDS = 20_000
/** Of the records in one report, so that it stays far below the limit of the body. */
const RECORD_BYTES = REPORT_LIMITS.bodyBytes / 4
const FEW_COUNTS = REPORT_LIMITS.counts / 4
const FEW_PIPES = REPORT_LIMITS.pipes / 4
/** Of the states of endpoints in one report. */
const ENDPOINT_BYTES = REPORT_LIMITS.bodyBytes / 2

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
  tried: NamedSums<AttemptCount>
  services: NamedSums<ServiceCount>
  pipes: PipeSums
  listeners: NamedSums<ListenerCount>
  suspects: Set<string>
  codes: Partial<Record<Code, number>>
  refusals: Partial<Record<Refusal, number>>
  shed: number
  /** As of the newest report: what it says of now, and what it left as it was. */
  now: Pick<Report, 'gauges' | 'snapshot' | 'endpoints' | 'waiting' | 'pipeStates' | 'listening'>
}

export function createPendingReports(): PendingReports {
  const pending = new Map<string, Pending>()
  let records = 0

  function of(report: Report): Pending {
    const found = pending.get(report.worker)
    if (found !== undefined) return found
    const first = fresh(stateOf(report))
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
      for (const count of report.tried) into.tried.add(count)
      for (const count of report.services) into.services.add(count)
      for (const count of report.listeners) into.listeners.add(count)
      for (const { pipe, counts } of report.pipes) into.pipes.add(pipe, Object.entries(counts))
      for (const id of report.suspects) if (into.suspects.size < REPORT_LIMITS.suspects) into.suspects.add(id)
      const now = { ...into.now, ...stateOf(report) }
      // Endpoints are as of the snapshot that came with them: beside a newer one they would say what nobody has seen.
      into.now = report.endpoints || !into.now.endpoints ? now : { ...now, snapshot: into.now.snapshot }
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
        tried: from.tried.take(FEW_COUNTS),
        services: from.services.take(FEW_COUNTS),
        pipes: from.pipes.take(FEW_PIPES),
        listeners: from.listeners.take(FEW_COUNTS),
        suspects: [...from.suspects],
        codes: from.codes,
        refusals: from.refusals,
        served: taken.length + from.shed,
        shed: from.shed,
        ...from.now,
      }
      pending.delete(worker)
      // What is left goes to the back of the line.
      const { sums, records: rest, tried, services, pipes, listeners } = from
      const left = { sums, tried, services, pipes, listeners }
      if (Object.values(left).some(({ size }) => size > 0) || rest.length > 0) {
        const { gauges, snapshot } = from.now
        pending.set(worker, { ...fresh({ gauges, snapshot }), ...left, records: rest })
      }
      return report
    },

    get records() {
      return records
    },
  }
}

/** What a report says of now; without the members that it left as they were. */
function stateOf({ gauges, snapshot, endpoints, waiting, pipeStates, listening }: Report): Pending['now'] {
  return {
    gauges,
    snapshot,
    ...(endpoints && { endpoints: endpointsThatFit(endpoints) }),
    ...(waiting && { waiting: waiting.slice(0, FEW_COUNTS) }),
    ...(pipeStates && { pipeStates: pipeStates.slice(0, FEW_PIPES) }),
    ...(listening && { listening: listening.slice(0, FEW_COUNTS) }),
  }
}

function fresh(now: Pending['now']): Pending {
  return {
    sums: new Map(),
    records: [],
    attempts: { success: 0, failure: 0, timeout: 0 },
    retries: 0,
    tried: new NamedSums(),
    services: new NamedSums(),
    pipes: new PipeSums(),
    listeners: new NamedSums(),
    suspects: new Set(),
    codes: {},
    refusals: {},
    shed: 0,
    now,
  }
}

/** Of too many those first without which something wrong would be believed: that nothing runs there, or all is well. */
function endpointsThatFit(endpoints: readonly EndpointState[]): readonly EndpointState[] {
  const sizes = endpoints.map(({ instance }) => 160 + Buffer.byteLength(instance))
  const total = sizes.reduce((sum, size) => sum + size, 0)
  if (total <= ENDPOINT_BYTES && endpoints.length <= REPORT_LIMITS.endpoints) return endpoints
  const idle = ({ inFlight, guard, disputed }: EndpointState) => inFlight === 0 && guard === 'closed' && !disputed
  const ordered = endpoints.map((state, i) => ({ state, size: sizes[i] ?? 0, idle: idle(state) }))
  ordered.sort((a, b) => Number(a.idle) - Number(b.idle))
  let bytes = 0
  const kept = ordered.slice(0, REPORT_LIMITS.endpoints).filter(({ size }) => (bytes += size) <= ENDPOINT_BYTES)
  return kept.map(({ state }) => state)
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
