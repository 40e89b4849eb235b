// One serverpy per file: two writers would each believe in what the other overwrites.
import { Database } from './driver.js'
import { setAside } from './aside.js'
import { meaningOf, Unusable } from './failure.js'
import { makePrivate } from './private-file.js'

export interface Lock {
  release(): void
}

/**
 * Holds a write lock on a small database beside the file for as long as the process lives. The system lets go of it with
 * the process, however that ends, so there is nothing stale to clean up. Readers such as the `sqlite3` command are not
 * kept out of the real file. Throws Unusable, naming the holder, when another process has it.
 */
export function takeLock(file: string): Lock {
  try {
    return lockBy(`${file}.lock`, file)
  } catch (error) {
    if (meaningOf(error) !== 'corrupt') throw error
    // It guards nothing in this state, whoever wrote it.
    setAside(`${file}.lock`)
    return lockBy(`${file}.lock`, file)
  }
}

function lockBy(path: string, file: string): Lock {
  makePrivate(path)
  const db = new Database(path, { timeout: 0 })
  try {
    db.pragma('synchronous = OFF')
    hold(db, file)
    if (db.pragma('user_version', { simple: true }) !== process.pid) {
      noteHolder(db)
      hold(db, file)
    }
  } catch (error) {
    db.close()
    throw error
  }
  return { release: () => db.close() }
}

function hold(db: Database, file: string): void {
  try {
    db.exec('BEGIN IMMEDIATE')
  } catch (error) {
    if (!(error instanceof Database.SqliteError) || !error.code.startsWith('SQLITE_BUSY')) throw error
    throw new Unusable(
      `${file} is in use by another serverpy (process ${holderOf(db)}): stop that one, or give this one another store`,
    )
  }
}

// The holder's number goes into the header, where those who are kept out can still read it.
function noteHolder(db: Database): void {
  try {
    db.pragma(`user_version = ${process.pid}`)
    db.exec('COMMIT')
  } catch {
    // On a full disk the lock is worth more than the name of its holder.
    if (db.inTransaction) db.exec('ROLLBACK')
  }
}

function holderOf(db: Database): string {
  try {
    const pid = Number(db.pragma('user_version', { simple: true }))
    return pid > 0 ? String(pid) : 'unknown'
  } catch {
    return 'unknown'
  }
}
