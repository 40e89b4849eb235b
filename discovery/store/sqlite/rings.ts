// Rings of rows: each keeps its newest `limit`, and never holds more, not even between two statements of a reader.
import type { Database } from './driver.js'

export interface Rings {
  /**
   * The position for one more row of `ring`, after removing what this row pushes out; undefined when the ring keeps
   * none. In the transaction that inserts the row.
   */
  advance(ring: number, limit: number): number | undefined
  /** Removes some of the oldest rows, `most` at most, beyond the newest `limit`; how many places there were, 0 at the end. */
  trim(ring: number, limit: number, most: number): number
  /** After a rollback: the rings are where they were before. */
  forgetCache(): void
}

interface Span {
  oldest: number
  newest: number
}

const CACHED = 50_000

/**
 * `table` has unique positions in (ring, pos). Where a ring begins and ends is remembered, so that a full ring costs
 * one insert and one delete by key, and one that is not full the insert alone; nothing is ever counted.
 */
export function createRings(db: Database, table: 'packet' | 'request'): Rings {
  const first = db.prepare<[number], number>(`SELECT pos FROM ${table} WHERE ring = ? ORDER BY pos LIMIT 1`).pluck()
  const last = db.prepare<[number], number>(`SELECT pos FROM ${table} WHERE ring = ? ORDER BY pos DESC LIMIT 1`).pluck()
  const remove = db.prepare<[number, number]>(`DELETE FROM ${table} WHERE ring = ? AND pos <= ?`)
  const spans = new Map<number, Span>()

  function spanOf(ring: number): Span {
    const cached = spans.get(ring)
    if (cached) return cached
    if (spans.size >= CACHED) spans.clear()
    const span = { oldest: first.get(ring) ?? 1, newest: last.get(ring) ?? 0 }
    spans.set(ring, span)
    return span
  }

  return {
    advance(ring, limit) {
      const span = spanOf(ring)
      span.newest++
      // A lowered limit makes this a range: some thousand neighbours, once.
      const out = span.newest - limit
      if (out >= span.oldest) {
        remove.run(ring, out)
        span.oldest = out + 1
      }
      return limit > 0 ? span.newest : undefined
    },
    trim(ring, limit, most) {
      const span = spanOf(ring)
      const out = Math.min(span.newest - limit, span.oldest + most - 1)
      const places = out - span.oldest + 1
      if (places <= 0) return 0
      remove.run(ring, out)
      span.oldest = out + 1
      return places
    },
    forgetCache: () => spans.clear(),
  }
}
