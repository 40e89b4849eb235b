// Roll-ups in the database: counts are added to their minute, their hour and the total; nothing is ever scanned for them.
import type { Database } from './driver.js'
import type { TrafficCount } from '../../../shared/metrics/report.js'
import { COUNT_WIDTH, countOf, HOUR_MS } from '../counts.js'
import type { Rollup, RollupFilter } from '../store.js'
import type { Names } from './names.js'
import type { CountRows, RollupPlace, Step } from './protocol.js'
import { COUNTERS } from './schema.js'

export interface Rollups {
  write(counts: CountRows): void
  read(filter: RollupFilter, after: RollupPlace | undefined): { rows: Rollup[]; next: RollupPlace | undefined }
  totals(after: number): Step<readonly TrafficCount[]>
}

// Each step stays within a few milliseconds, whichever of the two it meets first.
const ROWS_PER_STEP = 500
const SPANS_PER_STEP = 1000

const columns = COUNTERS.join(', ')
const marks = COUNTERS.map(() => '?').join(', ')
const sums = COUNTERS.map((c) =>
  c === 'latency_max' ? `${c} = max(${c}, excluded.${c})` : `${c} = ${c} + excluded.${c}`,
).join(', ')

// Both are tables of the same shape; which rows of a span a filter means, by the key.
const CONDITIONS = {
  all: '',
  service: 'AND service = @service',
  instance: 'AND service IN (SELECT service FROM total WHERE instance = @instance) AND instance = @instance',
  both: 'AND service = @service AND instance = @instance',
}

type Shape = keyof typeof CONDITIONS

export function createRollups(db: Database, names: Names): Rollups {
  const spans = { minute: createSpan(db, 'minute'), hour: createSpan(db, 'hour') }
  const addTotal = db.prepare(
    `INSERT INTO total (service, instance, ${columns}) VALUES (?, ?, ${marks})
     ON CONFLICT (service, instance) DO UPDATE SET ${sums}`,
  )
  const totals = db
    .prepare<[number, number], number[]>(
      `SELECT no, service, instance, ${columns} FROM total WHERE no > ? ORDER BY no LIMIT ?`,
    )
    .raw()

  return {
    write({ names: keys, minutes, numbers }) {
      minutes.forEach((minute, i) => {
        const service = names.number(keys[2 * i] ?? '')
        const instance = names.number(keys[2 * i + 1] ?? '')
        const row = numbers.subarray(i * COUNT_WIDTH, (i + 1) * COUNT_WIDTH)
        spans.minute.add.run(minute, service, instance, ...row)
        spans.hour.add.run(minute - (minute % HOUR_MS), service, instance, ...row)
        addTotal.run(service, instance, ...row)
      })
    },
    read(filter, after) {
      const { select, following } = spans[filter.span]
      const service = filter.service === undefined ? undefined : names.find(filter.service)
      const instance = filter.instance === undefined ? undefined : names.find(filter.instance)
      const unknown =
        (filter.service !== undefined && service === undefined) ||
        (filter.instance !== undefined && instance === undefined)
      if (unknown) return { rows: [], next: undefined }
      const statement = select[shapeOf(service, instance)]

      const rows: Rollup[] = []
      let place = after ?? { start: following.get(filter.from, filter.to) ?? null, service: 0, instance: 0 }
      for (let visited = 0; place.start !== null; visited++) {
        const { start } = place
        if (visited >= SPANS_PER_STEP) return { rows, next: { ...place, start } }
        const want = ROWS_PER_STEP - rows.length
        const found = statement.all({
          start,
          service: service ?? null,
          instance: instance ?? null,
          afterService: place.service,
          afterInstance: place.instance,
          want,
        })
        for (const row of found) {
          rows.push({ start, ...countOf(names.text(row[0] ?? 0), names.text(row[1] ?? 0), row, 2) })
        }
        const last = found.length === want ? found[found.length - 1] : undefined
        if (last) return { rows, next: { start, service: last[0] ?? 0, instance: last[1] ?? 0 } }
        place = { start: following.get(start + 1, filter.to) ?? null, service: 0, instance: 0 }
      }
      return { rows, next: undefined }
    },
    totals(after) {
      const rows = totals.all(after, ROWS_PER_STEP)
      const done = rows.map((row) => countOf(names.text(row[1] ?? 0), names.text(row[2] ?? 0), row, 3))
      return { done, next: rows.length < ROWS_PER_STEP ? undefined : rows[rows.length - 1]?.[0] }
    },
  }
}

function createSpan(db: Database, table: 'minute' | 'hour') {
  const select = (shape: Shape) =>
    db
      .prepare<[Record<string, number | null>], number[]>(
        `SELECT service, instance, ${columns} FROM ${table}
         WHERE start = @start ${CONDITIONS[shape]} AND (service, instance) > (@afterService, @afterInstance)
         ORDER BY service, instance LIMIT @want`,
      )
      .raw()
  return {
    add: db.prepare(
      `INSERT INTO ${table} (start, service, instance, ${columns}) VALUES (?, ?, ?, ${marks})
       ON CONFLICT (start, service, instance) DO UPDATE SET ${sums}`,
    ),
    select: { all: select('all'), service: select('service'), instance: select('instance'), both: select('both') },
    /** The first span that begins in [from, to). */
    following: db
      .prepare<[number, number], number>(
        `SELECT start FROM ${table} WHERE start >= ? AND start < ? ORDER BY start LIMIT 1`,
      )
      .pluck(),
  }
}

function shapeOf(service: number | undefined, instance: number | undefined): Shape {
  if (service === undefined) return instance === undefined ? 'all' : 'instance'
  return instance === undefined ? 'service' : 'both'
}
