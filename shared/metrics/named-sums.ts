// Sums of counts that carry the names of what they count: the numbers add up, the names stay.
import type { AttemptCount, ListenerCount, ServiceCount } from './report.js'

type Named = AttemptCount | ServiceCount | ListenerCount

/** One sum for each service, for each instance of one, or for each listener. */
export class NamedSums<T extends Named> {
  private readonly sums = new Map<string, T>()

  get size(): number {
    return this.sums.size
  }

  add(count: T): void {
    const key = keyOf(count)
    const known = this.sums.get(key)
    this.sums.set(key, known === undefined ? count : added(known, count))
  }

  values(): T[] {
    return [...this.sums.values()]
  }

  /** Removes and returns the first `most`. */
  take(most: number): T[] {
    const taken = [...this.sums].slice(0, most)
    for (const [key] of taken) this.sums.delete(key)
    return taken.map(([, sum]) => sum)
  }

  clear(): void {
    this.sums.clear()
  }
}

function keyOf(count: Named): string {
  if ('listener' in count) return count.listener
  return 'instance' in count ? `${count.service}\n${count.instance}` : count.service
}

function added<T extends Named>(sum: T, count: T): T {
  const next: Record<string, string | number> = { ...sum }
  for (const [name, n] of Object.entries(count)) if (typeof n === 'number') next[name] = Number(next[name] ?? 0) + n
  return next as unknown as T
}
