// What is worth saving from a damaged file: what operators declared, what is down, and what was counted over its life.
import type { Database } from './driver.js'
import { COUNTERS } from './schema.js'

export interface Rescued {
  readonly instances: number
  readonly totals: number
}

const columns = COUNTERS.join(', ')
const marks = COUNTERS.map(() => '?').join(', ')

/** Copies row by row until the damage is met. */
export function rescue(from: Database, into: Database): Rescued {
  const instance = into.prepare('INSERT OR IGNORE INTO instance VALUES (?, ?, ?, ?, ?, ?, ?, ?)')
  const name = into.prepare<[string]>('INSERT OR IGNORE INTO name (text) VALUES (?)')
  const total = into.prepare(
    `INSERT OR IGNORE INTO total (service, instance, ${columns})
     SELECT s.no, i.no, ${marks} FROM name s, name i WHERE s.text = ? AND i.text = ?`,
  )
  const instances = copy(
    from,
    into,
    'SELECT id, service, url, health, since, override, version, written FROM instance',
    (row) => {
      name.run(String(row[0]))
      instance.run(...row)
    },
  )
  const totals = copy(
    from,
    into,
    `SELECT s.text, i.text, ${columns} FROM total
     JOIN name s ON s.no = total.service JOIN name i ON i.no = total.instance`,
    ([service, instance, ...counters]) => {
      name.run(String(service))
      name.run(String(instance))
      total.run(...counters, service, instance)
    },
  )
  return { instances, totals }
}

function copy(from: Database, into: Database, query: string, write: (row: readonly unknown[]) => void): number {
  let copied = 0
  const run = into.transaction(() => {
    try {
      for (const row of from.prepare<[], unknown[]>(query).raw().iterate()) {
        write(row)
        copied++
      }
    } catch {
      // Here the damage begins: the rows before it are kept.
    }
  })
  run.immediate()
  return copied
}
