// Sizes as the file writes them: a number is bytes, a text has its unit.
import { quoted, type Fault } from '../problem.js'
import { isNumeric } from '../variables.js'

const UNITS: Readonly<Record<string, number>> = {
  B: 1,
  KB: 1000,
  MB: 1000 ** 2,
  GB: 1000 ** 3,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
}

export const SIZE_PATTERN = '^\\d+(\\.\\d+)?\\s*(B|KB|MB|GB|KiB|MiB|GiB)$'
const FORM = /^(\d+(?:\.\d+)?)\s*(B|KB|MB|GB|KiB|MiB|GiB)$/

/** Bytes, whole; undefined where the text is no size. */
export function sizeBytes(value: number | string): number | undefined {
  if (typeof value === 'number') return value
  const [, amount, unit] = FORM.exec(value) ?? []
  return amount === undefined || unit === undefined ? undefined : Math.round(Number(amount) * (UNITS[unit] ?? 1))
}

export function sizeFault(text: string, leastBytes: number, mostBytes: number): Fault | undefined {
  const bytes = sizeBytes(text)
  if (bytes !== undefined) {
    if (bytes < leastBytes) return { message: `must be at least ${leastBytes} bytes` }
    return bytes > mostBytes ? { message: `must be at most ${mostBytes} bytes` } : undefined
  }
  const message = `${quoted(text)} is not a size`
  if (isNumeric(text)) return { message, hint: `drop the quotes for bytes, or give a unit: "${text}KiB"` }
  return { message, hint: 'a number of bytes, or text with a unit: "32KiB", "64MB"' }
}
