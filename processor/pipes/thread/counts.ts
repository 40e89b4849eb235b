// What a pipe in a thread counts: the thread tells it whenever it has changed, and the worker keeps it when the thread ends.
import { COUNT_NAME } from '../../../shared/metrics/pipe-sums.js'
import type { Pipe } from '../pipe.js'

export interface CountData {
  readonly metrics: Readonly<Record<string, number>>
  readonly gauges: Readonly<Record<string, number>>
}

/** Between two lines about counts that throw. */
const TELL_MS = 1000
/** What is heard of one thread at most. */
const MOST_NAMES = 30

/** In the thread: the returned function says what the pipe counts, if that is something new. */
export function createTeller(
  pipe: Pipe,
  say: (counts: CountData) => void,
  failed: (error: unknown) => void,
): () => void {
  if (pipe.metrics === undefined && pipe.gauges === undefined) return () => undefined
  let said = ''
  let failedAt = -Infinity
  return () => {
    try {
      const counts: CountData = { metrics: pipe.metrics?.() ?? {}, gauges: pipe.gauges?.() ?? {} }
      const text = JSON.stringify(counts)
      if (text === said) return
      say(JSON.parse(text) as CountData)
      said = text
    } catch (error) {
      const now = performance.now()
      if (now - failedAt < TELL_MS) return
      failedAt = now
      failed(error)
    }
  }
}

/** In the worker: what all threads of one pipe have told. */
export class HeardCounts {
  /** Of threads that have ended. */
  private before = new Map<string, number>()
  private now = new Map<string, number>()
  private held = new Map<string, number>()

  hear({ metrics, gauges }: CountData): void {
    this.now = numbersOf(metrics)
    this.held = numbersOf(gauges)
  }

  /** The next thread begins at 0. */
  ended(): void {
    this.before = this.sums()
    this.now = new Map()
    this.held = new Map()
  }

  metrics(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.sums())
  }

  gauges(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.held)
  }

  private sums(): Map<string, number> {
    const sums = new Map(this.before)
    for (const [name, n] of this.now) {
      if (sums.has(name) || sums.size < MOST_NAMES) sums.set(name, (sums.get(name) ?? 0) + n)
    }
    return sums
  }
}

function numbersOf(given: Readonly<Record<string, unknown>>): Map<string, number> {
  const found = new Map<string, number>()
  for (const [name, n] of Object.entries(given)) {
    if (found.size < MOST_NAMES && COUNT_NAME.test(name) && typeof n === 'number') found.set(name, n)
  }
  return found
}
