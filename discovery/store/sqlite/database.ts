// The database over the troubles of its file: opened when needed, set aside when damaged, opened anew after an outage.
import type { Clock } from '../../../shared/clock.js'
import type { Log } from '../../../shared/log.js'
import { setAside } from './aside.js'
import { meaningOf, reasonOf, spoilsConnection, Unusable } from './failure.js'
import { closeQuietly, openFile, rescueFrom, type OpenFile } from './file.js'
import { rescue } from './rescue.js'
import { createTables, type Tables } from './tables.js'

export interface Database {
  /**
   * Runs `work` on the tables. Throws Unusable, with a reason for people, while the file cannot be used; anything else
   * that it throws is a defect of `work`.
   */
  run<R>(work: (operations: Tables['operations']) => R): R
  close(): void
}

interface Open {
  readonly file: OpenFile
  readonly tables: Tables
}

// Every waiting call would otherwise try again what failed a moment ago.
const REOPEN_AFTER_MS = 50

export function createDatabase(path: string, deps: { clock: Pick<Clock, 'now'>; log: Log }): Database {
  let open: Open | undefined
  let refused: { readonly reason: string; readonly at: number } | undefined

  function current(): Open {
    if (open && !open.file.inPlace()) replace(open)
    open ??= begin(() => openFile(path, deps))
    return open
  }

  function begin(opening: () => OpenFile): Open {
    if (refused && deps.clock.now() - refused.at < REOPEN_AFTER_MS) throw new Unusable(refused.reason)
    try {
      const file = opening()
      const tables = tablesOf(file)
      refused = undefined
      return { file, tables }
    } catch (error) {
      const reason = reasonOf(error)
      refused = { reason, at: deps.clock.now() }
      throw new Unusable(reason)
    }
  }

  function tablesOf(file: OpenFile): Tables {
    try {
      return createTables(file.db)
    } catch (error) {
      file.close()
      throw error
    }
  }

  // Someone moved or removed the file: rows would go to a place that nobody finds again.
  function replace(old: Open): void {
    deps.log.warn({ file: path }, 'the store is gone from its place: a new one begins there')
    open = undefined
    old.file.unlock()
    try {
      open = begin(() => {
        const file = openFile(path, deps)
        rescue(old.file.db, file.db)
        return file
      })
    } finally {
      old.file.close()
    }
  }

  // The lock is kept until the damaged file is out of the way.
  function startAnew(damaged: Open, error: unknown): Open {
    open = undefined
    return begin(() => {
      let aside
      try {
        closeQuietly(damaged.file.db)
        aside = setAside(path)
      } finally {
        damaged.file.close()
      }
      deps.log.error(
        { file: path, aside, reason: reasonOf(error) },
        'the store is damaged: set aside, a new one begins',
      )
      const file = openFile(path, deps)
      rescueFrom(aside, file.db, deps)
      return file
    })
  }

  function attempt<R>(on: Open, work: (operations: Tables['operations']) => R): R {
    try {
      return work(on.tables.operations)
    } catch (error) {
      on.tables.forgetCaches()
      if (meaningOf(error) !== 'outage') throw error
      if (spoilsConnection(error)) close()
      throw new Unusable(reasonOf(error))
    }
  }

  function close(): void {
    open?.file.close()
    open = undefined
  }

  return {
    run(work) {
      const on = current()
      try {
        return attempt(on, work)
      } catch (error) {
        if (meaningOf(error) !== 'corrupt') throw error
        open = startAnew(on, error)
        return attempt(open, work)
      }
    },
    close,
  }
}
