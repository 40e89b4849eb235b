// Reads a file that a config names, without ever waiting for one that is no plain file or is far too large.
import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs'

export type FileRead =
  | { readonly ok: true; readonly bytes: Buffer }
  | { readonly ok: false; readonly message: string; readonly absent: boolean }

/** A bundle of every authority that there is has a few hundred KiB. */
const MOST_BYTES = 4 * 1024 * 1024

/** `message` says what is wrong; the caller knows which file it is about. */
export function readSmallFile(path: string): FileRead {
  let file: number | undefined
  try {
    // A pipe must not keep us waiting for its writer.
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
    const stat = fstatSync(file)
    if (!stat.isFile()) return refuse(stat.isDirectory() ? 'this is a directory' : 'not a regular file')
    if (stat.size > MOST_BYTES) return refuse('larger than 4 MiB')
    return { ok: true, bytes: readFileSync(file) }
  } catch (error) {
    return { ok: false, ...fileFault(error) }
  } finally {
    if (file !== undefined) closeSync(file)
  }
}

function refuse(message: string): FileRead {
  return { ok: false, message, absent: false }
}

/** Why the file system would not let us read, in words. */
export function fileFault(error: unknown): { message: string; absent: boolean } {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  if (code === 'ENOENT' || code === 'ENOTDIR') return { message: 'there is no such file', absent: true }
  if (code === 'EACCES' || code === 'EPERM') return { message: 'the file may not be read', absent: false }
  return { message: `the file cannot be read${code === '' ? '' : `: ${code}`}`, absent: false }
}
