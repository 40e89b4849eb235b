// What one scrape shows, taken together at its begin: while it is written the totals go on growing.
import { sumBy, type Sum } from '../../../shared/metrics/sum.js'
import { LATENCY_BOUNDS_MS } from '../../../shared/metrics/histogram.js'
import type { AttemptCount, ServiceCount, TrafficCount } from '../../../shared/metrics/report.js'
import type { Instance } from '../../../shared/registry/instance.js'
import type { ApiDeps } from '../deps.js'
import { labelPairs, type Histogram, type Labels, type LabelSet } from '../exposition.js'

export const NONE: Labels = {}
export const BOUNDS_SECONDS = LATENCY_BOUNDS_MS.map((ms) => ms / 1000)
/** Names of `TrafficCount.classes`, by index. */
export const CLASSES = ['client_gone', '1xx', '2xx', '3xx', '4xx', '5xx']
export const RESULTS = ['success', 'failure', 'timeout'] as const

/** An instance of the registry with all that is counted of it. */
export interface InstanceRow {
  readonly instance: Instance
  /** Its service and its id, as labels. */
  readonly pairs: string
  /** Undefined before its first request. */
  readonly count: TrafficCount | undefined
  readonly tried: AttemptCount | undefined
}

export interface ServiceRow {
  /** Empty: requests of no service. */
  readonly service: string
  readonly sum: Sum | undefined
  /** Of all its instances, those included that have left. */
  readonly tried: Tried
  readonly met: ServiceCount | undefined
}

export type Tried = { -readonly [K in keyof Omit<AttemptCount, 'service' | 'instance'>]: number }

export interface Scrape {
  readonly deps: ApiDeps
  readonly instances: readonly InstanceRow[]
  /** Those of the config, and the empty one. */
  readonly services: readonly ServiceRow[]
  readonly term: number
  readonly seq: number
}

export function takeScrape(deps: ApiDeps): Scrape {
  const { traffic, registry, config } = deps
  const { term, seq, instances } = registry.current
  const counts = traffic.counts()
  const tried = traffic.tried()
  const countOf = new Map(counts.map((count) => [count.instance, count]))
  const triedOf = new Map(tried.map((count) => [count.instance, count]))
  const sums = sumBy(counts, ({ service }) => service)
  const metOf = new Map(traffic.services().map((count) => [count.service, count]))
  const triedBy = new Map<string, Tried>()
  for (const count of tried) addTried(triedBy, count)
  return {
    deps,
    term,
    seq,
    instances: instances.map((instance) => ({
      instance,
      pairs: labelPairs({ service: instance.service, instance: instance.id }),
      count: countOf.get(instance.id),
      tried: triedOf.get(instance.id),
    })),
    services: [...config.services.map(({ name }) => name), ''].map((service) => ({
      service,
      sum: sums.get(service),
      tried: triedBy.get(service) ?? nothingTried(),
      met: metOf.get(service),
    })),
  }
}

function nothingTried(): Tried {
  return { success: 0, failure: 0, timeout: 0, retries: 0, hedges: 0, ejections: 0 }
}

function addTried(sums: Map<string, Tried>, count: AttemptCount): void {
  let sum = sums.get(count.service)
  if (sum === undefined) sums.set(count.service, (sum = nothingTried()))
  sum.success += count.success
  sum.failure += count.failure
  sum.timeout += count.timeout
  sum.retries += count.retries
  sum.hedges += count.hedges
  sum.ejections += count.ejections
}

export function histogramOf(sum: TrafficCount, labels: LabelSet): Histogram {
  return { labels, buckets: sum.buckets, sum: sum.latencySumMs / 1000 }
}
