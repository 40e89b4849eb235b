// All tables of one open file, and the operations on them.
import type { Database } from './driver.js'
import { createEvents } from './events.js'
import { createNames } from './names.js'
import { createPackets } from './packets.js'
import type { Operations } from './protocol.js'
import { createRemoval } from './removal.js'
import { createRequests } from './requests.js'
import { createRollups } from './rollups.js'
import { createState } from './state.js'

export interface Tables {
  readonly operations: Omit<Operations, 'open' | 'close'>
  /** After anything failed: what was remembered of rolled back rows is wrong. */
  forgetCaches(): void
}

export function createTables(db: Database): Tables {
  const names = createNames(db)
  const packets = createPackets(db, names)
  const requests = createRequests(db, names)
  const events = createEvents(db)
  const rollups = createRollups(db, names)
  const state = createState(db, names)
  const removal = createRemoval(db, names)
  const lastBatch = db.prepare<[], string>(`SELECT value FROM meta WHERE key = 'batch'`).pluck()
  const setLastBatch = db.prepare<[string]>(`INSERT OR REPLACE INTO meta VALUES ('batch', ?)`)

  // Takes the write lock at the start: a reader that turned writer could be refused half-way.
  function transaction<A extends unknown[], R>(run: (...args: A) => R): (...args: A) => R {
    return (...args) => db.transaction(() => run(...args)).immediate()
  }

  return {
    operations: {
      write: transaction((batch) => {
        // It was committed, but the thread died before it could say so.
        if (lastBatch.get() === batch.id) return
        // Written even for an empty batch, which thereby tells whether the file can be written.
        setLastBatch.run(batch.id)
        packets.write(batch.rows.packets)
        requests.write(batch.rows.requests)
        events.write(batch.rows.events)
        rollups.write(batch.counts)
      }),
      load: () => state.load(),
      put: transaction((instances, at) => state.put(instances, at)),
      remove: transaction((ids) => state.remove(ids)),
      nextTerm: transaction((atLeast) => state.nextTerm(atLeast)),
      trimPackets: transaction((limits, from) => packets.trim(limits, from)),
      packets: (instance, below, want) => packets.read(instance, below, want),
      requests: (filter, below, want) => requests.read(filter, below, want),
      events: (filter, below, want) => events.read(filter, below, want),
      rollups: (filter, after) => rollups.read(filter, after),
      totals: (after) => rollups.totals(after),
      prune: transaction((table, from, before) => removal.prune(table, from, before)),
      traces: (after) => removal.traces(after),
      forget: transaction((no) => removal.forget(no)),
    },
    forgetCaches() {
      names.forgetCache()
      packets.forgetCache()
      requests.forgetCache()
    },
  }
}
