// A file of lines that grows to a bound and is then set aside; several workers write to it. Nobody waits for the disk.
import { constants } from 'node:fs'
import { mkdir, open, rename, rm, rmdir, stat, type FileHandle } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Log } from '../../shared/log.js'

export interface RecordFile {
  /** Whole lines in UTF-8; dropped and counted where too much waits. */
  write(line: string): void
  /** Resolves when all is written, or cannot be. */
  close(): Promise<void>
  /** Lines, since the start. */
  readonly written: number
  readonly dropped: number
}

export interface RecordFileOptions {
  readonly file: string
  readonly fileBytes: number
  readonly keep: number
  readonly backlogBytes: number
  readonly log: Log
  /** Monotonic milliseconds. */
  readonly now: () => number
}

const { O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK, O_WRONLY } = constants

/** What is given to the disk at once. */
const PIECE_BYTES = 256 * 1024
const TELL_MS = 10_000
/** A disk that failed is asked again after so long. */
const AGAIN_MS = 1000
/** Whoever sets files aside takes moments: an older lock is one that nobody holds. */
const LOCK_MS = 10_000

export function createRecordFile(options: RecordFileOptions): RecordFile {
  const { file, fileBytes, backlogBytes, log, now } = options
  let waiting: Buffer[] = []
  let waitingBytes = 0
  let written = 0
  let dropped = 0
  let told = 0
  let toldAt = -Infinity
  let handle: FileHandle | undefined
  let failedAt = -Infinity
  let busy: Promise<void> | undefined
  let closed = false

  function drop(lines: number, reason: string): void {
    dropped += lines
    if (now() - toldAt < TELL_MS) return
    toldAt = now()
    log.warn({ file, records: dropped - told, reason }, 'records of exchanges are lost')
    told = dropped
  }

  async function work(): Promise<void> {
    while (waiting.length > 0) {
      const pieces = waiting
      waiting = []
      try {
        await put(pieces)
      } catch (error) {
        failedAt = now()
        await forget()
        waitingBytes -= pieces.reduce((sum, { length }) => sum + length, 0)
        drop(pieces.length, error instanceof Error && 'code' in error ? String(error.code) : 'failed')
      }
    }
  }

  async function put(pieces: Buffer[]): Promise<void> {
    while (pieces.length > 0) {
      handle ??= await openFile(file)
      let count = 0
      let bytes = 0
      for (const piece of pieces) {
        if (count > 0 && bytes + piece.length > PIECE_BYTES) break
        bytes += piece.length
        count++
      }
      // One write in append mode is one piece of the file, whoever else writes.
      await handle.appendFile(Buffer.concat(pieces.slice(0, count), bytes))
      pieces.splice(0, count)
      written += count
      waitingBytes -= bytes
      await rotate(handle)
    }
  }

  async function rotate(current: FileHandle): Promise<void> {
    const mine = await current.stat()
    if (mine.size < fileBytes && mine.nlink > 0 && (await isStill(file, mine.ino))) return
    await forget()
    if (mine.size >= fileBytes) await setAside(options, mine.ino)
  }

  async function forget(): Promise<void> {
    const old = handle
    handle = undefined
    await old?.close().catch(() => undefined)
  }

  return {
    write(line) {
      const bytes = Buffer.from(line, 'utf8')
      if (closed) return void dropped++
      if (waitingBytes + bytes.length > backlogBytes) return drop(1, 'the disk does not keep up')
      if (now() - failedAt < AGAIN_MS) return drop(1, 'the file cannot be written')
      waiting.push(bytes)
      waitingBytes += bytes.length
      busy ??= work().finally(() => (busy = undefined))
    },
    async close() {
      closed = true
      await busy
      await forget()
    },
    get written() {
      return written
    },
    get dropped() {
      return dropped
    },
  }
}

async function openFile(file: string): Promise<FileHandle> {
  await mkdir(dirname(file), { recursive: true })
  // Nobody else on the machine shall read what clients sent, by a link that he has put there either; and no pipe without
  // a reader shall keep a thread.
  return open(file, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0o600)
}

async function isStill(file: string, ino: number): Promise<boolean> {
  return stat(file).then(
    (found) => found.ino === ino,
    () => false,
  )
}

/** Renames `file` to `file.1`, what was there to `file.2`, and so on: one worker at a time, and only while it is that file. */
async function setAside({ file, keep }: RecordFileOptions, ino: number): Promise<void> {
  const lock = `${file}.lock`
  if (!(await take(lock))) return
  try {
    if (!(await isStill(file, ino))) return
    await rm(`${file}.${keep}`, { force: true })
    for (let i = keep - 1; i >= 1; i--) await rename(`${file}.${i}`, `${file}.${i + 1}`).catch(() => undefined)
    if (keep === 0) await rm(file, { force: true })
    else await rename(file, `${file}.1`)
  } finally {
    await rmdir(lock).catch(() => undefined)
  }
}

async function take(lock: string): Promise<boolean> {
  try {
    await mkdir(lock)
    return true
  } catch {
    const found = await stat(lock).catch(() => undefined)
    if (found !== undefined && Date.now() - found.mtimeMs > LOCK_MS) await rmdir(lock).catch(() => undefined)
    return false
  }
}
