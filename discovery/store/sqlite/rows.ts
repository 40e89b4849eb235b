// Rows of history on their way to the thread: which cell of a flat list holds what.
import type { RequestRecord } from '../../../shared/metrics/report.js'
import type { Status } from '../../../shared/registry/instance.js'
import { boundedEvent, boundedPacket, boundedRecord, ringSize } from '../bounds.js'
import type { Packet, RegistryEvent } from '../store.js'
import type { Cell } from './protocol.js'

// Stored as their index: new ones may only be added at the end.
const STATUSES: readonly Status[] = ['active', 'inactive', 'service unreachable', 'discovery server error', 'unknown']

export function statusOf(index: number): Status {
  return STATUSES[index] ?? 'unknown'
}

export const PACKET_CELLS = 8

/** instance, limit, then the columns of table `packet` from `started` on. */
export function packPacket(into: Cell[], packet: Packet, limit: number): void {
  const p = boundedPacket(packet)
  const status = STATUSES.indexOf(p.status)
  into.push(p.instance, ringSize(limit), p.startedAt, p.endedAt, status, p.response, p.latencyMs, p.tries)
}

export const REQUEST_CELLS = 15

/** limit, service, instance, route, then the columns of table `request` from `at` on. */
export function packRequest(into: Cell[], record: RequestRecord, limit: number): void {
  const r = boundedRecord(record)
  into.push(ringSize(limit), r.service, r.instance, r.route, r.at, r.id, r.method, r.path, r.status, r.durationMs)
  into.push(r.attempts, r.bytesIn, r.bytesOut, r.error, r.client)
}

export const EVENT_CELLS = 7

/** The columns of table `event` from `at` on. */
export function packEvent(into: Cell[], event: RegistryEvent): void {
  const e = boundedEvent(event)
  into.push(e.at, e.instance, e.service, e.kind, e.from, e.to, e.reason)
}
