// Packets in the database: a ring per instance.
import type { Database } from './driver.js'
import { ringSize } from '../bounds.js'
import type { Packet, PacketLimit } from '../store.js'
import type { Names } from './names.js'
import type { Cell, Slice, Step } from './protocol.js'
import { createRings } from './rings.js'
import { PACKET_CELLS, statusOf } from './rows.js'
import { slice } from './slice.js'

interface Row {
  readonly pos: number
  readonly started: number
  readonly ended: number
  readonly status: number
  readonly response: string
  readonly latency: number
  readonly tries: number
}

export interface Packets {
  write(cells: readonly Cell[]): void
  trim(limits: readonly PacketLimit[], from: number): Step<number>
  read(instance: string, below: number, want: number): Slice<Packet>
  forgetCache(): void
}

// As many as pruning removes in a step.
const TRIMMED = 500

export function createPackets(db: Database, names: Names): Packets {
  const rings = createRings(db, 'packet')
  const insert = db.prepare('INSERT INTO packet VALUES (?, ?, ?, ?, ?, ?, ?, ?)')
  const select = db.prepare<[number, number], Row>(
    `SELECT pos, started, ended, status, response, latency, tries
     FROM packet WHERE ring = ? AND pos < ? ORDER BY pos DESC`,
  )
  return {
    write(cells) {
      for (let i = 0; i < cells.length; i += PACKET_CELLS) {
        const ring = names.number(String(cells[i]))
        const pos = rings.advance(ring, Number(cells[i + 1]))
        if (pos !== undefined) insert.run(ring, pos, ...cells.slice(i + 2, i + PACKET_CELLS))
      }
    },
    trim(limits, from) {
      let removed = 0
      for (let at = from; at < limits.length; at++) {
        const [instance, limit] = limits[at] ?? ['', 0]
        const ring = names.find(instance)
        if (ring !== undefined) removed += rings.trim(ring, ringSize(limit), TRIMMED - removed)
        if (removed >= TRIMMED) return { done: removed, next: at }
      }
      return { done: removed, next: undefined }
    },
    read(instance, below, want) {
      const ring = names.find(instance)
      if (ring === undefined) return { items: [], places: [], last: undefined }
      return slice(select.iterate(ring, below), want, (row) => ({
        place: row.pos,
        item: {
          instance,
          startedAt: row.started,
          endedAt: row.ended,
          status: statusOf(row.status),
          response: row.response,
          latencyMs: row.latency,
          tries: row.tries,
        },
      }))
    },
    forgetCache: () => rings.forgetCache(),
  }
}
