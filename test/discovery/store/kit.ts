// Stores in temporary directories, and a log that can be asked what it was told.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createSqliteStore } from '../../../discovery/store/sqlite/store.js'
import type { Spawn } from '../../../discovery/store/sqlite/spawn.js'
import type { Store } from '../../../discovery/store/store.js'
import { systemClock } from '../../../shared/clock.js'
import type { Log } from '../../../shared/log.js'
import type { Cleanup } from '../../kit/process.js'

// Of the test that runs: one at a time in a file.
const open = new Set<Store>()

/** Removed when the test ends, after the stores are closed: one that still writes would make it again. */
export function temporaryDirectory(t: Cleanup): string {
  const directory = mkdtempSync(join(tmpdir(), 'serverpy-store-'))
  t.after(async () => {
    for (const store of open) await store.close()
    open.clear()
    rmSync(directory, { recursive: true, force: true })
  })
  return directory
}

export interface Told {
  readonly log: Log
  /** Each line as `level message {fields}`. */
  readonly lines: string[]
}

export function listeningLog(): Told {
  const lines: string[] = []
  const write = (level: string) => (fields: Record<string, unknown>, message: string) =>
    void lines.push(`${level} ${message} ${JSON.stringify(fields)}`)
  const log: Log = {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    child: () => log,
  }
  return { log, lines }
}

/** For a path in a temporary directory, with which it is closed; closing it before is fine. */
export async function openSqlite(path: string, deps: { log?: Log; spawn?: Spawn } = {}): Promise<Store> {
  const store = await createSqliteStore(path, { clock: systemClock, log: listeningLog().log, ...deps })
  open.add(store)
  return store
}
