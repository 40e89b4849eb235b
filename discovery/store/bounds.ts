// How much of a row from outside is kept: every engine bounds what it stores the same way.
import type { RequestRecord } from '../../shared/metrics/report.js'
import type { Packet, RegistryEvent } from './store.js'

const MAX_PAGE = 1000

/** Rows of one page that are really read. */
export function pageSize(limit: number): number {
  return Math.min(Math.max(1, Math.trunc(limit) || 1), MAX_PAGE)
}

/** Rows that a ring keeps: a whole number, 0 for none. */
export function ringSize(limit: number): number {
  return Math.max(0, Math.trunc(limit) || 0)
}

// The largest a client or an instance can choose freely is the path; ids and names come from the config.
const NAME = 512
const TEXT = 512
const PATH = 2048
const WORD = 128

export function boundedPacket(packet: Packet): Packet {
  return {
    instance: clip(packet.instance, NAME),
    startedAt: finite(packet.startedAt),
    endedAt: finite(packet.endedAt),
    status: packet.status,
    response: clip(packet.response, TEXT),
    latencyMs: finite(packet.latencyMs),
    tries: finite(packet.tries),
  }
}

export function boundedRecord(record: RequestRecord): RequestRecord {
  return {
    at: finite(record.at),
    id: clip(record.id, WORD),
    service: clip(record.service, NAME),
    instance: clip(record.instance, NAME),
    route: clip(record.route, NAME),
    method: clip(record.method, WORD),
    path: clip(record.path, PATH),
    status: finite(record.status),
    durationMs: finite(record.durationMs),
    attempts: finite(record.attempts),
    bytesIn: finite(record.bytesIn),
    bytesOut: finite(record.bytesOut),
    error: record.error,
    client: clip(record.client, WORD),
  }
}

export function boundedEvent(event: RegistryEvent): RegistryEvent {
  return {
    at: finite(event.at),
    instance: clip(event.instance, NAME),
    service: clip(event.service, NAME),
    kind: event.kind,
    from: clip(event.from, TEXT),
    to: clip(event.to, TEXT),
    reason: clip(event.reason, TEXT),
  }
}

function clip(text: string, max: number): string {
  return text.length <= max ? text : text.slice(0, max)
}

function finite(n: number): number {
  return Number.isFinite(n) ? n : 0
}
