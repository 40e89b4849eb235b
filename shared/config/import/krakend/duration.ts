// Spans of time as KrakenD writes them (those of Go), and as a config of this product does.

const UNIT_MS = { ns: 1e-6, us: 1e-3, µs: 1e-3, μs: 1e-3, ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const
const PART = /(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)/gy

/** Milliseconds of `1m30s`; undefined where the text is no span. */
export function readGoDuration(text: string): number | undefined {
  if (text === '0') return 0
  let ms = 0
  let end = 0
  PART.lastIndex = 0
  for (let part = PART.exec(text); part !== null; part = PART.exec(text)) {
    ms += Number(part[1]) * UNIT_MS[part[2] as keyof typeof UNIT_MS]
    end = PART.lastIndex
  }
  return end === 0 || end < text.length ? undefined : ms
}

/** In the largest unit that leaves a whole number; what is shorter than a millisecond becomes one. */
export function durationText(ms: number): string {
  const whole = Math.max(1, Math.round(ms))
  for (const [unit, size] of [
    ['h', 3_600_000],
    ['m', 60_000],
    ['s', 1000],
  ] as const) {
    if (whole % size === 0) return `${whole / size}${unit}`
  }
  return `${whole}ms`
}
