// The parts of a report of traffic, checked member by member.
import { CODES } from '../../shared/errors.js'
import { LATENCY_BUCKETS } from '../../shared/metrics/histogram.js'
import { REPORT_LIMITS } from '../../shared/metrics/limits.js'
import { COUNT_NAME } from '../../shared/metrics/pipe-sums.js'
import type {
  AttemptCount,
  EjectionReason,
  EndpointState,
  GuardKind,
  ListenerCount,
  ListenerState,
  PipeCount,
  PipeState,
  RequestRecord,
  ServiceCount,
  ServiceState,
  TrafficCount,
} from '../../shared/metrics/report.js'
import { badField } from './problem.js'
import { anyNumber, fields, list, natural, number, oneOf, text } from './shape.js'

export const GUARDS: readonly GuardKind[] = ['closed', 'open', 'half-open']
export const EJECTION_REASONS: readonly EjectionReason[] = ['refused', 'failures', 'answers', 'breaker']

export function readRecord(value: unknown, i: number): RequestRecord {
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

export function readCount(value: unknown, i: number): TrafficCount {
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

export function readTried(value: unknown, i: number): AttemptCount {
  const at = `tried[${i}]`
  const tried = fields(value, at)
  const count = (key: string) => natural(tried[key], `${at}.${key}`)
  return {
    service: text(tried.service, `${at}.service`, REPORT_LIMITS.nameLength),
    instance: text(tried.instance, `${at}.instance`, REPORT_LIMITS.nameLength),
    success: count('success'),
    failure: count('failure'),
    timeout: count('timeout'),
    retries: count('retries'),
    hedges: count('hedges'),
    ejections: count('ejections'),
  }
}

export function readServiceCount(value: unknown, i: number): ServiceCount {
  const at = `services[${i}]`
  const met = fields(value, at)
  const count = (key: string) => natural(met[key], `${at}.${key}`)
  return {
    service: text(met.service, `${at}.service`, REPORT_LIMITS.nameLength),
    queued: count('queued'),
    shed: count('shed'),
    budgetSpent: count('budgetSpent'),
  }
}

export function readPipeCount(value: unknown, i: number): PipeCount {
  const at = `pipes[${i}]`
  const { pipe, counts } = fields(value, at)
  return {
    pipe: text(pipe, `${at}.pipe`, REPORT_LIMITS.nameLength),
    counts: readCounted(counts, `${at}.counts`, number),
  }
}

export function readPipeState(value: unknown, i: number): PipeState {
  const at = `pipeStates[${i}]`
  const { pipe, values } = fields(value, at)
  return {
    pipe: text(pipe, `${at}.pipe`, REPORT_LIMITS.nameLength),
    values: readCounted(values, `${at}.values`, anyNumber),
  }
}

/** Numbers by names that pipes have chosen. */
function readCounted(
  value: unknown,
  name: string,
  read: (value: unknown, name: string) => number,
): Record<string, number> {
  const entries = Object.entries(fields(value, name))
  if (entries.length > REPORT_LIMITS.pipeCounts)
    throw badField(name, `has more than ${REPORT_LIMITS.pipeCounts} members`)
  return Object.fromEntries(
    entries.map(([key, n]) => {
      if (!COUNT_NAME.test(key)) throw badField(name, 'has a name with more than a-z and _, or a longer one than 40')
      return [key, read(n, `${name}.${key}`)]
    }),
  )
}

export function readEndpoint(value: unknown, i: number): EndpointState {
  const at = `endpoints[${i}]`
  const { instance, inFlight, connections, guard, reason, disputed } = fields(value, at)
  if (typeof disputed !== 'boolean') throw badField(`${at}.disputed`, 'must be true or false')
  return {
    instance: text(instance, `${at}.instance`, REPORT_LIMITS.nameLength),
    inFlight: natural(inFlight, `${at}.inFlight`),
    connections: natural(connections, `${at}.connections`),
    guard: oneOf(guard, `${at}.guard`, GUARDS),
    ...(reason === undefined ? {} : { reason: oneOf(reason, `${at}.reason`, EJECTION_REASONS) }),
    disputed,
  }
}

export function readListenerCount(value: unknown, i: number): ListenerCount {
  const at = `listeners[${i}]`
  const met = fields(value, at)
  const count = (key: string) => natural(met[key], `${at}.${key}`)
  return {
    listener: text(met.listener, `${at}.listener`, REPORT_LIMITS.nameLength),
    accepted: count('accepted'),
    refused: count('refused'),
    bytesIn: count('bytesIn'),
    bytesOut: count('bytesOut'),
  }
}

export function readListening(value: unknown, i: number): ListenerState {
  const at = `listening[${i}]`
  const { listener, connections } = fields(value, at)
  return {
    listener: text(listener, `${at}.listener`, REPORT_LIMITS.nameLength),
    connections: natural(connections, `${at}.connections`),
  }
}

export function readWaiting(value: unknown, i: number): ServiceState {
  const at = `waiting[${i}]`
  const { service, queued } = fields(value, at)
  return {
    service: text(service, `${at}.service`, REPORT_LIMITS.nameLength),
    queued: natural(queued, `${at}.queued`),
  }
}

/** Numbers by names, of which only the known ones are taken: they become labels. */
export function readTally<K extends string>(
  value: unknown,
  name: string,
  known: readonly K[],
): Partial<Record<K, number>> {
  const found: Partial<Record<K, number>> = {}
  for (const [key, n] of Object.entries(fields(value, name))) {
    found[oneOf(key, name, known)] = natural(n, `${name}.${key.slice(0, 64)}`)
  }
  return found
}
