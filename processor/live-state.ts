// What a worker's endpoints and services have to tell: counts since the last time, and how they stand now.
import type { AttemptCount, EndpointState, Report, ServiceCount, ServiceState } from '../shared/metrics/report.js'
import type { Snapshot } from '../shared/registry/instance.js'
import type { Endpoint } from './balancing/endpoint.js'
import type { LiveService } from './resilience/live-service.js'

export type LiveState = Pick<
  Report,
  'tried' | 'services' | 'pipes' | 'listeners' | 'endpoints' | 'waiting' | 'pipeStates' | 'listening' | 'snapshot'
>

export interface Living {
  readonly endpoints: ReadonlyMap<string, Endpoint>
  /** Those that have left the registry; forgotten when nothing of them is left. */
  readonly gone: Set<Endpoint>
  readonly services: ReadonlyMap<string, LiveService>
}

/** `states`: also how everything stands, which costs more than the counts. */
export function takeLiveState(
  { endpoints, gone, services }: Living,
  { term, seq }: Snapshot,
  states: boolean,
): Omit<LiveState, 'pipes' | 'pipeStates' | 'listeners' | 'listening'> {
  const tried: AttemptCount[] = []
  const standing: EndpointState[] = []
  const tell = (endpoint: Endpoint): void => {
    const counts = endpoint.take()
    if (counts !== undefined) tried.push(counts)
    const state = states ? endpoint.state() : undefined
    if (state !== undefined) standing.push(state)
  }
  for (const endpoint of endpoints.values()) tell(endpoint)
  for (const endpoint of gone) {
    tell(endpoint)
    if (endpoint.over) gone.delete(endpoint)
  }
  const counted: ServiceCount[] = []
  const waiting: ServiceState[] = []
  for (const service of services.values()) {
    const counts = service.take()
    if (counts !== undefined) counted.push(counts)
    if (states && service.waiting > 0) waiting.push({ service: service.name, queued: service.waiting })
  }
  const counts = { tried, services: counted, snapshot: { term, seq } }
  return states ? { ...counts, endpoints: standing, waiting } : counts
}
