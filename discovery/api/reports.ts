// POST /api/v1/reports: what a processor elsewhere has counted, checked as data from a stranger and counted once.
import { CODES } from '../../shared/errors.js'
import { REPORT_ID_HEADER, REPORT_LIMITS } from '../../shared/metrics/limits.js'
import { REFUSALS } from '../../shared/metrics/refusals.js'
import type { Report } from '../../shared/metrics/report.js'
import type { ApiDeps } from './deps.js'
import type { Endpoint } from './endpoint.js'
import { badField } from './problem.js'
import { readQuery } from './query.js'
import {
  readCount,
  readEndpoint,
  readListenerCount,
  readListening,
  readPipeCount,
  readPipeState,
  readRecord,
  readServiceCount,
  readTally,
  readTried,
  readWaiting,
} from './report-parts.js'
import { fields, list, natural, number, text } from './shape.js'

const MOST_SENDERS = 1_024

/** The body has been parsed as JSON and the sender's right has been checked before. */
export function reportsEndpoint(deps: Pick<ApiDeps, 'traffic'>): Endpoint {
  /** Number of the last report of each sender: an answer may be lost, and its report comes again. */
  const last = new Map<string, number>()

  function isNew(id: string | undefined): boolean {
    if (id === undefined) return true
    const [, sender = '', digits = ''] = /^([\w-]{1,64}):(\d{1,15})$/.exec(id) ?? []
    if (sender === '') throw badField(REPORT_ID_HEADER, 'must be <sender>:<number>')
    const number = Number(digits)
    if (number <= (last.get(sender) ?? -1)) return false
    last.delete(sender)
    last.set(sender, number)
    const [oldest] = last.keys()
    if (last.size > MOST_SENDERS && oldest !== undefined) last.delete(oldest)
    return true
  }

  return (req, res) => {
    readQuery(req, [])
    const report = readReport(req.body)
    if (isNew(req.get(REPORT_ID_HEADER))) deps.traffic.acceptRemote(report)
    res.status(204).end()
  }
}

/** Throws an ApiProblem (400) that names the first member that cannot be. Unknown members are left out. */
export function readReport(body: unknown): Report {
  const report = fields(body, 'body')
  const attempts = fields(report.attempts, 'attempts')
  const gauges = fields(report.gauges, 'gauges')
  const snapshot = fields(report.snapshot, 'snapshot')
  const { endpoints, waiting, pipeStates, listening } = report
  const records = list(report.records, 'records', REPORT_LIMITS.records).map(readRecord)
  const served = natural(report.served, 'served')
  const shed = natural(report.shed, 'shed')
  if (served !== records.length + shed) throw badField('served', 'must be the number of records plus shed')
  return {
    worker: text(report.worker, 'worker', 128),
    records,
    counts: list(report.counts, 'counts', REPORT_LIMITS.counts).map(readCount),
    attempts: {
      success: natural(attempts.success, 'attempts.success'),
      failure: natural(attempts.failure, 'attempts.failure'),
      timeout: natural(attempts.timeout, 'attempts.timeout'),
    },
    retries: natural(report.retries, 'retries'),
    tried: list(report.tried, 'tried', REPORT_LIMITS.counts).map(readTried),
    services: list(report.services, 'services', REPORT_LIMITS.counts).map(readServiceCount),
    pipes: list(report.pipes, 'pipes', REPORT_LIMITS.pipes).map(readPipeCount),
    // A processor of an older version tells nothing of its listeners.
    listeners: list(report.listeners ?? [], 'listeners', REPORT_LIMITS.counts).map(readListenerCount),
    ...(endpoints === undefined
      ? {}
      : { endpoints: list(endpoints, 'endpoints', REPORT_LIMITS.endpoints).map(readEndpoint) }),
    ...(waiting === undefined ? {} : { waiting: list(waiting, 'waiting', REPORT_LIMITS.counts).map(readWaiting) }),
    ...(pipeStates === undefined
      ? {}
      : { pipeStates: list(pipeStates, 'pipeStates', REPORT_LIMITS.pipes).map(readPipeState) }),
    ...(listening === undefined
      ? {}
      : { listening: list(listening, 'listening', REPORT_LIMITS.counts).map(readListening) }),
    snapshot: { term: natural(snapshot.term, 'snapshot.term'), seq: natural(snapshot.seq, 'snapshot.seq') },
    suspects: list(report.suspects, 'suspects', REPORT_LIMITS.suspects).map((id, i) =>
      text(id, `suspects[${i}]`, REPORT_LIMITS.nameLength),
    ),
    codes: readTally(report.codes, 'codes', CODES),
    refusals: readTally(report.refusals, 'refusals', REFUSALS),
    served,
    shed,
    gauges: {
      connections: natural(gauges.connections, 'gauges.connections'),
      inFlight: natural(gauges.inFlight, 'gauges.inFlight'),
      upgraded: natural(gauges.upgraded, 'gauges.upgraded'),
      loopLagMs: number(gauges.loopLagMs, 'gauges.loopLagMs'),
      rssBytes: natural(gauges.rssBytes, 'gauges.rssBytes'),
    },
  }
}
