// Queries of history, put together from the small pieces that the thread gives at a time.
import type { TrafficCount } from '../../../shared/metrics/report.js'
import { pageSize } from '../bounds.js'
import { readCursor, writeCursor } from '../cursor.js'
import { scopeOf } from '../filter.js'
import type { HistoryStore, Page, PageRequest, PruneLimits, Rollup } from '../store.js'
import type { Link } from './link.js'
import type { PrunedTable, RollupPlace, Slice } from './protocol.js'
import { createQueue } from './queue.js'

export type Queries = Pick<
  HistoryStore,
  'packets' | 'trimPackets' | 'requests' | 'events' | 'rollups' | 'totals' | 'prune'
>

// A page whose filter matches almost nothing ends here and is carried on by its cursor.
const MOST_SLICES = 60
const MOST_ROLLUPS = 100_000
// Instances that one call looks at.
const TRIMMED_AT_ONCE = 250

export function createQueries(link: Link): Queries {
  const queue = createQueue()
  const call: Link['call'] = (name, ...args) => queue(() => link.call(name, ...args))

  return {
    async trimPackets(limits) {
      let removed = 0
      for (let first = 0; first < limits.length; first += TRIMMED_AT_ONCE) {
        const some = limits.slice(first, first + TRIMMED_AT_ONCE)
        for (let from: number | undefined = 0; from !== undefined;) {
          const step: { done: number; next: number | undefined } = await call('trimPackets', some, from)
          removed += step.done
          from = step.next
        }
      }
      return removed
    },
    packets: (instance, page) =>
      collect(['packets', instance], page, (below, want) => call('packets', instance, below, want)),
    requests: (filter, page) =>
      collect(scopeOf('requests', filter), page, (below, want) => call('requests', filter, below, want)),
    events: (filter, page) =>
      collect(scopeOf('events', filter), page, (below, want) => call('events', filter, below, want)),

    async rollups(filter) {
      const rows: Rollup[] = []
      let place: RollupPlace | undefined
      do {
        const piece = await call('rollups', filter, place)
        rows.push(...piece.rows)
        if (rows.length > MOST_ROLLUPS) throw new RangeError(`more than ${MOST_ROLLUPS} rows: narrow the filter`)
        place = piece.next
      } while (place)
      return rows
    },

    async totals() {
      const counts: TrafficCount[] = []
      for (let after: number | undefined = 0; after !== undefined;) {
        const step: { done: readonly TrafficCount[]; next: number | undefined } = await call('totals', after)
        counts.push(...step.done)
        after = step.next
      }
      return counts
    },

    async prune(before) {
      let removed = 0
      removed += await pruneTable('request', before.requests)
      removed += await pruneTable('event', before.events)
      removed += await pruneTable('minute', before.minutes)
      removed += await pruneTable('hour', before.hours)
      return removed + (await pruneGone(before))
    },
  }

  async function pruneTable(table: PrunedTable, before: number): Promise<number> {
    let removed = 0
    for (let from: number | undefined = 0; from !== undefined;) {
      const step: { done: number; next: number | undefined } = await call('prune', table, from, before)
      removed += step.done
      from = step.next
    }
    return removed
  }

  async function pruneGone({ gone, known }: PruneLimits): Promise<number> {
    const kept = new Set(known)
    let removed = 0
    for (let after: number | undefined = 0; after !== undefined;) {
      const step: Awaited<ReturnType<typeof traces>> = await traces(after)
      for (const trace of step.done) {
        if (kept.has(trace.name) || trace.lastWrittenAt >= gone) continue
        for (let rows = 1; rows > 0; removed += rows) rows = await call('forget', trace.no)
      }
      after = step.next
    }
    return removed
  }

  function traces(after: number) {
    return call('traces', after)
  }
}

async function collect<T>(
  scope: readonly unknown[],
  page: PageRequest,
  read: (below: number, want: number) => Promise<Slice<T>>,
): Promise<Page<T>> {
  const limit = pageSize(page.limit)
  const items: T[] = []
  const places: number[] = []
  let below: number | undefined = page.cursor === undefined ? Number.MAX_SAFE_INTEGER : readCursor(scope, page.cursor)
  // One more than the page holds tells whether there is a next one.
  for (let slices = 0; below !== undefined && items.length <= limit && slices < MOST_SLICES; slices++) {
    const slice: Slice<T> = await read(below, limit + 1 - items.length)
    items.push(...slice.items)
    places.push(...slice.places)
    below = slice.last
  }
  const next = items.length > limit ? places[limit - 1] : below
  const shown = items.slice(0, limit)
  return next === undefined ? { items: shown } : { items: shown, cursor: writeCursor(scope, next) }
}
