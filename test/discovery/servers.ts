// Server configs for the tests of the discovery side, with every key that does not matter filled in.
import type { PollingConfig, ServerConfig } from '../../shared/config/model.js'

export type PollingPatch = { readonly method?: PollingConfig['method'] } & Record<string, unknown>

/** `address`: `host:port`; the id is `orders/host:port`. Polling is `tcp` every 10 s unless `patch` says otherwise. */
export function server(
  address: string,
  patch: PollingPatch = {},
  spec: Partial<ServerConfig['spec']> = {},
): ServerConfig {
  const colon = address.lastIndexOf(':')
  const common = {
    method: 'tcp',
    frequency: { kind: 'every', ms: 10_000 },
    timeoutMs: 1000,
    retries: 0,
    retryDelayMs: 1000,
    rise: 1,
    fall: 1,
    packetLimit: 100,
  }
  const health = {
    endpoint: '/health',
    httpMethod: 'GET',
    headers: {},
    expect: { statuses: [[200, 299]] },
    tls: { verify: true },
  }
  return {
    spec: {
      id: `orders/${address}`,
      service: 'orders',
      url: `http://${address}`,
      secure: false,
      host: address.slice(0, colon),
      port: Number(address.slice(colon + 1)),
      basePath: '',
      priority: 'unset',
      weight: 1,
      metadata: {},
      ...spec,
    },
    polling: { ...common, ...(patch.method === 'health' && health), ...patch } as PollingConfig,
  }
}
