// Takes the connections of a listener that speaks no HTTP, up to its limit, and gives each to an instance.
import type { ListenerConfig } from '../../../shared/config/model.js'
import type { Core } from '../../core.js'
import type { Wire } from '../../engine/wire/wire.js'
import type { LiveListener } from '../../live-listener.js'
import type { LiveService } from '../../resilience/live-service.js'
import { type Destination, TcpSession } from './session.js'

type Takes = Extract<ListenerConfig['takes'], { kind: 'tcp' }>

export interface TcpAcceptorDeps {
  readonly core: Core
  readonly liveOf: (service: string) => LiveService | undefined
}

/** One too many is closed at once: there are no words for it that its protocol would know. */
export function acceptTcp(
  wire: Wire,
  listener: LiveListener,
  { service, idleMs, connections }: Takes,
  { core, liveOf }: TcpAcceptorDeps,
): void {
  const refusal = listener.connections >= connections ? 'overload' : core.refusal(wire.peer)
  if (refusal !== undefined) {
    listener.turnedAway()
    core.refused(refusal, wire.peer, refusal)
    return wire.destroy()
  }
  const to: Destination = { listener, service, idleMs, pool: core.table.pool(service), live: liveOf(service) }
  const session = new TcpSession(wire, to, core)
  core.connectedBare(session)
  session.start()
}
