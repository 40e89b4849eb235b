// Roll-ups in memory: sums per minute, per hour and over the whole life.
import type { TrafficCount } from '../../shared/metrics/report.js'
import { addCount, COUNT_WIDTH, countOf, HOUR_MS, MINUTE_MS } from './counts.js'
import type { Rollup, RollupFilter } from './store.js'

export interface MemoryRollups {
  add(at: number, counts: readonly TrafficCount[]): void
  /** Oldest first. */
  read(filter: RollupFilter): readonly Rollup[]
  totals(): readonly TrafficCount[]
  prune(minutesBefore: number, hoursBefore: number): number
}

// About 40 MB for the minutes and as much for the hours: beyond it the oldest go.
const MOST_SUMS = 100_000

export function createMemoryRollups(): MemoryRollups {
  const minutes = createSpans(MINUTE_MS)
  const hours = createSpans(HOUR_MS)
  const total = createSums()

  return {
    add(at, counts) {
      if (!Number.isFinite(at)) return
      for (const count of counts) {
        minutes.add(at, count)
        hours.add(at, count)
        total.add(count)
      }
    },
    read: (filter) => (filter.span === 'minute' ? minutes : hours).read(filter),
    totals: () => [...total.all()],
    prune: (minutesBefore, hoursBefore) => minutes.prune(minutesBefore) + hours.prune(hoursBefore),
  }
}

function createSpans(widthMs: number) {
  const spans = new Map<number, ReturnType<typeof createSums>>()
  let size = 0

  function drop(start: number): number {
    const removed = spans.get(start)?.size ?? 0
    spans.delete(start)
    size -= removed
    return removed
  }

  return {
    add(at: number, count: TrafficCount): void {
      const start = Math.floor(at / widthMs) * widthMs
      const span = spans.get(start) ?? createSums()
      spans.set(start, span)
      size -= span.size
      span.add(count)
      size += span.size
      if (size > MOST_SUMS && spans.size > 1) drop(Math.min(...spans.keys()))
    },
    read({ service, instance, from, to }: RollupFilter): readonly Rollup[] {
      const rows: Rollup[] = []
      for (const start of [...spans.keys()].sort((a, b) => a - b)) {
        if (start < from || start >= to) continue
        for (const count of spans.get(start)?.all() ?? []) {
          if (service !== undefined && count.service !== service) continue
          if (instance !== undefined && count.instance !== instance) continue
          rows.push({ start, ...count })
        }
      }
      return rows
    },
    prune(before: number): number {
      let removed = 0
      for (const start of spans.keys()) if (start < before) removed += drop(start)
      return removed
    },
  }
}

function createSums() {
  const sums = new Map<string, { service: string; instance: string; numbers: Float64Array }>()
  return {
    get size() {
      return sums.size
    },
    add(count: TrafficCount): void {
      const key = JSON.stringify([count.service, count.instance])
      let sum = sums.get(key)
      if (!sum) {
        sum = { service: count.service, instance: count.instance, numbers: new Float64Array(COUNT_WIDTH) }
        sums.set(key, sum)
      }
      addCount(sum.numbers, count)
    },
    *all(): Iterable<TrafficCount> {
      for (const { service, instance, numbers } of sums.values()) yield countOf(service, instance, numbers)
    },
  }
}
