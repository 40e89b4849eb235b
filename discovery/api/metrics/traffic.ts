// Requests and tries as a whole and by service.
import { total } from '../../../shared/metrics/sum.js'
import type { Exposition, Sample } from '../exposition.js'
import { BOUNDS_SECONDS, CLASSES, histogramOf, NONE, RESULTS, type Scrape, type ServiceRow } from './scrape.js'

export function writeTraffic(to: Exposition, scrape: Scrape): void {
  const { traffic } = scrape.deps
  // All that was ever counted: what a service had that is gone since, too, for a total must not fall.
  const all = total(traffic.counts())
  const life = traffic.life()
  const timeouts = (life.codes['connect-timeout'] ?? 0) + (life.codes['answer-timeout'] ?? 0)
  const failed = all.errors + (all.classes[0] ?? 0)

  to.counter('proxy_request_total', 'Requests; error: answered with 5xx, or the client had gone before an answer.', [
    [{ status: 'success' }, all.requests - failed],
    [{ status: 'error' }, failed],
  ])
  to.counter(
    'proxy_attempt_total',
    'Tries at instances, retries included, since the start.',
    RESULTS.map((result) => [{ result }, life.attempts[result]]),
  )
  to.counter('proxy_timeout_total', 'Requests that ended in a timeout, since the start.', [[NONE, timeouts]])
  to.histogram(
    'proxy_request_duration_seconds',
    'From the head of a request to the end of its answer.',
    BOUNDS_SECONDS,
    [histogramOf(all, NONE)],
  )
  to.counter(
    'serverpy_errors_total',
    'Failures of requests by code, since the start.',
    Object.entries(life.codes).map(([code, n]) => [{ code }, n]),
  )
  to.counter(
    'serverpy_refusals_total',
    'Clients refused by reason: for what they sent, how slowly, or how often they connected; since the start.',
    Object.entries(life.refusals).map(([reason, n]) => [{ reason }, n]),
  )
  to.counter('serverpy_requests_recorded_total', 'Requests kept one by one, since the start.', [[NONE, life.recorded]])
  to.counter('serverpy_requests_shed_total', 'Requests counted but not kept one by one, since the start.', [
    [NONE, life.shed],
  ])
}

export function writeServices(to: Exposition, { deps, services }: Scrape): void {
  const counted = services.flatMap(({ service, sum }) => (sum === undefined ? [] : [{ service, sum }]))
  // Only a service of the config is tried at, waited for or refused; the empty name has requests alone.
  const named = services.filter(({ service }) => service !== '')
  const by = (value: (row: ServiceRow) => number) => named.map((row): Sample => [{ service: row.service }, value(row)])

  to.counter(
    'serverpy_requests_total',
    'Requests by service (empty: no service) and class of the answer.',
    services.flatMap(({ service, sum }) =>
      CLASSES.map((name, i): Sample => [{ service, class: name }, sum?.classes[i] ?? 0]),
    ),
  )
  to.histogram(
    'serverpy_request_duration_seconds',
    'From the head of a request to the end of its answer, by service.',
    BOUNDS_SECONDS,
    counted.map(({ service, sum }) => histogramOf(sum, { service })),
  )
  to.counter(
    'serverpy_bytes_total',
    'Bytes of bodies by service and direction.',
    counted.flatMap(({ service, sum }): Sample[] => [
      [{ service, direction: 'in' }, sum.bytesIn],
      [{ service, direction: 'out' }, sum.bytesOut],
    ]),
  )
  to.counter(
    'serverpy_attempts_total',
    'Tries at instances by service and result, since the start; a try whose client went away is in none.',
    named.flatMap(({ service, tried }) => RESULTS.map((result): Sample => [{ service, result }, tried[result]])),
  )
  to.counter(
    'serverpy_retries_total',
    'Tries after the first one, since the start.',
    by(({ tried }) => tried.retries),
  )
  to.counter(
    'serverpy_hedges_total',
    'Second tries beside a first one that was slow, since the start.',
    by(({ tried }) => tried.hedges),
  )
  to.counter(
    'serverpy_ejections_total',
    'Times that a worker began to keep its requests away from an instance, since the start.',
    by(({ tried }) => tried.ejections),
  )
  to.counter(
    'serverpy_retry_budget_spent_total',
    'Requests that could have been tried again, had the budget allowed it, since the start.',
    by(({ met }) => met?.budgetSpent ?? 0),
  )
  to.counter(
    'serverpy_queued_total',
    'Requests that had to wait for a place, since the start.',
    by(({ met }) => met?.queued ?? 0),
  )
  to.counter(
    'serverpy_load_shed_total',
    'Requests refused because no place came free in time, since the start.',
    by(({ met }) => met?.shed ?? 0),
  )
  to.gauge(
    'serverpy_queue_length',
    'Requests that wait for a place now.',
    by(({ service }) => deps.traffic.waiting(service)),
  )
}
