// The store in a SQLite file: buffers and queries here, the database in a thread of its own.
import type { Clock } from '../../../shared/clock.js'
import type { Log } from '../../../shared/log.js'
import { StoreUnavailable, type HistoryStore, type StateStore, type Store } from '../store.js'
import { createBuffer } from './buffer.js'
import { createLink } from './link.js'
import { createQueries } from './queries.js'
import { spawnThread, type Spawn } from './spawn.js'
import { createTally } from './tally.js'
import { createWriter } from './writer.js'

const LAST_WRITE_MS = 3000

/**
 * Opens or makes the file at `path` (its directory too). Never rejects: while the file cannot be used the store is
 * degraded, `health` says why, and it keeps trying. `spawn` starts the database thread.
 */
export async function createSqliteStore(path: string, deps: { clock: Clock; log: Log; spawn?: Spawn }): Promise<Store> {
  const { clock, spawn = spawnThread } = deps
  const log = deps.log.child({ store: path })
  const link = createLink(path, { clock, log, spawn })
  const buffer = createBuffer()
  const tally = createTally()
  const writer = createWriter(link, buffer, tally, { clock, log })
  let closed = false
  let lastTerm = 0

  // A failed write of state tells about the engine as much as a failed batch does.
  async function watched<R>(answer: Promise<R>): Promise<R> {
    try {
      return await answer
    } catch (error) {
      if (error instanceof StoreUnavailable) writer.failed(error.message)
      throw error
    }
  }

  const state: StateStore = {
    load: () => watched(link.call('load')),
    put: (instances) => watched(link.call('put', instances, clock.wall())),
    remove: (ids) => watched(link.call('remove', ids)),
    async nextTerm() {
      const atLeast = Math.max(lastTerm + 1, Math.floor(clock.wall()))
      lastTerm = await watched(link.call('nextTerm', atLeast)).catch(() => atLeast)
      return lastTerm
    },
  }

  function append(add: () => void): void {
    if (closed) return
    add()
    writer.notify()
  }

  const history: HistoryStore = {
    appendPacket: (packet, limit) => append(() => buffer.packet(packet, limit)),
    appendEvent: (event) => append(() => buffer.event(event)),
    appendRequests: (records, limit) =>
      append(() => {
        for (const record of records) buffer.request(record, limit)
      }),
    addCounts: (at, counts) => append(() => tally.add(at, counts)),
    ...createQueries(link),
  }

  await watched(link.call('open')).catch(() => undefined)

  return {
    state,
    history,
    health: () => writer.health(),
    get dropped() {
      return buffer.dropped + tally.dropped + writer.rejected
    },
    flush: () => writer.flush(),
    async close() {
      if (!closed) {
        let cancel = () => {}
        closed = true
        // A disk that hangs must not keep the process from ending.
        await Promise.race([
          writer.flush(),
          new Promise<void>((resolve) => (cancel = clock.after(LAST_WRITE_MS, resolve))),
        ])
        cancel()
        writer.close()
      }
      await link.close()
    },
  }
}
