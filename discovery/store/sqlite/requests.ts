// Requests in the database: in order of arrival, with a ring per instance and one per service for those that reached none.
import type { Database } from './driver.js'
import type { Code } from '../../../shared/errors.js'
import type { RequestRecord } from '../../../shared/metrics/report.js'
import { matches } from '../filter.js'
import type { RequestFilter } from '../store.js'
import type { Names } from './names.js'
import type { Cell, Slice } from './protocol.js'
import { createRings } from './rings.js'
import { REQUEST_CELLS } from './rows.js'
import { slice } from './slice.js'

interface Row {
  readonly place: number
  readonly service: number
  readonly instance: number
  readonly route: number
  readonly at: number
  readonly request_id: string
  readonly method: string
  readonly path: string
  readonly status: number
  readonly duration: number
  readonly attempts: number
  readonly bytes_in: number
  readonly bytes_out: number
  readonly error: Code | ''
  readonly client: string
}

export interface Requests {
  write(cells: readonly Cell[]): void
  read(filter: RequestFilter, below: number, want: number): Slice<RequestRecord>
  forgetCache(): void
}

const COLUMNS = `service, instance, route, at, request_id, method, path, status, duration, attempts, bytes_in, bytes_out,
  error, client`

export function createRequests(db: Database, names: Names): Requests {
  const rings = createRings(db, 'request')
  const insert = db.prepare(
    `INSERT INTO request (ring, pos, ${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  )
  const all = db.prepare<[number], Row>(`SELECT id AS place, ${COLUMNS} FROM request WHERE id < ? ORDER BY id DESC`)
  const ofService = db.prepare<[number, number], Row>(
    `SELECT id AS place, ${COLUMNS} FROM request WHERE service = ? AND id < ? ORDER BY id DESC`,
  )
  const ofRing = db.prepare<[number, number], Row>(
    `SELECT pos AS place, ${COLUMNS} FROM request WHERE ring = ? AND pos < ? ORDER BY pos DESC`,
  )

  // The narrowest way to walk to what the filter asks for; undefined where nothing can match.
  function walk({ service, instance }: RequestFilter, below: number): Iterable<Row> | undefined {
    if (instance !== undefined && instance !== '') {
      const no = names.find(instance)
      return no === undefined ? undefined : ofRing.iterate(no, below)
    }
    if (service === undefined) return all.iterate(below)
    const no = names.find(service)
    if (no === undefined) return undefined
    return instance === '' ? ofRing.iterate(ringOf(no, undefined), below) : ofService.iterate(no, below)
  }

  function recordOf(row: Row): RequestRecord {
    return {
      at: row.at,
      id: row.request_id,
      service: names.text(row.service),
      instance: names.text(row.instance),
      route: names.text(row.route),
      method: row.method,
      path: row.path,
      status: row.status,
      durationMs: row.duration,
      attempts: row.attempts,
      bytesIn: row.bytes_in,
      bytesOut: row.bytes_out,
      error: row.error,
      client: row.client,
    }
  }

  return {
    write(cells) {
      for (let i = 0; i < cells.length; i += REQUEST_CELLS) {
        const service = names.number(String(cells[i + 1]))
        const instance = names.number(String(cells[i + 2]))
        const ring = ringOf(service, cells[i + 2] === '' ? undefined : instance)
        const pos = rings.advance(ring, Number(cells[i]))
        if (pos === undefined) continue
        const route = names.number(String(cells[i + 3]))
        insert.run(ring, pos, service, instance, route, ...cells.slice(i + 4, i + REQUEST_CELLS))
      }
    },
    read(filter, below, want) {
      const rows = walk(filter, below)
      if (rows === undefined) return { items: [], places: [], last: undefined }
      const passes = matches(filter)
      return slice(rows, want, (row) => {
        const record = recordOf(row)
        return { place: row.place, item: passes(record) ? record : undefined }
      })
    },
    forgetCache: () => rings.forgetCache(),
  }
}

// One numbering for both kinds of ring: a service's is the negative of its name's number.
function ringOf(service: number, instance: number | undefined): number {
  return instance ?? -service
}
