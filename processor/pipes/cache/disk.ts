// Long bodies as files, named by what they hold: two answers with one body share it. A worker has a folder of its own, which it
// leaves empty; what one that died has left there goes when the next one begins.
import { createHash, randomBytes } from 'node:crypto'
import { mkdir, open, readdir, readFile, rename, rm, stat, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import type { PipeTools } from '../pipe.js'

export interface StoredFile {
  readonly path: string
  readonly length: number
}

export interface Disk {
  /** Resolves when the whole body is in its file. Rejects where it cannot be written. */
  save(body: Buffer): Promise<StoredFile>
  /** Whether the file is there, as long as it was. */
  holds(file: StoredFile): Promise<boolean>
  /** The bytes from `start` to before `end`. Throws where the file has gone, and calls `missing` then. */
  read(file: StoredFile, start: number, end: number, missing: () => void): AsyncIterable<Uint8Array>
  /** All of it at once; undefined, and `missing` is called, where the file has gone. */
  whole(file: StoredFile, missing: () => void): Promise<Buffer | undefined>
  /** The file is not needed any more by one of those who saved it. */
  release(file: StoredFile): void
  close(): Promise<void>
}

const FOLDER = /^worker-(\d+)-[0-9a-f]+$/
const PIECE_BYTES = 64 * 1024
const STEP_BYTES = 1024 * 1024
/** An answer that has just begun opens its file within this time. */
const GRACE_MS = 1000
const TELL_EVERY_MS = 10_000

/** Folders of this process. */
const own = new Set<string>()

export function createDisk(path: string, failed: (error: Error) => void): Disk {
  const name = `worker-${process.pid}-${randomBytes(4).toString('hex')}`
  const folder = join(path, name)
  const users = new Map<string, number>()
  const leaving = new Set<NodeJS.Timeout>()
  own.add(name)
  const ready = prepare()
  // Whoever saves hears of it.
  ready.catch(() => undefined)
  let saved = 0

  async function prepare(): Promise<void> {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    for (const name of await readdir(path)) {
      const pid = FOLDER.exec(name)?.[1]
      if (pid === undefined || own.has(name)) continue
      // In containers all have the same few numbers: whoever had that of this process has ended.
      if (Number(pid) === process.pid || !lives(Number(pid)))
        await rm(join(path, name), { recursive: true, force: true })
    }
  }

  async function write(file: string, body: Buffer): Promise<void> {
    const draft = join(folder, `draft-${saved++}`)
    try {
      await writeFile(draft, body, { mode: 0o600 })
      await rename(draft, file)
    } catch (error) {
      await rm(draft, { force: true })
      throw error
    }
  }

  /** True: nobody else needs it. */
  function letGo(file: string): boolean {
    const left = (users.get(file) ?? 1) - 1
    if (left > 0) users.set(file, left)
    else users.delete(file)
    return left <= 0
  }

  function forget(file: string): void {
    unlink(file).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') failed(error)
    })
  }

  return {
    async save(body) {
      await ready
      const file = join(folder, await digestOf(body))
      const count = users.get(file) ?? 0
      users.set(file, count + 1)
      const stored = { path: file, length: body.length }
      if (count > 0 && (await holds(stored))) return stored
      try {
        await write(file, body).catch(async (error: NodeJS.ErrnoException) => {
          if (error.code !== 'ENOENT') throw error
          // Somebody has cleared the folder away.
          await mkdir(folder, { recursive: true, mode: 0o700 })
          await write(file, body)
        })
      } catch (error) {
        letGo(file)
        throw error
      }
      return stored
    },
    holds,
    read: piecesOf,
    async whole({ path, length }, missing) {
      const bytes = await readFile(path).catch(() => undefined)
      if (bytes?.length === length) return bytes
      missing()
      return undefined
    },
    release(file) {
      if (!letGo(file.path)) return
      const pending = setTimeout(() => {
        leaving.delete(pending)
        // The same body may have come again.
        if (!users.has(file.path)) forget(file.path)
      }, GRACE_MS)
      leaving.add(pending)
    },
    async close() {
      for (const pending of leaving) clearTimeout(pending)
      await ready.catch(() => undefined)
      await rm(folder, { recursive: true, force: true })
      own.delete(name)
    },
  }
}

async function holds({ path, length }: StoredFile): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.size === length
}

async function* piecesOf(
  file: StoredFile,
  start: number,
  end: number,
  missing: () => void,
): AsyncGenerator<Uint8Array, void> {
  const handle = await open(file.path, 'r').catch((error: unknown) => {
    missing()
    throw error
  })
  try {
    for (let at = start; at < end;) {
      const piece = Buffer.allocUnsafe(Math.min(PIECE_BYTES, end - at))
      const { bytesRead } = await handle.read(piece, 0, piece.length, at)
      if (bytesRead === 0) {
        missing()
        throw new Error('a file of the cache is shorter than it was')
      }
      yield piece.subarray(0, bytesRead)
      at += bytesRead
    }
  } finally {
    await handle.close()
  }
}

/** Tells of failures once in a while: a full disk fails with every answer. */
export function tellingOf({ log, now }: Pick<PipeTools, 'log' | 'now'>): (error: Error) => void {
  let toldAt = -Infinity
  return ({ message }) => {
    if (now() - toldAt < TELL_EVERY_MS) return
    toldAt = now()
    log.warn({ error: message }, 'a file of the cache cannot be written or removed')
  }
}

/** In steps: a long body must not hold up everything else. */
async function digestOf(body: Buffer): Promise<string> {
  const hash = createHash('sha256')
  for (let at = 0; at < body.length; at += STEP_BYTES) {
    if (at > 0) await setImmediate()
    hash.update(body.subarray(at, at + STEP_BYTES))
  }
  return hash.digest('hex')
}

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // It belongs to somebody else.
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
