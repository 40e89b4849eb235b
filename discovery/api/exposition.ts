// Prometheus' text format, version 0.0.4: one family at a time, help and type first, labels escaped.

export const EXPOSITION_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

export type Labels = Readonly<Record<string, string>>

export interface Histogram {
  readonly labels: Labels
  /** Samples per bucket, not cumulated; one more than `bounds`. */
  readonly buckets: readonly number[]
  readonly sum: number
}

export interface Exposition {
  /** `name` of a counter ends in `_total`. */
  counter(name: string, help: string, samples: Iterable<readonly [Labels, number]>): void
  gauge(name: string, help: string, samples: Iterable<readonly [Labels, number]>): void
  /** `bounds` are upper and inclusive. */
  histogram(name: string, help: string, bounds: readonly number[], samples: Iterable<Histogram>): void
  text(): string
}

export function createExposition(): Exposition {
  const lines: string[] = []

  function family(name: string, help: string, type: string): void {
    lines.push(`# HELP ${name} ${help.replace(/\\/g, '\\\\').replace(/\n/g, '\\n')}`, `# TYPE ${name} ${type}`)
  }

  function plain(type: 'counter' | 'gauge') {
    return (name: string, help: string, samples: Iterable<readonly [Labels, number]>) => {
      family(name, help, type)
      for (const [labels, value] of samples) lines.push(`${name}${labelSet(labels)} ${number(value)}`)
    }
  }

  return {
    counter: plain('counter'),
    gauge: plain('gauge'),
    histogram(name, help, bounds, samples) {
      family(name, help, 'histogram')
      const edges = [...bounds.map(number), '+Inf']
      for (const { labels, buckets, sum } of samples) {
        let below = 0
        for (const [i, le] of edges.entries()) {
          below += buckets[i] ?? 0
          lines.push(`${name}_bucket${labelSet({ ...labels, le })} ${below}`)
        }
        lines.push(`${name}_sum${labelSet(labels)} ${number(sum)}`, `${name}_count${labelSet(labels)} ${below}`)
      }
    },
    text: () => `${lines.join('\n')}\n`,
  }
}

function labelSet(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`)
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`
}

function escaped(value: string): string {
  // Hardly any value needs it, and there are tens of thousands.
  if (!/[\\"\n]/.test(value)) return value
  return value.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n')
}

function number(value: number): string {
  if (value === Infinity) return '+Inf'
  if (value === -Infinity) return '-Inf'
  return String(value)
}
