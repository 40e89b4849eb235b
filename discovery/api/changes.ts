// The change stream: each reader gets the whole snapshot once and then one line per change, however slow it reads. Processors
// that run apart hear of purges on it, too.
import type { Response } from 'express'
import type { Purge } from '../../shared/processor.js'
import { diff, type Change } from '../../shared/registry/delta.js'
import type { Snapshot } from '../../shared/registry/instance.js'
import { mayChange } from './access.js'
import type { ApiDeps } from './deps.js'
import type { Endpoint } from './endpoint.js'
import { ApiProblem } from './problem.js'
import { createPurges } from './purges.js'
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
  /** Of them, those that hear of purges. */
  readonly purgers: number
  /** Tells them, and those who come back after a while. */
  purge(purge: Purge): void
  /** Ends every stream. */
  close(): void
}

interface Reader {
  readonly hearsPurges: boolean
  publish(): void
  beat(): void
  end(): void
}

export function createChanges(deps: Pick<ApiDeps, 'registry' | 'clock' | 'config'>): Changes {
  const { registry, clock } = deps
  const readers = new Set<Reader>()
  const purges = createPurges(clock.wall())
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
   * sent to the newest: what lies between is skipped, so a slow reader holds one line and never a queue. `purged`: the number
   * of the last purge that it knows; undefined: it is told of none.
   */
  function createReader(res: Response, known: Snapshot | undefined, purged: number | undefined): Reader {
    let sent = known
    let told: number | undefined
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

    /** The first line, which may tell nothing, says where the count stands. */
    function publishPurges(): void {
      if (purged === undefined || told === purges.last || cancelStuck !== undefined) return
      const missed = purges.since(told ?? purged)
      told = purges.last
      write(`${JSON.stringify({ kind: 'purged', number: told, purges: missed })}\n`)
    }

    const reader: Reader = {
      hearsPurges: purged !== undefined,
      publish() {
        publishPurges()
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
      const query = readQuery(req, ['term', 'seq', 'purges'])
      const most = Number.MAX_SAFE_INTEGER
      const term = query.integer('term', { min: 0, max: most })
      const seq = query.integer('seq', { min: 0, max: most })
      // What is purged is named with its query, which not everybody may see.
      const hearsPurges = mayChange(req, deps.config.discovery.token)
      const purged = hearsPurges ? query.integer('purges', { min: 0, max: most }) : undefined
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
      const reader = createReader(res, upToDate ? current : undefined, purged)
      readers.add(reader)
      if (upToDate) reader.beat()
      reader.publish()
    },
    get readers() {
      return readers.size
    },
    get purgers() {
      return [...readers].filter((reader) => reader.hearsPurges).length
    },
    purge(purge) {
      purges.add(purge)
      for (const reader of readers) reader.publish()
    },
    close() {
      unsubscribe()
      cancelBeat()
      for (const reader of readers) reader.end()
      readers.clear()
    },
  }
}
