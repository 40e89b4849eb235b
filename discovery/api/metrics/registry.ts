// The registry, its polls, its store and its config.
import type { Health } from '../../../shared/registry/instance.js'
import type { PollerStats } from '../../polling/meter.js'
import type { ApiDeps } from '../deps.js'
import type { Exposition, Sample } from '../exposition.js'
import { BOUNDS_SECONDS, NONE, type Scrape } from './scrape.js'

const HEALTHS: readonly Health[] = ['up', 'down', 'unknown']

export function writeRegistry(to: Exposition, { deps, instances, services, term, seq }: Scrape): void {
  const tally = new Map<string, number>()
  for (const { instance } of instances) {
    const key = `${instance.health} ${instance.service}`
    tally.set(key, (tally.get(key) ?? 0) + 1)
  }
  to.gauge(
    'serverpy_instances',
    'Instances by service and health.',
    services
      .filter(({ service }) => service !== '')
      .flatMap(({ service }) =>
        HEALTHS.map((health): Sample => [{ service, health }, tally.get(`${health} ${service}`) ?? 0]),
      ),
  )
  to.gauge('serverpy_registry_term', 'Life of the registry; rises with each start.', [[NONE, term]])
  to.gauge('serverpy_registry_seq', 'Number of the current snapshot in its term.', [[NONE, seq]])
  writePolling(to, deps.polling.stats())
}

function writePolling(to: Exposition, stats: PollerStats): void {
  to.counter(
    'serverpy_polls_total',
    'Polls ended, by verdict, since the start.',
    Object.entries(stats.polls).map(([verdict, n]) => [{ verdict }, n]),
  )
  to.counter('serverpy_probes_total', 'Probes begun, those of retries included, since the start.', [
    [NONE, stats.probes],
  ])
  to.counter('serverpy_polls_skipped_total', 'Turns given up because the poll before still ran.', [
    [NONE, stats.skipped],
  ])
  to.gauge('serverpy_polls_in_flight', 'Probes running now.', [[NONE, stats.inFlight]])
  to.gauge('serverpy_polls_waiting', 'Probes that wait for one of those to end.', [[NONE, stats.waiting]])
  const { buckets, sumMs } = stats.lateness
  to.histogram('serverpy_poll_lateness_seconds', 'How late polls began after they were due.', BOUNDS_SECONDS, [
    { labels: NONE, buckets, sum: sumMs / 1000 },
  ])
}

export function writeStore(to: Exposition, { store }: ApiDeps): void {
  to.gauge('serverpy_store_ok', 'Whether history is being written: 1 or 0.', [[NONE, store.health().ok ? 1 : 0]])
  to.counter('serverpy_store_dropped_total', 'Rows of history given up, since the start.', [[NONE, store.dropped]])
}

export function writeReloads(
  to: Exposition,
  { ok, failed, lastOk, lastAt }: ApiDeps['lifecycle']['configReloads'],
): void {
  to.counter('serverpy_config_reloads_total', 'Times that the config was read again, by result, since the start.', [
    [{ result: 'ok' }, ok],
    [{ result: 'failed' }, failed],
  ])
  to.gauge('serverpy_config_last_reload_ok', 'Whether the config in its file is the one that is served: 1 or 0.', [
    [NONE, lastOk ? 1 : 0],
  ])
  to.gauge(
    'serverpy_config_last_reload_timestamp_seconds',
    'When the config was read again last, in seconds since the epoch; 0 before the first time.',
    [[NONE, lastAt === undefined ? 0 : lastAt / 1000]],
  )
}
