// Rows on the main thread until the next batch: in chunks of one batch each, oldest first, never more than a bound.
import type { RequestRecord } from '../../../shared/metrics/report.js'
import type { Packet, RegistryEvent } from '../store.js'
import type { Rows } from './protocol.js'
import { packEvent, packPacket, packRequest } from './rows.js'

export interface Buffer {
  packet(packet: Packet, limit: number): void
  request(record: RequestRecord, limit: number): void
  event(event: RegistryEvent): void
  /** The oldest chunk, leaving the rest. */
  take(): Rows & { readonly count: number }
  readonly chunks: number
  /** Whether a whole batch is waiting. */
  readonly full: boolean
  readonly dropped: number
}

interface Chunk extends Rows {
  count: number
}

/** Rows of a batch; about 15 ms of the thread. */
const CHUNK_ROWS = 1000

// 50,000 rows: almost a minute of 10,000 instances polled each 10 s, in some 20 MB.
const MOST_CHUNKS = 50

export function createBuffer(): Buffer {
  const chunks: Chunk[] = []
  let dropped = 0

  function room(): Chunk {
    let last = chunks[chunks.length - 1]
    if (!last || last.count >= CHUNK_ROWS) {
      // History is worth most where it is newest.
      if (chunks.length >= MOST_CHUNKS) dropped += chunks.shift()?.count ?? 0
      last = emptyChunk()
      chunks.push(last)
    }
    last.count++
    return last
  }

  return {
    packet: (packet, limit) => packPacket(room().packets, packet, limit),
    request: (record, limit) => packRequest(room().requests, record, limit),
    event: (event) => packEvent(room().events, event),
    take: () => chunks.shift() ?? emptyChunk(),
    get chunks() {
      return chunks.length
    },
    get full() {
      return (chunks[0]?.count ?? 0) >= CHUNK_ROWS
    },
    get dropped() {
      return dropped
    },
  }
}

function emptyChunk(): Chunk {
  return { packets: [], requests: [], events: [], count: 0 }
}
