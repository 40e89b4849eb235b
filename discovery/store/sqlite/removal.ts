// Removing what is too old, or belongs to nothing any more, in steps small enough to fit between two batches.
import type { Database } from './driver.js'
import type { Names } from './names.js'
import type { PrunedTable, Step, Trace } from './protocol.js'

export interface Removal {
  prune(table: PrunedTable, from: number, before: number): Step<number>
  traces(after: number): Step<readonly Trace[]>
  forget(no: number): number
}

const ROWS_PER_STEP = 500

export function createRemoval(db: Database, names: Names): Removal {
  const rows = { request: inOrderOfId(db, 'request'), event: inOrderOfId(db, 'event') }
  const spans = { minute: oldestFirst(db, 'minute'), hour: oldestFirst(db, 'hour') }

  const someNames = db.prepare<[number, number], { no: number; text: string }>(
    'SELECT no, text FROM name WHERE no > ? ORDER BY no LIMIT ?',
  )
  const lastWritten = db
    .prepare<[{ no: number; text: string }], number | null>(
      `SELECT max(at) FROM (
         SELECT written AS at FROM instance WHERE id = @text
         UNION ALL SELECT * FROM (SELECT ended FROM packet WHERE ring = @no ORDER BY pos DESC LIMIT 1)
         UNION ALL SELECT * FROM (SELECT at FROM request WHERE ring = @no ORDER BY pos DESC LIMIT 1))`,
    )
    .pluck()
  const oldestOf = (table: 'packet' | 'request') =>
    db.prepare<[number, number, number]>(
      `DELETE FROM ${table} WHERE ring = ? AND pos IN (SELECT pos FROM ${table} WHERE ring = ? ORDER BY pos LIMIT ?)`,
    )
  const oldestPackets = oldestOf('packet')
  const oldestRequests = oldestOf('request')
  const state = db.prepare<[string]>('DELETE FROM instance WHERE id = ?')

  return {
    prune(table, from, before) {
      return table === 'request' || table === 'event' ? rows[table](from, before) : spans[table](before)
    },
    traces(after) {
      const some = someNames.all(after, ROWS_PER_STEP)
      const done: Trace[] = []
      for (const { no, text } of some) {
        const lastWrittenAt = lastWritten.get({ no, text }) ?? null
        if (lastWrittenAt !== null) done.push({ no, name: text, lastWrittenAt })
      }
      return { done, next: some.length < ROWS_PER_STEP ? undefined : some[some.length - 1]?.no }
    },
    forget(no) {
      const packets = oldestPackets.run(no, no, ROWS_PER_STEP).changes
      const requests = oldestRequests.run(no, no, ROWS_PER_STEP - packets).changes
      // The state goes with the last rows, so that a walk that was cut short finds the name again.
      return packets + requests || state.run(names.text(no)).changes
    },
  }
}

// Rings keep the few old rows of quiet instances among the new ones of busy ones: only a walk over the ids finds them.
function inOrderOfId(db: Database, table: 'request' | 'event') {
  const end = db
    .prepare<[number, number], number | null>(
      `SELECT max(id) FROM (SELECT id FROM ${table} WHERE id > ? ORDER BY id LIMIT ?)`,
    )
    .pluck()
  const remove = db.prepare<[number, number, number]>(`DELETE FROM ${table} WHERE id > ? AND id <= ? AND at < ?`)
  return (after: number, before: number): Step<number> => {
    const last = end.get(after, ROWS_PER_STEP) ?? null
    if (last === null) return { done: 0, next: undefined }
    return { done: remove.run(after, last, before).changes, next: last }
  }
}

function oldestFirst(db: Database, table: 'minute' | 'hour') {
  const remove = db.prepare<[number, number]>(
    `DELETE FROM ${table} WHERE (start, service, instance) IN
       (SELECT start, service, instance FROM ${table} WHERE start < ? ORDER BY start LIMIT ?)`,
  )
  return (before: number): Step<number> => {
    const done = remove.run(before, ROWS_PER_STEP).changes
    return { done, next: done < ROWS_PER_STEP ? undefined : 0 }
  }
}
