// Status changes in the database: a plain log, bounded by age and by number.
import type { Database } from './driver.js'
import type { RegistryEvent, RequestFilter } from '../store.js'
import type { Cell, Slice } from './protocol.js'
import { EVENT_CELLS } from './rows.js'
import { slice } from './slice.js'

interface Row {
  readonly id: number
  readonly at: number
  readonly instance: string
  readonly service: string
  readonly kind: RegistryEvent['kind']
  readonly before: string
  readonly after: string
  readonly reason: string
}

export interface Events {
  write(cells: readonly Cell[]): void
  read(filter: Pick<RequestFilter, 'service' | 'instance'>, below: number, want: number): Slice<RegistryEvent>
}

// Instances that flap for weeks must not fill the disk before retention comes by.
const KEPT = 1_000_000

export function createEvents(db: Database): Events {
  const insert = db.prepare(
    'INSERT INTO event (at, instance, service, kind, before, after, reason) VALUES (?, ?, ?, ?, ?, ?, ?)',
  )
  const trim = db.prepare<[number]>('DELETE FROM event WHERE id <= ?')
  const select = (where: string) =>
    db.prepare<(string | number)[], Row>(`SELECT * FROM event WHERE ${where} id < ? ORDER BY id DESC`)
  const all = select('')
  const ofService = select('service = ? AND')
  const ofInstance = select('instance = ? AND')

  return {
    write(cells) {
      let newest = 0
      for (let i = 0; i < cells.length; i += EVENT_CELLS) {
        newest = Number(insert.run(...cells.slice(i, i + EVENT_CELLS)).lastInsertRowid)
      }
      if (newest > KEPT) trim.run(newest - KEPT)
    },
    read({ service, instance }, below, want) {
      const rows =
        instance !== undefined
          ? ofInstance.iterate(instance, below)
          : service !== undefined
            ? ofService.iterate(service, below)
            : all.iterate(below)
      return slice(rows, want, (row) => {
        const passes = service === undefined || row.service === service
        return { place: row.id, item: passes ? eventOf(row) : undefined }
      })
    },
  }
}

function eventOf(row: Row): RegistryEvent {
  const { at, instance, service, kind, before, after, reason } = row
  return { at, instance, service, kind, from: before, to: after, reason }
}
