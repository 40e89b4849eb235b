// Every instance: its health, and what its requests met.
import type { LiveInstance } from '../../../shared/processor.js'
import type { Health, Override } from '../../../shared/registry/instance.js'
import type { Exposition, Sample } from '../exposition.js'
import {
  BOUNDS_SECONDS,
  CLASSES,
  histogramOf,
  NONE,
  RESULTS,
  type InstanceRow,
  type Scrape,
  type Tried,
} from './scrape.js'

const HEALTH_VALUE: Readonly<Record<Health, number>> = { up: 1, down: 0, unknown: -1 }
const OVERRIDE_VALUE: Readonly<Record<Override, number>> = { drain: 1, 'out-of-service': 2 }
const GUARDS = ['closed', 'open', 'half-open'] as const

/** `shown`: those that get series for their traffic. */
export function writeInstances(to: Exposition, { deps, instances }: Scrape, shown: readonly InstanceRow[]): void {
  to.gauge(
    'serverpy_instance_health',
    'Health of an instance: 1 up, 0 down, -1 unknown.',
    each(instances, ({ instance }) => HEALTH_VALUE[instance.health]),
  )
  to.gauge(
    'serverpy_instance_override',
    'What an operator has declared of an instance: 0 nothing, 1 drain, 2 out of service.',
    each(instances, ({ instance }) => (instance.override === undefined ? 0 : OVERRIDE_VALUE[instance.override])),
  )
  to.gauge(
    'serverpy_series_dropped',
    'Instances without series for their traffic, because there are too many of them.',
    [[NONE, instances.length - shown.length]],
  )
  to.gauge(
    'serverpy_instance_flapping',
    'Whether its health changes so often that it is held down: 1 or 0.',
    each(shown, ({ instance }) => (deps.registry.status(instance.id)?.flapping === true ? 1 : 0)),
  )
  writeCounts(to, shown)
  writeLive(to, deps.traffic, shown)
}

function writeCounts(to: Exposition, shown: readonly InstanceRow[]): void {
  to.counter(
    'serverpy_instance_requests_total',
    'Requests whose last try was at this instance, by class of the answer.',
    split(shown, 'class', CLASSES, ({ count }, i) => count?.classes[i] ?? 0),
  )
  to.histogram(
    'serverpy_instance_request_duration_seconds',
    'From the head of a request to the end of its answer, by the instance of its last try.',
    BOUNDS_SECONDS,
    histograms(shown),
  )
  to.counter(
    'serverpy_instance_attempts_total',
    'Tries at this instance by result, since the start.',
    split(shown, 'result', RESULTS, ({ tried }, i) => tried?.[RESULTS[i] ?? 'success'] ?? 0),
  )
  const tries = (name: keyof Tried) => each(shown, ({ tried }) => tried?.[name] ?? 0)
  to.counter('serverpy_instance_retries_total', 'Of the tries, those after the first one.', tries('retries'))
  to.counter('serverpy_instance_hedges_total', 'Of the tries, those beside a first one that was slow.', tries('hedges'))
  to.counter(
    'serverpy_instance_ejections_total',
    'Times that a worker began to keep its requests away, since the start.',
    tries('ejections'),
  )
}

function writeLive(to: Exposition, traffic: Scrape['deps']['traffic'], shown: readonly InstanceRow[]): void {
  const known = new Map<InstanceRow, LiveInstance>()
  function live(row: InstanceRow): LiveInstance {
    let found = known.get(row)
    if (found === undefined) known.set(row, (found = traffic.live(row.instance.id)))
    return found
  }
  to.gauge(
    'serverpy_instance_in_flight',
    'Requests that run there now.',
    each(shown, (row) => live(row).inFlight),
  )
  to.gauge(
    'serverpy_instance_connections',
    'Connections to it, used and idle.',
    each(shown, (row) => live(row).connections),
  )
  const workers = traffic.workers().length
  to.gauge(
    'serverpy_instance_guard_workers',
    'Workers by what they do with it: closed: it gets requests; open: none; half-open: one at a time, to try.',
    split(shown, 'state', GUARDS, (row, i) => {
      const { ejectedBy } = live(row)
      if (i === 0) return Math.max(0, workers - ejectedBy.length)
      return ejectedBy.filter(({ guard }) => guard === GUARDS[i]).length
    }),
  )
  to.gauge(
    'serverpy_instance_disputed_workers',
    'Workers whose requests succeed there, though polls say that it is down.',
    each(shown, (row) => live(row).disputedBy.length),
  )
}

function* each(rows: readonly InstanceRow[], value: (row: InstanceRow) => number): Generator<Sample> {
  for (const row of rows) yield [row.pairs, value(row)]
}

/** One sample for each value of a label; `value` gets its index. */
function* split(
  rows: readonly InstanceRow[],
  label: string,
  values: readonly string[],
  value: (row: InstanceRow, index: number) => number,
): Generator<Sample> {
  for (const row of rows) {
    for (let i = 0; i < values.length; i++) yield [`${row.pairs},${label}="${values[i]}"`, value(row, i)]
  }
}

// Twenty lines each: those that never had a request have none.
function* histograms(rows: readonly InstanceRow[]) {
  for (const { count, pairs } of rows) if (count !== undefined) yield histogramOf(count, pairs)
}
