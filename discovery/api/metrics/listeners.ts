// The ports of the processor, and what came through each.
import type { ApiDeps } from '../deps.js'
import type { Exposition, Labels, Sample } from '../exposition.js'
import { listenerViews } from '../views.js'

export function writeListeners(to: Exposition, deps: Pick<ApiDeps, 'config' | 'traffic' | 'lifecycle'>): void {
  const listeners = listenerViews(deps).map((view) => ({ ...view, labels: { listener: view.name ?? '' } as Labels }))
  to.gauge(
    'serverpy_listener_connections',
    'Client connections by listener; the empty one is the port of the processor itself.',
    listeners.map(({ labels, connections }): Sample => [labels, connections]),
  )
  to.counter(
    'serverpy_listener_accepted_total',
    'Client connections that were taken, since the start.',
    listeners.map(({ labels, accepted }): Sample => [labels, accepted]),
  )
  to.counter(
    'serverpy_listener_refused_total',
    'Client connections that were turned away, for there were as many as may be.',
    listeners.map(({ labels, refused }): Sample => [labels, refused]),
  )
  to.counter(
    'serverpy_listener_bytes_total',
    'Bytes of connections that carry no requests, from clients (in) and to them (out).',
    listeners.flatMap(({ labels, bytes_in: bytesIn, bytes_out: bytesOut }): Sample[] =>
      bytesIn === null || bytesOut === null
        ? []
        : [
            [{ ...labels, direction: 'in' }, bytesIn],
            [{ ...labels, direction: 'out' }, bytesOut],
          ],
    ),
  )
}
