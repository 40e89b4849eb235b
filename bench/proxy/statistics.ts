// Medians, and how far single rounds lie from them.

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2
}

export interface Ratio {
  readonly median: number
  readonly least: number
  readonly most: number
}

/** Of two series measured side by side: each pair shares whatever the machine did in that round. */
export function ratio(of: readonly number[], to: readonly number[]): Ratio {
  const pairs = of.map((value, i) => value / (to[i] ?? Number.NaN))
  return { median: median(pairs), least: Math.min(...pairs), most: Math.max(...pairs) }
}
