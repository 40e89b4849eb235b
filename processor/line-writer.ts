// Lines to a file descriptor that other processes write to as well: in whole lines, in the background, and never more of them
// waiting than a bound.
import { constants, fstatSync, openSync, write as writeTo } from 'node:fs'

export interface LineWriter {
  /** `line` ends with a newline and holds ASCII alone. It is dropped and counted where too many wait. */
  write(line: string): void
  /** Writes what waits, without waiting until a piece is full. */
  flush(): void
  /** Flushes; resolves when all is written, or when the descriptor has taken nothing for a while. Later lines are dropped. */
  close(): Promise<void>
  /** Lines given up since the start. */
  readonly dropped: number
}

export interface LineWriterOptions {
  /** Bytes that wait at most. */
  readonly mostBytes?: number
  /** A line waits so long at most for its piece to fill up. */
  readonly everyMs?: number
}

/** What a pipe or a socket takes in one piece, so that lines of several processes never mix (POSIX PIPE_BUF on Linux). */
const PIPE_BYTES = 4096
const FILE_BYTES = 65_536
const MOST_BYTES = 1024 * 1024
const EVERY_MS = 500
/** A descriptor that takes nothing now is asked again after so long. */
const AGAIN_MS = 20
/** How long the end waits for a descriptor that takes nothing. */
const PATIENCE_MS = 1000

export function createLineWriter(fd: number, options: LineWriterOptions = {}): LineWriter {
  const { mostBytes = MOST_BYTES, everyMs = EVERY_MS } = options
  const pieceBytes = isFile(fd) ? FILE_BYTES : PIPE_BYTES
  const target = neverBlocking(fd)
  /** Full pieces; `last` is still filling up. */
  const pieces: string[] = []
  let last = ''
  let lastLines = 0
  /** Lines of each piece, for the count where it is lost. */
  const lines: number[] = []
  let waiting = 0
  let dropped = 0
  let writing = false
  let closed = false
  let broken = false
  let timer: NodeJS.Timeout | undefined
  let onEmpty: (() => void) | undefined
  /** Runs out when the end waits and nothing is taken. */
  let patience: NodeJS.Timeout | undefined

  function seal(): void {
    if (last === '') return
    pieces.push(last)
    lines.push(lastLines)
    last = ''
    lastLines = 0
  }

  function flush(): void {
    clearTimeout(timer)
    timer = undefined
    seal()
    next()
  }

  function next(): void {
    if (writing) return
    const piece = pieces.shift()
    if (piece === undefined) {
      if (last === '') onEmpty?.()
      return
    }
    writing = true
    put(Buffer.from(piece, 'latin1'), lines.shift() ?? 0)
  }

  function put(bytes: Buffer, count: number): void {
    writeTo(target, bytes, 0, bytes.length, null, (error, written) => {
      if (error !== null && error.code !== 'EAGAIN') return fail(count)
      if (error !== null) return void setTimeout(() => put(bytes, count), AGAIN_MS)
      waiting -= written
      patience?.refresh()
      if (written < bytes.length) return put(bytes.subarray(written), count)
      writing = false
      next()
    })
  }

  /** Nobody reads it any more. */
  function fail(count: number): void {
    broken = true
    writing = false
    dropped += count + lastLines + lines.reduce((sum, n) => sum + n, 0)
    pieces.length = lines.length = waiting = lastLines = 0
    last = ''
    onEmpty?.()
  }

  return {
    write(line) {
      if (closed || broken || waiting + line.length > mostBytes) {
        dropped++
        return
      }
      waiting += line.length
      if (last.length + line.length > pieceBytes) {
        seal()
        next()
      }
      last += line
      lastLines++
      timer ??= setTimeout(flush, everyMs).unref()
    },
    flush,
    close() {
      closed = true
      return new Promise((resolve) => {
        patience = setTimeout(resolve, PATIENCE_MS)
        onEmpty = () => {
          clearTimeout(patience)
          resolve()
        }
        flush()
      })
    },
    get dropped() {
      return dropped
    },
  }
}

/**
 * The same pipe, opened anew: a write to one that is full would else keep a thread, for which the end of the process waits. To
 * set the descriptor itself would change it for all that share it. What cannot be opened again stays as it is.
 */
function neverBlocking(fd: number): number {
  try {
    return fstatSync(fd).isFIFO() ? openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK) : fd
  } catch {
    return fd
  }
}

function isFile(fd: number): boolean {
  try {
    return fstatSync(fd).isFile()
  } catch {
    return false // It is closed: the first write says so.
  }
}
