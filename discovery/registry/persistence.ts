// Carries changed state to the store behind the registry's back: the latest of each instance, in order, however long the store fails.
import { pause, type Clock } from '../../shared/clock.js'
import type { Log } from '../../shared/log.js'
import type { StateStore, StoredInstance } from '../store/store.js'
import type { InstanceStatus } from './status.js'

export interface Persistence {
  /** Takes note and returns at once; a later change of the same instance replaces one that is not written yet. */
  changed(statuses: readonly InstanceStatus[]): void
  /** What `state.load()` gave at last: from now on what waits is written, with the next versions. */
  learn(stored: readonly StoredInstance[]): void
  /** Instances whose latest state is not written yet. */
  readonly waiting: number
  /** Tries once more to write what waits, for at most `GRACE_MS`; later changes are ignored. */
  close(): Promise<void>
}

const BATCH = 1000
const FIRST_RETRY_MS = 100
const LONGEST_RETRY_MS = 10_000
const GRACE_MS = 2000

export interface PersistenceDeps {
  readonly state: StateStore
  readonly clock: Clock
  readonly log: Log
  /** Rows by id that another writer has written meanwhile, before they are overwritten: see `Registry.adopt`. */
  readonly onLost?: (rows: ReadonlyMap<string, StoredInstance>) => void
}

/**
 * `stored`: what `state.load()` gave; undefined where it could not be read. Nothing is written then until `learn`: what is
 * stored would be overwritten by a registry that has never seen it. A writer that has written meanwhile is overruled, after
 * `onLost`: the registry knows health best.
 */
export function createPersistence(stored: readonly StoredInstance[] | undefined, deps: PersistenceDeps): Persistence {
  const { state, clock, log } = deps
  const versions = new Map(stored?.map(({ id, version }) => [id, version]))
  let known = stored !== undefined
  /** In the order of the first unwritten change. */
  const waiting = new Map<string, InstanceStatus>()
  let writing = 0
  let running: Promise<void> | undefined
  let retryMs = 0
  const closing = new AbortController()

  async function writeBatch(): Promise<void> {
    const batch = new Map([...waiting].slice(0, BATCH))
    for (const id of batch.keys()) waiting.delete(id)
    writing = batch.size
    try {
      const lost = new Set(await state.put([...batch.values()].map(toStored)))
      for (const id of batch.keys()) if (!lost.has(id)) versions.set(id, (versions.get(id) ?? 0) + 1)
      if (lost.size === 0) {
        if (retryMs > 0) log.info({}, 'the state of instances is being written again')
        retryMs = 0
        return
      }
      log.warn({ instances: [...lost].slice(0, 10), count: lost.size }, 'another writer changed the state of instances')
      restore(batch, lost)
      // One that is not stored any more begins anew.
      for (const id of lost) versions.delete(id)
      const rows = await state.load()
      for (const { id, version } of rows) versions.set(id, version)
      deps.onLost?.(new Map(rows.filter(({ id }) => lost.has(id)).map((row) => [row.id, row])))
    } catch (error) {
      log[retryMs === 0 ? 'error' : 'debug']({ err: error }, 'cannot write the state of instances; trying again')
      restore(batch, batch)
    } finally {
      writing = 0
    }
    retryMs = Math.min(Math.max(FIRST_RETRY_MS, retryMs * 2), LONGEST_RETRY_MS)
  }

  function toStored({ instance }: InstanceStatus): StoredInstance {
    const { id, service, url, health, since, override } = instance
    return { id, service, url, health, since, ...(override && { override }), version: (versions.get(id) ?? 0) + 1 }
  }

  /** What is not written goes back to the front, unless a later change waits already. */
  function restore(batch: ReadonlyMap<string, InstanceStatus>, ids: { has(id: string): boolean }): void {
    const later = [...waiting]
    waiting.clear()
    for (const [id, status] of batch) if (ids.has(id)) waiting.set(id, status)
    for (const [id, status] of later) waiting.set(id, status)
  }

  async function drain(): Promise<void> {
    while (waiting.size > 0 && !closing.signal.aborted) {
      await writeBatch()
      if (retryMs > 0) await pause(retryMs, closing.signal, clock)
    }
    running = undefined
  }

  function begin(): void {
    if (known && waiting.size > 0) running ??= drain()
  }

  return {
    changed(statuses) {
      if (closing.signal.aborted) return
      for (const status of statuses) waiting.set(status.instance.id, status)
      begin()
    },

    learn(rows) {
      if (known || closing.signal.aborted) return
      for (const { id, version } of rows) versions.set(id, version)
      known = true
      begin()
    },

    get waiting() {
      return waiting.size + writing
    },

    async close() {
      if (closing.signal.aborted) return
      closing.abort()
      const finish = async (): Promise<void> => {
        await running
        for (let left = known ? Math.ceil(waiting.size / BATCH) : 0; left > 0; left--) await writeBatch()
      }
      let cancel: (() => void) | undefined
      await Promise.race([finish(), new Promise<void>((resolve) => (cancel = clock.after(GRACE_MS, resolve)))])
      cancel?.()
      if (waiting.size + writing > 0)
        log.error({ count: waiting.size + writing }, 'the last state of instances is not written')
    },
  }
}
