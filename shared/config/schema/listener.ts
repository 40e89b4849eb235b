// Ports beside the processor's own: for some routes, for one service, or for bare connections to one.
import { z } from 'zod'
import { LISTENER } from '../defaults.js'
import { hostFault } from '../text/host.js'
import { count, durations, nonEmpty, text, TIMER } from './fields.js'
import { downstreamTls } from './traffic.js'

function nameFault(name: string) {
  return /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/.test(name)
    ? undefined
    : { message: 'not a name of a listener', hint: 'up to 64 letters, digits, "-", "_" and "."' }
}

export const listener = z
  .strictObject({
    name: text(nameFault).meta({ description: 'Unique: what logs, metrics and the `listener` of a route call it.' }),
    host: text(hostFault).optional().meta({ description: 'Address to listen on; without it, all.' }),
    port: count(0, 65535).meta({ description: 'Port to listen on; 0 picks a free one.' }),
    tls: downstreamTls.optional(),
    service: nonEmpty().optional().meta({ description: 'Service that gets every request of this port.' }),
    tcp: nonEmpty().optional().meta({ description: 'Service whose best instance gets each connection, as it is.' }),
    ...durations('idle', 'With `tcp`: a connection without a byte for so long ends; 0: never.', TIMER, LISTENER.idleMs),
    connections: count(1, 1_000_000)
      .optional()
      .meta({ description: 'With `tcp`: connections at once, per worker.', default: LISTENER.connections }),
  })
  .meta({ id: 'Listener', description: 'A port; without `service` and `tcp` it takes the routes that name it.' })
