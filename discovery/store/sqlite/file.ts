// Opening the file: made if missing, refused if it is not ours to write, set aside if it is damaged.
import { closeSync, mkdirSync, openSync, readSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { Database } from './driver.js'
import type { Log } from '../../../shared/log.js'
import { setAside } from './aside.js'
import { meaningOf, reasonOf, Unusable } from './failure.js'
import { takeLock } from './lock.js'
import { makePrivate } from './private-file.js'
import { rescue } from './rescue.js'
import { APPLICATION_ID, migrate, MIGRATIONS, versionOf } from './schema.js'

export interface OpenFile {
  readonly db: Database
  /** Whether the file at the path is still the one that is open. */
  inPlace(): boolean
  /** Lets another opening have the path, while what is open can still be read. */
  unlock(): void
  close(): void
}

// A check reads the whole file, about 300 MB/s: for a file of this size it stays below a quarter of a second of the
// start. Damage in a larger one shows when it is read.
const CHECKED_BYTES = 64 * 1024 * 1024

/** Throws Unusable with a reason that says what to do, or what SQLite and the file system throw. */
export function openFile(path: string, deps: { log: Log }): OpenFile {
  mkdirSync(dirname(path), { recursive: true })
  const lock = takeLock(path)
  try {
    const db = openSound(path, deps)
    const { ino, dev } = statSync(path)
    return {
      db,
      inPlace() {
        try {
          const now = statSync(path, { throwIfNoEntry: false })
          return now !== undefined && now.ino === ino && now.dev === dev
        } catch {
          // What cannot be looked at is not known to be gone.
          return true
        }
      },
      unlock: () => lock.release(),
      close() {
        // First the database: a successor that got the lock must find a file that is whole.
        closeQuietly(db)
        lock.release()
      },
    }
  } catch (error) {
    lock.release()
    throw error
  }
}

function openSound(path: string, deps: { log: Log }): Database {
  try {
    return openAsItIs(path)
  } catch (error) {
    if (meaningOf(error) !== 'corrupt') throw error
    const aside = setAside(path)
    deps.log.error({ file: path, aside, reason: reasonOf(error) }, 'the store is damaged: set aside, a new one begins')
    const db = openAsItIs(path)
    rescueFrom(aside, db, deps)
    return db
  }
}

/** Copies state and totals out of a file that was set aside, as far as it can be read. */
export function rescueFrom(aside: string, into: Database, deps: { log: Log }): void {
  try {
    const damaged = new Database(aside, { readonly: true })
    try {
      deps.log.warn({ aside, ...rescue(damaged, into) }, 'what could be read of the damaged store is kept')
    } finally {
      damaged.close()
    }
  } catch (error) {
    deps.log.warn({ aside, reason: reasonOf(error) }, 'nothing could be read of the damaged store')
  }
}

function openAsItIs(path: string): Database {
  const size = refuseForeign(path)
  makePrivate(path)
  // A command-line reader may hold a lock for a moment; a longer one is an outage.
  const db = new Database(path, { timeout: 500 })
  try {
    const known = versionOf(db)
    if (known > MIGRATIONS.length) throw new Unusable(newer(path, known))
    if (known === 0 && db.prepare('SELECT 1 FROM sqlite_schema').get() !== undefined) throw new Unusable(foreign(path))
    db.pragma('journal_mode = WAL')
    // Safe against the death of the process; a power cut may take the last moments, never the file.
    db.pragma('synchronous = NORMAL')
    // Fewer, larger checkpoints: rings change the same pages again and again.
    db.pragma('wal_autocheckpoint = 4000')
    db.pragma(`journal_size_limit = ${CHECKED_BYTES}`)
    db.pragma('cache_size = -16000')
    db.pragma('temp_store = MEMORY')
    db.pragma('trusted_schema = OFF')
    if (size <= CHECKED_BYTES) check(db)
    migrate(db)
    return db
  } catch (error) {
    closeQuietly(db)
    throw error
  }
}

function check(db: Database): void {
  const verdict = db.pragma('quick_check(1)', { simple: true })
  if (verdict !== 'ok') throw new Database.SqliteError(String(verdict), 'SQLITE_CORRUPT')
}

// Looks at the header before SQLite does, which would already make files beside a database that is not ours.
// Returns the size; 0 for a file that is yet to be made. Offsets: https://www.sqlite.org/fileformat.html#the_database_header
function refuseForeign(path: string): number {
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0
  if (size < 100) return size
  const header = Buffer.alloc(100)
  const fd = openSync(path, 'r')
  try {
    readSync(fd, header, 0, header.length, 0)
  } finally {
    closeSync(fd)
  }
  // Not a database at all: SQLite will say so, and it is set aside.
  if (header.toString('latin1', 0, 16) !== 'SQLite format 3\0') return size
  const version = header.readUInt32BE(60)
  const application = header.readUInt32BE(68)
  if (version > 0 && application !== APPLICATION_ID) throw new Unusable(foreign(path))
  if (version > MIGRATIONS.length) throw new Unusable(newer(path, version))
  return size
}

function foreign(path: string): string {
  return `${path} is the database of another program: give serverpy another store`
}

function newer(path: string, version: number): string {
  return (
    `${path} was written by a newer serverpy (its version is ${version}, this one knows ${MIGRATIONS.length}): ` +
    'upgrade serverpy, or give it another store'
  )
}

export function closeQuietly(db: Database): void {
  try {
    db.close()
  } catch {
    // What cannot be checkpointed any more is recovered from the log at the next opening.
  }
}
