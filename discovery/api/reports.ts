// POST /api/v1/reports: what a processor elsewhere has counted, checked as data from a stranger and counted once.
import { CODES } from '../../shared/errors.js'
import { LATENCY_BUCKETS } from '../../shared/metrics/histogram.js'
import { REPORT_ID_HEADER, REPORT_LIMITS } from '../../shared/metrics/limits.js'
import { REFUSALS } from '../../shared/metrics/refusals.js'
import type { Report, RequestRecord, TrafficCount } from '../../shared/metrics/report.js'
import type { ApiDeps } from './deps.js'
import type { Endpoint } from './endpoint.js'
import { badField } from './problem.js'
import { readQuery } from './query.js'
import { fields, list, natural, number, oneOf, text } from './shape.js'

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
    if (isNew(req.get(REPORT_ID_HEADER))) deps.traffic.accept(report)
    res.status(204).end()
  }
}

/** Throws an ApiProblem (400) that names the first member that cannot be. Unknown members are left out. */
export function readReport(body: unknown): Report {
  const report = fields(body, 'body')
  const attempts = fields(report.attempts, 'attempts')
  const gauges = fields(report.gauges, 'gauges')
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

function readRecord(value: unknown, i: number): RequestRecord {
  const at = `records[${i}]`
  const record = fields(value, at)
  const name = (key: string) => text(record[key], `${at}.${key}`, REPORT_LIMITS.nameLength)
  const count = (key: string) => natural(record[key], `${at}.${key}`)
  return {
    at: number(record.at, `${at}.at`),
    id: name('id'),
    service: name('service'),
    instance: name('instance'),
    route: name('route'),
    method: name('method'),
    path: text(record.path, `${at}.path`, REPORT_LIMITS.pathLength),
    status: natural(record.status, `${at}.status`, 999),
    durationMs: number(record.durationMs, `${at}.durationMs`),
    attempts: count('attempts'),
    bytesIn: count('bytesIn'),
    bytesOut: count('bytesOut'),
    error: record.error === '' ? '' : oneOf(record.error, `${at}.error`, CODES),
    client: name('client'),
  }
}

function readCount(value: unknown, i: number): TrafficCount {
  const at = `counts[${i}]`
  const count = fields(value, at)
  const numbers = (key: string, length: number) => {
    const found = list(count[key], `${at}.${key}`, length)
    if (found.length !== length) throw badField(`${at}.${key}`, `must hold ${length} numbers`)
    return found.map((n, k) => natural(n, `${at}.${key}[${k}]`))
  }
  return {
    service: text(count.service, `${at}.service`, REPORT_LIMITS.nameLength),
    instance: text(count.instance, `${at}.instance`, REPORT_LIMITS.nameLength),
    requests: natural(count.requests, `${at}.requests`),
    errors: natural(count.errors, `${at}.errors`),
    classes: numbers('classes', 6),
    latencySumMs: number(count.latencySumMs, `${at}.latencySumMs`),
    latencyMaxMs: number(count.latencyMaxMs, `${at}.latencyMaxMs`),
    buckets: numbers('buckets', LATENCY_BUCKETS),
    bytesIn: natural(count.bytesIn, `${at}.bytesIn`),
    bytesOut: natural(count.bytesOut, `${at}.bytesOut`),
  }
}

/** Numbers by names, of which only the known ones are taken: they become labels. */
function readTally<K extends string>(value: unknown, name: string, known: readonly K[]): Partial<Record<K, number>> {
  const found: Partial<Record<K, number>> = {}
  for (const [key, n] of Object.entries(fields(value, name))) {
    found[oneOf(key, name, known)] = natural(n, `${name}.${key.slice(0, 64)}`)
  }
  return found
}
