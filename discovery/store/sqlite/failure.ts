// What an error of SQLite or of the file system means for the store.
import { Database } from './driver.js'

/** The file cannot be used for now; `message` is for people. */
export class Unusable extends Error {}

/**
 * `corrupt`: what the file holds is damaged, or is no database. `outage`: the disk, its rights or its other users are
 * in the way, which may pass. `defect`: the call itself is wrong.
 */
export type Meaning = 'corrupt' | 'outage' | 'defect'

const OUTAGES =
  /^(SQLITE_(FULL|IOERR|READONLY|CANTOPEN|BUSY|LOCKED|NOMEM|PERM|AUTH|PROTOCOL|NOLFS|INTERRUPT|SCHEMA)|E[A-Z]+$)/

export function meaningOf(error: unknown): Meaning {
  if (error instanceof Unusable) return 'outage'
  const code = codeOf(error)
  if (/^SQLITE_(CORRUPT|NOTADB)/.test(code)) return 'corrupt'
  return OUTAGES.test(code) ? 'outage' : 'defect'
}

/** Only a full disk and a locked file leave the connection as good as it was; after others the file is opened anew. */
export function spoilsConnection(error: unknown): boolean {
  return !/^SQLITE_(FULL|BUSY|LOCKED)/.test(codeOf(error))
}

export function reasonOf(error: unknown): string {
  const code = codeOf(error)
  const message = error instanceof Error ? error.message : String(error)
  if (code === 'SQLITE_FULL') return 'the disk is full'
  return error instanceof Database.SqliteError ? `${message} (${code})` : message
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : ''
}
