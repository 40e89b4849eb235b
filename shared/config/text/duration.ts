// Spans of time as the file writes them: a number is seconds, a text has its unit.
import { quoted, type Fault } from '../problem.js'
import { isNumeric } from '../variables.js'

const UNITS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

export const DURATION_PATTERN = '^\\d+(\\.\\d+)?\\s*(ms|s|m|h|d)$'
const FORM = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)$/

/** Milliseconds, whole; undefined where the text is no duration. What is not zero never becomes zero. */
export function durationMs(value: number | string): number | undefined {
  if (typeof value === 'number') return whole(value * UNITS.s)
  const [, amount, unit] = FORM.exec(value) ?? []
  return amount === undefined ? undefined : whole(Number(amount) * UNITS[unit as keyof typeof UNITS])
}

function whole(ms: number): number {
  return ms > 0 ? Math.max(1, Math.round(ms)) : ms
}

export interface Span {
  readonly shortestMs: number
  readonly longestMs: number
}

export function durationFault(text: string, span: Span): Fault | undefined {
  const ms = durationMs(text)
  if (ms !== undefined) return spanFault(ms, span)
  const message = `${quoted(text)} is not a duration`
  if (isNumeric(text)) return { message, hint: `drop the quotes for seconds, or give a unit: "${text}s"` }
  return { message, hint: 'a number of seconds, or text with a unit: "250ms", "10s", "5m", "2h", "7d"' }
}

export function spanFault(ms: number, { shortestMs, longestMs }: Span): Fault | undefined {
  if (ms < shortestMs)
    return { message: shortestMs === 0 ? 'must not be negative' : `must be at least ${shown(shortestMs)}` }
  return ms > longestMs ? { message: `must be at most ${shown(longestMs)}` } : undefined
}

function shown(ms: number): string {
  if (ms >= UNITS.d) return `${ms / UNITS.d}d`
  return ms >= UNITS.s ? `${ms / UNITS.s}s` : `${ms}ms`
}
