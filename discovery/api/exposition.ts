// Prometheus' text format, version 0.0.4: one family at a time, help and type first, labels escaped. Written in slices, so
// that a scrape of many thousands of series holds nothing else up.

export const EXPOSITION_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

export type Labels = Readonly<Record<string, string>>

/** Labels, or the same already in the form of `labelPairs`: worth it where many families share them. */
export type LabelSet = Labels | string

export type Sample = readonly [labels: LabelSet, value: number]

export interface Histogram {
  readonly labels: LabelSet
  /** Samples per bucket, not cumulated; one more than `bounds`. */
  readonly buckets: readonly number[]
  readonly sum: number
}

/** Samples are read when they are written, so what they come from must stand still or be safe to read later. */
export interface Exposition {
  /** `name` of a counter ends in `_total`. */
  counter(name: string, help: string, samples: Iterable<Sample>): void
  gauge(name: string, help: string, samples: Iterable<Sample>): void
  /** `bounds` are upper and inclusive. */
  histogram(name: string, help: string, bounds: readonly number[], samples: Iterable<Histogram>): void
  /** Once, after everything is there. */
  bytes(): Promise<Buffer>
}

/** How long the event loop is held at once. */
const SLICE_MS = 5
/** The clock is looked at after so many; a histogram is one. */
const SAMPLES_A_LOOK = 25

type Lines = Generator<string, void, undefined>

export function createExposition(): Exposition {
  const families: Lines[] = []

  function* plain(type: 'counter' | 'gauge', name: string, help: string, samples: Iterable<Sample>): Lines {
    yield head(name, help, type)
    for (const [labels, value] of samples) yield `${name}${inBraces(labels)} ${number(value)}`
  }

  function* histogram(name: string, help: string, bounds: readonly number[], samples: Iterable<Histogram>): Lines {
    yield head(name, help, 'histogram')
    const edges = [...bounds.map(number), '+Inf'].map((le) => labelPairs({ le }))
    for (const { labels, buckets, sum } of samples) {
      const pairs = typeof labels === 'string' ? labels : labelPairs(labels)
      const before = pairs === '' ? '' : `${pairs},`
      let below = 0
      // In one piece: a request that is counted between two of its lines would make it contradict itself.
      let text = ''
      for (let i = 0; i < edges.length; i++) {
        below += buckets[i] ?? 0
        text += `${name}_bucket{${before}${edges[i]}} ${below}\n`
      }
      yield `${text}${name}_sum${inBraces(pairs)} ${number(sum)}\n${name}_count${inBraces(pairs)} ${below}`
    }
  }

  return {
    counter: (name, help, samples) => void families.push(plain('counter', name, help, samples)),
    gauge: (name, help, samples) => void families.push(plain('gauge', name, help, samples)),
    histogram: (name, help, bounds, samples) => void families.push(histogram(name, help, bounds, samples)),
    async bytes() {
      const pieces: Buffer[] = []
      let lines: string[] = []
      let since = performance.now()
      for (const family of families) {
        for (const line of family) {
          lines.push(line)
          if (lines.length % SAMPLES_A_LOOK !== 0 || performance.now() - since < SLICE_MS) continue
          pieces.push(Buffer.from(`${lines.join('\n')}\n`))
          lines = []
          await new Promise((resolve) => setImmediate(resolve))
          since = performance.now()
        }
      }
      if (lines.length > 0) pieces.push(Buffer.from(`${lines.join('\n')}\n`))
      return Buffer.concat(pieces)
    },
  }
}

function head(name: string, help: string, type: string): string {
  return `# HELP ${name} ${help.replace(/\\/g, '\\\\').replace(/\n/g, '\\n')}\n# TYPE ${name} ${type}`
}

/** What stands between the braces. */
export function labelPairs(labels: Labels): string {
  let pairs = ''
  for (const name in labels) pairs += `${pairs === '' ? '' : ','}${name}="${escaped(labels[name] ?? '')}"`
  return pairs
}

function inBraces(labels: LabelSet): string {
  const pairs = typeof labels === 'string' ? labels : labelPairs(labels)
  return pairs === '' ? '' : `{${pairs}}`
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
