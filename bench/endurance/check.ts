// What a run says in the end: each thing seen, the bound it has, and whether it kept to it.

export interface Check {
  readonly what: string
  readonly seen: string
  readonly bound: string
  readonly held: boolean
  /** Depends on how fast and how busy the machine is. */
  readonly timed: boolean
}

/** A number that must stay at or below its bound. */
export function atMost(what: string, seen: number, bound: number, unit: string, digits = 0): Check {
  const text = (value: number) => `${value.toFixed(digits)} ${unit}`.trim()
  return { what, seen: text(seen), bound: `≤ ${text(bound)}`, held: seen <= bound, timed: false }
}

/** A number that must reach its bound. */
export function atLeast(what: string, seen: number, bound: number): Check {
  return { what, seen: String(seen), bound: `≥ ${bound}`, held: seen >= bound, timed: false }
}

/** Something that is right in one way only. */
export function exactly(what: string, seen: string | number, wanted: string | number): Check {
  return { what, seen: String(seen), bound: String(wanted), held: seen === wanted, timed: false }
}

/** The same, marked as depending on the machine. */
export function timed(check: Check): Check {
  return { ...check, timed: true }
}

/** Counts by name, most first. */
export function tally(counts: Readonly<Record<string, number>>): string {
  const sorted = Object.entries(counts).sort(([, a], [, b]) => b - a)
  return sorted.map(([name, count]) => `${count} × ${name}`).join(', ') || 'none'
}
