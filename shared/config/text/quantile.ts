// Quantiles as the file writes them: p50 is what half of all stays below, p99.9 what all but one of a thousand do.
import type { Fault } from '../problem.js'

export const QUANTILE_PATTERN = '^p\\d{1,2}(\\.\\d)?$'
const FORM = /^p(\d{1,2}(?:\.\d)?)$/

/** Whether it can be meant as nothing else. */
export function looksLikeQuantile(text: string): boolean {
  return /^p[\d.]+$/.test(text)
}

/** A share between 0 and 1; undefined where the text is no quantile. */
export function quantileShare(text: string): number | undefined {
  const percent = FORM.exec(text)?.[1]
  // In tenths of a percent it is a whole number, which no division spoils.
  const share = percent === undefined ? 0 : Math.round(Number(percent) * 10) / 1000
  return share > 0 ? share : undefined
}

export function quantileFault(text: string): Fault | undefined {
  return quantileShare(text) === undefined ? { message: 'not a quantile', hint: 'from "p0.1" to "p99.9"' } : undefined
}
