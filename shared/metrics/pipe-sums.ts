// Sums of what pipes count, by their names. Users' pipes choose what they count: so there are bounds.
import { REPORT_LIMITS } from './limits.js'
import type { PipeCount } from './report.js'

/** What is counted of every pipe, whatever it counts itself: exchanges in which it failed, and those its breaker kept away. */
export const EVERY_PIPE = ['failed', 'barred'] as const

/** What a pipe may call a count. */
export const COUNT_NAME = /^[a-z][a-z_]{0,39}$/

export class PipeSums {
  private readonly sums = new Map<string, Map<string, number>>()

  get size(): number {
    return this.sums.size
  }

  /** Names beyond the bounds are left out. */
  add(pipe: string, counts: Iterable<readonly [name: string, n: number]>): void {
    let sum = this.sums.get(pipe)
    if (sum === undefined) {
      if (this.sums.size >= REPORT_LIMITS.pipes) return
      this.sums.set(pipe, (sum = new Map()))
    }
    for (const [name, n] of counts) {
      const before = sum.get(name)
      if (before === undefined && sum.size >= roomFor(name)) continue
      sum.set(name, (before ?? 0) + n)
    }
  }

  /** Removes and returns the first `most`. */
  take(most = Infinity): PipeCount[] {
    const taken = this.values().slice(0, most)
    for (const { pipe } of taken) this.sums.delete(pipe)
    return taken
  }

  values(): PipeCount[] {
    return [...this.sums].map(([pipe, counts]) => ({ pipe, counts: Object.fromEntries(counts) }))
  }

  /** Forgets those of other names. */
  keep(known: (pipe: string) => boolean): void {
    for (const pipe of this.sums.keys()) if (!known(pipe)) this.sums.delete(pipe)
  }
}

/** What is counted of every pipe always finds a place. */
function roomFor(name: string): number {
  const every: readonly string[] = EVERY_PIPE
  return every.includes(name) ? REPORT_LIMITS.pipeCounts : REPORT_LIMITS.pipeCounts - EVERY_PIPE.length
}
