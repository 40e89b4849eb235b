// A gateway in this process with one origin behind all of its paths.
import { startGateway, type TestGateway } from '../../kit/gateway.js'
import type { Cleanup } from '../../kit/process.js'
import { waitFor } from '../../kit/wait.js'
import { type GatewayKind, LIMITS } from '../cases.js'
import { turn } from './client.js'

const KINDS: readonly GatewayKind[] = ['handles', 'sockets', 'batching']

/** One of each kind. */
export async function startLiveGateways(
  t: Cleanup,
  address: string,
  service: object,
): Promise<(kind: GatewayKind) => TestGateway> {
  const { headBytes, fields, uriBytes } = LIMITS
  const gateways = new Map<GatewayKind, TestGateway>()
  for (const kind of KINDS) {
    const given = {
      processor: { limits: { head: headBytes, fields, uri: uriBytes } },
      services: { s: { servers: [address], apis: ['/'], batch: kind === 'batching' ? 'auto' : 'off', ...service } },
    }
    gateways.set(kind, await startGateway(t, given, undefined, { useSockets: kind === 'sockets' }))
  }
  return (kind) => gateways.get(kind) as TestGateway
}

/** Nothing is under way any more, and nothing is counted as if it were. */
export async function atRest(gateway: TestGateway): Promise<void> {
  const busy = (): boolean =>
    gateway.core.inFlight !== 0 ||
    gateway.core.tunnels !== 0 ||
    [...gateway.endpoints.values()].some((endpoint) => endpoint.inFlight !== 0)
  for (let i = 0; i < 5 && busy(); i++) await turn()
  if (busy()) await waitFor(() => !busy(), { what: 'the exchanges in flight to end' })
}
