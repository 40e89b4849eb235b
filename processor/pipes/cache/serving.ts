// Makes the answer to a request out of a stored one: whole, a part, the head alone, or that nothing has changed.
import type { Reply } from '../pipe.js'
import type { Disk } from './disk.js'
import type { Entry } from './entry.js'
import { isNotModified, partOf } from './preconditions.js'
import { bareLines } from './stored-lines.js'
import { NO_WISHES, type Wishes } from './wishes.js'

export interface Serving {
  /** `now`: monotonic. `note`: of Cache-Status, in place of that of a hit. `extra`: whole lines for this client alone. */
  serve(entry: Entry, method: string, wishes: Wishes, now: number, note?: string, extra?: string): Reply
}

export interface ServingDeps {
  readonly disk: Disk | undefined
  /** The file of an entry has gone. */
  readonly lost: (entry: Entry) => void
}

/** Pipes see whose answer it is. */
const relayed = true

/** `status`: answers have Cache-Status. */
export function createServing(status: boolean, { disk, lost }: ServingDeps): Serving {
  function bodyOf(entry: Entry, start: number, end: number): NonNullable<Reply['body']> {
    const { body } = entry
    if (Buffer.isBuffer(body)) return start === 0 && end === body.length ? body : body.subarray(start, end)
    return disk === undefined ? '' : disk.read(body, start, end, () => lost(entry))
  }

  return {
    serve(entry, method, wishes, now, note, extra = '') {
      const head = method === 'HEAD'
      const { onDisk, length } = entry
      const plain = wishes === NO_WISHES && !head
      if (plain && note === undefined && extra === '' && onDisk === undefined) return entry.whole(now, status)

      const own = entry.ownLines(now, status ? (note ?? entry.hitNote(now)) : '') + extra
      if (!plain) {
        if (isNotModified(entry, wishes, Date.now()))
          return { status: 304, lines: bareLines(entry.lines) + own, relayed }
        const part = head ? undefined : partOf(entry, wishes)
        if (part === 'none') return { status: 416, lines: `Content-Range: bytes */${length}\r\n${own}` }
        if (part !== undefined) {
          const { start, end } = part
          const lines = `${entry.lines}Content-Range: bytes ${start}-${end - 1}/${length}\r\n${own}`
          return { status: 206, lines, body: bodyOf(entry, start, end), length: end - start, relayed }
        }
      }
      const lines = entry.lines + own
      if (head) return { status: entry.status, lines, length, relayed }
      return { status: entry.status, lines, body: bodyOf(entry, 0, length), length, relayed }
    },
  }
}

/** To `only-if-cached` (RFC 9111 section 5.2.1.7). */
export const NOT_STORED: Reply = {
  status: 504,
  headers: { 'Content-Type': 'application/problem+json', 'Cache-Control': 'no-store' },
  body: JSON.stringify({ type: 'about:blank', title: 'Nothing is stored that could be used', status: 504 }),
}
