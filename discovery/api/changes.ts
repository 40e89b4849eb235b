// The change stream: each reader gets the whole snapshot once and then one line per change, however slow it reads.
import type { Response } from 'express'
import { diff, type Change } from '../../shared/registry/delta.js'
import type { Snapshot } from '../../shared/registry/instance.js'
import type { ApiDeps } from './deps.js'
import type { Endpoint } from './endpoint.js'
import { ApiProblem } from './problem.js'
import { readQuery } from './query.js'

const BEAT_MS = 5_000
const MOST_READERS = 256
/** A reader that takes nothing for so long is cut off: what it holds back is memory. */
const STUCK_MS = 30_000

/** Sent while nothing changes, so that the reader can tell silence from a dead connection. */
const BEAT = '{"kind":"beat"}\n'

export interface Changes {
  readonly endpoint: Endpoint
  /** Readers connected now. */
  readonly readers: number
  /** Ends every stream. */
  close(): void
}

interface Reader {
  publish(): void
  beat(): void
  end(): void
}

export function createChanges(deps: Pick<ApiDeps, 'registry' | 'clock'>): Changes {
  const { registry, clock } = deps
  const readers = new Set<Reader>()
  let cached: { readonly before: Snapshot | undefined; readonly after: Snapshot; readonly line: string } | undefined

  /** Readers are mostly at the same place, so a line is made once for all of them. */
  function lineFor(before: Snapshot | undefined, after: Snapshot): string {
    if (cached?.before !== before || cached?.after !== after) {
      const change: Change = before === undefined ? { kind: 'whole', snapshot: after } : diff(before, after)
      cached = { before, after, line: `${JSON.stringify(change)}\n` }
    }
    return cached.line
  }

  /**
   * Nothing is written while the socket's buffer is full. Then one line takes the reader from the last snapshot that it was
   * sent to the newest: what lies between is skipped, so a slow reader holds one line and never a queue.
   */
  function createReader(res: Response, known: Snapshot | undefined): Reader {
    let sent = known
    let cancelStuck: (() => void) | undefined

    function write(text: string): void {
      if (res.write(text)) return
      cancelStuck = clock.after(STUCK_MS, () => res.destroy())
      res.once('drain', () => {
        cancelStuck?.()
        cancelStuck = undefined
        reader.publish()
      })
    }

    const reader: Reader = {
      publish() {
        const { current } = registry
        if (cancelStuck !== undefined || sent === current) return
        const line = lineFor(sent, current)
        sent = current
        write(line)
      },
      beat() {
        if (cancelStuck === undefined) write(BEAT)
      },
      end() {
        cancelStuck?.()
        res.end()
      },
    }
    res.once('close', () => {
      cancelStuck?.()
      readers.delete(reader)
    })
    return reader
  }

  const unsubscribe = registry.subscribe(() => {
    for (const reader of readers) reader.publish()
  })

  let cancelBeat = clock.after(BEAT_MS, function beat() {
    for (const reader of readers) reader.beat()
    cancelBeat = clock.after(BEAT_MS, beat)
  })

  return {
    endpoint(req, res) {
      const query = readQuery(req, ['term', 'seq'])
      const most = Number.MAX_SAFE_INTEGER
      const term = query.integer('term', { min: 0, max: most })
      const seq = query.integer('seq', { min: 0, max: most })
      if (readers.size >= MOST_READERS) {
        throw new ApiProblem(503, 'too many readers of the change stream', { headers: { 'Retry-After': '5' } })
      }
      res.set('Content-Type', 'application/x-ndjson')
      if (req.method === 'HEAD') {
        res.end()
        return
      }
      const { current } = registry
      const upToDate = current.term === term && current.seq === seq
      const reader = createReader(res, upToDate ? current : undefined)
      readers.add(reader)
      if (upToDate) reader.beat()
      else reader.publish()
    },
    get readers() {
      return readers.size
    },
    close() {
      unsubscribe()
      cancelBeat()
      for (const reader of readers) reader.end()
      readers.clear()
    },
  }
}
